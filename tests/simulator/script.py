"""Scripted turns: what the simulated model says, and how the wire behaves while it does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Request = dict[str, Any]


@dataclass(frozen=True)
class Text:
    text: str
    phase: str | None = None
    citations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reasoning:
    summary: tuple[str, ...] = ()
    encrypted: bool = True


@dataclass(frozen=True)
class Call:
    name: str
    arguments: str = "{}"
    call_id: str = ""
    only_done: bool = False


@dataclass(frozen=True)
class Search:
    query: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refusal:
    text: str


Piece = Text | Reasoning | Call | Search | Refusal
Ending = Literal["completed", "max_output_tokens", "content_filter", "failed", "error", "error_nested", "eof"]
Fault = Literal[
    "",
    "reset",
    "cut_chunk",
    "half_character",
    "html",
    "json",
    "silent_headers",
    "silent_stream",
    "huge_event",
    "gzip_bomb",
    "garbage_event",
]


@dataclass(frozen=True)
class Turn:
    """One answer. ``status`` other than 200 answers with ``error``; ``fault`` strikes after ``fault_after``
    events; ``delay`` is seconds between events; ``step`` the length of deltas in characters."""

    pieces: tuple[Piece, ...] = (Text("Hello."),)
    ending: Ending = "completed"
    error: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    fault: Fault = ""
    fault_after: int = 4
    delay: float = 0.0
    step: int = 7
    input_tokens: int = 100


def error_turn(status: int, code: str, message: str = "Simulated.", **headers: str) -> Turn:
    """An HTTP error."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return Turn(status=status, error=error, headers=named)


Brain = Callable[[Request], Turn]


def last_user_text(request: Request) -> str:
    """The text of the last user message."""
    for item in reversed(request.get("input") or []):
        if item.get("role") == "user":
            content = item["content"]
            if isinstance(content, str):
                return content
            return " ".join(part.get("text", "") for part in content)
    return ""


def outputs_after_last_user(request: Request) -> list[dict[str, Any]]:
    """Outputs of function calls since the user last spoke."""
    found: list[dict[str, Any]] = []
    for item in request.get("input") or []:
        if item.get("role") == "user":
            found = []
        elif item.get("type") == "function_call_output":
            found.append(item)
    return found


SCENARIOS: dict[str, Turn] = {
    "cut_stream": Turn((Text("This will be cut short by the network."),), ending="eof"),
    "rate_limit": error_turn(429, "rate_limit_exceeded", "Rate limit reached.", retry_after="1"),
    "overloaded": error_turn(503, "server_is_overloaded"),
    "overflow": error_turn(400, "context_length_exceeded", "Your input exceeds the context window of this model."),
    "refusal": Turn((Refusal("I can't help with that."),)),
    "tool": Turn((Reasoning(("Look.",)), Call("get_weather", '{"city":"Oslo","unit":null}'))),
}


def default_brain(request: Request) -> Turn:
    """``[[scenario:NAME]]`` in the user's text chooses a scenario; else an echo."""
    text = last_user_text(request)
    chosen = re.search(r"\[\[scenario:(\w+)\]\]", text)
    if chosen and chosen[1] in SCENARIOS:
        return SCENARIOS[chosen[1]]
    wanted = (request.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_schema":
        return Turn((Text(example(wanted["schema"])),))
    return Turn((Text(f"You said: {text[:200]}"),))


def example(schema: dict[str, Any]) -> str:
    """A JSON text that fits ``schema`` (its strict subset)."""
    import json

    def value(shape: dict[str, Any]) -> Any:
        if "enum" in shape:
            return shape["enum"][0]
        if "anyOf" in shape:
            return value(shape["anyOf"][0])
        kind = shape.get("type")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return {name: value(inner) for name, inner in shape.get("properties", {}).items()}
        if kind == "array":
            return [value(shape.get("items") or {})]
        return {"string": "text", "integer": 7, "number": 1.5, "boolean": True}.get(kind)  # type: ignore[call-overload]

    return json.dumps(value(schema))
