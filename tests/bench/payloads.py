"""What the bench sends and what its upstream answers, made by hand."""

from __future__ import annotations

import json
from typing import Any

WORDS = "the quick brown fox jumps over the lazy dog while seven wizards mix a potion of old ink and rain "
TOKENS = 200
MODEL = "claude-opus-5-5"


def small(stream: bool) -> bytes:
    return _dump(
        {"model": MODEL, "max_tokens": 1000, "stream": stream, "messages": [{"role": "user", "content": "Write."}]}
    )


def tool(stream: bool) -> bytes:
    body = json.loads(small(stream))
    body["tools"] = [_tool(0)]
    return _dump(body)


def big(stream: bool) -> bytes:
    """About 154 kB: 20 tools, 61 messages with calls and results, system blocks with cache marks."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": WORDS * 6}]
    for at in range(30):
        use = {
            "type": "tool_use",
            "id": f"call_{at:04}",
            "name": f"tool_{at % 20}",
            "input": {"path": f"/a/{at}", "n": at},
        }
        messages.append({"role": "assistant", "content": [{"type": "text", "text": WORDS * 2}, use]})
        result = {"type": "tool_result", "tool_use_id": f"call_{at:04}", "content": WORDS * 28}
        messages.append({"role": "user", "content": [result]})
    return _dump(
        {
            "model": MODEL,
            "max_tokens": 32000,
            "stream": stream,
            "messages": messages,
            "system": [{"type": "text", "text": WORDS * 80, "cache_control": {"type": "ephemeral"}}],
            "tools": [_tool(at) for at in range(20)],
            "thinking": {"type": "adaptive", "display": "omitted"},
            "metadata": {"user_id": json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": "s" * 36})},
        }
    )


def _tool(at: int) -> dict[str, Any]:
    return {
        "name": f"tool_{at}",
        "description": WORDS * 14,
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": WORDS},
                "n": {"type": "integer", "minimum": 0},
                "mode": {"type": "string", "enum": ["a", "b"], "description": WORDS},
            },
            "required": ["path"],
            "additionalProperties": False,
        },
    }


def _dump(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _response(status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    usage = {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": TOKENS,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 20 + TOKENS,
    }
    return {
        "id": "resp_bench",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "gpt-6.1-sol",
        "output": output,
        "parallel_tool_calls": True,
        "tools": [],
        "usage": usage if status == "completed" else None,
    }


def events(kind: str) -> list[bytes]:
    """The upstream's event records: 200 deltas of text, or of one call's arguments."""
    sequence = iter(range(10_000))
    made: list[bytes] = []

    def add(name: str, **fields: Any) -> None:
        data = {"type": name, **fields, "sequence_number": next(sequence)}
        made.append(f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode())

    add("response.created", response=_response("in_progress", []))
    add("response.in_progress", response=_response("in_progress", []))
    if kind == "tool":
        item = {
            "id": "fc_1",
            "type": "function_call",
            "status": "in_progress",
            "arguments": "",
            "call_id": "call_1",
            "name": "tool_0",
        }
        add("response.output_item.added", item=item, output_index=0)
        pieces = ['{"path":"', *[" word"] * (TOKENS - 2), '"}']
        for piece in pieces:
            add("response.function_call_arguments.delta", item_id="fc_1", output_index=0, delta=piece)
        final = {**item, "status": "completed", "arguments": "".join(pieces)}
        add("response.function_call_arguments.done", item_id="fc_1", output_index=0, arguments="".join(pieces))
    else:
        item = {"id": "msg_1", "type": "message", "status": "in_progress", "content": [], "role": "assistant"}
        where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
        add("response.output_item.added", item=item, output_index=0)
        add("response.content_part.added", part=part, **where)
        for _ in range(TOKENS):
            add("response.output_text.delta", delta=" word", logprobs=[], **where)
        text = " word" * TOKENS
        add("response.output_text.done", text=text, logprobs=[], **where)
        add("response.content_part.done", part={**part, "text": text}, **where)
        final = {**item, "status": "completed", "content": [{**part, "text": text}]}
    add("response.output_item.done", item=final, output_index=0)
    add("response.completed", response=_response("completed", [final]))
    return made


def whole() -> bytes:
    """The same answer in JSON, for the pass-through's non-streaming scenario."""
    text = {"type": "output_text", "annotations": [], "logprobs": [], "text": " word" * TOKENS}
    item = {"id": "msg_1", "type": "message", "status": "completed", "content": [text], "role": "assistant"}
    return _dump(_response("completed", [item]))
