"""Counting for the API: remembered by content, off the event loop when it takes long.

Invariants: a text is encoded once while it is remembered (bounded memory, by hash, never the text itself); the
event loop is never held by the tokenizer; an estimate that is not at hand is None, never a wait.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from bridge_api.tokens import counting, encodings

REMEMBERED = 50_000
_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="tokens")


class NotRemembered(LookupError):
    """A text would have to be encoded."""


class Memory:
    """Token counts by content hash, the least recently used forgotten first."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._lock = Lock()
        self._counts: OrderedDict[bytes | str, int] = OrderedDict()

    def get(self, text: str) -> int | None:
        key = _key(text)
        with self._lock:
            found = self._counts.get(key)
            if found is not None:
                self._counts.move_to_end(key)
            return found

    def measure(self, text: str) -> int:
        """The tokens of ``text``, encoded when it is not remembered."""
        found = self.get(text)
        if found is None:
            found = encodings.length(text)
            with self._lock:
                self._counts[_key(text)] = found
                while len(self._counts) > self._limit:
                    self._counts.popitem(last=False)
        return found

    def recall(self, text: str) -> int:
        """The tokens of ``text``; raises NotRemembered for one that is not known."""
        found = self.get(text)
        if found is None:
            raise NotRemembered
        return found


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


memory = Memory()


async def count(payload: dict[str, Any], model: str) -> int:
    """The input tokens of a Responses request."""
    known = remembered_or_cheap(payload, model)
    if known is not None:
        return known
    return await asyncio.get_running_loop().run_in_executor(_pool, counting.count, payload, memory.measure)


def remembered_or_cheap(payload: dict[str, Any], model: str) -> int | None:
    """The count when every text of it is remembered, else None. Takes microseconds for each text."""
    try:
        return counting.count(payload, memory.recall)
    except NotRemembered:
        return None


def cut(text: str, tokens: int) -> str:
    """The first ``tokens`` tokens of ``text``."""
    return encodings.cut(text, tokens)
