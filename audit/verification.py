"""Whether the trail is complete and agrees with itself.

Invariants: nothing is changed; each check says in one line what it found and what to do. A finding is a sign of a fault,
or of a process that died and has not been settled yet.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q

from audit import summing
from audit.models import AuditRecord, UpstreamAttempt, Worker
from audit.spool import REJECTED, orphans

SEEN_WITHIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Finding:
    """``number`` is 0 where all is well."""

    check: str
    number: int
    hint: str


def verify(folder: Path, *, max_age: timedelta = timedelta(hours=1)) -> list[Finding]:
    """All checks. ``folder`` is the spool's, ``max_age`` how long an exchange may run."""
    now = datetime.now(UTC)
    checks: list[tuple[str, Callable[[], int], str]] = [
        ("unfinished rows that are too old", lambda: _unfinished(now - max_age), _SETTLE),
        ("unfinished rows of processes that are gone", lambda: _ownerless(now), _SETTLE),
        ("rows whose tries are missing", _tries_missing, "Rows were removed by hand, or pruned by another tool."),
        ("tries without a row", _tries_alone, "Rows were removed by hand, or pruned by another tool."),
        ("rows whose times run backwards", _backwards, "The machine's clock was set back."),
        ("hours whose sums differ from their rows", _sums, "Run `manage.py audit_rollup`."),
        ("entries on disk of processes that are gone", lambda: _left(folder), _SETTLE),
        ("files of rows that the database refused", lambda: _refused(folder), f"Look at {folder}, and report it."),
        ("rows that could be kept nowhere", _lost, "The disk was full while the database was away."),
        ("processes on this machine that have gone silent", lambda: _silent(now), _SETTLE),
    ]
    return [Finding(check, look(), hint) for check, look, hint in checks]


_SETTLE = "Start the bridge: a process that starts settles what others have left."


def _open_rows() -> models.QuerySet[AuditRecord]:
    return AuditRecord.objects.filter(finished_at__isnull=True)


def _unfinished(before: datetime) -> int:
    return _open_rows().filter(received_at__lt=before).count()


def _ownerless(now: datetime) -> int:
    alive = Worker.objects.filter(id=OuterRef("worker"), seen_at__gte=now - SEEN_WITHIN)
    return _open_rows().filter(~Exists(alive), received_at__lt=now - SEEN_WITHIN).count()


def _tries_missing() -> int:
    tries = Count("attempts")
    return (
        AuditRecord.objects.filter(finished_at__isnull=False, attempt_count__gt=0)
        .exclude(outcome="interrupted")
        .annotate(found=tries)
        .filter(~Q(found=F("attempt_count")))
        .count()
    )


def _tries_alone() -> int:
    row = AuditRecord.objects.filter(request_id=OuterRef("record_id"))
    return UpstreamAttempt.objects.filter(~Exists(row)).count()


def _backwards() -> int:
    return (
        AuditRecord.objects.filter(Q(finished_at__lt=F("received_at")) | Q(first_byte_ms__gt=F("duration_ms") + 1))
        .exclude(outcome="interrupted")
        .count()
    )


def _sums() -> int:
    return sum(map(summing.differs, summing.hours(until=datetime.now(UTC) - timedelta(hours=1))))


def _left(folder: Path) -> int:
    number = 0
    for spool in orphans(folder):
        number += spool.waiting
        # Also an empty one says that its owner is gone, to the next process that starts.
        spool.close(keep=True)
    return number


def _refused(folder: Path) -> int:
    return len(list(folder.glob(f"*{REJECTED}"))) if folder.is_dir() else 0


def _lost() -> int:
    return sum(Worker.objects.filter(lost__gt=0).values_list("lost", flat=True))


def _silent(now: datetime) -> int:
    return Worker.objects.filter(host=socket.gethostname(), seen_at__lt=now - SEEN_WITHIN).count()
