"""Times and sizes as operators write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from audit.periods import moment, size

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "7 days", "5x", "99999999d", "999999w", "2026-13-01", "0001-01-01T00:00+05:00"]
)
def test_a_time_that_cannot_be_read_is_told_how(text: str) -> None:
    with pytest.raises(ValueError, match="24h, 7d"):
        moment(text, NOW)


def test_times_are_ago_or_absolute() -> None:
    assert moment("90m", NOW) == NOW - timedelta(minutes=90)
    assert moment("7d", NOW) == NOW - timedelta(days=7)
    assert moment("2026-11-20", NOW) == datetime(2026, 11, 20, tzinfo=UTC)
    assert moment("2026-11-20T10:00:00+02:00", NOW) == datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "big", "10X", "-5M", "1e9"])
def test_a_size_that_cannot_be_read_is_told_how(text: str) -> None:
    with pytest.raises(ValueError, match="500M"):
        size(text)


@pytest.mark.parametrize(
    ("text", "found"), [("1000", 1000), ("1K", 1024), ("1.5 MB", 1572864), ("2GiB", 2**31), ("1t", 2**40)]
)
def test_sizes_have_units(text: str, found: int) -> None:
    assert size(text) == found
