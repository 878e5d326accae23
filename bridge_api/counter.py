"""How many tokens a request has: counted here, or asked of the upstream.

Why: the count made here is at once there and says nothing to anybody; what is not in the request (a picture by
URL, a file by id, what a hosted tool brings along) only the upstream can count.

Invariants: a count always comes: the upstream has ``seconds``, and whatever goes wrong there, the local count
stands in, with a note; the same request of the same client is understood and counted once while it is remembered
(by hash, bounded); the upstream is asked once however many want the same count at a time; a count that can only be
an estimate is marked as one.

Source: ``InputTokenCountParams`` of the ``openai`` package (``POST /responses/input_tokens``).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from bridge_api import errors
from bridge_api.guard import Arrival
from bridge_api.mapping import Route
from bridge_api.story import Story, ended_by
from bridge_api.tokens import service as tokens
from bridge_api.tokens.counting import Rough, unknowable
from bridge_api.translation.errors import from_http, from_network
from bridge_api.translation.notes import Note
from bridge_api.upstream.client import Flow, Upstream

Mode = Literal["local", "upstream", "auto"]
MODES: tuple[Mode, ...] = ("local", "upstream", "auto")
INPUT_TOKENS = "/responses/input_tokens"
MAX_ANSWER = 64 * 1024
MAX_TOKENS = 1_000_000_000
"""A count above it is a fault of whoever tells it: a thousand times what any model reads."""
REMEMBERED = 10_000
REQUESTS_REMEMBERED = 1_000
Key = tuple[int, int, int, int]
# The headers that a translation reads.
HEADERS = ("anthropic-version", "anthropic-beta", "x-claude-code-session-id")
_UPSTREAM_FAILED = Note("count.upstream_failed")
# What the upstream takes of a request in order to count it; anything else it would refuse.
COUNTED = ("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning")


def key_of(arrival: Arrival, revision: int = 0, upstream: str = "") -> Key:
    """What a count depends on: the body, the headers that change its meaning, the operators' decisions, and whose
    reasoning ``upstream`` can read. Python's own hash is keyed anew in each process, so that no client can make two
    bodies that share one."""
    told = (upstream, *map(arrival.headers.get, HEADERS))
    return revision, hash(arrival.body), len(arrival.body), hash(told)


def countable(payload: Mapping[str, Any]) -> bytes:
    """The body that asks for the count of ``payload``, a Responses request. Raises TypeError for what JSON cannot
    hold there."""
    return orjson.dumps({name: payload[name] for name in COUNTED if payload.get(name) is not None})


async def ask(
    upstream: Upstream,
    body: bytes,
    headers: Mapping[str, str],
    seconds: float,
    story: Story,
    key: str | None = None,
) -> int:
    """The upstream's own count of ``body`` (from ``countable``), within ``seconds``. Raises BridgeError."""
    until = asyncio.get_running_loop().time() + seconds
    story.attempt_begins()
    flow = upstream.open(INPUT_TOKENS, body, headers, key)
    try:
        found = await _answer(flow, until)
    except errors.BridgeError as error:
        story.attempt_ends(flow.head, error)
        flow.cancel()
        raise
    except asyncio.CancelledError as cancelled:
        story.attempt_ends(flow.head, ended_by(cancelled))
        flow.cancel()
        raise
    story.attempt_ends(flow.head, None)
    flow.release()
    return found


async def _answer(flow: Flow, until: float) -> int:
    if not await flow.wait_head(until):
        raise from_network("headers_timeout")
    head = flow.head
    if head is None:
        raise from_network(flow.fault or "protocol")
    body = await flow.read(MAX_ANSWER, until - asyncio.get_running_loop().time())
    if not flow.ended and len(body) < MAX_ANSWER:
        raise from_network("idle_timeout")
    if flow.fault:
        raise from_network(flow.fault)
    if head.status != 200:
        raise from_http(head.status, head.headers, body)
    try:
        found = orjson.loads(body)["input_tokens"]
    except (ValueError, KeyError, TypeError):
        raise from_network("protocol") from None
    if type(found) is not int or not 0 <= found <= MAX_TOKENS:
        raise from_network("protocol")
    return found


@dataclass(frozen=True, slots=True)
class Counted:
    """A count, and what the story of its request tells: see ``Story.open``; ``said`` are notes on the count."""

    tokens: int
    route: Route
    payload: Mapping[str, Any]
    notes: tuple[Note, ...]
    counts: dict[str, int]
    said: tuple[Note, ...]


class Recent:
    """The last counts by what asked for them. For one thread (the event loop's)."""

    def __init__(self, limit: int = REQUESTS_REMEMBERED) -> None:
        self._limit = limit
        self._counted: dict[Key, Counted] = {}

    def __len__(self) -> int:
        return len(self._counted)

    def get(self, key: Key) -> Counted | None:
        return self._counted.get(key)

    def keep(self, key: Key, counted: Counted) -> None:
        """Nothing is kept that may soon be a better number: reasoning whose size is yet to be learned, a count that
        the upstream failed to give. What is too large to be counted in full is kept as it was judged."""
        items = counted.payload.get("input") or ()
        if _UPSTREAM_FAILED in counted.said or any(item.get("type") == "reasoning" for item in items):
            return
        told = {name: counted.payload[name] for name in ("prompt_cache_key", "reasoning") if name in counted.payload}
        self._counted[key] = replace(counted, payload=told)
        if len(self._counted) > self._limit:
            del self._counted[next(iter(self._counted))]


class Counter:
    """Counts by the operator's ``mode``: ``local``, ``upstream``, or ``auto`` (the upstream is asked where the count
    made here would be an estimate)."""

    def __init__(
        self,
        mode: Mode = "local",
        upstream: Callable[[], Upstream] | None = None,
        seconds: float = 3.0,
        local: Callable[[dict[str, Any], str, bool], Awaitable[int]] = tokens.count,
        *,
        has_credential: bool = True,
    ) -> None:
        self._mode = mode
        self._upstream = upstream
        self._asks = upstream is not None and has_credential
        self._seconds = seconds
        self.local = local
        self._remembered = tokens.Memory(REMEMBERED)
        self._asking: dict[tuple[str | None, bytes], asyncio.Future[int | None]] = {}
        self.recent = Recent()

    async def count(
        self,
        payload: dict[str, Any],
        headers: Mapping[str, str],
        story: Story,
        *,
        like: str = "",
        key: str | None = None,
        large: bool = False,
    ) -> int:
        """The input tokens of ``payload``, a Responses request. What is to be said of it is noted in ``story``.

        ``like``: the model to count for, where it is not the request's; ``key``: the client's own upstream key;
        ``large``: too large for the event loop.
        """
        asks = self._mode != "local" and (self._asks or key is not None)
        upstream = self._upstream() if asks and self._upstream is not None else None
        rough, counted = await tokens.beside(payload, unknowable, large), None
        if upstream is None or not (rough or self._mode == "upstream"):
            counted = await self.local(payload, like, large)
            rough = rough or isinstance(counted, Rough)
        if upstream is not None and (rough or self._mode == "upstream"):
            found = await self._told(upstream, payload, headers, story, key, large)
            if found is not None:
                return found
            story.notes.append(_UPSTREAM_FAILED)
        if counted is None:
            counted = await self.local(payload, like, large)
        if rough or isinstance(counted, Rough):
            story.notes.append(Note("count.estimated"))
        return int(counted)

    async def _told(
        self,
        upstream: Upstream,
        payload: dict[str, Any],
        headers: Mapping[str, str],
        story: Story,
        key: str | None,
        large: bool,
    ) -> int | None:
        """What the upstream says or said; None when it fails. The first who wants a count asks for it, the others
        wait for its answer; when it leaves, the next one asks."""
        try:
            body = await tokens.beside(payload, countable, large)
        except TypeError:
            return None
        kind, mark = f"upstream {hash(key)}", (key, body)
        now = asyncio.get_running_loop().time
        until = now() + self._seconds
        while (asked := self._asking.get(mark)) is not None:
            await asyncio.wait([asked], timeout=max(0.0, until - now()))
            if not asked.cancelled():
                return asked.result() if asked.done() else None
        found = self._remembered.get(kind, body)
        if found is not None:
            return found
        answer = self._asking[mark] = asyncio.get_running_loop().create_future()
        try:
            with contextlib.suppress(errors.BridgeError):
                found = await ask(upstream, body, headers, until - now(), story, key)
                self._remembered.put(kind, body, found)
            answer.set_result(found)
            return found
        finally:
            del self._asking[mark]
            answer.cancel()
