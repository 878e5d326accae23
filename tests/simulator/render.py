"""A turn as the real API's events: the same names, order and keys as in recorded streams."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

from tests.simulator import models, sealed
from tests.simulator.turns import Call, Piece, Reasoning, Refusal, Request, Search, Text, Turn, Wire

Event = dict[str, Any]
_CUT = ("eof", "error", "error_nested", "failed")
_PADDING = "aZ3kQ9xLm2PvT7bY"


def _id(prefix: str, *seed: object) -> str:
    return f"{prefix}_{hashlib.sha256(repr(seed).encode()).hexdigest()[:40]}"


def rough_count(*parts: Any) -> int:
    """About as many tokens as the real API would count: four characters of JSON for one."""
    return sum(len(json.dumps(part, ensure_ascii=False)) // 4 + 1 for part in parts if part)


class Renderer:
    """One turn for one request; ``number`` makes its ids its own."""

    def __init__(self, request: Request, turn: Turn, number: int) -> None:
        self._request, self._turn, self._number = request, turn, number
        self._output: dict[int, dict[str, Any]] = {}
        self._spent = 0
        self._reasoned = 0
        self._searches = 0
        self._include = request.get("include") or []
        self._obfuscated = (request.get("stream_options") or {}).get("include_obfuscation") is not False

    # -- the response object --------------------------------------------------------------------------

    def response(self, status: str, **fields: Any) -> dict[str, Any]:
        request, reasoning = self._request, self._request.get("reasoning") or {}
        text = request.get("text") or {}
        images: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
        nothing = {"image_tokens": 0, "text_tokens": 0}
        images |= {"input_tokens_details": nothing, "output_tokens_details": nothing}
        return {
            "id": _id("resp", self._number),
            "object": "response",
            "created_at": int(time.time()),
            "status": status,
            "background": False,
            "completed_at": None,
            "error": None,
            "frequency_penalty": 0.0,
            "incomplete_details": None,
            "instructions": request.get("instructions"),
            "max_output_tokens": request.get("max_output_tokens"),
            "max_tool_calls": request.get("max_tool_calls"),
            "model": request["model"],
            "moderation": None,
            "output": self._finished() if status != "in_progress" else [],
            "parallel_tool_calls": request.get("parallel_tool_calls", True),
            "presence_penalty": 0.0,
            "previous_response_id": None,
            "prompt_cache_key": request.get("prompt_cache_key"),
            "prompt_cache_retention": None,
            "reasoning": {
                "context": reasoning.get("context"),
                "effort": reasoning.get("effort"),
                "mode": reasoning.get("mode", "standard"),
                "summary": reasoning.get("summary"),
            },
            "safety_identifier": request.get("safety_identifier"),
            "service_tier": self._turn.service_tier,
            "store": request.get("store", True),
            "temperature": request.get("temperature", 1.0),
            "text": {"format": text.get("format", {"type": "text"}), "verbosity": text.get("verbosity", "medium")},
            "tool_choice": request.get("tool_choice", "auto"),
            "tool_usage": {"image_gen": images, "web_search": {"num_requests": self._searches}},
            "tools": request.get("tools", []),
            "top_logprobs": 0,
            "top_p": request.get("top_p", 0.98),
            "truncation": "disabled",
            "usage": None,
            "user": None,
            "metadata": {},
            **fields,
        }

    def _finished(self) -> list[dict[str, Any]] | None:
        if self._turn.output == "full":
            return [self._output[index] for index in sorted(self._output)]
        return [] if self._turn.output == "empty" else None

    def usage(self) -> dict[str, Any]:
        turn, request = self._turn, self._request
        read = turn.input_tokens
        if read is None:
            read = rough_count(*(request.get(name) for name in ("instructions", "input", "tools", "text")))
        return {
            "input_tokens": read,
            "input_tokens_details": {
                "cached_tokens": turn.cached_tokens,
                "cache_write_tokens": turn.cache_write_tokens,
            },
            "output_tokens": self._spent + self._reasoned,
            "output_tokens_details": {"reasoning_tokens": self._reasoned},
            "total_tokens": read + self._spent + self._reasoned,
        }

    # -- events ---------------------------------------------------------------------------------------

    def events(self) -> Iterator[Event]:
        """All events of the turn, the terminal one last (none for ``eof``)."""
        for number, event in enumerate(self._events()):
            yield {**event, "sequence_number": number}

    def answer(self) -> dict[str, Any]:
        """The answer where no stream was asked: the response, or the error."""
        last = list(self.events())[-1]
        found: dict[str, Any] = last.get("response") or {"error": last.get("error") or last}
        return found

    def _events(self) -> Iterator[Event]:
        yield {"type": "response.created", "response": self.response("in_progress")}
        yield {"type": "response.in_progress", "response": self.response("in_progress")}
        last = len(self._turn.pieces) - 1
        cut, short = self._turn.ending in _CUT, self._turn.ending in ("max_output_tokens", "content_filter")
        streams = []
        for index, piece in enumerate(self._turn.pieces):
            events = list(self._piece(index, piece, short and index == last))
            if cut and index == last:
                events = events[: max(1, len(events) - 3)]
                self._output.pop(index, None)
            streams.append(events)
        if self._turn.interleave:
            mixed = itertools.zip_longest(*streams)
            yield from (event for row in mixed for event in row if event is not None)
        else:
            yield from itertools.chain(*streams)
        yield from self._end()

    def _end(self) -> Iterator[Event]:
        turn = self._turn
        if turn.ending == "completed":
            fields: dict[str, Any] = {"completed_at": int(time.time()), "usage": self.usage()}
            yield {"type": "response.completed", "response": self.response("completed", **fields)}
        elif turn.ending in ("max_output_tokens", "content_filter"):
            fields = {"incomplete_details": {"reason": turn.ending}, "usage": self.usage()}
            yield {"type": "response.incomplete", "response": self.response("incomplete", **fields)}
        elif turn.ending == "failed":
            error = turn.error or {"code": "server_error", "message": "The server had an error."}
            yield {"type": "response.failed", "response": self.response("failed", error=error)}
        elif turn.ending == "error":
            error = turn.error or {"code": "server_error", "message": "The server had an error.", "param": None}
            yield {**error, "type": "error"}
        elif turn.ending == "error_nested":
            error = {"type": "server_error", "code": "server_is_overloaded", "message": "Overloaded.", "param": None}
            yield {"type": "error", "error": turn.error or error}

    def _piece(self, index: int, piece: Piece, incomplete: bool) -> Iterator[Event]:
        if isinstance(piece, Text):
            return self._text(index, piece, incomplete)
        if isinstance(piece, Refusal):
            return self._text(index, Text(piece.text), incomplete, refused=True)
        if isinstance(piece, Reasoning):
            return self._reasoning(index, piece)
        if isinstance(piece, Call):
            return self._call(index, piece, incomplete)
        return self._search(index, piece)

    def _deltas(self, kind: str, text: str, **fields: Any) -> Iterator[Event]:
        self._spent += len(text) // 4 + 1
        for at in range(0, len(text), self._turn.step):
            delta = text[at : at + self._turn.step]
            event = {"type": kind, "delta": delta, **fields}
            if self._obfuscated:
                event["obfuscation"] = _PADDING[len(delta) % len(_PADDING) :]
            yield event

    def _open(self, index: int, item: dict[str, Any]) -> Event:
        return {"type": "response.output_item.added", "item": dict(item), "output_index": index}

    def _close(self, index: int, item: dict[str, Any]) -> Event:
        self._output[index] = item
        return {"type": "response.output_item.done", "item": item, "output_index": index}

    def _text(self, index: int, piece: Text, incomplete: bool, refused: bool = False) -> Iterator[Event]:
        text, kind = piece.text, "refusal" if refused else "output_text"
        key = "refusal" if refused else "text"
        item: dict[str, Any] = {
            "id": _id("msg", self._number, index),
            "type": "message",
            "status": "in_progress",
            "content": [],
            "role": "assistant",
        }
        phase = piece.phase or self._phase(index)
        if phase:
            item["phase"] = phase
        where = {"item_id": item["id"], "output_index": index, "content_index": 0}
        part: dict[str, Any] = {"type": kind, key: ""}
        if not refused:
            part |= {"annotations": [], "logprobs": []}
        extra: dict[str, Any] = {} if refused else {"logprobs": []}
        yield self._open(index, item)
        yield {"type": "response.content_part.added", "part": dict(part), **where}
        yield from self._deltas(f"response.{kind}.delta", text, **extra, **where)
        annotations = [
            {"type": "url_citation", "url": url, "title": title, "start_index": 0, "end_index": min(20, len(text))}
            for url, title in piece.citations
        ]
        for at, annotation in enumerate(annotations):
            yield {
                "type": "response.output_text.annotation.added",
                "annotation": annotation,
                "annotation_index": at,
                **where,
            }
        yield {"type": f"response.{kind}.done", key: text, **extra, **where}
        part[key] = text
        if annotations:
            part["annotations"] = annotations
        yield {"type": "response.content_part.done", "part": part, **where}
        yield self._close(index, {**item, "status": "incomplete" if incomplete else "completed", "content": [part]})

    def _phase(self, index: int) -> str | None:
        """As recorded: newer models give one to every message."""
        if not models.knows_phase(self._request["model"]):
            return None
        later = self._turn.pieces[index + 1 :]
        return "commentary" if any(isinstance(piece, Call) for piece in later) else "final_answer"

    def _reasoning(self, index: int, piece: Reasoning) -> Iterator[Event]:
        wants = "reasoning.encrypted_content" in self._include and piece.encrypted
        summary = piece.summary if (self._request.get("reasoning") or {}).get("summary") else ()
        self._reasoned += piece.tokens
        item: dict[str, Any] = {"id": _id("rs", self._number, index), "type": "reasoning", "content": [], "summary": []}
        if wants:
            # As in recordings: there is content at the start already, and it is not the final one.
            item["encrypted_content"] = sealed.ISSUED + "begun"
        yield self._open(index, item)
        for at, text in enumerate(summary):
            where = {"item_id": item["id"], "output_index": index, "summary_index": at}
            part = {"type": "summary_text", "text": text}
            name = "response.reasoning_summary"
            yield {"type": f"{name}_part.added", "part": {**part, "text": ""}, **where}
            yield from self._deltas(f"{name}_text.delta", text, **where)
            yield {"type": f"{name}_text.done", "text": text, **where}
            yield {"type": f"{name}_part.done", "part": part, **where}
        final = {**item, "summary": [{"type": "summary_text", "text": text} for text in summary]}
        if wants:
            final["encrypted_content"] = sealed.issue(item["id"], self._follower(index + 1))
        yield self._close(index, final)

    def _follower(self, index: int) -> str:
        """What the item at ``index`` is called in the encrypted content before it."""
        if index >= len(self._turn.pieces):
            return "none"
        piece = self._turn.pieces[index]
        if isinstance(piece, Call):
            return sealed.follower_of({"type": "function_call", "call_id": self._call_id(index, piece)})
        return {Reasoning: "reasoning", Search: "web_search_call"}.get(type(piece), "message")

    def _call_id(self, index: int, piece: Call) -> str:
        return piece.call_id or _id("call", self._number, index)[:29]

    def _call(self, index: int, piece: Call, incomplete: bool) -> Iterator[Event]:
        item = {
            "id": _id("fc", self._number, index),
            "type": "function_call",
            "status": "in_progress",
            "arguments": "",
            "call_id": self._call_id(index, piece),
            "name": piece.name,
        }
        where = {"item_id": item["id"], "output_index": index}
        arguments = piece.arguments[: len(piece.arguments) // 2] if incomplete else piece.arguments
        yield self._open(index, item)
        deltas = self._deltas("response.function_call_arguments.delta", arguments, **where)
        if not piece.only_done and not piece.only_item:
            yield from deltas
        if not piece.only_item:
            yield {"type": "response.function_call_arguments.done", "arguments": arguments, **where}
        yield self._close(
            index, {**item, "status": "incomplete" if incomplete else "completed", "arguments": arguments}
        )

    def _search(self, index: int, piece: Search) -> Iterator[Event]:
        self._searches += 1
        item = {"id": _id("ws", self._number, index), "type": "web_search_call", "status": "in_progress"}
        where = {"item_id": item["id"], "output_index": index}
        yield self._open(index, item)
        for state in ("in_progress", "searching", "completed"):
            yield {"type": f"response.web_search_call.{state}", **where}
        action: dict[str, Any] = {"type": piece.action, "url": piece.query}
        if piece.action == "find_in_page":
            action["pattern"] = "pattern"
        elif piece.action == "search":
            action = {"type": "search", "query": piece.query, "queries": [piece.query]}
            if "web_search_call.action.sources" in self._include:
                action["sources"] = [{"type": "url", "url": url} for url in piece.sources]
        yield self._close(index, {**item, "status": piece.status, "action": action})


def record(event: Event, wire: Wire = Wire()) -> bytes:  # noqa: B008
    """An event as a server-sent event."""
    lines = [f"data: {json.dumps(event, separators=(',', ':'), ensure_ascii=False)}", "", ""]
    if wire.named:
        lines.insert(0, f"event: {event['type']}")
    if wire.comments:
        lines.insert(0, ": keep-alive")
    return wire.newline.join(lines).encode()
