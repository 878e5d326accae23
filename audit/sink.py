"""Rows on their way to the database: a bounded queue and one writer thread for each process.

Invariants: ``put`` never waits and never raises; rows are written in groups; a row that cannot be kept is counted
and logged, never lost in silence; what is queued at the end of the process is written first.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import orjson
from django.db import DatabaseError, connection, transaction

log = logging.getLogger("bridge.audit")

CAPACITY = 20_000
GROUP = 500
LINGER = 0.02
RETRY_SECONDS = 0.5
TRIES = 40


def insert(rows: list[dict[str, Any]]) -> None:
    """Write rows in one statement and one transaction; a row that is there already stays as it is.

    Plain SQL: model instances and the ORM's compiler cost ten times as much for a row.
    """
    from audit.models import AuditRecord

    fields = [field for field in AuditRecord._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    table = connection.ops.quote_name(AuditRecord._meta.db_table)
    sql = f"INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING"
    makers = [_maker(field) for field in fields]
    values = [[make(row[field.name]) for field, make in zip(fields, makers, strict=True)] for row in rows]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(sql, values)


def _maker(field: Any) -> Callable[[Any], Any]:
    """How a value of ``field`` becomes a parameter of the database."""
    if field.get_internal_type() == "JSONField":
        return lambda value: orjson.dumps(value).decode()
    if field.get_internal_type() == "DateTimeField":
        return connection.ops.adapt_datetimefield_value
    return lambda value: value


class Sink:
    """``put`` values; a thread writes them."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue(capacity)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._process = 0
        self.lost = 0

    def put(self, values: dict[str, Any]) -> None:
        self._ensure_thread()
        try:
            self._queue.put_nowait(values)
        except queue.Full:
            self._lose(1, "the queue is full")

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was put is written; False when that took longer than ``timeout`` seconds."""
        end = time.monotonic() + timeout
        while self._queue.unfinished_tasks and time.monotonic() < end:
            time.sleep(0.005)
        return not self._queue.unfinished_tasks

    def _ensure_thread(self) -> None:
        # A forked worker inherits the object but not the thread.
        if self._process == os.getpid():
            return
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
            self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
            self._thread.start()
            atexit.register(self.flush)

    def _run(self) -> None:
        while True:
            group = [self._queue.get()]
            time.sleep(LINGER)
            while len(group) < GROUP:
                try:
                    group.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            try:
                self._write([values for values in group if values is not None])
            finally:
                for _ in group:
                    self._queue.task_done()

    def _write(self, rows: list[dict[str, Any]]) -> None:
        for _ in range(TRIES):
            try:
                insert(rows)
                return
            except DatabaseError as error:
                log.warning("audit rows could not be written yet: %s", type(error).__name__)
                with contextlib.suppress(Exception):  # a broken connection may not even close
                    connection.close()
                time.sleep(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - the thread must live on
                self._lose(len(rows), type(error).__name__)
                return
        self._lose(len(rows), "the database did not answer")

    def _lose(self, number: int, why: str) -> None:
        self.lost += number
        log.error("%d audit rows were lost: %s", number, why)


sink = Sink()
