"""Letters that names begin and go on with: Latin with its marks, and Cyrillic."""

from __future__ import annotations

UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĖĘĚĞĢĪİĶŁĻŁŃŅŇŌŐŘŚŞŠŢŤŪŮŰŹŻŽА-ЯЁ"
LOWER = "a-zß-öø-ÿāăąćčďđēėęěğģīıķłļńņňōőřśşšţťūůűźżžа-яё"
