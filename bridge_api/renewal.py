"""The snapshot of this process, renewed beside its requests.

Invariants: reading the snapshot is a look at a variable, never a query and never a wait; a change is in force within
about ``INTERVAL`` seconds in every process; while the database is away, or a row cannot be read, the last snapshot
serves, and that is logged once; a row that cannot be understood is left out, and the others count.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable

from django.db import connection

from bridge_api.mapping import ModelMap
from bridge_api.snapshot import Snapshot

log = logging.getLogger("bridge.renewal")
INTERVAL = 1.0
EVERY = 30
"""Looks after which everything is read again even if the revision is the same (rows that were changed by SQL)."""


def load(models: ModelMap) -> Snapshot:
    """What the database says now, over ``models`` (the settings' map). Raises what the database raises."""
    from bridge_api.capabilities import Table
    from bridge_api.models import ClientKey, ModelCapability, ModelMapping, Revision

    # The revision first: a change that comes in between is seen at the next look.
    revision = Revision.current()
    rules = [row.rule() for row in ModelMapping.objects.filter(enabled=True)]
    own = {row.model.casefold(): row.capabilities() for row in ModelCapability.objects.filter(enabled=True)}
    keys = {row.hash: row.key() for row in ClientKey.objects.all()}
    return Snapshot(models.with_rules(rules), Table(own), keys, revision)


class Renewer:
    """Holds the snapshot of this process; a thread renews it. ``models`` is the settings' map."""

    def __init__(self, models: ModelMap, read: Callable[[ModelMap], Snapshot] = load) -> None:
        self._models = models
        self._read = read
        self._snapshot = Snapshot(models)
        self._process = 0
        self._lock = threading.Lock()
        self._complained = False
        self._stop = threading.Event()
        self.loaded = threading.Event()
        """Set once the database has been read."""

    def current(self) -> Snapshot:
        """The snapshot. The thread begins with the first call in each process."""
        if self._process != os.getpid():
            self._begin()
        return self._snapshot

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
            return False
        if self._complained:
            log.warning("mappings and keys are read again")
            self._complained = False
        self._snapshot = found
        self.loaded.set()
        return True

    def stop(self) -> None:
        """End the thread (tests)."""
        self._stop.set()

    def _begin(self) -> None:
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
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
