"""How long rows are kept, by age and by number.

Invariants: the oldest rows go first, in batches, each a short transaction of its own, so that writers come between; a
row goes with its tries and its viewings; a row that may still end is left. Sums by the hour stay: they hold no content.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, models, transaction
from django.db.models import Q

from audit.models import AuditRecord

BATCH = 5_000
PAUSE = 0.05
"""Seconds between batches at least, for those who wait to write."""
SLOW = 0.2
"""Seconds in which a batch should be gone."""
MAY_STILL_END = timedelta(days=1)

_TABLES = ("audit_upstreamattempt", "audit_contentviewing")


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes: ``rows`` of them, all that came before ``before``."""

    before: datetime
    rows: int


def plan(*, days: int = 0, max_rows: int = 0, max_bytes: int = 0, now: datetime | None = None) -> Plan | None:
    """What the limits ask for; 0 is no limit. None when nothing has to go."""
    now = now or datetime.now(UTC)
    cutoffs = [now - timedelta(days=days)] if days else []
    total = AuditRecord.objects.count() if max_rows or max_bytes else 0
    if max_bytes and (size := used_bytes()) > max_bytes:
        kept = int(total * max_bytes / size)
        max_rows = min(max_rows, kept) if max_rows else kept or 1
    if max_rows and total > max_rows:
        cutoffs.append(AuditRecord.objects.order_by("-received_at").values_list("received_at", flat=True)[max_rows - 1])
    if not cutoffs:
        return None
    before = max(cutoffs)
    rows = _settled(before, now).count()
    return Plan(before, rows) if rows else None


def prune(
    found: Plan, *, batch: int = BATCH, pause: float = PAUSE, progress: Callable[[int], None] = lambda done: None
) -> int:
    """Carry out a plan; the number of rows that went. ``batch`` is the most at once: fewer, while they take longer
    than ``SLOW``. ``progress`` hears of each batch."""
    done, size = 0, batch
    while (until := _end_of(found.before, size)) is not None:
        began = time.monotonic()
        with transaction.atomic():
            gone = _delete(until, found.before)
        took = time.monotonic() - began
        size = max(1, min(batch, size // 2 if took > SLOW else size + batch // 10))
        done += gone
        progress(gone)
        time.sleep(max(pause, took / 2) if pause else 0)
    return done


def used_bytes() -> int:
    """What the trail's tables take, or on SQLite the whole database without its free pages."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            sizes = []
            for name in ("page_count", "freelist_count", "page_size"):
                cursor.execute(f"PRAGMA {name}")
                sizes.append(int(cursor.fetchone()[0]))
            return (sizes[0] - sizes[1]) * sizes[2]
        tables = ("audit_auditrecord", *_TABLES)
        cursor.execute(
            "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s::text[]) AS name", [list(tables)]
        )
        return int(cursor.fetchone()[0])


def _settled(before: datetime, now: datetime) -> models.QuerySet[AuditRecord]:
    ended = Q(finished_at__isnull=False) | Q(received_at__lt=now - MAY_STILL_END)
    return AuditRecord.objects.filter(ended, received_at__lt=before)


def _end_of(before: datetime, batch: int) -> datetime | None:
    """The time of the last row of the next batch, the oldest first; None when none is left."""
    times = _settled(before, datetime.now(UTC)).order_by("received_at").values_list("received_at", flat=True)
    return next(iter(times[batch - 1 : batch]), None) or times.last()


def _delete(until: datetime, before: datetime) -> int:
    """All that came up to ``until``, and before ``before``; plain SQL, because the ORM would read it all first."""
    adapt = connection.ops.adapt_datetimefield_value
    chosen = "FROM audit_auditrecord WHERE received_at <= %s AND received_at < %s AND (finished_at IS NOT NULL OR received_at < %s)"
    limits = [adapt(until), adapt(before), adapt(datetime.now(UTC) - MAY_STILL_END)]
    with connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(f"DELETE FROM {table} WHERE request_id IN (SELECT request_id {chosen})", limits)
        cursor.execute(f"DELETE {chosen}", limits)
        return int(cursor.rowcount)
