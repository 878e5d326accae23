"""What an answer has become so far, and the writer of its blocks.

Invariants: at most one block is open; indices rise by one from 0; text passes prefill, stop sequences and
structured output in this order before it is written; after ``halted`` nothing more is written.

Source: the life cycles of blocks in Anthropic's streaming documentation and in its SDKs' accumulators.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from bridge_api.schemas.stream import (
    BlockDelta,
    BlockStart,
    BlockStop,
    CitationsDelta,
    InputJsonDelta,
    SignatureDelta,
    StreamEvent,
    TextDelta,
    ThinkingDelta,
)
from bridge_api.translation import strict_schema
from bridge_api.translation.notes import Notes
from bridge_api.translation.plan import AnswerPlan, StructuredPlan
from bridge_api.translation.stop_sequences import StopScanner

Cut = Callable[[str, int], str]


def cut_by_words(text: str, tokens: int) -> str:
    """A stand-in where no tokenizer is given: a word or mark is about a token."""
    end = 0
    for _ in range(tokens):
        while end < len(text) and text[end].isspace():
            end += 1
        while end < len(text) and not text[end].isspace():
            end += 1
    return text[:end]


@dataclass(slots=True)
class Run:
    """A run of text deltas that need nothing but passing on: the item and part they are of, the block they
    go to, the texts seen. ``held``: they are written as one at the end of the part."""

    item: int
    part: int
    block: int
    seen: list[str]
    held: bool


class Answer:
    """The state shared by the items of one answer. ``events`` is drained by the machine."""

    def __init__(self, plan: AnswerPlan, cut: Cut | None = None, *, whole: bool = False) -> None:
        self.plan = plan
        self.unwatched = whole
        self.run: Run | None = None
        self.notes = Notes()
        self.events: list[StreamEvent] = []
        self.halted: str | None = None
        self.stop_sequence: str | None = None
        self.refusal: list[str] = []
        self.has_text = False
        self.has_tool = False
        self.has_thinking = False
        self.blocks: dict[str, int] = {}
        self.tool_calls: list[str] = []
        self.searches = 0
        self.hosted_call_open = False
        self.deltas = 0
        self.cut: Cut = cut or cut_by_words
        self._next_index = 0
        self._open: str | None = None
        self._prefill = plan.prefill

    # -- blocks ---------------------------------------------------------------------------------------

    @property
    def open_kind(self) -> str | None:
        return self._open

    @property
    def index(self) -> int:
        """The index of the open block, or of the next one."""
        return self._next_index

    def start(self, block: dict[str, Any]) -> None:
        if self.halted:
            return
        self.stop()
        kind = str(block["type"])
        self.blocks[kind] = self.blocks.get(kind, 0) + 1
        self._open = kind
        self.events.append(BlockStart(self._next_index, block))

    def stop(self, *, dropped: bool = False) -> None:
        self.run = None
        if self._open is None or self.halted:
            return
        self.events.append(BlockStop(self._next_index, dropped))
        self._next_index += 1
        self._open = None

    def _delta(self, delta: Any) -> None:
        if not self.halted:
            self.events.append(BlockDelta(self._next_index, delta))

    def text(self, text: str) -> None:
        """Visible text; opens a text block where none is open."""
        if not text or self.halted:
            return
        if self._open != "text":
            self.start(
                {"type": "text", "text": "", "citations": []} if self.plan.web_search else {"type": "text", "text": ""}
            )
        self.has_text = True
        self.events.append(BlockDelta(self._next_index, TextDelta(text)))

    def citation(self, citation: dict[str, Any]) -> None:
        if self._open == "text":
            self._delta(CitationsDelta(citation))
        else:
            self.notes.add("dropped.annotation")

    def thinking(self, text: str) -> None:
        if self._open != "thinking":
            self.start({"type": "thinking", "thinking": "", "signature": ""})
            self.has_thinking = True
        if text:
            self._delta(ThinkingDelta(text))

    def sign(self, signature: str) -> None:
        """The one signature of a thinking block, just before its end."""
        self.thinking("")
        self._delta(SignatureDelta(signature))
        self.stop()

    def arguments(self, partial: str) -> None:
        if partial:
            self._delta(InputJsonDelta(partial))

    def whole(self, block: dict[str, Any]) -> None:
        """A block that is complete in its start event."""
        self.start(block)
        self.stop()

    def halt(self, why: str) -> None:
        """Nothing after this point belongs to the answer (stop sequence, asked length)."""
        self.stop()
        self.halted = why
        self.notes.add("answer.cut")

    def skip_prefill(self, text: str, *, final: bool = False) -> tuple[str, bool]:
        """Take a repeated prefill off the front of ``text``; (text to go on with, whether to wait for more)."""
        wanted = self._prefill
        if not wanted:
            return text, False
        if not final and len(text) < len(wanted) and wanted.startswith(text):
            return text, True
        self._prefill = ""
        return text.removeprefix(wanted), False


class TextPipe:
    """One part of visible text on its way out."""

    def __init__(self, answer: Answer) -> None:
        plan = answer.plan
        self._answer = answer
        self._seen: list[str] = []
        self._waiting = ""
        self._scanner = StopScanner(plan.stop_sequences) if plan.stop_sequences else None
        self._structured = plan.structured if plan.structured and plan.structured.rebuilds else None
        self._whole = answer.unwatched or self._structured is not None or plan.cut_tokens is not None
        self.closed = False

    @property
    def seen(self) -> str:
        """All text the upstream sent for this part."""
        if len(self._seen) > 1:
            self._seen[:] = ["".join(self._seen)]
        return self._seen[0] if self._seen else ""

    def run(self, item: int, part: int) -> Run | None:
        """The run that the next deltas may form; None where they need a closer look."""
        answer = self._answer
        if self._scanner is not None or self._waiting or self.closed or answer.halted:
            return None
        if not self._whole and answer.open_kind != "text":
            return None
        return Run(item, part, answer.index, self._seen, self._whole)

    def feed(self, delta: str) -> None:
        self._seen.append(delta)
        if not self._whole:
            self._pass(delta)

    def release(self) -> None:
        """Write what is only held because nobody watches: a citation must find its text before it."""
        if self._whole and self._structured is None and self._answer.plan.cut_tokens is None:
            self._whole = False
            self._pass(self.seen)

    def finish(self, final: str | None) -> None:
        """The part is over; ``final`` is the upstream's word for all of it, where it sent one."""
        if self.closed:
            return
        self.closed = True
        self._answer.run = None
        seen = self.seen
        if final is not None and final != seen:
            if final.startswith(seen):
                self.feed(final[len(seen) :])
            else:
                self._answer.notes.add("answer.text_mismatch")
        if self._whole:
            self._release_whole()
        else:
            self._pass("", final=True)

    def _pass(self, delta: str, *, final: bool = False) -> None:
        answer = self._answer
        text, wait = answer.skip_prefill(self._waiting + delta, final=final)
        self._waiting = text if wait else ""
        if wait:
            return
        if self._scanner is None:
            answer.text(text)
            return
        if answer.halted:
            return
        out, matched = self._scanner.feed(text) if text else ("", None)
        if final and matched is None:
            out += self._scanner.flush()
            matched = self._scanner.matched
        answer.text(out)
        if matched is not None:
            answer.stop_sequence = matched
            answer.halt("stop_sequence")

    def _release_whole(self) -> None:
        answer = self._answer
        text = self.seen
        if self._structured is not None:
            text = restored(text, self._structured)
        limit = answer.plan.cut_tokens
        cut = answer.cut(text, limit) if limit is not None else text
        self._pass(cut, final=True)
        if cut != text:
            answer.halt("length")


def restored(text: str, plan: StructuredPlan) -> str:
    """Structured text as the client's own schema describes it; text that is not whole is left as it is."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text
    if plan.wrapped and isinstance(value, dict) and "value" in value:
        value = value["value"]
    if plan.nullable:
        value = strict_schema.remove_added_nulls(value, dict(plan.schema))
    return msgspec.json.encode(value).decode("utf-8")
