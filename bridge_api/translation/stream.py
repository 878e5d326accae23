"""The answer machine: upstream stream events in, Anthropic stream events out.

Theory. The upstream speaks of output items, each known by its ``output_index``; Anthropic's stream is a strict
sequence of blocks. One item at a time has the floor and writes; events of other items wait until it is over.
What streamed is reconciled with each later word of the upstream (delta, done, item, terminal), so that only
what is missing is written. The answer ends in exactly one of three ways: ``message_delta`` and
``message_stop`` (finished), a ``failure``, or silence because the client has gone.

Invariants: ``receive`` never raises and accepts any events in any order; the events it returns obey the
grammar message_start (block_start delta* block_stop)* message_delta message_stop; nothing follows an end; one
machine serves streaming and whole answers alike. Events are decoded only as far as their kind needs.

Source: the streaming references of both APIs; recorded streams (items strictly one after another, ids that
rotate within one output_index, terminal events with an empty output).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from bridge_api import errors
from bridge_api.schemas import openai as o
from bridge_api.schemas.stream import (
    BlockDelta,
    MessageDelta,
    MessageStart,
    MessageStop,
    StreamEvent,
    TextDelta,
)
from bridge_api.translation import stop_reason
from bridge_api.translation.answer import Answer, Cut
from bridge_api.translation.errors import cut_stream, from_event, from_network
from bridge_api.translation.items import CallItem, Item, MessageItem, ReasoningItem, make_item
from bridge_api.translation.notes import Note
from bridge_api.translation.plan import AnswerPlan
from bridge_api.translation.stop_reason import Content, Ending, Terminal
from bridge_api.translation.terminal import decoded_item, plain, response_failure, same_kind, searches, window_full
from bridge_api.translation.usage import delta_usage, estimated_usage, start_usage, whole_usage

CloseCause = Literal["eof", "idle_timeout", "client_gone", "network", "deadline"]
NO_TEXT = "(The model gave no answer.)"
NO_ROOM = "(The token limit was reached before any text.)"
WITHHELD = "(The answer was withheld by the upstream's content filter.)"


@dataclass(slots=True)
class Outcome:
    """What the audit, a whole Message and the next count need to know of the end of an answer. ``output`` and
    ``upstream_usage`` are the upstream's own, kept where reasoning may come back."""

    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: dict[str, Any] | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    estimated: bool = False
    upstream_response_id: str | None = None
    upstream_model: str | None = None
    notes: tuple[Note, ...] = ()
    blocks: dict[str, int] = field(default_factory=dict)
    tool_calls: tuple[str, ...] = ()
    output: tuple[dict[str, Any], ...] = ()
    upstream_usage: dict[str, Any] = field(default_factory=dict)


class AnswerMachine:
    """One answer. With ``whole`` nobody watches it grow, and text may be written at once. ``decisive``: enough came to send status 200; ``finished``: read no further and close the
    upstream; ``failure``: how it failed, to be raised or sent as an ``error`` event."""

    def __init__(
        self, plan: AnswerPlan, *, message_id: str, input_tokens: int = 0, cut: Cut | None = None, whole: bool = False
    ) -> None:
        self._plan = plan
        self._answer = Answer(plan, cut, whole=whole)
        self._message_id = message_id
        self._input_tokens = input_tokens
        self._started = False
        self._items: dict[int, Item] = {}
        self._floor: int | None = None
        self._waiting: list[tuple[str, int, Any]] = []
        self._output: list[dict[str, Any]] = []
        self.decisive = False
        self.finished = False
        self.failure: errors.BridgeError | None = None
        self.outcome = Outcome()

    @property
    def speaks(self) -> bool:
        """Whether the model has said something."""
        return self._answer.deltas > 0

    # -- input ----------------------------------------------------------------------------------------

    def receive(self, records: Iterable[tuple[bytes, bytes]]) -> list[StreamEvent]:
        """Upstream events, each its SSE name and JSON data. Returns the events to send.

        Most of a stream is runs of text deltas of one part; while ``run`` stands, they go straight through.
        """
        answer = self._answer
        for name, data in records:
            run = answer.run
            if run is not None and name == _TEXT_DELTA:
                try:
                    event = _decode_text(data)
                except (msgspec.DecodeError, UnicodeError):
                    self._fail(from_network("protocol"))
                    break
                if event.output_index == run.item and event.content_index == run.part and event.delta:
                    answer.deltas += 1
                    run.seen.append(event.delta)
                    if not run.held:
                        answer.events.append(BlockDelta(run.block, TextDelta(event.delta)))
                    continue
            answer.run = None
            self._receive_one(name, data)
            if self.finished:
                break
        return self._drain()

    def _receive_one(self, name: bytes, data: bytes) -> None:
        if self.finished:
            return
        entry = _EVENTS.get(name)
        if entry is None:
            if name:
                return
            entry = _EVENTS.get(_type_of(data))
            if entry is None:
                return
        decoder, handler = entry
        try:
            event = decoder.decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            self._fail(from_network("protocol"))
            return
        handler(self, event)
        if self._answer.halted and not self.finished:
            self._end("completed", None)

    def receive_json(self, body: bytes) -> list[StreamEvent]:
        """A whole response in JSON, from an upstream that does not stream."""
        try:
            response = _RESPONSE.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            self._fail(from_network("protocol"))
            return []
        if response.status is None and response.output is None:
            self._fail(response_failure(response, self._plan, self._input_tokens))
            return []
        self._terminal(o.TerminalEvent(response))
        return self._drain()

    def close(self, cause: CloseCause, said: int = 0) -> list[StreamEvent]:
        """No more events will come. After a finished answer this does nothing. ``said``: the characters that a whole
        answer had, whose pieces were not counted."""
        if not self.finished:
            self._bill_broken(None, said)
            if cause == "client_gone":
                self._fail(errors.ClientGone("The client closed the connection."))
            elif cause == "eof":
                self._fail(cut_stream())
            elif cause == "network":
                self._fail(from_network("read"))
            else:
                self._fail(from_network(cause))
        return self._drain()

    def _bill_broken(self, response: o.Response | None, said: int = 0) -> None:
        """What an answer has cost that breaks: as the upstream says, or an estimate where it has said something; it
        bills that, but does not tell any more."""
        answer, out = self._answer, self.outcome
        if response is not None and response.usage is not None:
            usage = delta_usage(response.usage, searches(response, answer.searches))
            out.usage = whole_usage(usage, response.usage, response.service_tier)
        elif self.speaks or said:
            answer.notes.add("answer.usage_estimated")
            out.estimated = True
            output_tokens = max(answer.deltas, said // 4)
            out.usage = whole_usage(estimated_usage(self._input_tokens, output_tokens, answer.searches), None, None)

    def _drain(self) -> list[StreamEvent]:
        events = self._answer.events
        if events:
            self._answer.events = []
        return events

    # -- items ----------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._started:
            return
        self._started = True
        message: dict[str, Any] = {
            "id": self._message_id,
            "type": "message",
            "role": "assistant",
            "model": self._plan.model_asked,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": start_usage(self._input_tokens),
        }
        if self._plan.diagnostics:
            message["diagnostics"] = {"cache_miss_reason": {"type": "unavailable"}}
        self._answer.events.insert(0, MessageStart(message))

    def _item(self, index: int, shape: dict[str, Any]) -> Item:
        item = self._items.get(index)
        if item is None:
            self._start()
            item = self._items[index] = make_item(self._answer, shape)
            self.decisive = True
        return item

    def _to(self, kind: str, index: int, event: Any, shape: dict[str, Any]) -> Item | None:
        """The item that ``event`` is for when it may write now; None when it must wait or is over."""
        item = self._item(index, shape)
        if item.finished:
            return None
        if item.hidden:
            return item
        if self._floor is None:
            self._floor = index
            item.begin()
        if self._floor != index:
            self._waiting.append((kind, index, event))
            return None
        return item

    def _yield_floor(self, index: int) -> None:
        """The item at ``index`` is over: events that waited for it are handled in their order."""
        if self._floor != index:
            return
        self._floor = None
        waiting, self._waiting = self._waiting, []
        for kind, _, event in waiting:
            _HANDLERS[kind](self, event)

    def _created(self, event: o.CreatedEvent) -> None:
        if event.response is not None:
            self.outcome.upstream_response_id = event.response.id
            self.outcome.upstream_model = event.response.model
        self._start()

    def _added(self, event: o.ItemEvent) -> None:
        if event.item is not None:
            self._to("added", event.output_index, event, event.item)

    def _done(self, event: o.ItemEvent) -> None:
        if event.item is None:
            return
        item = self._to("done", event.output_index, event, event.item)
        if item is not None:
            self._finish(item, event.item)
            self._yield_floor(event.output_index)

    def _finish(self, item: Item, final: dict[str, Any]) -> None:
        item.finish(final)
        if self._plan.show_thinking and final:
            self._output.append(final)

    def _text_delta(self, event: o.TextDelta) -> None:
        item = self._to("text_delta", event.output_index, event, _MESSAGE)
        if isinstance(item, MessageItem) and event.delta:
            self._answer.deltas += 1
            item.text_delta(event.content_index, event.delta)
            item.begin_run(event.output_index, event.content_index)

    def _text_done(self, event: o.TextDone) -> None:
        item = self._to("text_done", event.output_index, event, _MESSAGE)
        if isinstance(item, MessageItem) and event.text:
            item.text_done(event.content_index, event.text)

    def _refusal_delta(self, event: o.TextDelta) -> None:
        item = self._to("refusal_delta", event.output_index, event, _MESSAGE)
        if isinstance(item, MessageItem) and event.delta:
            item.refusal_delta(event.content_index, event.delta)

    def _refusal_done(self, event: o.TextDone) -> None:
        item = self._to("refusal_done", event.output_index, event, _MESSAGE)
        if isinstance(item, MessageItem):
            item.refusal_done(event.content_index, event.refusal)

    def _part_done(self, event: o.PartDone) -> None:
        item = self._to("part_done", event.output_index, event, _MESSAGE)
        if isinstance(item, MessageItem) and event.part is not None:
            item.part_done(event.content_index, event.part)

    def _annotation(self, event: o.AnnotationAdded) -> None:
        item = self._to("annotation", event.output_index, event, _MESSAGE)
        if isinstance(item, MessageItem):
            item.annotation(event.content_index, event.annotation)

    def _summary_delta(self, event: o.SummaryDelta) -> None:
        item = self._to("summary_delta", event.output_index, event, _REASONING)
        if isinstance(item, ReasoningItem) and event.delta:
            self._answer.deltas += 1
            item.summary_delta((0, event.summary_index), event.delta)

    def _summary_done(self, event: o.SummaryDone) -> None:
        item = self._to("summary_done", event.output_index, event, _REASONING)
        if isinstance(item, ReasoningItem):
            item.summary_done((0, event.summary_index), event.text)

    def _reasoning_delta(self, event: o.SummaryDelta) -> None:
        item = self._to("reasoning_delta", event.output_index, event, _REASONING)
        if isinstance(item, ReasoningItem) and event.delta:
            item.summary_delta((1, event.content_index), event.delta)

    def _arguments_delta(self, event: o.ArgumentsDelta) -> None:
        item = self._to("arguments_delta", event.output_index, event, _CALL)
        if isinstance(item, CallItem) and event.delta:
            self._answer.deltas += 1
            item.arguments_delta(event.delta)

    def _arguments_done(self, event: o.ArgumentsDone) -> None:
        item = self._to("arguments_done", event.output_index, event, _CALL)
        if isinstance(item, CallItem) and event.arguments is not None:
            item.arguments_done(event.arguments)

    # -- ends -----------------------------------------------------------------------------------------

    def _error(self, event: o.ErrorEvent) -> None:
        found = event.error or o.Error(event.code, event.message, None, event.param)
        self._bill_broken(None)
        self._fail(from_event(plain(found), caps=self._plan.caps, input_tokens=self._input_tokens))

    def _terminal(self, event: o.TerminalEvent) -> None:
        response = event.response or o.Response()
        self.outcome.upstream_response_id = response.id or self.outcome.upstream_response_id
        self.outcome.upstream_model = response.model or self.outcome.upstream_model
        status = response.status or "completed"
        policy = response.error.code if response.error else None
        if status == "failed" and policy in stop_reason.POLICY_CODES:
            self._finish_items(response, whole=False)
            self._end("policy", response)
        elif status in ("failed", "cancelled") or (response.error is not None and status != "incomplete"):
            self._bill_broken(response)
            self._fail(response_failure(response, self._plan, self._input_tokens))
        elif status == "incomplete":
            reason = response.incomplete_details.reason if response.incomplete_details else None
            self._finish_items(response, whole=False)
            self._end(stop_reason.INCOMPLETE.get(reason or "", "max_output_tokens"), response)
        else:
            self._finish_items(response, whole=True)
            self._end("completed", response)

    def _finish_items(self, response: o.Response, *, whole: bool) -> None:
        """Finish what is still open, from the terminal event's items where it has them.

        The position in its ``output`` is the output index in all recordings that have a full one; some
        servers send none. ``whole``: the answer is complete, so items without a final form are, too.
        """
        finals = response.output or []
        self._finish_floor(finals, whole=whole)
        missing = {index for index in range(len(self._items), len(finals)) if index not in self._items}
        for index in sorted({*self._items, *missing}):
            shape = decoded_item(finals[index]) if index in missing else None
            item = self._item(index, shape or _MESSAGE)
            if item.finished:
                continue
            if not item.hidden:
                self._floor = index
                item.begin()
                self._finish_floor(finals, whole=whole)
            else:
                item.finish(None)

    def _finish_floor(self, finals: list[msgspec.Raw], *, whole: bool) -> None:
        """Finish the item that has the floor, and those that get it because their events have waited."""
        while self._floor is not None:
            index = self._floor
            item = self._items[index]
            final = decoded_item(finals[index]) if index < len(finals) else None
            if final is not None and not same_kind(item, final):
                final = None
            if final is not None:
                self._finish(item, final)
            else:
                item.finish({} if whole else None)
            self._yield_floor(index)

    def _content(self) -> Content:
        answer = self._answer
        if answer.has_tool:
            return "tool"
        if answer.has_text:
            return "text"
        return "thinking" if answer.has_thinking else "nothing"

    def _end(self, terminal: Terminal, response: o.Response | None) -> None:
        answer = self._answer
        self._start()
        ending = Ending(
            terminal,
            self._content(),
            stop_sequence=answer.stop_sequence,
            refused=bool(answer.refusal),
            hosted_call_open=answer.hosted_call_open,
            cut_to_length=answer.halted == "length",
            window_full=window_full(response, self._plan),
        )
        reason = stop_reason.decide(ending)
        if not answer.halted:
            self._never_empty(reason, ending)
            answer.stop()
        searched = searches(response, answer.searches)
        estimated = response is None or response.usage is None
        if estimated:
            answer.notes.add("answer.usage_estimated")
            usage = estimated_usage(self._input_tokens, answer.deltas, searched)
        else:
            usage = delta_usage(response.usage, searched)  # type: ignore[union-attr]
        details = self._refusal_details(response) if reason == "refusal" else None
        delta: dict[str, Any] = {
            "stop_reason": reason,
            "stop_sequence": answer.stop_sequence,
            "stop_details": details,
        }
        answer.events += [MessageDelta(delta, usage), MessageStop()]
        out = self.outcome
        out.stop_reason, out.stop_sequence, out.stop_details = reason, answer.stop_sequence, details
        out.estimated = estimated
        out.usage = whole_usage(
            usage, response.usage if response else None, response.service_tier if response else None
        )
        if response is not None and response.usage and any(item.get("encrypted_content") for item in self._output):
            out.output, out.upstream_usage = tuple(self._output), response.usage
        self._close_books()

    def _never_empty(self, reason: str, ending: Ending) -> None:
        """Clients ask again when nothing visible came, so that something visible always does."""
        if ending.content not in ("nothing", "thinking") or self._plan.structured is not None:
            return
        if self._answer.searches or self._answer.hosted_call_open:
            return
        if reason == "end_turn":
            self._answer.text(NO_TEXT)
        elif reason == "refusal" and not self._answer.refusal:
            self._answer.text(WITHHELD)
        elif reason == "max_tokens" and ending.content == "nothing":
            self._answer.text(NO_ROOM)

    def _refusal_details(self, response: o.Response | None) -> dict[str, Any]:
        code = response.error.code if response and response.error else None
        text = "".join(self._answer.refusal) or None
        return {
            "type": "refusal",
            "category": stop_reason.POLICY_CODES.get(code or ""),
            "explanation": text,
        }

    def _fail(self, failure: errors.BridgeError) -> None:
        if self.finished:
            return
        self.failure = failure
        self.decisive = self.decisive or (self._started and bool(self._items))
        self._close_books()

    def _close_books(self) -> None:
        self.finished = True
        self._waiting.clear()
        answer, out = self._answer, self.outcome
        out.notes = answer.notes.all()
        out.blocks = dict(answer.blocks)
        out.tool_calls = tuple(answer.tool_calls)


# -- helpers ----------------------------------------------------------------------------------------------

_MESSAGE: dict[str, Any] = {"type": "message"}
_REASONING: dict[str, Any] = {"type": "reasoning"}
_CALL: dict[str, Any] = {"type": "function_call"}


def _type_of(data: bytes) -> bytes:
    try:
        return _TYPE.decode(data).type.encode()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return b""


_TYPE = msgspec.json.Decoder(o.TypeOnly)
_RESPONSE = msgspec.json.Decoder(o.Response)
_Handler = Callable[[AnswerMachine, Any], None]
_m = AnswerMachine

# Upstream event -> (what is decoded of it, what handles it). Events that are not here mean nothing to a
# client: progress of hosted tools, keep-alives, part.added, queued.
_TABLE: dict[str, tuple[type, _Handler]] = {
    "response.created": (o.CreatedEvent, _m._created),
    "response.in_progress": (o.CreatedEvent, _m._created),
    "response.output_item.added": (o.ItemEvent, _m._added),
    "response.output_item.done": (o.ItemEvent, _m._done),
    "response.output_text.delta": (o.TextDelta, _m._text_delta),
    "response.output_text.done": (o.TextDone, _m._text_done),
    "response.content_part.done": (o.PartDone, _m._part_done),
    "response.output_text.annotation.added": (o.AnnotationAdded, _m._annotation),
    "response.refusal.delta": (o.TextDelta, _m._refusal_delta),
    "response.refusal.done": (o.TextDone, _m._refusal_done),
    "response.reasoning_summary_text.delta": (o.SummaryDelta, _m._summary_delta),
    "response.reasoning_summary_text.done": (o.SummaryDone, _m._summary_done),
    "response.reasoning_text.delta": (o.SummaryDelta, _m._reasoning_delta),
    "response.function_call_arguments.delta": (o.ArgumentsDelta, _m._arguments_delta),
    "response.function_call_arguments.done": (o.ArgumentsDone, _m._arguments_done),
    "response.completed": (o.TerminalEvent, _m._terminal),
    "response.incomplete": (o.TerminalEvent, _m._terminal),
    "response.failed": (o.TerminalEvent, _m._terminal),
    "error": (o.ErrorEvent, _m._error),
}
_TEXT_DELTA = b"response.output_text.delta"
_decode_text = msgspec.json.Decoder(o.TextDelta).decode
_EVENTS: dict[bytes, tuple[msgspec.json.Decoder[Any], _Handler]] = {
    name.encode(): (msgspec.json.Decoder(kind), handler) for name, (kind, handler) in _TABLE.items()
}
_HANDLERS: dict[str, _Handler] = {
    "added": _m._added,
    "done": _m._done,
    "text_delta": _m._text_delta,
    "text_done": _m._text_done,
    "refusal_delta": _m._refusal_delta,
    "refusal_done": _m._refusal_done,
    "part_done": _m._part_done,
    "annotation": _m._annotation,
    "summary_delta": _m._summary_delta,
    "summary_done": _m._summary_done,
    "reasoning_delta": _m._reasoning_delta,
    "arguments_delta": _m._arguments_delta,
    "arguments_done": _m._arguments_done,
}
