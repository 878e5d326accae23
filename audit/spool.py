"""Entries that wait on disk for a database that is away: a file for each process.

Invariants: an entry is whole in the file or not at all counted; what cannot be read, and what a crash cut short, is
put aside, not dropped; the file is locked by its process for as long as that lives, so that who gets the lock knows
that its owner is gone; appending is safe from any thread; nothing is fetched from the file that is not written to the
database first and then let go.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from audit.store import Entry

SUFFIX = ".spool"
REJECTED = ".rejected"


class Spool:
    """The file of one process. ``waiting`` entries are in it. Raises OSError where the disk does not take it."""

    def __init__(self, folder: Path, worker: str, *, wait: bool = True) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / f"{worker}{SUFFIX}"
        self.worker = worker
        self._lock = threading.Lock()
        self._file = _locked(self.path, wait=wait)
        self._read = 0
        self._odd: list[bytes] = []
        self.waiting = sum(1 for _ in _lines(self.path))

    def append(self, entries: Sequence[Entry]) -> None:
        """Add ``entries``, all of them or (OSError) none."""
        data = b"".join([entry.line() for entry in entries])
        with self._lock:
            end = os.fstat(self._file).st_size
            try:
                written = os.write(self._file, data)
                if written != len(data):
                    raise OSError("the disk is full")
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, end)
                raise
            self.waiting += len(entries)

    def batch(self, most: int) -> tuple[list[Entry], int]:
        """The oldest entries, at most ``most``, and where they end; ``done`` lets them go."""
        entries: list[Entry] = []
        self._odd = []
        read = self._read
        for line, end in _lines(self.path, self._read):
            read = end
            try:
                entries.append(Entry.from_line(line))
            except ValueError:
                self._odd.append(line)
            if len(entries) >= most:
                break
        return entries, read

    def done(self, end: int, number: int) -> None:
        """What stands before ``end``, ``number`` entries, is in the database, but for what could not be read."""
        if self._odd:
            self._aside(b"".join(self._odd))
            self._odd = []
        with self._lock:
            self._read = end
            self.waiting = max(0, self.waiting - number)
            if os.fstat(self._file).st_size <= end:
                os.ftruncate(self._file, 0)
                self._read = self.waiting = 0

    def reject(self, entry: Entry) -> None:
        """Put aside an entry that the database will never take."""
        self._aside(entry.line())

    def cut_short(self) -> None:
        """Put aside what is left once all whole lines are done: a crash cut it short, and its owner is gone."""
        with self._lock:
            rest = self.path.read_bytes()[self._read :]
            if rest:
                self._aside(rest + b"\n")
            os.ftruncate(self._file, 0)

    def _aside(self, data: bytes) -> None:
        file = os.open(self.path.with_suffix(REJECTED), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, data)
        finally:
            os.close(file)

    def close(self, *, keep: bool = False) -> None:
        """Let go of the file. An empty one is removed unless ``keep``: then the next process finds it, and settles what
        else its owner has left."""
        with self._lock:
            if not keep and os.fstat(self._file).st_size == 0:
                self.path.unlink(missing_ok=True)
            os.close(self._file)


def _locked(path: Path, *, wait: bool) -> int:
    """A locked descriptor of the file at ``path``. Raises BlockingIOError when another process has it."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who had the lock before may have removed the file.
            if path.exists() and os.stat(path).st_ino == os.fstat(file).st_ino:
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _lines(path: Path, start: int = 0) -> Iterator[tuple[bytes, int]]:
    """Whole lines of ``path`` from ``start``, each with where it ends."""
    with path.open("rb") as file:
        file.seek(start)
        end = start
        for line in file:
            if not line.endswith(b"\n"):
                return
            end += len(line)
            yield line, end


def orphans(folder: Path) -> Iterator[Spool]:
    """The files of processes that are gone, each locked for the caller, who closes it."""
    for path in sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else ():
        try:
            yield Spool(folder, path.stem, wait=False)
        except BlockingIOError:
            continue
