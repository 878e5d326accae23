"""What the bench sends and what its upstream answers: made by hand, the same bytes on every run.

Invariants: a request carries ``NONCE`` once, where the driver writes a number, so that no two requests are equal
and nothing can win by remembering a whole one; what ``done`` events and the final response say is what the deltas
said, so that a bridge that reconciles them finds nothing to add.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

Kind = Literal["text", "tool", "paced"]

MODEL = "claude-opus-5-5"
NONCE = b"<number>"
TOKENS = 200
PACED_TOKENS = 100
BIG_BYTES = 154_000

_TEXT = "the quick brown fox jumps over a lazy dog while seven wizards mix old ink and rain into one potion"
_WORDS = _TEXT.split(" ")
_MESSAGE_ID = "msg_" + "0a1b2c3d" * 6
_CALL_ID = "call_" + "aB3dE6gH" * 3
_ITEM_ID = "fc_" + "0a1b2c3d" * 6


# -- requests, in Anthropic's shape --------------------------------------------------------------------------


def small(*, stream: bool) -> bytes:
    return _dump(
        {
            "model": MODEL,
            "max_tokens": 1024,
            "stream": stream,
            "messages": [{"role": "user", "content": f"Write a short text. ({NONCE.decode()})"}],
        }
    )


def tool(*, stream: bool) -> bytes:
    body = json.loads(small(stream=stream))
    body["tools"] = [_tool(0)]
    return _dump(body)


def big(*, stream: bool) -> bytes:
    """154 kB: 20 tools, 61 messages with calls and their results, system blocks and cache marks."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": [_text("The task", 900)]}]
    for at in range(30):
        call = f"toolu_{at:024}"
        use = {"type": "tool_use", "id": call, "name": f"Tool{at % 20}", "input": _input(at)}
        messages.append({"role": "assistant", "content": [_text(f"Step {at}", 300), use]})
        result = {"type": "tool_result", "tool_use_id": call, "content": _listing(at, 2000)}
        messages.append({"role": "user", "content": [result]})
    last = messages[-1]["content"]
    last[0]["cache_control"] = {"type": "ephemeral"}
    body = {
        "model": MODEL,
        "max_tokens": 32000,
        "stream": stream,
        "system": [
            {"type": "text", "text": "You are a coding agent."},
            {**_text("Rules", 8000), "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {**_text("Environment", 2500), "cache_control": {"type": "ephemeral"}},
        ],
        "messages": messages,
        "tools": [_tool(at) for at in range(20)],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "medium"},
        "metadata": {"user_id": json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": "s" * 36})},
    }
    last.append({"type": "text", "text": f"Continue. ({NONCE.decode()})"})
    # The first result takes up what is missing to the size that is promised.
    missing = BIG_BYTES - len(_dump(body))
    messages[2]["content"][0]["content"] += "x" * max(missing, 0)
    return _dump(body)


def counted() -> bytes:
    """The big request as one for its count. Only the number in it is new each time."""
    body = json.loads(big(stream=False))
    return _dump({name: value for name, value in body.items() if name not in ("stream", "max_tokens")})


def _text(title: str, size: int) -> dict[str, Any]:
    return {"type": "text", "text": _prose(title, size)}


def _prose(title: str, size: int) -> str:
    words, length, at = [f"# {title}\n"], len(title) + 3, len(title)
    while length < size:
        word = _WORDS[at % len(_WORDS)] + ("\n" if at % 17 == 0 else " ")
        words.append(word)
        length += len(word)
        at += 1
    return "".join(words)


def _listing(at: int, size: int) -> str:
    """What a file looks like when it is read: numbered lines, tabs, quotes."""
    lines: list[str] = []
    length = 0
    while length < size:
        lines.append(
            f'{len(lines) + 1:6}\tvalue_{len(lines)} = call("{_WORDS[(at + len(lines)) % len(_WORDS)]}", {at})\n'
        )
        length += len(lines[-1])
    return "".join(lines)


def _input(at: int) -> dict[str, Any]:
    return {"file_path": f"/home/user/project/module_{at}.py", "offset": at, "limit": 200}


def _tool(at: int) -> dict[str, Any]:
    """A tool with a schema of the kind coding agents send: draft marker, enums, arrays of objects, bounds."""
    edit = {
        "type": "object",
        "properties": {
            "old_string": {"type": "string", "description": _prose("The text to replace", 60)},
            "new_string": {"type": "string", "description": _prose("The text to put there", 60)},
        },
        "required": ["old_string", "new_string"],
        "additionalProperties": False,
    }
    properties = {
        "file_path": {"type": "string", "description": _prose("The absolute path of the file", 90)},
        "offset": {"type": "integer", "minimum": 0, "maximum": 9007199254740991, "description": _prose("From", 70)},
        "limit": {"type": "integer", "exclusiveMinimum": 0, "description": _prose("How many lines", 70)},
        "mode": {"type": "string", "enum": ["content", "files", "count"], "description": _prose("What to show", 80)},
        "edits": {"type": "array", "items": edit, "minItems": 1, "description": _prose("In order", 60)},
        "background": {"type": "boolean", "default": False},
    }
    return {
        "name": f"Tool{at}",
        "description": _prose(f"Tool number {at}", 1400),
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": properties,
            "required": ["file_path"],
            "additionalProperties": False,
        },
    }


# -- answers, in the shape of the Responses API --------------------------------------------------------------


def pieces(kind: Kind) -> list[str]:
    """The deltas of an answer; some need escapes in JSON, some are beyond ASCII, as in real text."""
    count = PACED_TOKENS if kind == "paced" else TOKENS
    if kind == "tool":
        return ['{"file_path":"', *(f" {_WORDS[at % len(_WORDS)]}" for at in range(count - 2)), '"}']
    made = [f" {_WORDS[at % len(_WORDS)]}" for at in range(count)]
    made[9::20] = [".\n"] * len(made[9::20])
    made[14::40] = [' "'] * len(made[14::40])
    made[15::40] = [" café"] * len(made[15::40])
    return made


def text(kind: Kind) -> str:
    return "".join(pieces(kind))


def events(kind: Kind) -> list[bytes]:
    """The records of one streamed answer, a delta each."""
    return [b"event: %s\ndata: %s\n\n" % (data["type"].encode(), _dump(data)) for data in _numbered(kind)]


def whole(kind: Kind) -> bytes:
    """The same answer as one JSON document."""
    return _dump(_response("completed", [_final(kind)], len(pieces(kind))))


def _numbered(kind: Kind) -> Iterator[dict[str, Any]]:
    for number, (name, fields) in enumerate(_steps(kind)):
        yield {"type": name, "sequence_number": number, **fields}


def _steps(kind: Kind) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "response.created", {"response": _response("in_progress", [], 0)}
    yield "response.in_progress", {"response": _response("in_progress", [], 0)}
    yield from _call_steps() if kind == "tool" else _text_steps(kind)
    yield "response.output_item.done", {"output_index": 0, "item": _final(kind)}
    yield "response.completed", {"response": _response("completed", [_final(kind)], len(pieces(kind)))}


def _call_steps() -> Iterator[tuple[str, dict[str, Any]]]:
    name = "response.function_call_arguments"
    where = {"item_id": _ITEM_ID, "output_index": 0}
    opening = {**_final("tool"), "status": "in_progress", "arguments": ""}
    yield "response.output_item.added", {"output_index": 0, "item": opening}
    for piece in pieces("tool"):
        yield f"{name}.delta", {**where, "delta": piece}
    yield f"{name}.done", {**where, "arguments": text("tool")}


def _text_steps(kind: Kind) -> Iterator[tuple[str, dict[str, Any]]]:
    where = {"item_id": _MESSAGE_ID, "output_index": 0, "content_index": 0}
    opening = {**_final(kind), "status": "in_progress", "content": []}
    yield "response.output_item.added", {"output_index": 0, "item": opening}
    yield "response.content_part.added", {**where, "part": _part("")}
    for piece in pieces(kind):
        yield "response.output_text.delta", {**where, "delta": piece, "logprobs": []}
    yield "response.output_text.done", {**where, "text": text(kind), "logprobs": []}
    yield "response.content_part.done", {**where, "part": _part(text(kind))}


def _part(words: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": words}


def _final(kind: Kind) -> dict[str, Any]:
    if kind == "tool":
        call = {"type": "function_call", "status": "completed", "arguments": text("tool")}
        return {"id": _ITEM_ID, **call, "call_id": _CALL_ID, "name": "Tool0"}
    content = [_part(text(kind))]
    return {"id": _MESSAGE_ID, "type": "message", "status": "completed", "content": content, "role": "assistant"}


def _response(status: str, output: list[dict[str, Any]], tokens: int) -> dict[str, Any]:
    usage = {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 20 + tokens,
    }
    nothing = ["error", "incomplete_details", "instructions", "max_output_tokens", "max_tool_calls"]
    nothing += ["previous_response_id", "prompt_cache_key", "safety_identifier", "user"]
    return {
        "id": "resp_" + "0a1b2c3d" * 6,
        "object": "response",
        "created_at": 1_790_000_000,
        "status": status,
        "background": False,
        **dict.fromkeys(nothing),
        "model": "gpt-6.1-sol",
        "output": output,
        "parallel_tool_calls": True,
        "reasoning": {"effort": "medium", "summary": None},
        "service_tier": "default",
        "store": False,
        "temperature": 1,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1,
        "truncation": "disabled",
        "usage": usage if status == "completed" else None,
        "metadata": {},
    }


def _dump(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
