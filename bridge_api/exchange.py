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
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import orjson

from bridge_api import correlation, errors
from bridge_api.counter import Counted, key_of
from bridge_api.guard import Arrival
from bridge_api.intake import Asked, Intake, Service
from bridge_api.schemas.stream import PING, StreamEvent, characters, encode, error_record
from bridge_api.sse import Decoder, EventTooLarge
from bridge_api.story import Story, client_gone, ended_by, unexpected
from bridge_api.translation import response
from bridge_api.translation.errors import from_http, from_network, ratelimit_headers
from bridge_api.translation.notes import Note
from bridge_api.translation.plan import AnswerPlan
from bridge_api.translation.request import without_reasoning, without_summary
from bridge_api.translation.stream import AnswerMachine
from bridge_api.upstream.client import Flow, Head

MAX_ERROR_BODY = 1024 * 1024
MAX_JSON_BODY = 64 * 1024 * 1024
MAX_TOLD_EVENTS = 20_000
ERROR_BODY_SECONDS = 10.0
RESPONSES = "/responses"
_BILLED = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
_REPAIRS: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "reasoning": (without_reasoning, "dropped.reasoning_retry"),
    "summary": (without_summary, "dropped.summary_retry"),
}


class Exchange:
    """One request. ``endpoint`` is its path; ``forced`` says that the path itself asks for a stream."""

    def __init__(self, service: Service, arrival: Arrival, endpoint: str, *, forced: bool = False) -> None:
        self._service = service
        self._arrival = arrival
        self._intake = Intake(service, arrival, forced=forced)
        self._story = Story(arrival, endpoint)
        self._asked: Asked | None = None
        self._flow: Flow | None = None
        self._machine: AnswerMachine | None = None
        self._decoder = Decoder()
        self._ready: list[StreamEvent] = []
        self._failure: errors.BridgeError | None = None
        self._plan: AnswerPlan | None = None
        self._told: list[list[StreamEvent]] = []
        self._told_events = 0
        self._tokens = 0
        self._settled = False
        self._head_read = False
        self._asked_at = self._heard_at = 0.0
        self.headers: dict[str, str] = {}

    @property
    def stream(self) -> bool:
        """Whether the answer is a stream."""
        return self._intake.stream

    @property
    def payload(self) -> dict[str, Any] | None:
        """The Responses request, while it is held: from the understanding to a certain answer."""
        return self._asked.payload if self._asked is not None else None

    # -- before the upstream --------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Identify, parse, resolve and translate, announce the exchange, and let it in. Raises BridgeError."""
        intake = self._intake
        self._story.key = (await intake.identify()).label
        asked = self._asked = await intake.understand(count=False)
        if not intake.has_credential and asked.translated.local_answer is None:
            raise errors.missing_credential()
        upstream = asked.translated.local_answer is None
        self._story.open(
            asked.route, asked.payload, asked.notes, stream=self.stream, counts=asked.counts, announce=upstream
        )
        admission = await intake.admit(asked)
        if admission is not None:
            self.headers = dict(admission.headers)
            if not admission.checked:
                self._story.notes.append(Note("limits.unchecked"))

    async def count(self) -> int:
        """The input tokens of a count_tokens body as it would be sent. Raises BridgeError."""
        counter, story, intake = self._service.counter, self._story, self._intake
        caller = await intake.identify()
        story.key = caller.label
        key = key_of(self._arrival, intake.snapshot.revision, self._service.upstream_id(caller.upstream_key))
        # What a key may ask for is for its own requests to say.
        found = counter.recent.get(key) if caller.key is None or not caller.key.models else None
        if found is not None:
            story.open(found.route, found.payload, found.notes, stream=False, counts=found.counts, announce=False)
            story.notes += found.said
        else:
            asked = self._asked = await intake.understand(count=True)
            notes = asked.notes
            story.open(asked.route, asked.payload, notes, stream=False, counts=asked.counts, announce=False)
            headers = self._upstream_headers()
            upstream_key = caller.upstream_key
            tokens = await counter.count(
                asked.payload, headers, story, like=asked.like, key=upstream_key, large=asked.large
            )
            said = tuple(story.notes[len(notes) :])
            found = Counted(tokens, asked.route, asked.payload, notes, asked.counts, said)
            counter.recent.keep(key, found)
        self.finish(200, None)
        return found.tokens

    # -- opening --------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the upstream and wait until the answer is certain enough for a status, and its beginning is kept; before
        anything is asked, where who keeps it wants that.

        A whole answer is read to its end, because until then it may be asked for again. A stream that is slow to
        begin gets its status when a ping is due. Raises BridgeError.
        """
        if self._story.kept_first:
            await self.kept()
        await self._open()
        await self.kept()

    async def kept(self) -> None:
        """Wait until the trail has this exchange, its beginning or else its end. Raises Overloaded where an answer
        may not go out without that."""
        if not await self._story.kept():
            raise errors.Overloaded("The audit trail cannot be written.", code="audit_unavailable")

    async def _open(self) -> None:
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

    def _ask(self, asked: Asked, headers: dict[str, str]) -> None:
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
        self._flow = self._service.upstream().open(RESPONSES, asked.body, headers, self._intake.caller.upstream_key)
        self._asked_at = asyncio.get_running_loop().time()

    def _repair(self, failure: errors.BridgeError, asked: Asked, repaired: set[str]) -> bool:
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
        if self._intake.caller.key is None:
            # A client of the bridge's own keys is told of its key's limits, not of the operator's with the upstream.
            self.headers = ratelimit_headers(head.headers)
        if not 200 <= head.status < 300:
            body = await flow.read(MAX_ERROR_BODY, ERROR_BODY_SECONDS)
            caps = self._plan.caps if self._plan else None
            clients = self._intake.caller.upstream_key is not None
            tokens = self._tokens or None
            return from_http(head.status, head.headers, body, caps=caps, input_tokens=tokens, clients_key=clients)
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
            if machine.speaks:
                self._story.passed("first_token")
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
                self._tell(events)
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
        self._tell(self._ready)
        fold = response.Fold()
        fold.add(self._ready)
        body = response.encode(fold.message(self._machine_now()))
        self.finish(200, None)
        return body

    def _tell(self, events: list[StreamEvent]) -> None:
        """Keep ``events`` for who asks at the end what was said."""
        if self._told_events < MAX_TOLD_EVENTS:
            self._told_events += len(events)
            self._told.append(events)

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
                if not machine.finished:
                    machine.close("client_gone", self._said())
            ended = machine.outcome
            if ended.output:
                self._service.remember(ended.output, ended.upstream_usage, ended.upstream_model or "")
        self._intake.settle(self._used(failure))
        told, answer = (machine.outcome, partial(response.content_of, self._told)) if machine else (None, None)
        self._story.finish(status, failure, told, answer)

    def _used(self, failure: errors.BridgeError | None) -> int:
        """The tokens that count against the limits of a key: those billed, or an estimate of what the upstream bills
        for an answer that its client left."""
        asked = 0 if self._tokens else self._intake.reserved
        told = self._machine.outcome if self._machine is not None else None
        if told is not None and told.usage:
            return sum(told.usage.get(name) or 0 for name in _BILLED) + (asked if told.estimated else 0)
        begun = self._head_read and (failure is None or isinstance(failure, errors.ClientGone))
        return (self._tokens or asked) if begun else 0

    def _said(self) -> int:
        """The characters of the answer up to now."""
        return sum(characters(event) for events in (*self._told, self._ready) for event in events)

    def finish_cancelled(self, cancelled: asyncio.CancelledError) -> None:
        """The end of a request that was cancelled: by its client, or because the server stops."""
        failure = ended_by(cancelled)
        gone = isinstance(failure, errors.ClientGone)
        self.finish(499 if gone else 200 if self.stream else failure.status, failure)

    def abandon(self) -> None:
        """The answer will not be read further: its client has gone. After an end this does nothing."""
        if not self._story.finished:
            self.finish(499, client_gone())
