"""One request from its bytes to its end: the only room that sees both the pure core and the wire.

The order: parse, resolve the model, translate, announce; open the upstream, with retries and at most one repair
of each kind; wait for the first decisive event, so that an early failure keeps its true status; then pump events
until the answer machine has finished; close the upstream once; say how it ended, once.

Invariants: nothing is retried after the first byte went to the client; a stream is never silent for longer than
the ping interval once its status was sent, and its status is sent after one ping interval at the latest, unless
another try is under way; the client's cancellation ends the upstream at any moment; ``finish`` is synchronous, so
that no second cancellation can lose it; what is large is parsed off the event loop, and a request's bytes are not
held while its answer streams.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from bridge_api import correlation, errors
from bridge_api.counter import Counted, Counter, key_of
from bridge_api.guard import Arrival
from bridge_api.mapping import ModelMap, Route
from bridge_api.schemas.anthropic import VERSION_2023, parse_messages
from bridge_api.schemas.stream import PING, StreamEvent, encode, error_record
from bridge_api.sse import Decoder, EventTooLarge
from bridge_api.story import Story, client_gone, counts_of, ended_by, unexpected
from bridge_api.translation import response
from bridge_api.translation.errors import from_http, from_network, ratelimit_headers
from bridge_api.translation.notes import Note
from bridge_api.translation.plan import AnswerPlan
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

LARGE_BODY = 512 * 1024
MAX_ERROR_BODY = 1024 * 1024
MAX_JSON_BODY = 64 * 1024 * 1024
ERROR_BODY_SECONDS = 10.0
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
    counter: Counter = field(default_factory=Counter)
    estimate: Callable[[dict[str, Any], str], int | None] = lambda payload, model: None
    remember: Callable[[Sequence[dict[str, Any]], dict[str, Any], str], None] = lambda output, usage, model: None
    cut: Callable[[str, int], str] | None = None


@dataclass(slots=True)
class _Asked:
    """What was understood of a request; ``body`` is what goes upstream."""

    route: Route
    translated: Translated
    payload: dict[str, Any]
    counts: dict[str, int]
    tokens: int = 0
    body: bytes = b""


class Exchange:
    """One request. ``endpoint`` is its path; ``forced`` says that the path itself asks for a stream."""

    def __init__(self, service: Service, arrival: Arrival, endpoint: str, *, forced: bool = False) -> None:
        self._service = service
        self._arrival = arrival
        self._forced = forced
        self._story = Story(arrival, endpoint)
        self._asked: _Asked | None = None
        self._flow: Flow | None = None
        self._machine: AnswerMachine | None = None
        self._decoder = Decoder()
        self._ready: list[StreamEvent] = []
        self._failure: errors.BridgeError | None = None
        self._plan: AnswerPlan | None = None
        self._tokens = 0
        self._settled = False
        self._head_read = False
        self._asked_at = self._heard_at = 0.0
        self.headers: dict[str, str] = {}
        self.stream = forced

    @property
    def payload(self) -> dict[str, Any] | None:
        """The Responses request, while it is held: from the understanding to a certain answer."""
        return self._asked.payload if self._asked is not None else None

    # -- before the upstream --------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Parse, resolve and translate, and announce the exchange. Raises BridgeError."""
        asked = await self._understood(count=False)
        if not self._service.has_credential and asked.translated.local_answer is None:
            raise errors.missing_credential()
        translated = asked.translated
        self._story.open(asked.route, asked.payload, translated.notes, stream=self.stream, counts=asked.counts)

    async def count(self) -> int:
        """The input tokens of a count_tokens body as it would be sent. Raises BridgeError."""
        counter, key, story = self._service.counter, key_of(self._arrival), self._story
        found = counter.recent.get(key)
        if found is not None:
            story.open(found.route, found.payload, found.notes, stream=False, counts=found.counts)
            story.notes += found.said
        else:
            asked = await self._understood(count=True)
            notes = asked.translated.notes
            story.open(asked.route, asked.payload, notes, stream=False, counts=asked.counts)
            tokens = await counter.count(asked.payload, self._upstream_headers(), story)
            said = tuple(story.notes[len(notes) :])
            found = Counted(tokens, asked.route, asked.payload, notes, asked.counts, said)
            counter.recent.keep(key, found)
        self.finish(200, None)
        return found.tokens

    async def _understood(self, *, count: bool) -> _Asked:
        if len(self._arrival.body) > LARGE_BODY:
            self._asked = await asyncio.to_thread(self._understand, count)
        else:
            self._asked = self._understand(count)
        return self._asked

    def _understand(self, count: bool) -> _Asked:
        headers, service = self._arrival.headers, self._service
        version = headers.get("anthropic-version", VERSION_2023)
        request = parse_messages(self._arrival.body, version=version, count=count)
        route = service.models.resolve(request.model)
        if self._forced:
            request.stream = True
        self.stream = bool(request.stream) and not count
        context = RequestContext(
            route=route,
            version=version,
            betas=frozenset(flag.strip() for flag in headers.get("anthropic-beta", "").split(",") if flag.strip()),
            session_id=correlation.accept(headers.get("x-claude-code-session-id")),
            identity_key=service.identity_key,
            upstream_id=service.upstream_id,
        )
        translated = translate(request, context, count=count)
        asked = _Asked(route, translated, translated.payload, counts_of(request))
        if not count and service.has_credential:
            asked.tokens = service.estimate(asked.payload, asked.payload["model"]) or 0
            if translated.local_answer is None:
                asked.body = orjson.dumps(asked.payload)
        return asked

    # -- opening --------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the upstream and wait until the answer is certain enough for a status.

        A whole answer is read to its end, because until then it may be asked for again. A stream that is slow to
        begin gets its status when a ping is due. Raises BridgeError.
        """
        asked, loop = self._asked, asyncio.get_running_loop()
        assert asked is not None
        self._plan, self._tokens = asked.translated.plan, asked.tokens
        headers = self._upstream_headers()
        repaired: set[str] = set()
        began = loop.time()
        tries = 0
        while True:
            tries += 1
            self._ask(asked, headers)
            patience = self._service.ping_interval if self.stream else math.inf
            failure = await self._settle(loop.time() + patience)
            if failure is None:
                # No further try: what was asked is not held while the answer streams.
                self._asked = None
                self._arrival.body = b""
                return
            self._attempt_ends(failure)
            if self._repair(failure, asked, repaired):
                continue
            delay = self._service.retry.delay(failure, attempt=tries, elapsed=loop.time() - began, random=random.random)
            if delay is None:
                raise failure
            await asyncio.sleep(delay)

    def _upstream_headers(self) -> dict[str, str]:
        headers = {"X-Client-Request-Id": self._arrival.correlation_id}
        trace = correlation.child_traceparent(self._arrival.headers.get("traceparent"))
        if trace:
            headers["traceparent"] = trace
        return headers

    def _ask(self, asked: _Asked, headers: dict[str, str]) -> None:
        plan = asked.translated.plan
        self._machine = AnswerMachine(
            plan,
            message_id=correlation.new_message_id(),
            input_tokens=asked.tokens,
            cut=self._service.cut,
            # A stop sequence is watched for as the text grows: what comes after it would be paid for in vain.
            whole=not self.stream and not plan.stop_sequences,
        )
        self._decoder, self._ready = Decoder(), []
        self._settled = self._head_read = False
        self._story.attempt_begins()
        self._flow = self._service.upstream().open(RESPONSES, asked.body, headers)
        self._asked_at = asyncio.get_running_loop().time()

    def _repair(self, failure: errors.BridgeError, asked: _Asked, repaired: set[str]) -> bool:
        """Rewrite the request as ``failure`` wants it; False when it wants nothing or was tried already."""
        kind = failure.repair
        if kind not in _REPAIRS or kind in repaired:
            return False
        repaired.add(kind)
        rewrite, code = _REPAIRS[kind]
        asked.payload = rewrite(asked.payload)
        asked.body = orjson.dumps(asked.payload)
        self._story.notes.append(Note(code))
        return True

    async def _settle(self, until: float) -> errors.BridgeError | None:
        """Read until the answer is sure (``_settled``) or the time has come; the failure, where it is one."""
        flow, loop = self._flow, asyncio.get_running_loop()
        assert flow is not None
        if flow.head is None:
            deadline = self._asked_at + self._service.response_timeout
            if not await flow.wait_head(min(until, deadline)):
                return from_network("headers_timeout") if loop.time() >= deadline else None
            if flow.head is None:
                return from_network(flow.fault or "protocol")
        if not self._head_read:
            self._head_read = True
            self._story.passed("upstream_connected")
            failure = await self._read_head(flow, flow.head)
            if failure is not None:
                return failure
            self._heard_at = loop.time()
        return await self._until_sure(flow, until)

    async def _read_head(self, flow: Flow, head: Head) -> errors.BridgeError | None:
        """What status and headers decide alone; the answer of an upstream that sends JSON is read here, too."""
        self.headers = ratelimit_headers(head.headers)
        if not 200 <= head.status < 300:
            body = await flow.read(MAX_ERROR_BODY, ERROR_BODY_SECONDS)
            caps = self._plan.caps if self._plan else None
            return from_http(head.status, head.headers, body, caps=caps, input_tokens=self._tokens or None)
        if head.encoded:
            return from_network("protocol")
        if head.content_type == "application/json":
            body = await flow.read(MAX_JSON_BODY, self._service.idle_timeout, renewed=True)
            self._ready += self._machine_now().receive_json(body)
        elif head.content_type not in ("text/event-stream", ""):
            return from_network("protocol")
        return None

    async def _until_sure(self, flow: Flow, until: float) -> errors.BridgeError | None:
        machine, now = self._machine_now(), asyncio.get_running_loop().time
        while not (machine.finished or (machine.decisive and self.stream)):
            silent = self._heard_at + self._service.idle_timeout
            if await flow.wait(min(until, silent)):
                self._take()
            elif now() >= silent:
                return from_network("idle_timeout")
            if now() >= until and not machine.decisive and not machine.finished:
                return None
        self._settled = True
        return machine.failure

    def _take(self) -> None:
        """Feed the machine with what has arrived, or with the end."""
        flow, machine = self._flow, self._machine
        assert flow is not None
        assert machine is not None
        data = flow.take()
        if data:
            self._heard_at = asyncio.get_running_loop().time()
            try:
                self._ready += machine.receive(self._decoder.feed(data))
            except EventTooLarge:
                self._ready += machine.close("network")
        elif flow.ended:
            self._ready += machine.close("network" if flow.fault else "eof")

    def _machine_now(self) -> AnswerMachine:
        assert self._machine is not None
        return self._machine

    # -- the answer -----------------------------------------------------------------------------------

    async def pump(self) -> AsyncIterator[list[StreamEvent] | None]:
        """A stream's answer: the events of each upstream read; None when a ping is due."""
        flow, machine, service = self._flow, self._machine_now(), self._service
        assert flow is not None
        now = asyncio.get_running_loop().time
        sent = now()
        while True:
            if self._ready:
                events, self._ready = self._ready, []
                yield events
                sent = now()
            if machine.finished:
                return
            due = sent + service.ping_interval
            if self._settled:
                silent = self._heard_at + service.idle_timeout
                if await flow.wait(min(due, silent)):
                    self._take()
                elif now() >= silent:
                    self._ready += machine.close("idle_timeout")
                    continue
            else:
                self._failure = await self._settle(due)
                if self._failure is not None:
                    return
            if not self._ready and not machine.finished and now() >= due:
                yield None
                sent = now()

    async def records(self) -> AsyncIterator[bytes]:
        """The answer as server-sent events, one chunk for each upstream read. Call after ``open``."""
        machine, request_id = self._machine_now(), self._arrival.request_id
        try:
            async for events in self.pump():
                self._story.passed("first_byte")
                yield PING if events is None else b"".join([encode(event) for event in events])
            failure = self._failure or machine.failure
            if failure is not None:
                yield error_record(failure, request_id)
            self.finish(200, failure)
        except asyncio.CancelledError as cancelled:
            self.finish_cancelled(cancelled)
            # A client that is still there is told; one that has gone is written to in vain.
            yield error_record(ended_by(cancelled), request_id)
            raise
        except Exception as error:  # noqa: BLE001 - a stream that has begun ends well-formed
            fault = unexpected(error)
            self.finish(200, fault)
            yield error_record(fault, request_id)
        finally:
            self.abandon()

    async def message(self) -> bytes:
        """The answer as one Message (JSON). Call after ``open``."""
        fold = response.Fold()
        fold.add(self._ready)
        body = response.encode(fold.message(self._machine_now()))
        self.finish(200, None)
        return body

    def local_message(self) -> bytes | None:
        """The answer that needs no upstream, or None."""
        asked = self._asked
        if asked is None or asked.translated.local_answer is None:
            return None
        usage = {
            "input_tokens": asked.tokens,
            "output_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "service_tier": "standard",
        }
        body = {"id": correlation.new_message_id(), **asked.translated.local_answer, "usage": usage}
        self.finish(200, None)
        return orjson.dumps(body)

    # -- the end --------------------------------------------------------------------------------------

    def _attempt_ends(self, failure: errors.BridgeError | None) -> None:
        flow = self._flow
        if flow is not None:
            self._story.attempt_ends(flow.head, failure)
            flow.cancel()

    def finish(self, status: int, failure: errors.BridgeError | None) -> None:
        """Close the upstream and tell the end; ``status`` is what the client saw. Only the first call counts."""
        if self._story.finished:
            return
        flow, machine = self._flow, self._machine
        if flow is not None and machine is not None:
            self._story.attempt_ends(flow.head, failure)
            if failure is None and machine.outcome.stop_reason != "stop_sequence":
                flow.release()
            else:
                flow.cancel()
                machine.close("client_gone")
            told = machine.outcome
            if told.output:
                self._service.remember(told.output, told.upstream_usage, told.upstream_model or "")
        self._story.finish(status, failure, machine.outcome if machine is not None else None)

    def finish_cancelled(self, cancelled: asyncio.CancelledError) -> None:
        """The end of a request that was cancelled: by its client, or because the server stops."""
        failure = ended_by(cancelled)
        gone = isinstance(failure, errors.ClientGone)
        self.finish(499 if gone else 200 if self.stream else failure.status, failure)

    def abandon(self) -> None:
        """The answer will not be read further: its client has gone. After an end this does nothing."""
        if not self._story.finished:
            self.finish(499, client_gone())
