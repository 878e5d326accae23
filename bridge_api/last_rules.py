"""The operator's rules of the last run, on disk: they serve where a start finds its database away.

Invariants: the file is its owner's alone; it is whole or not there (written aside, then renamed); it belongs to one
database, so that the rules of another never serve; a file that cannot be read is as none, and one that cannot be
written harms nothing. Client keys are not in it: one that was revoked meanwhile must not come back.
"""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bridge_api.capabilities import Capabilities, Table
from bridge_api.mapping import ModelMap
from bridge_api.rules import Rule
from bridge_api.snapshot import Snapshot

log = logging.getLogger("bridge.renewal")
NO_REVISION = -1
"""That of rules that were not read from the database."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the file holds. ``database`` names the one that the rules are of, without its password."""

    database: str
    rules: tuple[Rule, ...]
    capabilities: dict[str, Capabilities]


class LastRules:
    def __init__(self, path: Path, database: str) -> None:
        self._path = path
        self._database = database
        self._complained = False

    def keep(self, snapshot: Snapshot) -> None:
        """Write what ``snapshot`` holds of rules and capabilities, unless the file says the same."""
        kept = Kept(self._database, snapshot.models.rules, dict(snapshot.capabilities.own))
        try:
            self._write(msgspec.json.encode(kept, order="sorted"))
        except (OSError, ValueError, TypeError, msgspec.MsgspecError) as error:
            if not self._complained:
                log.warning("the rules could not be kept for the next start: %s", type(error).__name__)
            self._complained = True
        else:
            self._complained = False

    def _write(self, text: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self._path.read_bytes() == text:
                return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = self._path.with_suffix(f".{os.getpid()}")
        try:
            with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(text)
            aside.replace(self._path)
        finally:
            aside.unlink(missing_ok=True)

    def recall(self, models: ModelMap) -> Snapshot | None:
        """The last rules over ``models`` (the settings' map); None where there are none of this database."""
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=Kept)
        except (OSError, ValueError, TypeError, msgspec.MsgspecError):
            return None
        if kept.database != self._database:
            return None
        return Snapshot(models.with_rules(kept.rules), Table(kept.capabilities), {}, NO_REVISION)
