"""Requests to hold counts against the upstream with: each kind of content that is counted by a rule of its own.

Invariants: complete Messages requests, made here, with nothing of anybody in them; small, so that a run costs
little; nothing is asked for that the upstream would have to search or run.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Request = dict[str, Any]
MODEL = "claude-sonnet-5"
_CODE = "def area(radius):\n    # π r²\n    return 3.14159 * radius ** 2\n\n\nassert area(1) > 3\n"
_LANGUAGES = "Grüße aus Zürich! 今日は良い天気です。 مرحبا بالعالم. 👩‍👩‍👧 Привет — naïve café, 12345678.90 €"


@dataclass(frozen=True, slots=True)
class Case:
    """A request; ``then`` is what the user says next where a second turn is to be billed, too: a text, or the
    result of every tool that the answer calls."""

    name: str
    request: Request
    then: str = ""


def _ask(*content: Any, **more: Any) -> Request:
    parts = content[0] if len(content) == 1 and isinstance(content[0], str) else list(content)
    return _talk([{"role": "user", "content": parts}], **more)


def _talk(messages: Sequence[Mapping[str, Any]], **more: Any) -> Request:
    return {"model": MODEL, "max_tokens": 64, "messages": list(messages), **more}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def png(width: int, height: int) -> str:
    """A grey picture of that size, base64."""
    rows = (b"\0" + b"\x99" * width) * height
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)))
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, data in (*chunks, (b"IEND", b"")):
        parts.append(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
    return base64.b64encode(b"".join(parts)).decode()


def pdf(*lines: str) -> str:
    """A PDF of one page with these lines, base64."""
    shown = " ".join(f"({line}) Tj 0 -16 Td" for line in lines)
    stream = f"BT /F1 12 Tf 72 720 Td {shown} ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return base64.b64encode(bytes(out)).decode()


def _image(width: int, height: int) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png(width, height)}}


def _document(**source: str) -> dict[str, Any]:
    return {"type": "document", "source": source}


def _tool(name: str, properties: Mapping[str, Any], description: str = "", **more: Any) -> dict[str, Any]:
    described = {"description": description} if description else {}
    return {"name": name, **described, "input_schema": {"type": "object", "properties": properties, **more}}


_CITY = {"type": "string", "description": "The city, such as Oslo."}
WEATHER = _tool("get_weather", {"city": _CITY}, "The weather in a city.", required=["city"])
BARE = _tool("now", {})
RICH = _tool(
    "search_orders",
    {
        "query": {"type": "string", "title": "Query", "description": "Words to look for.\nAll must match."},
        "status": {"enum": ["open", "sent", None], "default": "open"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 50, "default": 10},
        "price": {"type": "number", "exclusiveMinimum": 0},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
        "range": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "extra": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "Looks for orders.",
    required=["query"],
)


def _call(number: int, city: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{number}", "name": "get_weather", "input": {"city": city}}


def _result(number: int, content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": content}


_SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
_HISTORY: list[dict[str, Any]] = [
    {"role": "user", "content": "How is Oslo?"},
    {"role": "assistant", "content": [_text("Let me look."), _call(1, "Oslo")]},
    {"role": "user", "content": [_result(1, "7 °C and rain")]},
]
_PARALLEL: list[dict[str, Any]] = [
    {"role": "user", "content": "Oslo or Bergen?"},
    {"role": "assistant", "content": [_call(1, "Oslo"), _call(2, "Bergen")]},
    {"role": "user", "content": [_result(1, "7 °C"), _result(2, [_text("9 °C"), _text(", sunny")])]},
]
_SOME_TURNS = [
    {"role": "user", "content": "My name is Ada."},
    {"role": "assistant", "content": "Hello, Ada."},
    {"role": "user", "content": "What is my name?"},
]

CASES: tuple[Case, ...] = (
    Case("text-short", _ask("Hello, world!")),
    Case("text-languages", _ask(_LANGUAGES)),
    Case("text-code", _ask(_text("Shorten this:\n"), _text(_CODE * 8))),
    Case("text-system", _ask("Who are you?", system=[_text("You are a pirate."), _text("Answer in one word.")])),
    Case("text-turns", _talk(_SOME_TURNS)),
    Case("text-special-tokens", _ask("<|im_start|>user<|end|> is only text.")),
    Case("tools-one", _ask("How is Oslo?", tools=[WEATHER])),
    Case("tools-bare", _ask("What time is it?", tools=[BARE])),
    Case("tools-rich", _ask("Find my orders.", tools=[RICH, WEATHER, BARE])),
    Case("tools-required", _ask("How is Oslo?", tools=[WEATHER, BARE], tool_choice={"type": "any"})),
    Case("tools-forced", _ask("Oslo", tools=[WEATHER], tool_choice={"type": "tool", "name": "get_weather"})),
    Case(
        "tools-one-at-a-time",
        _ask("How is Oslo?", tools=[WEATHER], tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    ),
    Case("history-one-call", _talk(_HISTORY, tools=[WEATHER])),
    Case("history-two-calls", _talk(_PARALLEL, tools=[WEATHER])),
    Case("schema", _ask("Ada is 36.", output_config={"format": {"type": "json_schema", "schema": _SCHEMA}})),
    Case("image-small", _ask(_image(64, 64), _text("What colour?"))),
    Case("image-large", _ask(_image(1500, 900), _text("What colour?"))),
    Case("image-in-result", _talk([*_HISTORY[:2], {"role": "user", "content": [_result(1, [_image(200, 100)])]}])),
    Case("file-text", _ask(_document(type="text", media_type="text/plain", data="One line.\nTwo."), _text("Sum up."))),
    Case(
        "file-pdf",
        _ask(
            _document(type="base64", media_type="application/pdf", data=pdf("The first line.", "The second line.")),
            _text("Sum up."),
        ),
    ),
    Case(
        "reasoning",
        _ask("Is 3599 prime? Look at the weather in Oslo, too.", tools=[WEATHER], thinking={"type": "adaptive"})
        | {"max_tokens": 4000},
        then="7 °C and rain",
    ),
)
