"""Who is asking: the key of a request, by the operator's mode.

``open``: anybody may ask. ``keys``: a client key of the bridge is needed. ``passthrough``: the client brings its own
key for the upstream, which is passed on and kept nowhere.

Invariants: no query on a request's path; until the keys have been read for the first time nobody is told that a key
is wrong, and until the rules are known nobody is answered by others; what is refused never tells what was sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from bridge_api import errors
from bridge_api.keys import ClientKey, for_upstream, recognised
from bridge_api.snapshot import Snapshot

Mode = Literal["open", "keys", "passthrough"]
MODES: tuple[Mode, ...] = ("open", "keys", "passthrough")
FIRST_READING = 3.0


@dataclass(frozen=True, slots=True)
class Caller:
    """``key`` is the client's with the bridge; ``upstream_key`` is its own key for the upstream."""

    key: ClientKey | None = None
    upstream_key: str | None = None

    @property
    def label(self) -> str:
        return self.key.label if self.key is not None else ""


ANYBODY = Caller()


@dataclass(frozen=True, slots=True)
class Auth:
    """``loaded`` says whether the keys have been read at all, ``knows`` whether the rules are known."""

    mode: Mode = "open"
    loaded: Callable[[], bool] = lambda: True
    knows: Callable[[], bool] = lambda: True

    async def caller(self, headers: Mapping[str, str], snapshot: Callable[[], Snapshot]) -> Caller:
        """Who asks. ``headers`` have lower-case names. Raises AuthenticationFailed and Overloaded."""
        if self.mode != "keys" and not self.knows():
            await _until(self.knows, "The bridge cannot read its rules yet.", "rules_unread")
        if self.mode == "open":
            return ANYBODY
        if self.mode == "passthrough":
            return Caller(upstream_key=for_upstream(headers))
        if not self.loaded():
            await _until(self.loaded, "The bridge cannot read its client keys yet.", "keys_unread")
        return Caller(recognised(headers, snapshot().keys, time.time()))


async def _until(known: Callable[[], bool], words: str, code: str) -> None:
    end = time.monotonic() + FIRST_READING
    while not known():
        if time.monotonic() > end:
            raise errors.Overloaded(words, code=code)
        await asyncio.sleep(0.02)
