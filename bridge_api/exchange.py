"""One request from its bytes to its end: the only room that sees both the pure core and the wire.

The order: parse, resolve the model, translate, announce; open the upstream, with retries and at most one repair
of each kind; wait for the first decisive event, so that an early failure keeps its true status; then pump events
until the answer machine has finished; close the upstream once; say how it ended, once.

Invariants: nothing is retried after the first byte went to the client; the client's cancellation ends the
upstream at any moment; ``finish`` is synchronous, so that no second cancellation can lose it; no content and no
secret reaches a log line or a signal.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from bridge_api import capabilities, correlation, errors
from bridge_api.guard import Arrival
from bridge_api.mapping import ModelMap, Route
from bridge_api.schemas.anthropic import VERSION_2023, MessagesRequest, parse_messages
from bridge_api.schemas.blocks import Document, Image, ToolResult
from bridge_api.schemas.stream import PING, StreamEvent, encode, error_record
from bridge_api.signals import Attempt, ExchangeFinished, ExchangeOpened, Outcome, exchange_finished, exchange_opened
from bridge_api.sse import Decoder, EventTooLarge
from bridge_api.translation import response
from bridge_api.translation.errors import from_http, from_network, ratelimit_headers
from bridge_api.translation.notes import Note
from bridge_api.translation.request import (
    RequestContext,
    Translated,
    translate,
    without_reasoning,
    without_summary,
)
from bridge_api.translation.stream import AnswerMachine
from bridge_api.upstream.client import Flow, Head, Upstream
from bridge_api.upstream.retry import RetryPolicy

log = logging.getLogger("bridge.exchange")

MAX_ERROR_BODY = 1024 * 1024
MAX_JSON_BODY = 64 * 1024 * 1024
RESPONSES = "/responses"
_REPAIRS: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "reasoning": (without_reasoning, "dropped.reasoning_retry"),
    "summary": (without_summary, "dropped.summary_retry"),
}


@dataclass(frozen=True, slots=True)
class Service:
    """What exchanges share: the mapping, the upstream and the settings that matter here (seconds)."""

    models: ModelMap
    upstream: Callable[[], Upstream]
    retry: RetryPolicy
    identity_key: bytes
    upstream_id: str
    has_credential: bool
    response_timeout: float
    idle_timeout: float
    ping_interval: float
    estimate: Callable[[dict[str, Any], str], int | None] = lambda payload, model: None
    cut: Callable[[str, int], str] | None = None


@dataclass(slots=True)
class _Log:
    """What the end of the exchange will tell."""

    opened: ExchangeOpened | None = None
    attempts: list[Attempt] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    finished: bool = False


class Exchange:
    """One request. ``endpoint`` is its path; ``forced`` says that the path itself asks for a stream."""

    def __init__(self, service: Service, arrival: Arrival, endpoint: str, *, forced: bool = False) -> None:
        self._service = service
        self._arrival = arrival
        self._endpoint = endpoint
        self._forced = forced
        self._log = _Log(times={"received": arrival.received_at})
        self._flow: Flow | None = None
        self._machine: AnswerMachine | None = None
        self._decoder = Decoder()
        self._translated: Translated | None = None
        self._ready: list[StreamEvent] = []
        self.headers: dict[str, str] = {}
        self.stream = forced

    # -- before the upstream --------------------------------------------------------------------------

    def prepare(self) -> Translated:
        """Parse, resolve and translate, and announce the exchange. Raises BridgeError."""
        request, route = self._parsed(count=False)
        self.stream = self._forced or request.stream
        if self._forced:
            request.stream = True
        translated = translate(request, self._context(route))
        if not self._service.has_credential and translated.local_answer is None:
            raise errors.missing_credential()
        self._translated = translated
        self._log.notes += translated.notes
        self._announce(request, route, translated)
        return translated

    def prepare_count(self) -> tuple[dict[str, Any], str]:
        """(the Responses request to count, its model) for a count_tokens body. Raises BridgeError."""
        request, route = self._parsed(count=True)
        translated = translate(request, self._context(route), count=True)
        self._log.notes += translated.notes
        self._announce(request, route, translated)
        return translated.payload, route.served

    def _parsed(self, *, count: bool) -> tuple[MessagesRequest, Route]:
        headers = self._arrival.headers
        version = headers.get("anthropic-version", VERSION_2023)
        request = parse_messages(self._arrival.body, version=version, count=count)
        return request, self._service.models.resolve(request.model)

    def _context(self, route: Route) -> RequestContext:
        headers = self._arrival.headers
        betas = frozenset(flag.strip() for flag in headers.get("anthropic-beta", "").split(",") if flag.strip())
        return RequestContext(
            route=route,
            version=headers.get("anthropic-version", VERSION_2023),
            betas=betas,
            session_id=correlation.accept(headers.get("x-claude-code-session-id")),
            identity_key=self._service.identity_key,
            upstream_id=self._service.upstream_id,
        )

    def _announce(self, request: MessagesRequest, route: Route, translated: Translated) -> None:
        arrival = self._arrival
        payload = translated.payload
        self._log.opened = opened = ExchangeOpened(
            correlation_id=arrival.correlation_id,
            request_id=arrival.request_id,
            endpoint=self._endpoint,
            stream=self.stream,
            model_asked=route.asked[:128],
            model_served=route.served,
            rule=route.rule,
            received_at=arrival.received_at,
            session_id=payload.get("prompt_cache_key"),
            client=arrival.headers.get("user-agent", "")[:128],
            effort=(payload.get("reasoning") or {}).get("effort"),
            counts=_counts(request),
            notes=translated.notes,
        )
        _send(exchange_opened, opened)

    # -- the answer -----------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the upstream and wait until the answer is certain enough for a status. Raises BridgeError."""
        translated = self._translated or self.prepare()
        service, arrival = self._service, self._arrival
        payload = translated.payload
        headers = {"X-Client-Request-Id": arrival.correlation_id}
        trace = correlation.child_traceparent(arrival.headers.get("traceparent"))
        if trace:
            headers["traceparent"] = trace
        estimate = service.estimate(payload, payload["model"]) or 0
        repaired: set[str] = set()
        began = time.monotonic()
        tries = 0
        while True:
            tries += 1
            machine = AnswerMachine(
                translated.plan,
                message_id=correlation.new_message_id(),
                input_tokens=estimate,
                cut=service.cut,
                whole=not self.stream,
            )
            self._machine, self._decoder, self._ready = machine, Decoder(), []
            started = time.time()
            self._flow = service.upstream().open(RESPONSES, orjson.dumps(payload), headers)
            failure = await self._until_decisive(self._flow, machine)
            self._note_attempt(started, failure)
            if failure is None:
                return
            self._flow.cancel()
            if failure.repair in _REPAIRS and failure.repair not in repaired:
                repaired.add(failure.repair)
                rewrite, code = _REPAIRS[failure.repair]
                payload = rewrite(payload)
                self._log.notes.append(Note(code))
                continue
            delay = service.retry.delay(failure, attempt=tries, elapsed=time.monotonic() - began, random=random.random)
            if delay is None:
                raise failure
            await asyncio.sleep(delay)

    async def _until_decisive(self, flow: Flow, machine: AnswerMachine) -> errors.BridgeError | None:
        """Feed the machine until it is sure. None when the answer has begun, else why it has not."""
        service = self._service
        if not await flow.wait_head(service.response_timeout):
            return from_network("headers_timeout")
        head = flow.head
        if head is None:
            return from_network(flow.fault or "protocol")
        self._log.times.setdefault("upstream_connected", time.time())
        self.headers = ratelimit_headers(head.headers)
        if not 200 <= head.status < 300:
            body = await self._whole(flow, MAX_ERROR_BODY)
            plan = self._translated.plan if self._translated else None
            caps = plan.caps if plan else capabilities.UNKNOWN
            return from_http(head.status, head.headers, body, caps=caps, input_tokens=self._estimate_for(caps))
        if head.content_type == "application/json":
            body = await self._whole(flow, MAX_JSON_BODY)
            self._ready += machine.receive_json(body)
            return machine.failure
        if head.content_type not in ("text/event-stream", ""):
            return from_network("protocol")
        patience = service.ping_interval
        loop = asyncio.get_running_loop()
        opened = began = loop.time()
        while not machine.decisive and not machine.finished:
            if not await flow.wait(patience):
                if self.stream:
                    break
                if loop.time() - began > service.idle_timeout:
                    return from_network("idle_timeout")
                continue
            data = flow.take()
            if data:
                began = loop.time()
                self._feed(machine, data)
            elif flow.ended:
                self._ready += machine.close("network" if flow.fault else "eof")
            if self.stream and loop.time() - opened > patience:
                break
        return machine.failure

    def _estimate_for(self, caps: capabilities.Capabilities) -> int | None:
        """The size to tell with an overflow: our count where there is one."""
        if self._translated is None:
            return None
        return self._service.estimate(self._translated.payload, self._translated.payload["model"])

    async def _whole(self, flow: Flow, limit: int) -> bytes:
        """The body of an answer that is no stream, at most ``limit`` bytes of it."""
        parts: list[bytes] = []
        size = 0
        while size < limit:
            if not await flow.wait(self._service.idle_timeout):
                break
            data = flow.take()
            if not data and flow.ended:
                break
            parts.append(data)
            size += len(data)
        return b"".join(parts)[:limit]

    def _feed(self, machine: AnswerMachine, data: bytes) -> None:
        ready = self._ready
        try:
            ready += machine.receive(self._decoder.feed(data))
        except EventTooLarge:
            ready += machine.close("network")

    def _note_attempt(self, started: float, failure: errors.BridgeError | None) -> None:
        head: Head | None = self._flow.head if self._flow else None
        self._log.attempts.append(
            Attempt(
                number=len(self._log.attempts) + 1,
                started_at=started,
                seconds=time.time() - started,
                status=head.status if head else None,
                error_code=failure.code if failure else None,
                upstream_request_id=correlation.accept(head.headers.get("x-request-id")) if head else None,
            )
        )

    async def pump(self) -> AsyncIterator[list[StreamEvent] | None]:
        """The rest of the answer: the events of each upstream read; None when a ping is due."""
        flow, machine = self._flow, self._machine
        assert flow is not None
        assert machine is not None
        service = self._service
        quiet = 0.0
        while True:
            if self._ready:
                events, self._ready = self._ready, []
                yield events
            if machine.finished:
                return
            if not await flow.wait(service.ping_interval):
                quiet += service.ping_interval
                if quiet >= service.idle_timeout:
                    self._ready += machine.close("idle_timeout")
                else:
                    yield None
                continue
            quiet = 0.0
            data = flow.take()
            if data:
                self._feed(machine, data)
            elif flow.ended:
                self._ready += machine.close("network" if flow.fault else "eof")

    async def records(self) -> AsyncIterator[bytes]:
        """The answer as server-sent events, one chunk for each upstream read. Call after ``open``."""
        machine = self._machine
        assert machine is not None
        try:
            async for events in self.pump():
                if events is None:
                    yield PING
                    continue
                self._log.times.setdefault("first_byte", time.time())
                yield b"".join([encode(event) for event in events])
            if machine.failure is not None:
                yield error_record(machine.failure, self._arrival.request_id)
            self.finish(200, machine.failure)
        finally:
            self.finish(499, errors.ClientGone("The client closed the connection."))

    async def message(self) -> bytes:
        """The answer as one Message (JSON). Call after ``open``. Raises BridgeError."""
        machine = self._machine
        assert machine is not None
        fold = response.Fold()
        async for events in self.pump():
            if events:
                fold.add(events)
        if machine.failure is not None:
            raise machine.failure
        body = response.encode(fold.message(machine))
        self.finish(200, None)
        return body

    def local_message(self) -> bytes | None:
        """The answer that needs no upstream, or None."""
        translated = self._translated
        if translated is None or translated.local_answer is None:
            return None
        usage = {
            "input_tokens": self._service.estimate(translated.payload, translated.payload["model"]) or 0,
            "output_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "service_tier": "standard",
        }
        body = {"id": correlation.new_message_id(), **translated.local_answer, "usage": usage}
        self.finish(200, None)
        return orjson.dumps(body)

    # -- the end --------------------------------------------------------------------------------------

    def finish(self, status: int, failure: errors.BridgeError | None) -> None:
        """Close the upstream and tell the end. Only the first call does anything."""
        story = self._log
        if story.finished:
            return
        story.finished = True
        if self._flow is not None:
            self._flow.cancel()
        machine = self._machine
        if machine is not None and not machine.finished:
            machine.close("client_gone")
        story.times["finished"] = time.time()
        outcome = _outcome(failure, machine)
        told = machine.outcome if machine is not None else None
        finished = ExchangeFinished(
            correlation_id=self._arrival.correlation_id,
            request_id=self._arrival.request_id,
            endpoint=self._endpoint,
            status=failure.status if failure is not None and status != 200 else status,
            outcome=outcome,
            opened=story.opened,
            error_type=failure.type if failure else None,
            error_code=failure.code if failure else None,
            stop_reason=told.stop_reason if told else None,
            usage=told.usage if told else {},
            usage_estimated=told.estimated if told else False,
            tool_calls=told.tool_calls if told else (),
            notes=(*story.notes, *(told.notes if told else ())),
            attempts=tuple(story.attempts),
            times=dict(story.times),
            upstream_response_id=told.upstream_response_id if told else None,
        )
        _send(exchange_finished, finished)
        _log_line(finished)


def _outcome(failure: errors.BridgeError | None, machine: AnswerMachine | None) -> Outcome:
    if failure is None:
        return "completed"
    if isinstance(failure, errors.ClientGone):
        return "client_disconnected"
    return "failed" if machine is not None else "refused"


def _send(signal: Any, payload: Any) -> None:
    for receiver, result in signal.send_robust(sender=type(payload), payload=payload):
        if isinstance(result, Exception):
            log.error(
                "a receiver of %s failed: %s in %s",
                type(payload).__name__,
                type(result).__name__,
                getattr(receiver, "__qualname__", "?"),
            )


def _log_line(done: ExchangeFinished) -> None:
    level = logging.WARNING if done.status >= 500 else logging.INFO
    if not log.isEnabledFor(level):
        return
    times = done.times
    first = times.get("first_byte")
    log.log(
        level,
        "exchange finished",
        extra={
            "fields": {
                "correlation_id": done.correlation_id,
                "request_id": done.request_id,
                "endpoint": done.endpoint,
                "stream": done.opened.stream if done.opened else None,
                "model_asked": done.opened.model_asked if done.opened else None,
                "model_served": done.opened.model_served if done.opened else None,
                "status": done.status,
                "outcome": done.outcome,
                "error_type": done.error_type,
                "error_code": done.error_code,
                "stop_reason": done.stop_reason,
                "input_tokens": done.usage.get("input_tokens"),
                "output_tokens": done.usage.get("output_tokens"),
                "attempts": len(done.attempts),
                "duration_ms": round((times["finished"] - times["received"]) * 1000),
                "first_byte_ms": round((first - times["received"]) * 1000) if first else None,
                "notes": sorted({note.code for note in done.notes}),
            }
        },
    )


def _counts(request: MessagesRequest) -> dict[str, int]:
    counts = {"messages": len(request.messages), "tools": len(request.tools or ()), "images": 0, "documents": 0}
    for message in request.messages:
        for block in message.content if isinstance(message.content, list) else ():
            inner = block.content if isinstance(block, ToolResult) and isinstance(block.content, list) else (block,)
            for part in inner:
                counts["images"] += isinstance(part, Image)
                counts["documents"] += isinstance(part, Document)
    return counts
