"""Counting for the API: remembered by content, off the event loop when it takes long.

Invariants: a text is encoded once while it is remembered (bounded memory, by hash, never the text itself); the
event loop encodes ``CHEAP`` characters at most and reads no file; a thread encodes ``WORK`` characters and reads
files for about ``READING`` seconds at most for one count, and judges the rest by its length: such a count is
``counting.Rough``, and nothing of that rest is remembered; an estimate that is not at hand is None, never a wait.

Each text, picture, tool list and file is kept by its own content, so that a turn costs only what is new.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, TypeVar

from bridge_api.tokens import answers, counting, documents, encodings
from bridge_api.tokens.families import family_of

REMEMBERED = 50_000
"""Counts kept: about 8 MB."""
CHEAP = 2_000
"""Characters that may be encoded at once on the event loop: about a third of a millisecond."""
WORK = 6_000_000
"""Characters that are encoded for one count: more than any model reads, one to three seconds of a thread."""
READING = 3.0
"""Seconds of one count after which no further file is opened."""
# What else takes time, as so many characters: to look for what is remembered, to encode a text whatever its length,
# to read the header of a picture.
_A_LOOK, _A_TEXT, _A_PICTURE = 2, 16, 200
_SEEN = "answer"

_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="tokens")


_T = TypeVar("_T")


class NotRemembered(LookupError):
    """Something would have to be counted that takes long."""


class Memory:
    """Counts by kind and hash of the content, the least recently used forgotten first. Safe for several threads."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._counts: OrderedDict[Key, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def get(self, kind: str, content: str | bytes) -> int | None:
        return self._get(_key(kind, content))

    def put(self, kind: str, content: str | bytes, tokens: int) -> None:
        self._put(_key(kind, content), tokens)

    def remember(self, kind: str, content: str | bytes, work: Callable[[], int]) -> int:
        """The result of ``work`` for this content, done when it is not remembered."""
        key = _key(kind, content)
        found = self._get(key)
        if found is None:
            found = work()
            self._put(key, found)
        return found

    def _get(self, key: Key) -> int | None:
        found = self._counts.get(key)
        if found is not None:
            try:
                self._counts.move_to_end(key)
            except KeyError:  # another thread has just forgotten the entry: reading takes no lock
                return found
        return found

    def _put(self, key: Key, tokens: int) -> None:
        with self._lock:
            self._counts[key] = tokens
            self._counts.move_to_end(key)
            while len(self._counts) > self._limit:
                self._counts.popitem(last=False)


Key = tuple[str, int, int]


def _key(kind: str, content: str | bytes) -> Key:
    """Python's own hash of a text: keyed anew in each process, so that no client can choose one, and counted
    once a text. With ``REMEMBERED`` entries a false match is a matter of one in ten thousand million, and it
    would give a wrong count, nothing worse."""
    return kind, len(content), hash(content)


memory = Memory()


def _seen(encrypted: str) -> int | None:
    return memory.get(_SEEN, encrypted)


async def count(payload: dict[str, Any], model: str = "", large: bool = False) -> int:
    """The input tokens of a Responses request; ``model``, where it is given, is counted for instead of its own.

    ``counting.Rough`` where a part can only be judged, or is too large to be counted in full; no part of what is
    ``large`` is counted on the event loop.
    """
    if not large:
        known = remembered_or_cheap(payload, model)
        if known is not None:
            return known
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_pool, _thorough, _named(payload, model))


async def beside(payload: dict[str, Any], look: Callable[[dict[str, Any]], _T], large: bool) -> _T:
    """``look(payload)``, beside the event loop when the payload is large."""
    if not large:
        return look(payload)
    return await asyncio.get_running_loop().run_in_executor(_pool, look, payload)


def _thorough(payload: dict[str, Any]) -> int:
    work = _Work()
    tokens = counting.count(payload, counting.Means(work.length, work.remember, work.pages, _seen))
    return counting.Rough(tokens) if work.rough else tokens


class _Work:
    """What a thread may do for one count. ``rough``: the rest was judged by its length."""

    def __init__(self) -> None:
        self.rough = False
        self._left, self._reading = WORK, READING
        self._encoded = self._tokens = 0

    def remember(self, kind: str, content: str | bytes | None, work: Callable[[], int]) -> int:
        found = None if content is None else memory.get(kind, content)
        if found is None:
            before, self.rough = self.rough, False
            found = work()
            if content is not None and not self.rough:
                memory.put(kind, content, found)
            self.rough |= before
        return found

    def length(self, text: str) -> int:
        """What is beyond the work is as long as what was encoded before."""
        told = text[: self._left]
        self._left = max(0, self._left - len(told) - _A_TEXT)
        tokens = encodings.length(told)
        self._encoded, self._tokens = self._encoded + len(told), self._tokens + tokens
        beyond = len(text) - len(told)
        if not beyond:
            return tokens
        self.rough = True
        return tokens + round(beyond * (self._tokens or 1) / (self._encoded or 4))

    def pages(self, encoded: str) -> counting.Pages:
        if self._reading <= 0:
            self.rough = True
            return counting.NO_PAGES
        began = monotonic()
        found = documents.pages(encoded)
        self._reading -= monotonic() - began
        return found


def remembered_or_cheap(payload: dict[str, Any], model: str = "") -> int | None:
    """As ``count``, when what is not remembered is small, else None. Never waits; about a millisecond for what
    intake reads on the event loop."""
    if not encodings.is_loaded():
        encodings.warm()
        return None
    budget = _Budget()
    try:
        return counting.count(_named(payload, model), counting.Means(encodings.length, budget.remember, seen=_seen))
    except NotRemembered:
        return None


class _Budget:
    """Remembers like ``memory``, but does only so much work that nobody has to wait."""

    def __init__(self) -> None:
        self._left = CHEAP

    def remember(self, kind: str, content: str | bytes | None, work: Callable[[], int]) -> int:
        self._left -= _A_LOOK
        if self._left < 0 or content is None:
            raise NotRemembered
        found = memory.get(kind, content)
        if found is not None:
            return found
        self._left -= _A_PICTURE if kind == "picture" else _A_TEXT + len(content)
        # The references of a tool's schema may become a text of any length.
        long = kind.startswith(("file", "long")) or (kind == "tools" and b'"$ref"' in content)  # type: ignore[operator]
        if self._left < 0 or long:
            raise NotRemembered
        return memory.remember(kind, content, work)


def remember_answer(output: Sequence[Mapping[str, Any]], usage: Mapping[str, Any], model: str) -> None:
    """Keeps what a finished answer tells about the size of its encrypted reasoning, for the next turns.

    ``output``: the answer's items as the upstream sent them; ``usage``: the upstream's. Returns at once.
    """
    if any(item.get("encrypted_content") for item in output):
        _pool.submit(_learn, tuple(output), usage, model)


def _learn(output: Sequence[Mapping[str, Any]], usage: Mapping[str, Any], model: str) -> None:
    for key, tokens in answers.learned(output, usage, family_of(model), encodings.length).items():
        memory.put(_SEEN, key, tokens)


def warm() -> None:
    """Begins to load the vocabulary in the background, so that the first count does not wait for it."""
    encodings.warm()


def cut(text: str, tokens: int) -> str:
    """The first ``tokens`` tokens of ``text``."""
    return encodings.cut(text, tokens)


def _named(payload: dict[str, Any], model: str) -> dict[str, Any]:
    return payload if not model else {**payload, "model": model}
