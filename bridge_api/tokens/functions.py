"""Function tools and output schemas as the upstream's model reads them.

Why: tools are billed as the text that they are rendered to (TypeScript types), not as the JSON that was sent.

Invariants: pure; any JSON schema renders, also one that refers to itself (depth is bounded); the order of
the client is kept. Rules and their evidence: docs/token-counting.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
MAX_DEPTH = 12
_SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
# Keywords that the grammar of an output schema enforces and that the model is not shown.
_BOUNDS = ("minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_COUNTS = ("minItems", "maxItems", "minProperties", "maxProperties")
_NOT_SHOWN = frozenset(("additionalProperties", "required", "$schema", "format", "default", *_BOUNDS, *_COUNTS))
# Keywords that trail a function's property as a comment, in this order.
_TRAILING = ("default", *_BOUNDS)


def render_functions(functions: Sequence[Schema]) -> str:
    """Function tools as one TypeScript namespace."""
    blocks = "".join(_function(tool) + "\n\n" for tool in functions)
    return "namespace functions {\n\n" + blocks + "} // namespace functions"


def render_output_schema(schema: Any) -> str:
    """The schema of a structured answer as compact JSON, without what the model is not shown."""
    return json.dumps(_shown(schema, 0), separators=(",", ":"), ensure_ascii=False)


def _function(tool: Schema) -> str:
    schema = _mapping(tool.get("parameters"))
    head = f"{_comment(tool.get('description'))}type {tool.get('name')} = "
    if not _mapping(schema.get("properties")):
        return head + "() => any;"
    definitions = {**_mapping(schema.get("definitions")), **_mapping(schema.get("$defs"))}
    return f"{head}(_: {_comments(schema)}{_object(schema, definitions, 0)}) => any;"


def _comments(schema: Schema) -> str:
    return _comment(schema.get("title")) + _comment(schema.get("description"))


def _comment(text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        return ""
    return "".join(f"// {line.strip()}".rstrip() + "\n" for line in text.strip().split("\n"))


def _object(schema: Schema, definitions: Schema, depth: int) -> str:
    """Members on one line, or one a line as soon as one of them carries a comment."""
    required = schema.get("required")
    needed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    members = []
    for name, shape in _mapping(schema.get("properties")).items():
        shape = _resolve(shape, definitions)
        member = f"{name}{'' if name in needed else '?'}: {_type(shape, definitions, depth + 1)}"
        members.append((_comments(shape), member, _trail(shape)))
    if not members:
        return "object"
    if not any(comments or trail for comments, _, trail in members):
        return "{ " + ", ".join(member for _, member, _ in members) + " }"
    return "{\n" + "".join(f"{comments}{member},{trail}\n" for comments, member, trail in members) + "}"


def _trail(shape: Schema) -> str:
    found = [f"{key}: {json.dumps(shape[key], ensure_ascii=False)}" for key in _TRAILING if key in shape]
    return " // " + ", ".join(found) if found else ""


def _resolve(shape: Any, definitions: Schema) -> Schema:
    shape = _mapping(shape)
    reference = shape.get("$ref")
    return _mapping(definitions.get(reference.rpartition("/")[2])) if isinstance(reference, str) else shape


def _type(shape: Schema, definitions: Schema, depth: int) -> str:
    if depth > MAX_DEPTH:
        return "any"
    for keyword in ("enum", "const"):
        if keyword in shape:
            values = shape[keyword] if isinstance(shape[keyword], list) else [shape[keyword]]
            return " | ".join(json.dumps(value, ensure_ascii=False) for value in values)
    for keyword in ("anyOf", "oneOf"):
        if isinstance(shape.get(keyword), list):
            return " | ".join(_type(_resolve(one, definitions), definitions, depth + 1) for one in shape[keyword])
    kind = shape.get("type")
    if isinstance(kind, list):
        return " | ".join(_type({**shape, "type": one}, definitions, depth + 1) for one in kind)
    if kind == "array":
        inner = _type(_resolve(shape.get("items"), definitions), definitions, depth + 1)
        return f"Array<{inner}>" if inner.startswith("{") or " | " in inner else f"{inner}[]"
    if kind == "object" or "properties" in shape:
        return _object(shape, definitions, depth)
    return _SIMPLE.get(str(kind), "any")


def _shown(schema: Any, depth: int) -> Any:
    if depth > 64:
        return None
    if isinstance(schema, list):
        return [_shown(one, depth + 1) for one in schema]
    if not isinstance(schema, dict):
        return schema
    shown: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs", "definitions") and isinstance(value, dict):
            shown[key] = {name: _shown(one, depth + 1) for name, one in value.items()}
        elif key not in _NOT_SHOWN:
            shown[key] = _shown(value, depth + 1)
    return shown


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
