"""The snapshot of this process, renewed beside its requests.

Invariants: reading the snapshot is a look at a variable, never a query and never a wait; a change is in force within
about ``INTERVAL`` seconds in every process; while the database is away the last snapshot serves, and that is logged
once; after a start without a database it is the last run's (``last_rules``), and without that nobody is answered by
rules that are not the operator's; a row that cannot be understood is left out, is logged once, and the others count.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from django.db import DatabaseError, connection
from django.db.models import QuerySet

from bridge_api.last_rules import LastRules
from bridge_api.mapping import ModelMap
from bridge_api.snapshot import Snapshot

log = logging.getLogger("bridge.renewal")
INTERVAL = 1.0
EVERY = 30
"""Looks after which everything is read again even if the revision is the same (rows that were changed by SQL)."""
PATIENCE = 2.0
"""Seconds that a start waits for the database before the last run's rules serve."""
_told: set[tuple[str, int, str]] = set()
_T = TypeVar("_T")


def load(models: ModelMap) -> Snapshot:
    """What the database says now, over ``models`` (the settings' map). Raises what the database raises."""
    from bridge_api.capabilities import Table
    from bridge_api.models import ClientKey, ModelCapability, ModelMapping, Revision

    # The revision first: a change that comes in between is seen at the next look.
    revision = Revision.current()
    rules = [rule for _, rule in _sound(ModelMapping.objects.filter(enabled=True), ModelMapping.sound_rule)]
    own = _sound(ModelCapability.objects.filter(enabled=True), ModelCapability.sound_capabilities)
    keys = _sound(ClientKey.objects.all(), ClientKey.sound_key)
    return Snapshot(
        models.with_rules(rules),
        Table({row.model.casefold(): capabilities for row, capabilities in own}),
        {row.hash: key for row, key in keys},
        revision,
    )


def _sound(rows: QuerySet[Any], build: Callable[[Any], _T]) -> Iterator[tuple[Any, _T]]:
    """Each row with what ``build`` makes of it. What somebody wrote past the admin must not stop all renewal: with it
    a revoked key would stay in force."""
    for row in _readable(rows):
        try:
            built = build(row)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other rows count
            _left_out(row._meta.label, row.pk, error)
        else:
            yield row, built


def _readable(rows: QuerySet[Any]) -> Iterable[Any]:
    """The rows; one by one where a value cannot even be read (SQLite keeps a text where a time belongs)."""
    try:
        return list(rows)
    except DatabaseError:
        raise
    except Exception:  # noqa: BLE001 - which row it is, is found below
        found = []
        for pk in rows.values_list("pk", flat=True):
            try:
                found.append(rows.get(pk=pk))
            except DatabaseError:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                _left_out(rows.model._meta.label, pk, error)
        return found


def _left_out(table: str, pk: int, error: Exception) -> None:
    where = ", ".join(error.error_dict) if hasattr(error, "error_dict") else type(error).__name__
    if (table, pk, where) not in _told:
        _told.add((table, pk, where))
        log.warning("row %s of %s cannot be understood and is left out: %s", pk, table, where)


class Renewer:
    """Holds the snapshot of this process; a thread renews it. ``models`` is the settings' map; ``last`` keeps the rules
    for the next start."""

    def __init__(
        self, models: ModelMap, read: Callable[[ModelMap], Snapshot] = load, last: LastRules | None = None
    ) -> None:
        self._models = models
        self._read = read
        self._last = last
        self._snapshot = Snapshot(models)
        self._process = 0
        self._lock = threading.Lock()
        self._complained = self._looked = self._recalled = False
        self._since = time.monotonic()
        self._stop = threading.Event()
        self.loaded = threading.Event()
        """Set once the database has been read."""

    def current(self) -> Snapshot:
        """The snapshot. The thread begins with the first call in each process."""
        if self._process != os.getpid():
            self._begin()
        return self._snapshot

    def knows(self) -> bool:
        """Whether the snapshot has the operator's rules: the database's, or the last run's where that does not answer
        in time."""
        if not self.loaded.is_set() and time.monotonic() - self._since > PATIENCE:
            self._recall()
        return self.loaded.is_set() or self._recalled

    def renew(self) -> bool:
        """Read the database now; whether it could be read."""
        try:
            found = self._read(self._models)
        except Exception as error:  # noqa: BLE001 - whatever it is, the last snapshot serves
            if not self._complained:
                log.warning("mappings and keys could not be read, the last ones serve: %s", type(error).__name__)
                self._complained = True
            with contextlib.suppress(Exception):  # a broken connection may not even close
                connection.close()
            self._recall()
            return False
        if self._complained:
            log.warning("mappings and keys are read again")
            self._complained = False
        with self._lock:
            self._snapshot = found
            self.loaded.set()
        if self._last is not None:
            self._last.keep(found)
        return True

    def _recall(self) -> None:
        """Take the last run's rules, once, until the database has been read."""
        with self._lock:
            if self._looked or self.loaded.is_set():
                return
            self._looked = True
            found = self._last.recall(self._models) if self._last is not None else None
            if found is not None:
                self._snapshot, self._recalled = found, True
        if found is not None:
            log.warning("the rules of the last run serve until the database answers")

    def stop(self) -> None:
        """End the thread (tests)."""
        self._stop.set()

    def _begin(self) -> None:
        with self._lock:
            if self._process == os.getpid():
                return
            self._process, self._since = os.getpid(), time.monotonic()
            threading.Thread(target=self._run, name="renewal", daemon=True).start()

    def _run(self) -> None:
        looks = 0
        while not self._stop.is_set():
            if looks % EVERY == 0 or self._changed():
                # Until the first reading has worked, every look tries.
                looks = looks if self.renew() or self.loaded.is_set() else -1
            looks += 1
            self._stop.wait(INTERVAL)
        connection.close()

    def _changed(self) -> bool:
        from bridge_api.models import Revision

        try:
            return Revision.current() != self._snapshot.revision
        except Exception:  # noqa: BLE001 - renew tells
            return True
