"""The output items of the Responses API, each turned into Anthropic's blocks.

Invariants: an item writes only while it has the floor (the machine sees to that); ``finish`` is idempotent
and reconciles what streamed with the upstream's final word, writing only what is missing; a call's arguments
are one JSON object whatever the upstream sent.

Source: the life cycle of items in OpenAI's streaming reference and in recorded streams.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bridge_api.translation import strict_schema, web_search
from bridge_api.translation.answer import Answer, TextPipe
from bridge_api.translation.fillers import ArgumentScanner
from bridge_api.translation.plan import ToolInfo
from bridge_api.translation.reasoning import seal


class Item:
    """Base: an item that has no block. ``hidden`` items never take the floor."""

    hidden = False

    def __init__(self, answer: Answer, item: dict[str, Any]) -> None:
        self.answer = answer
        self.id = str(item.get("id") or "")
        self.finished = False

    def begin(self) -> None:
        """The item has the floor now."""

    def finish(self, item: dict[str, Any] | None) -> None:
        """The item is over; ``item`` is its final form, ``{}`` when the answer was completed without one, None
        when the answer was cut off before it came."""
        self.finished = True


class HiddenItem(Item):
    """An item that Anthropic's API has no block for."""

    hidden = True
    _QUIET = frozenset({"mcp_list_tools", "tool_search_call", "tool_search_output", "additional_tools", "compaction"})

    def __init__(self, answer: Answer, item: dict[str, Any]) -> None:
        super().__init__(answer, item)
        kind = str(item.get("type") or "")
        answer.notes.add("dropped.output_item", kind if kind.replace("_", "").isalnum() else "")


class MessageItem(Item):
    """Text and refusal parts; each text part is a text block."""

    def __init__(self, answer: Answer, item: dict[str, Any]) -> None:
        super().__init__(answer, item)
        self._commentary = item.get("phase") == "commentary" and answer.plan.commentary_as_thinking
        self._parts: dict[int, TextPipe] = {}
        self._refusals: dict[int, list[str]] = {}
        self._cited: dict[int, int] = {}
        self._aside: dict[int, list[str]] = {}

    def text_delta(self, at: int, delta: str) -> None:
        if self._commentary:
            self._aside.setdefault(at, []).append(delta)
            self.answer.thinking(delta)
            return
        self._pipe(at).feed(delta)

    def begin_run(self, index: int, at: int) -> None:
        """After a delta of part ``at`` of this item: let the next ones pass without a closer look."""
        pipe = self._parts.get(at)
        self.answer.run = pipe.run(index, at) if pipe is not None else None

    def _pipe(self, at: int) -> TextPipe:
        pipe = self._parts.get(at)
        if pipe is None:
            for other in self._parts.values():
                other.finish(None)
            self.answer.stop()
            pipe = self._parts[at] = TextPipe(self.answer)
        return pipe

    def text_done(self, at: int, text: str | None) -> None:
        """The whole text of a part; the block stays open for citations until the part itself is done."""
        if self._commentary:
            self._aside_done(at, text)
            return
        if text is None or (not text and at not in self._parts):
            return
        self._pipe(at).finish(text)

    def _aside_done(self, at: int, text: str | None) -> None:
        seen = "".join(self._aside.get(at, []))
        if text and text != seen and text.startswith(seen):
            self.text_delta(at, text[len(seen) :])

    def part_done(self, at: int, part: dict[str, Any]) -> None:
        if part.get("type") == "refusal":
            self.refusal_done(at, part.get("refusal"))
            return
        self.text_done(at, part.get("text"))
        if self._commentary:
            return
        for annotation in (part.get("annotations") or [])[self._cited.get(at, 0) :]:
            self.annotation(at, annotation)
        self.answer.stop()

    def annotation(self, at: int, annotation: Any) -> None:
        self._cited[at] = self._cited.get(at, 0) + 1
        if not isinstance(annotation, dict) or annotation.get("type") != "url_citation":
            self.answer.notes.add("dropped.annotation")
            return
        if web_search.is_blocked(str(annotation.get("url") or ""), self.answer.plan.blocked_domains):
            return
        pipe = self._parts.get(at)
        if pipe is not None:
            pipe.release()
        self.answer.citation(web_search.citation(annotation, pipe.seen if pipe else ""))

    def refusal_delta(self, at: int, delta: str) -> None:
        self._refusals.setdefault(at, []).append(delta)
        self.answer.refusal.append(delta)
        if self.answer.plan.structured is None:
            self.answer.notes.add("answer.refusal_text")
            self.answer.text(delta)

    def refusal_done(self, at: int, text: str | None) -> None:
        seen = "".join(self._refusals.get(at, []))
        if text and text.startswith(seen) and text != seen:
            self.refusal_delta(at, text[len(seen) :])
        if self.answer.open_kind == "text":
            self.answer.stop()

    def finish(self, item: dict[str, Any] | None) -> None:
        if self.finished:
            return
        self.finished = True
        content = (item or {}).get("content")
        for at, part in enumerate(content if isinstance(content, list) else []):
            if isinstance(part, dict):
                self.part_done(at, part)
        for pipe in self._parts.values():
            pipe.finish(None)
        if self._commentary and self.answer.open_kind == "thinking":
            texts = ["".join(parts) for parts in self._aside.values()]
            plan = self.answer.plan
            self.answer.sign(
                seal(
                    item_id="",
                    encrypted="",
                    texts=texts,
                    family=plan.caps.family,
                    upstream=plan.upstream_id,
                    kind="commentary",
                )
            )
        self.answer.stop()


class ReasoningItem(Item):
    """A thinking block: summary parts, a blank line between them, and the seal as its signature."""

    def __init__(self, answer: Answer, item: dict[str, Any]) -> None:
        super().__init__(answer, item)
        self._parts: dict[tuple[int, int], list[str]] = {}
        self._latest: tuple[int, int] | None = None

    def summary_delta(self, part: tuple[int, int], delta: str) -> None:
        """``part`` orders summaries before the raw reasoning that some servers send: (kind, index)."""
        if not delta:
            return
        answer = self.answer
        separator = "\n\n" if self._latest is not None and part != self._latest else ""
        self._latest = part
        self._parts.setdefault(part, []).append(delta)
        if answer.plan.show_thinking and not answer.plan.omit_thinking_text:
            answer.thinking(separator + delta)

    def summary_done(self, part: tuple[int, int], text: str | None) -> None:
        seen = "".join(self._parts.get(part, []))
        if text and text != seen:
            if text.startswith(seen):
                self.summary_delta(part, text[len(seen) :])
            else:
                self.answer.notes.add("answer.text_mismatch")

    def finish(self, item: dict[str, Any] | None) -> None:
        if self.finished:
            return
        self.finished = True
        final = item or {}
        texts = _texts(final.get("summary"))
        for at, text in enumerate(texts):
            self.summary_done((0, at), text)
        if not texts:
            for at, text in enumerate(_texts(final.get("content"))):
                self.summary_done((1, at), text)
        self._sign(final, texts)

    def _sign(self, final: dict[str, Any], texts: list[str]) -> None:
        answer, plan = self.answer, self.answer.plan
        encrypted = final.get("encrypted_content")
        if not plan.show_thinking:
            answer.notes.add("dropped.reasoning_output")
            return
        if not encrypted and not self._parts:
            return
        summary = texts or ["".join(parts) for (kind, _), parts in sorted(self._parts.items()) if kind == 0]
        answer.sign(
            seal(
                item_id=str(final.get("id") or self.id),
                encrypted=encrypted if isinstance(encrypted, str) else "",
                texts=summary,
                family=plan.caps.family,
                upstream=plan.upstream_id,
            )
        )


def _texts(parts: Any) -> list[str]:
    if not isinstance(parts, list):
        return []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


class CallItem(Item):
    """A function call as a tool_use block whose arguments stream as they come."""

    def __init__(self, answer: Answer, item: dict[str, Any]) -> None:
        super().__init__(answer, item)
        self._item = item
        self._started = False
        self._whole: list[str] | None = None
        self._final: str | None = None
        self._open_scanner(item)

    def _open_scanner(self, item: dict[str, Any]) -> None:
        name = str(item.get("name") or "")
        self._info = self.answer.plan.tools.get(name) or ToolInfo(name or "unknown_tool")
        self._scanner = ArgumentScanner(self._info.fillers)
        self._whole = [] if self._info.strict_schema is not None else None

    def begin(self) -> None:
        if self._item.get("name"):
            self._start()

    def _start(self) -> None:
        if self._started:
            return
        self._started = True
        call_id = self._item.get("call_id") or self._item.get("id") or f"call_{len(self.answer.tool_calls)}"
        block = {"type": "tool_use", "id": str(call_id), "name": self._info.name, "input": {}}
        if self._info.toolset:
            block["toolset_name"] = self._info.toolset
        self.answer.start(block)

    def arguments_delta(self, delta: str) -> None:
        if self._whole is not None or not self._started:
            self._whole = [*(self._whole or []), delta]
            return
        self.answer.arguments(self._scanner.feed(delta))

    def arguments_done(self, final: str) -> None:
        """The upstream's word for all arguments; whether the call is whole only the item tells."""
        self._final = final
        if self._whole is None and self._started:
            self.answer.arguments(self._scanner.extend(final))

    def finish(self, item: dict[str, Any] | None) -> None:
        if self.finished:
            return
        self.finished = True
        if not self._started:
            self._begin_late(item or {})
        if item is None or item.get("status") == "incomplete":
            # Cut off: the stream has shown what there was, a whole message leaves the call out.
            self.answer.stop(dropped=True)
            return
        arguments = item.get("arguments")
        self._write_rest(arguments if isinstance(arguments, str) else self._final)
        self.answer.stop()
        self.answer.has_tool = True
        self.answer.tool_calls.append(self._info.name)

    def _begin_late(self, item: dict[str, Any]) -> None:
        """The name was not known until now."""
        self._item = {**self._item, **item}
        held = self._whole
        self._open_scanner(self._item)
        self._whole = held or self._whole
        self._start()

    def _write_rest(self, final: str | None) -> None:
        if self._whole is not None:
            final = final if final is not None else "".join(self._whole)
            if self._info.strict_schema is not None:
                final = _without_added_nulls(final, dict(self._info.strict_schema))
        answer, scanner = self.answer, self._scanner
        answer.arguments(scanner.finish(final))
        if scanner.dropped:
            answer.notes.add("answer.filler_dropped", self._info.name if self._info.name.isidentifier() else "")
        if scanner.mismatch:
            answer.notes.add("answer.arguments_mismatch")
        if scanner.repaired:
            answer.notes.add("answer.arguments_repaired")


def _without_added_nulls(text: str, schema: dict[str, Any]) -> str:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text
    return msgspec.json.encode(strict_schema.remove_added_nulls(value, schema)).decode("utf-8")


class SearchItem(Item):
    """A hosted web search: a server_tool_use block and its result block, written when it is over."""

    def finish(self, item: dict[str, Any] | None) -> None:
        if self.finished:
            return
        self.finished = True
        if item is None:
            self.answer.hosted_call_open = True
            return
        if item.get("status") in ("in_progress", "searching", "incomplete"):
            self.answer.hosted_call_open = True
        block = web_search.use_block(item)
        arguments = msgspec.json.encode(block["input"]).decode("utf-8")
        self.answer.start({**block, "input": {}})
        self.answer.arguments(arguments)
        self.answer.stop()
        self.answer.whole(web_search.result_block(item, block["id"], self.answer.plan.blocked_domains))
        self.answer.searches += 1 if (item.get("action") or {}).get("type", "search") == "search" else 0


ITEMS: dict[str, type[Item]] = {
    "message": MessageItem,
    "reasoning": ReasoningItem,
    "function_call": CallItem,
    "web_search_call": SearchItem,
}


def make_item(answer: Answer, item: dict[str, Any]) -> Item:
    return ITEMS.get(str(item.get("type") or ""), HiddenItem)(answer, item)
