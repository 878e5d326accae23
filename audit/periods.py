"""Moments as an operator writes them.

Invariant: pure; what cannot be read raises ValueError with the forms that can.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)\s*([kmgt]?)i?b?", re.IGNORECASE)


def moment(text: str, now: datetime) -> datetime:
    """``24h`` or ``7d`` before ``now``, or an ISO 8601 time (UTC unless it says otherwise)."""
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago is not None:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = datetime.fromisoformat(text.strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("a time is written as 24h, 7d or 2026-11-23T12:00:00") from None


def size(text: str) -> int:
    """Bytes: ``500M``, ``10GB``, ``1000000``; a K is 1024."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError("a size is written as 500M or 10G")
    return int(float(found[1]) * 1024 ** " kmgt".index(found[2].lower() or " "))
