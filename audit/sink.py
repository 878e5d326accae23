"""Entries on their way to the database: a bounded queue and one writer thread for each process.

Theory. The loop puts what exchanges tell; the thread takes all that has come, redacts it and writes it in one
transaction. The first byte of an answer waits for its beginning, but the upstream takes its time: beginnings are
written together when no more come or after ``SLICE``, or at once when somebody waits. Ends are written together after
``LINGER``: a transaction for each would cost more than the rows. When the database does not take a group, it goes to
the spool on disk, and so does all that follows until the spool has been written: then nobody waits for the database any
more. A beginning that the thread has not got to after ``LONGEST_WAIT``, because the database hangs, is put on disk by
who waits for it (audit/promise.py); writing it twice changes nothing.

Invariants: ``put`` never waits and never raises; what was put is in the queue, in the database or in the spool, until
it is in the database; who was told that a beginning is kept can be killed: it is in the database or on disk, unless
neither takes anything; what could be kept nowhere is counted and logged, never lost in silence; what is queued at the
end of the process is written first. That the database or the disk is away is logged once, and so is its return.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path

from django.db import DataError, IntegrityError, connection
from django.db import Error as DatabaseFailure

from audit import recovery
from audit.heartbeat import say_alive, say_goodbye
from audit.promise import Promise, settle
from audit.spool import Spool
from audit.store import Entry, write

log = logging.getLogger("bridge.audit")

CAPACITY = 20_000
GROUP = 500
LINGER = 0.2
SLICE = 0.05
QUIET = 0.005
"""While exchanges come and go faster than this, the event loop is busy, and the thread lets it work."""
BREATH = 0.0005
"""Seconds between two groups for each exchange that runs beside others, though somebody waits."""
LONGEST_BREATH = 0.008
HEARTBEAT = 5.0
AGAIN = 0.5
"""Seconds between tries to write the spool."""
PATIENCE_MS = 300
"""How long the database may be locked before a group goes to the spool."""
IMPATIENCE_MS = 20
"""The same while there is something in the spool: those who wait go on at once."""
RECOVERY = 300.0
"""Seconds between looks for what processes that are gone have left: their machine may never start again."""
STUCK = 1.0
"""Seconds in one write after which what comes goes to the spool at once: the database hangs."""

Make = Callable[[], Entry]


class Sink:
    """``put`` makers of entries; a thread makes and writes them. ``folder``: where the spool is. ``required``: an
    answer whose beginning is not in the database must not go out. ``on_beat``: who wants to hear of its state every
    few seconds, in its thread. ``running``: how many exchanges have begun and not ended, as who puts them says."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        required: bool = False,
        capacity: int = CAPACITY,
        writer: Callable[..., None] = write,
    ) -> None:
        self.folder = folder
        self.required = required
        self.worker = ""
        self.lost = 0
        self.running = 0
        self.on_beat: list[Callable[[Sink], None]] = []
        self._capacity = capacity
        self._writer = writer
        self._soon: deque[tuple[Make, Promise | None]] = deque()
        self._later: deque[tuple[Make, Promise | None]] = deque()
        self._due = 0.0
        self._hurry = False
        self._any = threading.Event()
        self._urgent = threading.Event()
        self._lock = threading.Lock()
        self._process = 0
        self._stopping = False
        self._spool: Spool | None = None
        self._busy = False
        self._away = self._nowhere = False
        self._ended = threading.Event()
        self._patience = 0
        self._next_beat = self._next_try = self._wrote = self._since = 0.0

    @property
    def queued(self) -> int:
        return len(self._soon) + len(self._later)

    @property
    def spooled(self) -> int:
        return self._spool.waiting if self._spool is not None else 0

    def put(self, make: Make, *, urgent: bool = False, promise: Promise | None = None) -> None:
        """``make`` is called in the writer's thread. ``urgent``: it comes before what is not, and soon; at once, when
        somebody waits for ``promise``."""
        self.start()
        if self.queued >= self._capacity or (self._since and time.monotonic() - self._since > STUCK):
            self._straight_to_disk(make, promise)
            return
        if promise is not None:
            promise.hurry, promise.rescue = self._urgent.set, lambda: self._rescued(make)
            if self._nowhere:
                promise.settle(not self.required)
        (self._soon if urgent else self._later).append((make, promise))
        if not self._any.is_set():
            self._any.set()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was put is in the database; False when that took longer than ``timeout`` seconds."""
        return self._until(lambda: not self.spooled, timeout)

    def _until(self, also: Callable[[], bool], timeout: float) -> bool:
        end = time.monotonic() + timeout
        self._hurry = True
        try:
            while self.queued or self._busy or not also():
                if time.monotonic() > end:
                    return False
                self._urgent.set()
                self._any.set()
                time.sleep(0.005)
            return True
        finally:
            self._hurry = False

    def start(self) -> None:
        """Make sure of the thread. A forked worker inherits the object but not the thread."""
        if self._process == os.getpid():
            return
        with self._lock:
            if self._process == os.getpid():
                return
            self.worker = uuid.uuid4().hex
            self._open_spool()
            self._stopping = False
            self._ended = threading.Event()
            self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
            self._process = os.getpid()
            self._thread.start()
            if self.folder is not None:
                threading.Thread(target=self._adopt, args=(self.folder,), name="audit-adopt", daemon=True).start()
            atexit.register(self.stop)

    def stop(self) -> None:
        """Write what is left, to the disk if need be, and say goodbye."""
        if self._process != os.getpid() or self._stopping:
            return
        self._until(lambda: True, 10.0)
        self._stopping = True
        self._ended.set()
        self._any.set()
        self._thread.join(5)

    # -- the thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - the thread must live on
                log.error("the audit writer stumbled: %s", type(error).__name__)
                time.sleep(AGAIN)
        self._goodbye()

    def _turn(self) -> None:
        now = time.monotonic()
        if self._any.wait(max(0.0, min(self._next_beat - now, AGAIN if self.spooled else HEARTBEAT))):
            self._due = self._due or time.monotonic() + LINGER
            self._gather()
        else:
            self._due = 0.0
        if self.running > 1:
            rest = self._wrote + min(LONGEST_BREATH, BREATH * self.running) - time.monotonic()
            if rest > 0:
                time.sleep(rest)
        self._busy = True
        self._any.clear()
        self._urgent.clear()
        kept = True
        while kept and (self._soon or self._ends_are_due()) and not self._stopping:
            kept = self._group()
        self._found_room(kept)
        if self.queued:
            self._any.set()
        self._catch_up()
        self._busy = False
        self._beat()
        if not kept:
            time.sleep(AGAIN)

    def _found_room(self, kept: bool) -> None:
        if kept and self._nowhere:
            log.warning("audit rows that waited in memory have a place again")
        elif not kept and not self._nowhere:
            log.error("audit rows wait in memory: neither the database nor the disk takes them")
        self._nowhere = not kept

    def _gather(self) -> None:
        """Wait until no more comes, or until somebody waits already, but no longer than a slice."""
        until, seen = time.monotonic() + SLICE, -1
        while seen != self.queued and time.monotonic() < until:
            seen = self.queued
            if self._urgent.wait(QUIET):
                return

    def _ends_are_due(self) -> bool:
        due = self._hurry or time.monotonic() >= self._due or len(self._later) >= GROUP
        return bool(self._later) and due

    def _group(self) -> bool:
        """Write what is urgent, or else the ends that have come; False when they have to wait in memory."""
        queue = self._soon or self._later
        if queue is self._later:
            self._due = time.monotonic() + LINGER
        taken = [queue.popleft() for _ in range(min(GROUP, len(queue)))]
        entries = []
        for make, _ in taken:
            if (entry := self._made(make)) is not None:
                entries.append(entry)
            # The event loop goes first.
            time.sleep(0)
        in_database = not self.spooled and self._write(entries)
        kept = in_database or self._to_disk(entries)
        settle([promise for _, promise in taken if promise is not None], in_database or not self.required)
        self._wrote = time.monotonic()
        return kept

    def _made(self, make: Make) -> Entry | None:
        try:
            entry = make()
        except Exception as error:  # noqa: BLE001 - one that cannot be made must not stop the others
            self._lose(1, type(error).__name__)
            return None
        entry.values["worker"] = self.worker
        return entry

    def _write(self, entries: list[Entry]) -> bool:
        """True when the entries are in the database, or will never be."""
        self._since = time.monotonic()
        try:
            self._connect(IMPATIENCE_MS if self.spooled else PATIENCE_MS)
            self._writer(entries)
        except (DataError, IntegrityError) as error:
            return self._one_by_one(entries, error)
        except DatabaseFailure as error:
            if not self._away:
                log.warning("audit rows wait on disk: the database says %s", type(error).__name__)
            self._away = True
            with contextlib.suppress(Exception):  # a broken connection may not even close
                connection.close()
            self._next_try = time.monotonic() + AGAIN
            return False
        except Exception as error:  # noqa: BLE001 - a value that no driver takes: that row is put aside, not lost
            return self._one_by_one(entries, error)
        finally:
            self._since = 0.0
        self._away = False
        return True

    def _one_by_one(self, entries: list[Entry], error: Exception) -> bool:
        """One of ``entries`` is refused, and the others are not."""
        if len(entries) > 1:
            return all([self._write([entry]) for entry in entries])
        self._reject(entries[0], type(error).__name__)
        return True

    def _catch_up(self) -> None:
        """Write what waits on disk, if it is time to try."""
        spool = self._spool
        if spool is None or not spool.waiting or time.monotonic() < self._next_try:
            return
        while spool.waiting:
            entries, end = spool.batch(GROUP)
            before = spool.waiting
            if entries and not self._write_again(entries):
                return
            spool.done(end, max(len(entries), 1))
            if not spool.waiting:
                log.warning("audit rows that waited on disk are in the database: %d", before)

    def _write_again(self, entries: list[Entry]) -> bool:
        writer, self._writer = self._writer, lambda some: writer(some, again=True)
        try:
            return self._write(entries)
        finally:
            self._writer = writer

    def _beat(self) -> None:
        """Say that this process lives."""
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + HEARTBEAT
        try:
            for tell in self.on_beat:
                tell(self)
            self._connect(IMPATIENCE_MS)
            say_alive(self.worker, self.queued, self.spooled, self.lost)
        except DatabaseFailure:
            with contextlib.suppress(Exception):
                connection.close()

    def _goodbye(self) -> None:
        if self.queued:
            self._lose(self.queued, "the process ended")
        gone = False
        with contextlib.suppress(Exception):
            self._connect(PATIENCE_MS)
            if not self.spooled:
                say_goodbye(self.worker)
                gone = True
        with contextlib.suppress(Exception):
            connection.close()
        with contextlib.suppress(Exception):
            if self._spool is not None:
                self._spool.close(keep=not gone)

    def _connect(self, patience: int) -> None:
        """A locked database must not hold up those who wait: there is the spool."""
        if connection.connection is not None and self._patience == patience:
            return
        connection.ensure_connection()
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(f"PRAGMA busy_timeout = {patience}")
            else:
                cursor.execute(f"SET lock_timeout = {patience}")
                cursor.execute("SET statement_timeout = 10000")
        self._patience = patience

    def _adopt(self, folder: Path) -> None:
        """A thread of its own: settle what processes that are gone have left, at the start and now and then."""
        ended, pause = self._ended, 0.0
        while not ended.wait(pause):
            pause = RECOVERY
            try:
                marked = recovery.adopt(folder, self.worker)
                if marked:
                    log.warning("exchanges of processes that are gone were marked as interrupted: %d", marked)
            except Exception as error:  # noqa: BLE001 - it is tried until the database is there
                log.warning("what processes that are gone have left waits: %s", type(error).__name__)
                pause = HEARTBEAT
            with contextlib.suppress(Exception):
                connection.close()

    # -- the disk -------------------------------------------------------------------------------------

    def _open_spool(self) -> None:
        self._spool = None
        if self.folder is None:
            return
        try:
            self._spool = Spool(self.folder, self.worker)
        except OSError as error:
            log.error("there is no spool for audit rows: %s", type(error).__name__)

    def _to_disk(self, entries: list[Entry]) -> bool:
        """True when the entries are on disk; else they are in the queue again, or lost where that is full."""
        try:
            if self._spool is None:
                raise OSError("no spool")
            self._spool.append(entries)
        except OSError as error:
            room = max(0, self._capacity - self.queued)
            for entry in reversed(entries[:room]):
                self._soon.appendleft((lambda kept=entry: kept, None))  # type: ignore[misc]
            if len(entries) > room:
                self._lose(len(entries) - room, type(error).__name__)
            return False
        return True

    def _straight_to_disk(self, make: Make, promise: Promise | None) -> None:
        """The queue is full, or the database hangs: the entry is made here and now."""
        entry = self._made(make)
        if entry is not None:
            try:
                if self._spool is None:
                    raise OSError("no spool")
                self._spool.append([entry])
            except OSError as error:
                if self.queued < self._capacity:
                    self._later.append((lambda: entry, None))
                    self._any.set()
                else:
                    self._lose(1, type(error).__name__)
        if promise is not None:
            promise.settle(not self.required)

    def _rescued(self, make: Make) -> bool:
        """The thread has not got to this entry: it goes to disk from another. A full disk must not hold up the answer."""
        entry = self._made(make)
        if entry is not None and self._spool is not None:
            with contextlib.suppress(OSError):
                self._spool.append([entry])
        return True

    def _reject(self, entry: Entry, why: str) -> None:
        try:
            if self._spool is None:
                raise OSError("no spool")
            self._spool.reject(entry)
            told = {"fields": {"correlation_id": entry.values.get("correlation_id")}}
            log.error("an audit row was refused by the database and put aside: %s", why, extra=told)
        except OSError:
            self._lose(1, why)

    def _lose(self, number: int, why: str) -> None:
        self.lost += number
        log.error("%d audit rows were lost: %s", number, why)


sink = Sink()
