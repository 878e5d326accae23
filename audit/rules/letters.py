"""Letters that names begin and go on with: Latin with its marks, and Cyrillic; and what ends a number."""

from __future__ import annotations

UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĖĘĚĞĢĪİĶŁĻŁŃŅŇŌŐŘŚŞŠŢŤŪŮŰŹŻŽА-ЯЁ"
LOWER = "a-zß-öø-ÿāăąćčďđēėęěğģīıķłļńņňōőřśşšţťūůűźżžа-яё"
# Letters and digits but those of scripts that are written without spaces: the word after a number does not end it
JOINED = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
