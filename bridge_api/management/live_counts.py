"""Counts held against the upstream itself: its own count of a request, or what it bills for an answer.

Invariants: what is compared is what the bridge does: its own exchange in this process, or a running bridge; the
upstream's figure never comes from the count that it is compared with; a request that fails, or is answered with what
is no answer, is told with its error and does not stop the others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson
from django.conf import settings

from bridge_api import errors
from bridge_api import service as surroundings
from bridge_api.auth import Auth
from bridge_api.counter import MAX_TOKENS, Counter
from bridge_api.exchange import Exchange
from bridge_api.guard import arrival_from
from bridge_api.tokens.cases import Case
from bridge_api.tokens.verify import Line, Outcome
from bridge_api.translation.errors import from_network
from bridge_api.upstream.client import Upstream, UpstreamConfig

MESSAGES, COUNT = "/v1/messages", "/v1/messages/count_tokens"
SECONDS = 120.0
MAX_ANSWER = 16 * 1024 * 1024
HEADERS = {"anthropic-version": "2023-06-01", "user-agent": "verify_token_counts"}
Request = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """A case without a figure."""

    name: str
    error: errors.BridgeError


class Bridge(Protocol):
    """Who counts and answers."""

    async def count(self, request: Request) -> int: ...

    async def answer(self, request: Request) -> dict[str, Any]: ...


class InProcess:
    """The bridge's own exchange, with this process's settings, but for who may ask: the operator does, with the
    bridge's own key for the upstream."""

    async def count(self, request: Request) -> int:
        """The local count. Raises BridgeError."""
        return (await self._counted(request, Counter()))[1]

    async def translated(self, request: Request) -> Request:
        """The Responses request that is made of ``request``. Raises BridgeError."""
        return (await self._counted(request, Counter()))[0]

    async def upstream_count(self, request: Request) -> int:
        """The upstream's own count. Raises BridgeError, also when it does not come."""

        async def nobody(payload: dict[str, Any], model: str, large: bool) -> int:
            raise errors.ApiError("The upstream did not count the request.", code="upstream_count")

        counter = Counter("upstream", surroundings.upstream, SECONDS, nobody)
        return (await self._counted(request, counter))[1]

    async def _counted(self, request: Request, counter: Counter) -> tuple[Request, int]:
        exchange = self._exchange(request, COUNT, counter)
        try:
            found = await exchange.count()
        except errors.BridgeError as error:
            exchange.finish(error.status, error)
            raise
        return exchange.payload or {}, found

    async def answer(self, request: Request) -> dict[str, Any]:
        """The Message that is answered. Raises BridgeError."""
        exchange = self._exchange(request, MESSAGES, Counter())
        try:
            await exchange.prepare()
            await exchange.open()
            found: dict[str, Any] = orjson.loads(await exchange.message())
        except errors.BridgeError as error:
            exchange.finish(error.status, error)
            raise
        return found

    def _exchange(self, request: Request, endpoint: str, counter: Counter) -> Exchange:
        arrival = arrival_from(dict(HEADERS), _body({**request, "stream": False}))
        own = replace(
            surroundings.service(), auth=Auth(), has_credential=bool(settings.OPENAI_API_KEY), counter=counter
        )
        return Exchange(own, arrival, endpoint)


class Running:
    """A bridge that runs at ``url``; ``key`` is what it takes from its clients."""

    def __init__(self, url: str, key: str) -> None:
        self._connections = Upstream(UpstreamConfig(url.rstrip("/"), key))

    async def count(self, request: Request) -> int:
        """Its count. Raises BridgeError."""
        return _tokens((await self._post(COUNT, request)).get("input_tokens"))

    async def answer(self, request: Request) -> dict[str, Any]:
        """Its Message. Raises BridgeError."""
        return await self._post(MESSAGES, {**request, "stream": False})

    async def close(self) -> None:
        await self._connections.aclose()

    async def _post(self, path: str, request: Request) -> dict[str, Any]:
        flow = self._connections.open(path, _body(request), HEADERS)
        body = await flow.read(MAX_ANSWER, SECONDS, renewed=True)
        if flow.head is None or not flow.ended or flow.fault:
            flow.cancel()
            raise from_network(flow.fault or "idle_timeout")
        try:
            found: Any = orjson.loads(body)
            if flow.head.status == 200:
                return _object(found)
            raise errors.ApiError(f"{flow.head.status}: {found['error']['message']}", code="bridge_refused")
        except (ValueError, KeyError, TypeError):
            raise from_network("protocol") from None


async def counted(cases: Iterable[Case], bridge: Bridge, own: InProcess) -> AsyncIterator[Outcome | Failed]:
    """Each case: the bridge's count, and the upstream's count of the same request."""
    for case in cases:
        try:
            line = Line(case.name, await own.translated(case.request), await own.upstream_count(case.request))
            yield Outcome(line, await bridge.count(case.request))
        except errors.BridgeError as error:
            yield Failed(case.name, error)


async def generated(cases: Iterable[Case], bridge: Bridge, own: InProcess) -> AsyncIterator[Outcome | Failed]:
    """Each case, and the second turn of those that have one: the bridge's count, and what its answer was billed."""
    for case in cases:
        request, name = case.request, case.name
        try:
            answer, outcome = await _billed(name, request, bridge, own)
            yield outcome
            if case.then:
                request = _next_turn(request, answer, case.then)
                yield (await _billed(f"{name}, next turn", request, bridge, own))[1]
        except errors.BridgeError as error:
            yield Failed(name, error)


async def _billed(name: str, request: Request, bridge: Bridge, own: InProcess) -> tuple[dict[str, Any], Outcome]:
    found = await bridge.count(request)
    answer = await bridge.answer(request)
    usage = _object(answer.get("usage"))
    cached = (usage.get(one) for one in ("cache_creation_input_tokens", "cache_read_input_tokens"))
    billed = _tokens(usage.get("input_tokens")) + sum(_tokens(one) for one in cached if one is not None)
    return answer, Outcome(Line(name, await own.translated(request), billed), found)


def _next_turn(request: Request, answer: dict[str, Any], then: str) -> Request:
    content = answer.get("content")
    if not isinstance(content, list):
        raise from_network("protocol")
    calls = [block.get("id") for block in map(_object, content) if block.get("type") == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call, "content": then} for call in calls]
    turns = [{"role": "assistant", "content": content}, {"role": "user", "content": results or then}]
    return {**request, "messages": [*request["messages"], *turns]}


# -- what others wrote ------------------------------------------------------------------------------------


def _body(request: Request) -> bytes:
    try:
        return orjson.dumps(request)
    except TypeError:
        raise errors.InvalidRequest("The request cannot be written: it is nested too deeply.") from None


def _object(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise from_network("protocol")
    return found


def _tokens(found: Any) -> int:
    if type(found) is not int or not 0 <= found <= MAX_TOKENS:
        raise from_network("protocol")
    return found
