"""A turn as the real API's events: the same names, order and keys as in recorded streams."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

from tests.simulator.script import Call, Piece, Reasoning, Refusal, Request, Search, Text, Turn
from tests.simulator.sealed import ISSUED

Event = dict[str, Any]


def _id(prefix: str, *seed: object) -> str:
    return f"{prefix}_{hashlib.sha256(repr(seed).encode()).hexdigest()[:40]}"


class Renderer:
    """One turn for one request."""

    def __init__(self, request: Request, turn: Turn, number: int) -> None:
        self._request, self._turn, self._number = request, turn, number
        self._sequence = -1
        self._output: list[dict[str, Any]] = []
        self._spent = 0
        self._reasoned = 0
        self._searches = 0

    def _event(self, name: str, **fields: Any) -> Event:
        self._sequence += 1
        return {"type": name, **fields, "sequence_number": self._sequence}

    def response(self, status: str, **fields: Any) -> dict[str, Any]:
        request = self._request
        return {
            "id": _id("resp", self._number),
            "object": "response",
            "created_at": int(time.time()),
            "status": status,
            "background": False,
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "max_output_tokens": request.get("max_output_tokens"),
            "model": request["model"],
            "output": self._output if status != "in_progress" else [],
            "parallel_tool_calls": request.get("parallel_tool_calls", True),
            "previous_response_id": None,
            "reasoning": {"effort": (request.get("reasoning") or {}).get("effort"), "summary": None},
            "service_tier": "default",
            "store": request.get("store", True),
            "temperature": 1.0,
            "text": {"format": {"type": "text"}, "verbosity": "medium"},
            "tool_choice": request.get("tool_choice", "auto"),
            "tools": request.get("tools", []),
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": None,
            "metadata": {},
            **fields,
        }

    def usage(self) -> dict[str, Any]:
        return {
            "input_tokens": self._turn.input_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": self._spent + self._reasoned,
            "output_tokens_details": {"reasoning_tokens": self._reasoned},
            "total_tokens": self._turn.input_tokens + self._spent + self._reasoned,
        }

    def events(self) -> Iterator[Event]:
        """All events of the turn, the terminal one last (none for ``eof``)."""
        yield self._event("response.created", response=self.response("in_progress"))
        yield self._event("response.in_progress", response=self.response("in_progress"))
        last = len(self._turn.pieces) - 1
        cut = self._turn.ending in ("eof", "error", "error_nested", "failed")
        for index, piece in enumerate(self._turn.pieces):
            events = list(self._piece(index, piece, incomplete=self._incomplete(index == last)))
            yield from events[: max(1, len(events) - 3)] if cut and index == last else events
        yield from self._end()

    def _incomplete(self, is_last: bool) -> bool:
        return is_last and self._turn.ending in ("max_output_tokens", "content_filter")

    def _end(self) -> Iterator[Event]:
        turn = self._turn
        if turn.ending == "completed":
            fields: dict[str, Any] = {"completed_at": int(time.time()), "usage": self.usage()}
            if self._searches:
                none = {"image_tokens": 0, "text_tokens": 0}
                images = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0, "input_tokens_details": none}
                fields["tool_usage"] = {"web_search": {"num_requests": self._searches}, "image_gen": images}
            yield self._event("response.completed", response=self.response("completed", **fields))
        elif turn.ending in ("max_output_tokens", "content_filter"):
            details = {"reason": turn.ending}
            yield self._event(
                "response.incomplete",
                response=self.response("incomplete", incomplete_details=details, usage=self.usage()),
            )
        elif turn.ending == "failed":
            error = turn.error or {"code": "server_error", "message": "The server had an error."}
            yield self._event("response.failed", response=self.response("failed", error=error))
        elif turn.ending == "error":
            error = turn.error or {"code": "server_error", "message": "The server had an error.", "param": None}
            yield self._event("error", **{key: value for key, value in error.items() if key != "type"})
        elif turn.ending == "error_nested":
            error = {"type": "server_error", "code": "server_is_overloaded", "message": "Overloaded.", "param": None}
            yield self._event("error", error=turn.error or error)

    def _piece(self, index: int, piece: Piece, *, incomplete: bool) -> Iterator[Event]:
        if isinstance(piece, Text):
            return self._text(index, piece, "output_text", piece.text, incomplete)
        if isinstance(piece, Refusal):
            return self._text(index, Text(piece.text), "refusal", piece.text, incomplete)
        if isinstance(piece, Reasoning):
            return self._reasoning(index, piece)
        if isinstance(piece, Call):
            return self._call(index, piece, incomplete)
        return self._search(index, piece)

    def _steps(self, text: str) -> list[str]:
        step = self._turn.step
        pieces = [text[at : at + step] for at in range(0, len(text), step)]
        self._spent += len(pieces)
        return pieces

    def _text(self, index: int, piece: Text, kind: str, text: str, incomplete: bool) -> Iterator[Event]:
        item: dict[str, Any] = {
            "id": _id("msg", self._number, index),
            "type": "message",
            "status": "in_progress",
            "content": [],
            "role": "assistant",
        }
        if piece.phase:
            item["phase"] = piece.phase
        where = {"item_id": item["id"], "output_index": index, "content_index": 0}
        key = "text" if kind == "output_text" else "refusal"
        part: dict[str, Any] = {"type": kind, key: ""}
        if kind == "output_text":
            part = {"type": kind, "annotations": [], "logprobs": [], "text": ""}
        yield self._event("response.output_item.added", item=dict(item), output_index=index)
        yield self._event("response.content_part.added", part=dict(part), **where)
        extra = {"logprobs": []} if kind == "output_text" else {}
        for delta in self._steps(text):
            yield self._event(f"response.{kind}.delta", delta=delta, **extra, **where)
        annotations = [
            {"type": "url_citation", "url": url, "title": title, "start_index": 0, "end_index": min(20, len(text))}
            for url, title in piece.citations
        ]
        for at, annotation in enumerate(annotations):
            yield self._event(
                "response.output_text.annotation.added", annotation=annotation, annotation_index=at, **where
            )
        yield self._event(f"response.{kind}.done", **{key: text}, **extra, **where)
        part[key] = text
        if annotations:
            part["annotations"] = annotations
        yield self._event("response.content_part.done", part=part, **where)
        final = {**item, "status": "incomplete" if incomplete else "completed", "content": [part]}
        self._output.append(final)
        yield self._event("response.output_item.done", item=final, output_index=index)

    def _reasoning(self, index: int, piece: Reasoning) -> Iterator[Event]:
        wants = "reasoning.encrypted_content" in (self._request.get("include") or []) and piece.encrypted
        summary = piece.summary if (self._request.get("reasoning") or {}).get("summary") else ()
        self._reasoned += 64
        item: dict[str, Any] = {"id": _id("rs", self._number, index), "type": "reasoning", "content": [], "summary": []}
        if wants:
            item["encrypted_content"] = ISSUED + "begun"
        yield self._event("response.output_item.added", item=dict(item), output_index=index)
        for at, text in enumerate(summary):
            where = {"item_id": item["id"], "output_index": index, "summary_index": at}
            yield self._event(
                "response.reasoning_summary_part.added", part={"type": "summary_text", "text": ""}, **where
            )
            for delta in self._steps(text):
                yield self._event("response.reasoning_summary_text.delta", delta=delta, **where)
            yield self._event("response.reasoning_summary_text.done", text=text, **where)
            yield self._event(
                "response.reasoning_summary_part.done", part={"type": "summary_text", "text": text}, **where
            )
        final = {**item, "summary": [{"type": "summary_text", "text": text} for text in summary]}
        if wants:
            final["encrypted_content"] = ISSUED + _id("enc", self._number, index)
        self._output.append(final)
        yield self._event("response.output_item.done", item=final, output_index=index)

    def _call(self, index: int, piece: Call, incomplete: bool) -> Iterator[Event]:
        item = {
            "id": _id("fc", self._number, index),
            "type": "function_call",
            "status": "in_progress",
            "arguments": "",
            "call_id": piece.call_id or _id("call", self._number, index)[:29],
            "name": piece.name,
        }
        where = {"item_id": item["id"], "output_index": index}
        arguments = piece.arguments[: len(piece.arguments) // 2] if incomplete else piece.arguments
        yield self._event("response.output_item.added", item=dict(item), output_index=index)
        if not piece.only_done:
            for delta in self._steps(arguments):
                yield self._event("response.function_call_arguments.delta", delta=delta, **where)
        yield self._event("response.function_call_arguments.done", arguments=arguments, **where)
        final = {**item, "status": "incomplete" if incomplete else "completed", "arguments": arguments}
        self._output.append(final)
        yield self._event("response.output_item.done", item=final, output_index=index)

    def _search(self, index: int, piece: Search) -> Iterator[Event]:
        self._searches += 1
        item: dict[str, Any] = {
            "id": _id("ws", self._number, index),
            "type": "web_search_call",
            "status": "in_progress",
        }
        where = {"item_id": item["id"], "output_index": index}
        yield self._event("response.output_item.added", item=dict(item), output_index=index)
        for state in ("in_progress", "searching", "completed"):
            yield self._event(f"response.web_search_call.{state}", **where)
        action: dict[str, Any] = {"type": "search", "query": piece.query, "queries": [piece.query]}
        if "web_search_call.action.sources" in (self._request.get("include") or []):
            action["sources"] = [{"type": "url", "url": url} for url in piece.sources]
        final = {**item, "status": "completed", "action": action}
        self._output.append(final)
        yield self._event("response.output_item.done", item=final, output_index=index)


def record(event: Event) -> bytes:
    """An event as a server-sent event."""
    return f"event: {event['type']}\ndata: {json.dumps(event, separators=(',', ':'), ensure_ascii=False)}\n\n".encode()
