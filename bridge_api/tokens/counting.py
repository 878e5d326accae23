"""The tokens that the upstream bills for a Responses request, counted without asking it.

Invariants: pure over the request and a function that measures text; nothing is encoded twice (``measure`` may
remember); a request that the upstream would refuse still has a count.

Source: derived from recorded bills: a frame for each message, functions rendered once as TypeScript, output
schemas as compact JSON, calls and their outputs with their own frames.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bridge_api import capabilities
from bridge_api.tokens.media import image_size, image_tokens, pdf_tokens

Measure = Callable[[str], int]
_NOT_BILLED_IN_SCHEMA = frozenset(
    {
        "additionalProperties",
        "required",
        "$schema",
        "format",
        "default",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "exclusiveMinimum",
        "exclusiveMaximum",
    }
)
WEB_SEARCH_CHAT, WEB_SEARCH_HARMONY = 294, 4_290
PARALLEL_OFF = 78


@dataclass(frozen=True, slots=True)
class Frame:
    """Constants of a family: the request, each message, an assistant's message, the tools, a call."""

    request: int
    message: int
    assistant: int
    tools: int
    call: int
    schema: int


CHAT = Frame(request=3, message=4, assistant=0, tools=3, call=11, schema=7)
HARMONY = Frame(request=2, message=4, assistant=2, tools=9, call=17, schema=6)
HARMONY_LATE = Frame(request=2, message=4, assistant=2, tools=9, call=20, schema=6)
O_SERIES = Frame(request=2, message=4, assistant=2, tools=6, call=17, schema=6)


def frame_of(model: str) -> Frame:
    """The frame of an upstream model; unknown models are counted as the newest family."""
    if model.startswith(("gpt-4", "gpt-3", "chatgpt")):
        return CHAT
    if capabilities.of(model).family in ("o1", "o3", "o4"):
        return O_SERIES
    late = model.startswith(("gpt-5.4", "gpt-5.6", "gpt-6"))
    return HARMONY_LATE if late else HARMONY


def count(payload: dict[str, Any], measure: Measure) -> int:
    """The input tokens of ``payload``."""
    model = str(payload.get("model") or "")
    frame = frame_of(model)
    total = frame.request
    if payload.get("instructions"):
        total += frame.message + measure(payload["instructions"])
    items = payload.get("input")
    if isinstance(items, str):
        total += frame.message + measure(items)
    elif isinstance(items, list):
        total += _items(items, model, frame, measure)
    total += _tools(payload, frame, measure)
    total += _format((payload.get("text") or {}).get("format"), frame, measure)
    return total


def _items(items: list[Any], model: str, frame: Frame, measure: Measure) -> int:
    last_user = max((at for at, item in enumerate(items) if item.get("role") == "user"), default=-1)
    keeps_reasoning = model.startswith(("gpt-5.6", "gpt-6"))
    total = run = 0
    for at, item in enumerate(items):
        kind = item.get("type") or "message"
        run = run + 1 if kind == "function_call" else 0
        if kind == "message":
            total += frame.message + _content(item.get("content"), model, measure)
            total += frame.assistant if item.get("role") == "assistant" else 0
        elif kind == "function_call":
            total += frame.call + 2 * measure(item["name"]) + measure(item["arguments"])
            total += 10 if run == 2 and frame is HARMONY_LATE else 0
        elif kind == "function_call_output":
            total += _content(item.get("output"), model, measure)
        elif kind == "reasoning" and (keeps_reasoning or at > last_user):
            total += reasoning_tokens(item.get("encrypted_content") or "")
        elif kind == "web_search_call":
            total += 20 + measure(json.dumps(item.get("action") or {}))
    return total


def reasoning_tokens(encrypted: str) -> int:
    """The size of a reasoning item by its ciphertext: about 4.7 bytes a token after a fixed head."""
    return max(0, round((0.75 * len(encrypted) - 650) / 4.7))


def _content(content: Any, model: str, measure: Measure) -> int:
    if isinstance(content, str):
        return measure(content)
    total, texts = 0, []
    for part in content if isinstance(content, list) else []:
        if "text" in part:
            texts.append(part["text"])
            continue
        if texts:
            total += measure("".join(texts))
            texts = []
        total += _media(part, model, measure)
    return total + (measure("".join(texts)) if texts else 0)


def _media(part: dict[str, Any], model: str, measure: Measure) -> int:
    if part.get("type") == "input_image":
        url = part.get("image_url") or ""
        width, height = image_size(url) if url.startswith("data:") else (1024, 1024)
        return image_tokens(model, width, height, part.get("detail") or "auto")
    if part.get("type") == "input_file":
        return pdf_tokens(part.get("file_data") or "")
    return measure(part.get("refusal") or "")


def _tools(payload: dict[str, Any], frame: Frame, measure: Measure) -> int:
    tools = payload.get("tools") or []
    functions = [tool for tool in tools if tool.get("type") == "function"]
    total = 0
    if functions:
        text = render_functions(functions)
        total += frame.tools + measure(text)
        if frame is HARMONY and not functions[0].get("description"):
            total -= 1
    if any(str(tool.get("type")).startswith("web_search") for tool in tools):
        total += WEB_SEARCH_CHAT if frame is CHAT else WEB_SEARCH_HARMONY
    if functions and frame is CHAT:
        choice = payload.get("tool_choice")
        if choice == "required":
            total += 9
        elif isinstance(choice, dict) and choice.get("type") == "function":
            total += 7 + measure(str(choice.get("name")))
        elif choice == "none":
            total += 1
    if functions and frame is not CHAT and payload.get("parallel_tool_calls") is False:
        total += PARALLEL_OFF
    return total


def _format(wanted: dict[str, Any] | None, frame: Frame, measure: Measure) -> int:
    if not wanted or wanted.get("type") != "json_schema":
        return 0
    total = frame.schema + measure(" " + str(wanted.get("name") or ""))
    if wanted.get("description"):
        total += measure(f"// {wanted['description']}\n")
    schema = _billed_schema(wanted.get("schema") or {})
    return total + measure(json.dumps(schema, separators=(",", ":"), ensure_ascii=False))


def _billed_schema(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: {name: _billed_schema(inner) for name, inner in value.items()}
            if key in ("properties", "$defs", "definitions") and isinstance(value, dict)
            else _billed_schema(value)
            for key, value in schema.items()
            if key not in _NOT_BILLED_IN_SCHEMA
        }
    if isinstance(schema, list):
        return [_billed_schema(inner) for inner in schema]
    return schema


# -- functions as TypeScript ------------------------------------------------------------------------------


def render_functions(functions: list[dict[str, Any]]) -> str:
    """Function tools as the model reads them."""
    rendered = []
    for tool in functions:
        lead = _comment(tool.get("description"))
        schema = tool.get("parameters") or {}
        if not (schema.get("properties") or {}):
            rendered.append(f"{lead}type {tool.get('name')} = () => any;")
            continue
        own = "".join(_comment(schema.get(key)) for key in ("title", "description"))
        definitions = {**(schema.get("definitions") or {}), **(schema.get("$defs") or {})}
        body = _object(schema, definitions, 0)
        rendered.append(f"{lead}type {tool.get('name')} = (_: {own}{body}) => any;")
    return "namespace functions {\n\n" + "\n\n".join(rendered) + "\n\n} // namespace functions"


def _comment(text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        return ""
    return "".join(f"// {line.strip()}".rstrip() + "\n" for line in text.strip().split("\n"))


def _object(schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> str:
    properties = schema.get("properties") or {}
    if not properties:
        return "object"
    needed = set(schema.get("required") or [])
    members, commented = [], False
    for name, shape in properties.items():
        shape = _target(shape, definitions)
        comments = "".join(_comment(shape.get(key)) for key in ("title", "description"))
        commented = commented or bool(comments)
        kind = _type(shape, definitions, depth + 1)
        members.append((comments, f"{name}{'' if name in needed else '?'}: {kind}", _trail(shape)))
    if not commented and not any(trail for _, _, trail in members):
        return "{ " + ", ".join(member for _, member, _ in members) + " }"
    lines = [f"{comments}{member},{' // ' + trail if trail else ''}\n" for comments, member, trail in members]
    return "{\n" + "".join(lines) + "}"


def _trail(shape: dict[str, Any]) -> str:
    found = []
    for key in ("default", "minLength", "maxLength", "minimum", "maximum"):
        if key in shape:
            found.append(f"{key}: {json.dumps(shape[key], ensure_ascii=False)}")
    return ", ".join(found)


def _target(shape: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(shape, dict):
        return {}
    reference = shape.get("$ref")
    if isinstance(reference, str):
        target = definitions.get(reference.rpartition("/")[2])
        return target if isinstance(target, dict) else {}
    return shape


_SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def _type(shape: dict[str, Any], definitions: dict[str, Any], depth: int) -> str:
    if depth > 12:
        return "any"
    shape = _target(shape, definitions)
    if "enum" in shape:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in shape["enum"])
    if "const" in shape:
        return json.dumps(shape["const"], ensure_ascii=False)
    for keyword in ("anyOf", "oneOf"):
        if isinstance(shape.get(keyword), list):
            return " | ".join(_type(_target(inner, definitions), definitions, depth + 1) for inner in shape[keyword])
    kind = shape.get("type")
    if isinstance(kind, list):
        return " | ".join(_type({**shape, "type": one}, definitions, depth + 1) for one in kind)
    if kind == "array":
        inner = _type(_target(shape.get("items"), definitions), definitions, depth + 1)
        return f"Array<{inner}>" if inner.startswith("{") or " | " in inner else f"{inner}[]"
    if kind == "object" or "properties" in shape:
        return _object(shape, definitions, depth)
    return _SIMPLE.get(str(kind), "any")
