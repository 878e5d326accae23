"""An independent check of Anthropic's stream grammar: a table of which event may follow which.

Shares no code with the bridge: it reads bytes, as a client does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

FOLLOWERS: dict[str, frozenset[str]] = {
    "": frozenset({"message_start", "error"}),
    "message_start": frozenset({"content_block_start", "message_delta", "error"}),
    "content_block_start": frozenset({"content_block_delta", "content_block_stop", "error"}),
    "content_block_delta": frozenset({"content_block_delta", "content_block_stop", "error"}),
    "content_block_stop": frozenset({"content_block_start", "message_delta", "error"}),
    "message_delta": frozenset({"message_stop", "error"}),
    "message_stop": frozenset(),
    "error": frozenset(),
}
DELTAS: dict[str, frozenset[str]] = {
    "text": frozenset({"text_delta", "citations_delta"}),
    "thinking": frozenset({"thinking_delta", "signature_delta"}),
    "tool_use": frozenset({"input_json_delta"}),
    "server_tool_use": frozenset({"input_json_delta"}),
    "web_search_tool_result": frozenset(),
}
STOP_REASONS = frozenset(
    {
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "refusal",
        "model_context_window_exceeded",
    }
)


class GrammarError(AssertionError):
    """The stream is not one that Anthropic's API could have sent."""


def records(stream: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """(event name, data) of each record; raises GrammarError for one that is malformed."""
    if stream and not stream.endswith(b"\n\n"):
        raise GrammarError("the stream ends inside a record")
    for record in stream.decode("utf-8").split("\n\n")[:-1]:
        lines = record.split("\n")
        if len(lines) != 2 or not lines[0].startswith("event: ") or not lines[1].startswith("data: "):
            raise GrammarError(f"not a record of an event and a data line: {lines[0][:60]!r}")
        data = json.loads(lines[1][6:])
        if data.get("type") != lines[0][7:]:
            raise GrammarError(f"event line and data type differ: {lines[0]!r}")
        yield lines[0][7:], data


def check(stream: bytes, *, ended: bool = True) -> list[tuple[str, dict[str, Any]]]:
    """Check a whole stream; ``ended``: it must end in message_stop or error. Returns its records."""
    previous, opened, index, signed = "", "", -1, False
    seen = list(records(stream))
    for name, data in seen:
        if name == "ping":
            continue
        if name not in FOLLOWERS[previous]:
            raise GrammarError(f"{name} after {previous or 'nothing'}")
        if name == "content_block_start":
            index += 1
            opened, signed = data["content_block"]["type"], False
            if opened == "tool_use" and data["content_block"]["input"] != {}:
                raise GrammarError("a tool_use block starts with an input")
        if name.startswith("content_block") and data["index"] != index:
            raise GrammarError(f"{name} has index {data['index']}, expected {index}")
        if name == "content_block_delta":
            kind = data["delta"]["type"]
            if kind not in DELTAS.get(opened, frozenset()):
                raise GrammarError(f"{kind} in a {opened} block")
            if signed:
                raise GrammarError("a delta after the signature")
            signed = kind == "signature_delta"
        if name == "content_block_stop" and opened == "thinking" and not signed:
            raise GrammarError("a thinking block without a signature")
        if name == "message_start":
            _check_start(data)
        if name == "message_delta":
            _check_end(data)
        previous = name
    if ended and previous not in ("message_stop", "error"):
        raise GrammarError(f"the stream ends after {previous or 'nothing'}")
    return seen


def _check_start(data: dict[str, Any]) -> None:
    message = data["message"]
    if message["content"] != [] or message["stop_reason"] is not None:
        raise GrammarError("message_start is not empty")
    for field in ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"):
        if not isinstance(message["usage"][field], int):
            raise GrammarError(f"message_start.usage.{field} is not a number")


def _check_end(data: dict[str, Any]) -> None:
    if data["delta"]["stop_reason"] not in STOP_REASONS:
        raise GrammarError(f"stop_reason {data['delta']['stop_reason']!r}")
    if not isinstance(data["usage"]["output_tokens"], int):
        raise GrammarError("message_delta.usage.output_tokens is not a number")
