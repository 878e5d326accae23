"""The sums of an hour held against its rows.

Invariants: an hour is looked at only where all its rows are there, so not the oldest one, whose rows may be pruned in
part; sums are replaced in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from audit.models import AuditRecord, LatencyHour, UsageHour
from audit.rollups import MEASURES, NAMES, SUMS, hour_of, latency_hours, usage_hours
from audit.store import add_sums

_HOUR = timedelta(hours=1)
_COLUMNS = (*NAMES, *MEASURES.values(), *(name for name in SUMS if name.endswith("_tokens")))
_WHOLE = ("received_at", "attempt_count", "note_count", "cost", "duration_ms", *_COLUMNS)
_ROUNDING = 1e-6


def hours(since: datetime | None = None, until: datetime | None = None) -> list[datetime]:
    """The hours that have rows or sums, all their rows there, oldest first."""
    times = AuditRecord.objects.order_by("received_at").values_list("received_at", flat=True)
    oldest, newest = times.first(), times.last()
    if oldest is None or newest is None:
        return []
    # The oldest row's hour is whole only where nothing was ever pruned.
    pruned = UsageHour.objects.filter(hour__lt=hour_of(oldest)).exists()
    first = max(hour_of(oldest) + (_HOUR if pruned else timedelta(0)), hour_of(since) if since else hour_of(oldest))
    last = min(hour_of(newest), hour_of(until) if until else hour_of(newest))
    found = set(UsageHour.objects.filter(hour__gte=first, hour__lte=last).values_list("hour", flat=True).distinct())
    at: datetime | None = first
    while at is not None and at <= last:
        # From row to row, not from hour to hour: a clock that was wrong once may have left one of years ago.
        ended = times.filter(received_at__gte=at, finished_at__isnull=False).first()
        if ended is not None and hour_of(ended) <= last:
            found.add(hour_of(ended))
        at = hour_of(ended) + _HOUR if ended is not None else None
    return sorted(found)


def differs(hour: datetime) -> bool:
    """Whether the sums of an hour are not those of its rows."""
    rows = list(_rows(hour).values(*set(_WHOLE)))
    # What was called interrupted and came to its end after all leaves sums of nothing.
    kept = {one["digest"]: one for one in UsageHour.objects.filter(hour=hour).exclude(requests=0).values()}
    latencies = {one["digest"]: one for one in LatencyHour.objects.filter(hour=hour).values()}
    return _unlike(usage_hours(rows), kept, SUMS) or _unlike(latency_hours(rows), latencies, ("requests",))


def renew(hour: datetime) -> None:
    """Make the sums of an hour anew."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            # Who writes rows now adds to the sums afterwards; SQLite has one writer anyway.
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE audit_usagehour, audit_latencyhour IN SHARE ROW EXCLUSIVE MODE")
        UsageHour.objects.filter(hour=hour).delete()
        LatencyHour.objects.filter(hour=hour).delete()
        add_sums(list(_rows(hour).values(*set(_WHOLE))))


def _rows(hour: datetime) -> Any:
    return AuditRecord.objects.filter(received_at__gte=hour, received_at__lt=hour + _HOUR, finished_at__isnull=False)


def _unlike(right: Mapping[str, Any], kept: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    return right.keys() != kept.keys() or any(
        abs(sums[name] - kept[digest][name]) > _ROUNDING for digest, sums in right.items() for name in names
    )
