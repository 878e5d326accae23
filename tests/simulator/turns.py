"""Scripted turns: what the simulated model says, how the answer ends, and how the wire behaves meanwhile."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Request = dict[str, Any]


@dataclass(frozen=True)
class Text:
    """A message. ``citations`` are (address, title)."""

    text: str
    phase: str | None = None
    citations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reasoning:
    """An item of reasoning; its summary is told only if the request asks for one, likewise its content."""

    summary: tuple[str, ...] = ()
    encrypted: bool = True
    tokens: int = 64


@dataclass(frozen=True)
class Call:
    """A function call. ``only_done``: its arguments come in one piece; ``only_item``: with the finished item only."""

    name: str
    arguments: str = "{}"
    call_id: str = ""
    only_done: bool = False
    only_item: bool = False


@dataclass(frozen=True)
class Search:
    """A hosted search. ``action``: ``open_page`` opens ``query`` as an address; ``status``: how it ended."""

    query: str
    sources: tuple[str, ...] = ()
    action: Literal["search", "open_page", "find_in_page"] = "search"
    status: str = "completed"


@dataclass(frozen=True)
class Refusal:
    text: str


Piece = Text | Reasoning | Call | Search | Refusal
Ending = Literal["completed", "max_output_tokens", "content_filter", "failed", "error", "error_nested", "eof"]
Fault = Literal[
    "",
    "hang_up",  # closed without a byte
    "silent_headers",  # never answers
    "html",  # a gateway's page with 200
    "json",  # JSON where a stream was asked
    "sse",  # a stream where JSON was asked
    "empty",  # 200 and nothing
    "gzip_bomb",
    "reset",  # RST in the middle of an event
    "cut_chunk",  # closed inside a chunk
    "half_character",  # ends inside a character of two bytes
    "silent_stream",  # no more bytes, connection open
    "huge_event",  # an event of 1 MiB
    "garbage_event",  # data that is not JSON
]


@dataclass(frozen=True)
class Wire:
    """Framing of the stream. ``split``: bytes in a chunk, 0 for an event in each; the others are what odd servers
    do: line ends, events without names, comments between them, a ``[DONE]`` at the end."""

    split: int = 0
    newline: str = "\n"
    named: bool = True
    comments: bool = False
    done: bool = False


@dataclass(frozen=True)
class Turn:
    """One answer.

    A ``status`` other than 200 answers with ``error``, or with ``body`` as it stands. ``fault`` strikes after
    ``fault_after`` events; a ``gate`` holds the stream there until it is set. ``delay`` is seconds between events,
    ``step`` the length of deltas in characters. ``interleave`` mixes the events of the pieces, ``output`` says what
    the terminal event holds as output.
    """

    pieces: tuple[Piece, ...] = (Text("Hello."),)
    ending: Ending = "completed"
    error: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    fault: Fault = ""
    fault_after: int = 4
    gate: threading.Event | None = None
    delay: float = 0.0
    step: int = 7
    wire: Wire = Wire()
    interleave: bool = False
    output: Literal["full", "empty", "null"] = "full"
    input_tokens: int | None = None
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    service_tier: str = "default"


def error_turn(
    status: int,
    code: str | None,
    message: str = "Simulated.",
    *,
    type: str = "",
    param: str | None = None,
    **headers: str,
) -> Turn:
    """An HTTP error; ``headers`` with underscores for hyphens (``retry_after="1"``)."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = type or ("invalid_request_error" if status < 500 else "server_error")
    return Turn(status=status, error={"message": message, "type": kind, "param": param, "code": code}, headers=named)


def page_turn(status: int, text: str = "<html><h1>Bad gateway</h1></html>") -> Turn:
    """An error page of something between the bridge and the API."""
    return Turn(status=status, body=text.encode(), headers={"content-type": "text/html"})


def fillers(arguments: dict[str, Any], *names: str, value: Any = None) -> str:
    """Arguments with the fillers that models give to optional properties: null, or ``value``."""
    return json.dumps({**arguments, **dict.fromkeys(names, value)}, separators=(",", ":"))


Chooser = Callable[[Request], Turn]


# -- reading requests -------------------------------------------------------------------------------------


def items(request: Request) -> list[dict[str, Any]]:
    found = request.get("input")
    return found if isinstance(found, list) else [{"role": "user", "content": found or ""}]


def text_of(item: dict[str, Any]) -> str:
    content = item.get("content")
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content or [])


def last_user_text(request: Request) -> str:
    """The text of the last user message."""
    return next((text_of(item) for item in reversed(items(request)) if item.get("role") == "user"), "")


def outputs_after_last_user(request: Request) -> list[dict[str, Any]]:
    """Outputs of function calls since the user last spoke."""
    found: list[dict[str, Any]] = []
    for item in items(request):
        if item.get("role") == "user":
            found = []
        elif item.get("type") == "function_call_output":
            found.append(item)
    return found


def history_index(request: Request) -> int:
    """How many turns of the model the request holds: runs of items that a model makes."""
    turns, before = 0, False
    for item in items(request):
        kind = item.get("type") or "message"
        mine = item.get("role") == "assistant" or kind == "reasoning" or kind.endswith("_call")
        turns += mine and not before
        before = mine
    return turns


def answered_call(request: Request) -> str:
    """The name of the function whose output is the last item, else ``""``."""
    last = items(request)[-1] if items(request) else {}
    if last.get("type") != "function_call_output":
        return ""
    for item in items(request):
        if item.get("type") == "function_call" and item.get("call_id") == last.get("call_id"):
            return str(item["name"])
    return ""
