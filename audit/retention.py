"""How long rows are kept, by age, by number and by size.

Invariants: the oldest rows go first, in batches, each a short transaction of its own, so that writers come between; a
row goes with its tries and its viewings; a row that may still end is left, and so is all that came after it: the rows
that are there begin at one moment, and sums are held against whole hours only. Sums by the hour hold no content and
stay, unless they are asked for by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from audit.models import AuditRecord, LatencyHour, UsageHour
from audit.rollups import hour_of

BATCH = 5_000
PAUSE = 0.05
"""Seconds between batches, for those who wait to write; after a batch that took longer, as long as that."""
SHORT = 0.1
"""Seconds that a batch should take: rows that hold long content go fewer at a time."""
FEWEST, FIRST = 50, 500
"""Rows in the smallest batch, and in the first one: nobody knows yet how long they take here."""
MAY_STILL_END = timedelta(days=1)

_TABLES = ("audit_upstreamattempt", "audit_contentviewing")
_SUMS = (UsageHour, LatencyHour)
_SAMPLE = 1_000
# Bytes that PostgreSQL takes for a row beside its values: its header, its places in ten indexes, its tries.
_BESIDE = 900


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes: ``rows`` of them, all that came before ``before``."""

    before: datetime
    rows: int


def plan(*, days: int = 0, max_rows: int = 0, max_bytes: int = 0, now: datetime | None = None) -> Plan | None:
    """What the limits ask for; 0 is no limit. None when nothing has to go. Raises ValueError for a limit too large."""
    now = now or datetime.now(UTC)
    cutoffs = [ago(now, days)] if days else []
    total = AuditRecord.objects.count() if max_rows or max_bytes else 0
    if max_bytes and (size := used_bytes()) > max_bytes:
        kept = int(total * max_bytes / size)
        max_rows = min(max_rows, kept) if max_rows else kept or 1
    if max_rows and total > max_rows:
        times = AuditRecord.objects.order_by("-received_at").values_list("received_at", flat=True)
        cutoffs.append(times[max_rows - 1])
    if not cutoffs:
        return None
    before = min(max(cutoffs), _first_that_may_end(now) or now)
    rows = AuditRecord.objects.filter(received_at__lt=before).count()
    return Plan(before, rows) if rows else None


def prune(
    found: Plan, *, batch: int = BATCH, pause: float = PAUSE, progress: Callable[[int], None] = lambda done: None
) -> int:
    """Carry out a plan; the number of rows that went. ``progress`` hears of each batch."""
    return _in_batches(lambda most: _rows_go(found.before, most), batch, pause, progress)


def plan_sums(days: int, *, now: datetime | None = None) -> Plan | None:
    """Which sums are older than ``days``. Those of hours that have rows, and of the hour before them, are not."""
    before = hour_of(ago(now or datetime.now(UTC), days))
    oldest = AuditRecord.objects.order_by("received_at").values_list("received_at", flat=True).first()
    if oldest is not None:
        # The last sums without rows tell that rows were pruned.
        earlier = UsageHour.objects.filter(hour__lt=hour_of(oldest)).order_by("-hour").values_list("hour", flat=True)
        before = min(before, earlier.first() or hour_of(oldest))
    rows = sum(model._default_manager.filter(hour__lt=before).count() for model in _SUMS)
    return Plan(before, rows) if rows else None


def prune_sums(
    found: Plan, *, batch: int = BATCH, pause: float = PAUSE, progress: Callable[[int], None] = lambda done: None
) -> int:
    """Carry out a plan of sums; the number of sums that went."""
    return _in_batches(lambda most: _sums_go(found.before, most), batch, pause, progress)


def used_bytes() -> int:
    """What the trail takes. SQLite: the whole database without its free pages. PostgreSQL: estimated from the rows,
    because its tables do not shrink when rows go, and a limit would ask for more each night."""
    if connection.vendor == "sqlite":
        sizes = []
        with connection.cursor() as cursor:
            for name in ("page_count", "freelist_count", "page_size"):
                cursor.execute(f"PRAGMA {name}")
                sizes.append(int(cursor.fetchone()[0]))
        return (sizes[0] - sizes[1]) * sizes[2]
    values = " + ".join(
        f"coalesce(pg_column_size({connection.ops.quote_name(str(one.column))}), 0)"
        for one in AuditRecord._meta.concrete_fields
    )
    ends = " UNION ALL ".join(
        f"(SELECT * FROM audit_auditrecord ORDER BY received_at {way} LIMIT {_SAMPLE})" for way in ("ASC", "DESC")
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(avg({values}), 0) FROM ({ends}) AS sample")
        mean = float(cursor.fetchone()[0])
    return int(AuditRecord.objects.count() * (mean + _BESIDE))


def ago(now: datetime, days: int) -> datetime:
    """Raises ValueError for more days than the calendar has."""
    try:
        return now - timedelta(days=days)
    except OverflowError:
        raise ValueError(f"{days} days are more than the calendar has") from None


def _first_that_may_end(now: datetime) -> datetime | None:
    # The smallest of them is found here: asked for it, SQLite walks the index of all times.
    times = AuditRecord.objects.filter(finished_at__isnull=True).order_by().values_list("received_at", flat=True)
    return min((one for one in times.iterator() if one >= now - MAY_STILL_END), default=None)


def _in_batches(go: Callable[[int], int], batch: int, pause: float, progress: Callable[[int], None]) -> int:
    """Call ``go`` with how many may go until none did; each call is a transaction."""
    done, most = 0, min(batch, FIRST)
    while True:
        begin = time.perf_counter()
        with transaction.atomic():
            gone = go(most)
        took = time.perf_counter() - begin
        if not gone:
            return done
        done += gone
        progress(gone)
        most = min(batch, max(FEWEST, int(most * min(2.0, SHORT / took))))
        time.sleep(max(pause, took) if pause else 0)


def _rows_go(before: datetime, most: int) -> int:
    """On PostgreSQL the rows are locked first, so that one that ends meanwhile leaves no try behind."""
    settled = Q(finished_at__isnull=False) | Q(received_at__lt=datetime.now(UTC) - MAY_STILL_END)
    rows = AuditRecord.objects.filter(settled, received_at__lt=before).order_by("received_at")
    chosen = list(rows.select_for_update(skip_locked=True).values_list("id", "request_id")[:most])
    for table in _TABLES:
        _delete(table, "request_id", [request_id for _, request_id in chosen])
    return _delete("audit_auditrecord", "id", [id for id, _ in chosen])


def _sums_go(before: datetime, most: int) -> int:
    for model in _SUMS:
        sums = model._default_manager.filter(hour__lt=before).order_by("hour")
        if gone := _delete(model._meta.db_table, "id", list(sums.values_list("id", flat=True)[:most])):
            return gone
    return 0


def _delete(table: str, column: str, values: Sequence[Any]) -> int:
    """Plain SQL, because the ORM would look for what hangs on each row; how many went."""
    gone = 0
    with connection.cursor() as cursor:
        for at in range(0, len(values), BATCH):
            some = values[at : at + BATCH]
            cursor.execute(f"DELETE FROM {table} WHERE {column} IN ({', '.join(['%s'] * len(some))})", some)
            gone += cursor.rowcount
    return gone
