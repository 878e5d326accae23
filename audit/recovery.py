"""What processes that are gone have left behind: entries on disk and exchanges without an end.

Invariants: only who holds the lock of a process's spool, or has not seen it for ``GONE_AFTER``, speaks for it; its
entries are written before its unfinished rows are called interrupted; all of it may be done twice.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from audit.models import AuditRecord, Outcome, Worker
from audit.spool import SUFFIX, Spool, orphans
from audit.store import GONE_AFTER, Entry, add_sums, write

log = logging.getLogger("bridge.audit")
BATCH = 500


def adopt(folder: Path, own: str) -> int:
    """Bring in what processes that are gone left in ``folder``; how many rows were marked. Raises DatabaseError."""
    marked = 0
    for spool in orphans(folder):
        settled = False
        try:
            if spool.worker == own:
                continue
            while True:
                entries, end = spool.batch(BATCH)
                if not entries:
                    spool.done(end, 0)
                    spool.cut_short()
                    break
                _bring_in(spool, entries)
                spool.done(end, len(entries))
            marked += mark(AuditRecord.objects.filter(worker=spool.worker))
            Worker.objects.filter(id=spool.worker).delete()
            settled = True
        finally:
            spool.close(keep=not settled)
    return marked + mark_unseen(folder)


def _bring_in(spool: Spool, entries: Sequence[Entry]) -> None:
    """Write ``entries``. One that the database will never take is put aside, so that it holds up no other."""
    try:
        write(entries, again=True)
    except Exception as error:  # what is not the database's own trouble is the entry's
        if isinstance(error, DatabaseError | InterfaceError) and not isinstance(error, DataError | IntegrityError):
            raise
        if len(entries) > 1:
            for entry in entries:
                _bring_in(spool, [entry])
            return
        spool.reject(entries[0])
        told = {"fields": {"correlation_id": entries[0].values.get("correlation_id")}}
        log.error("an audit row was refused by the database and put aside: %s", type(error).__name__, extra=told)


def mark_unseen(folder: Path) -> int:
    """Mark what processes left that nobody has seen for long: their machine is gone, or their file."""
    stale = Worker.objects.filter(seen_at__lt=datetime.now(UTC) - GONE_AFTER)
    alive = Worker.objects.filter(id=OuterRef("worker")).exclude(id__in=stale.values("id"))
    before = datetime.now(UTC) - GONE_AFTER
    marked = mark(AuditRecord.objects.filter(~Exists(alive), received_at__lt=before))
    # A machine's own processes are settled by the locks of their files, as long as they have one.
    filed = [path.stem for path in folder.glob(f"*{SUFFIX}")]
    stale.exclude(host=socket.gethostname(), id__in=filed).delete()
    return marked


def mark(rows: QuerySet[AuditRecord]) -> int:
    """Call unfinished ``rows`` interrupted; how many they were."""
    number = 0
    while True:
        with transaction.atomic():
            # Locked, so that two processes that start at once mark a row once (SQLite has one writer anyway).
            unfinished = rows.filter(finished_at__isnull=True).select_for_update(of=("self",))
            some = list(unfinished.order_by("id").values()[:BATCH])
            if not some:
                return number
            ended = {"outcome": Outcome.INTERRUPTED, "finished_at": datetime.now(UTC)}
            AuditRecord.objects.filter(id__in=[row["id"] for row in some]).update(**ended)
            add_sums([{**row, **ended} for row in some])
        number += len(some)
