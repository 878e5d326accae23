"""Sums by the hour, from the values of finished rows.

Invariants: pure; adding the sums of two sets of rows gives the sums of both together, in any order; every finished
row counts once in ``UsageHour`` and at most once for each measure in ``LatencyHour``. The sums are written in the
transaction of the rows themselves, so that the two agree after any crash.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

# Upper ends in milliseconds, each about a third more than the one before; the last one takes all that is longer.
BOUNDS_MS = (
    5, 7, 10, 13, 18, 24, 32, 42, 56, 75, 100, 130, 180, 240, 320, 420, 560, 750, 1_000, 1_300, 1_800, 2_400, 3_200,
    4_200, 5_600, 7_500, 10_000, 13_000, 18_000, 24_000, 32_000, 42_000, 56_000, 75_000, 100_000, 130_000, 180_000,
    240_000, 320_000, 420_000, 600_000, 3_600_000,
)  # fmt: skip

NAMES = (
    "endpoint",
    "stream",
    "key",
    "model_asked",
    "model_served",
    "outcome",
    "status",
    "error_type",
    "stop_reason",
)
SUMS = (
    "requests",
    "attempts",
    "noted",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost",
    "unpriced",
    "duration_ms",
)
MEASURES = {"duration": "duration_ms", "first_byte": "first_byte_ms"}

Rows = dict[str, dict[str, Any]]


def bucket(milliseconds: int) -> int:
    """The upper end that ``milliseconds`` falls under."""
    return BOUNDS_MS[min(bisect_left(BOUNDS_MS, milliseconds), len(BOUNDS_MS) - 1)]


def hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def usage_hours(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """Values of UsageHour by digest. ``rows`` are values of finished AuditRecords."""
    found: Rows = {}
    for row in rows:
        names = _names(row)
        start, digest = _start(row["received_at"], *names)
        sums = found.get(digest)
        if sums is None:
            named = dict(zip(NAMES, names, strict=True))
            sums = found[digest] = {"digest": digest, "hour": start, **named, **dict.fromkeys(SUMS, 0)}
        sums["requests"] += 1
        sums["attempts"] += row["attempt_count"]
        sums["noted"] += 1 if row["note_count"] else 0
        sums["cost"] += row["cost"] or 0.0
        sums["unpriced"] += 1 if row["cost"] is None and row["output_tokens"] else 0
        for name in ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"):
            sums[name] += row[name]
        sums["duration_ms"] += row["duration_ms"]
    return found


def latency_hours(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """Values of LatencyHour by digest, from the rows that were answered."""
    found: Rows = {}
    for row in rows:
        if row["outcome"] != "completed":
            continue
        for measure, column in MEASURES.items():
            if row[column] is None:
                continue
            model, under = row["model_served"], bucket(row[column])
            start, digest = _start(row["received_at"], model, measure, under)
            counted = found.get(digest)
            if counted is None:
                names = {"model_served": model, "measure": measure, "bucket": under}
                counted = found[digest] = {"digest": digest, "hour": start, **names, "requests": 0}
            counted["requests"] += 1
    return found


def percentile(counts: Mapping[int, int], share: float) -> int | None:
    """The upper end below which ``share`` (0 to 1) of the requests lie; None without any. ``counts`` by bucket."""
    total = sum(counts.values())
    seen = 0
    for end in sorted(counts):
        seen += counts[end]
        if seen >= share * total and seen:
            return end
    return None


_names = itemgetter(*NAMES)


def _start(moment: datetime, *names: Any) -> tuple[datetime, str]:
    """The hour of ``moment``, and the digest of it and the names."""
    return _digested(int(moment.timestamp()) // 3600, *map(str, names))


@lru_cache(4096)
def _digested(hour: int, *names: str) -> tuple[datetime, str]:
    text = "\x00".join((str(hour * 3600), *names))
    digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()
    return datetime.fromtimestamp(hour * 3600, UTC), digest
