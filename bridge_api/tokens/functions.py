"""Function tools, calls and output schemas as the upstream's model reads and writes them.

Why: tools are billed as the text that they are rendered to (TypeScript types), not as the JSON that was sent.

Invariants: pure; any JSON schema renders, also one that refers to itself: depth is bounded, and so is what all
functions of a request are rendered to together (``MAX_RENDERED`` and at most one more text of the client's), since a
few references would grow it without end; the order of the client is kept. Rules and their evidence:
docs/token-counting.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]


MAX_DEPTH = 12
MAX_RENDERED = 6_000_000
"""Characters of the schemas of all functions after which no more is rendered: more than any model reads."""
_REFERENCE = 100
"""Characters that the reading of a reference is worth, beside its text."""
BUNDLE_NAME = "multi_tool_use.parallel"
_SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_LENGTHS = ("minLength", "maxLength")
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_COUNTS = ("minItems", "maxItems")
# Keywords that trail a function's member as a comment, in this order. ``format`` is not among them.
_TRAILING = ("default", *_LENGTHS, "pattern", *_BOUNDS, *_COUNTS)
# Keywords that the grammar of an output schema enforces and that the model is not shown.
_UNSHOWN = ("additionalProperties", "required", "$schema", "format", "default", "minProperties", "maxProperties")
_NOT_SHOWN = frozenset((*_UNSHOWN, *_LENGTHS, *_BOUNDS[:4], *_COUNTS))


class _Budget:
    """How many characters the schemas of a request may still become."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_RENDERED


class _Known:
    """What a function's schema may refer to, and the budget that it shares with the others.

    What is charged is the text that each part becomes, before it is joined, and the length of what is read for it.
    """

    __slots__ = ("_budget", "definitions")

    def __init__(self, schema: Schema, budget: _Budget) -> None:
        self.definitions = {**_mapping(schema.get("definitions")), **_mapping(schema.get("$defs"))}
        self._budget = budget

    @property
    def spent(self) -> bool:
        return self._budget.left <= 0

    def charge(self, characters: int) -> None:
        self._budget.left -= characters


def render_functions(functions: Sequence[Schema]) -> str:
    """Function tools as one TypeScript namespace."""
    budget = _Budget()
    blocks = "".join(_function(tool, budget) + "\n\n" for tool in functions)
    return "namespace functions {\n\n" + blocks + "} // namespace functions"


def render_output_schema(schema: Any) -> str:
    """The schema of a structured answer as compact JSON, without what the model is not shown."""
    return json.dumps(_shown(schema, 0), separators=(",", ":"), ensure_ascii=False)


def recipient(call: Schema) -> str:
    """Whom a call is addressed to: the name with its namespace."""
    return f"functions.{call.get('name') or ''}"


def given(call: Schema) -> str:
    """What a call hands over, as text: the arguments of a function, the input of a custom tool."""
    found = call.get("arguments") or call.get("input")
    return found if isinstance(found, str) else ""


def render_calls(calls: Sequence[Schema]) -> tuple[str, str]:
    """(recipient, content) of the message that neighbouring calls are.

    A lone call is addressed to its function; several are one call of ``BUNDLE_NAME`` with all their JSON.
    """
    if len(calls) == 1:
        return recipient(calls[0]), given(calls[0])
    uses = ",".join(f'{{"recipient_name":"{recipient(call)}","parameters":{given(call)}}}' for call in calls)
    return BUNDLE_NAME, f'{{"tool_uses":[{uses}]}}'


def _function(tool: Schema, budget: _Budget) -> str:
    schema = _mapping(tool.get("parameters"))
    head = f"{_comment(tool.get('description'))}type {tool.get('name')} = "
    if not _mapping(schema.get("properties")):
        return head + "() => any;"
    known = _Known(schema, budget)
    return f"{head}(_: {_comments(schema, known)}{_object(schema, known, 0)}) => any;"


def _comments(schema: Schema, known: _Known) -> str:
    texts = [text for text in (schema.get("title"), schema.get("description"), _examples(schema)) if text]
    known.charge(sum(len(text) for text in texts if isinstance(text, str)))
    return "".join(map(_comment, texts))


def _comment(text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        return ""
    return "".join(f"// {line.strip()}".rstrip() + "\n" for line in text.strip().split("\n"))


def _examples(schema: Schema) -> str:
    examples = schema.get("examples")
    if not isinstance(examples, list) or not examples:
        return ""
    if len(examples) == 1:
        return f"Example: {_literal(examples[0])}"
    return "\n".join(["Examples:", *(f"- {_literal(one)}" for one in examples)])


def _object(schema: Schema, known: _Known, depth: int) -> str:
    """Members on one line, or one a line as soon as one of them has a comment or needs several lines."""
    required = schema.get("required")
    needed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    known.charge(len(needed))
    members: list[tuple[str, str, str]] = []
    for name, shape in _mapping(schema.get("properties")).items():
        if known.spent:
            break
        shape = _resolve(shape, known)
        above, type_, trail = _comments(shape, known), _type(shape, known, depth + 1), _trail(shape, known)
        if trail and "\n" in type_:
            above, trail = f"{above}// {trail}\n", ""
        colon = ":" if type_.startswith("\n") else ": "
        known.charge(len(name) + len(": , "))
        members.append((above, f"{name}{'' if name in needed else '?'}{colon}{type_}", trail and f" // {trail}"))
    others = schema.get("additionalProperties")
    if others is True or isinstance(others, dict):
        members.append(("", f"[key: string]: {_type(_resolve(others, known), known, depth + 1)}", ""))
    if not members:
        return "object"
    if not any(above or trail or "\n" in member for above, member, trail in members):
        return "{ " + ", ".join(member for _, member, _ in members) + " }"
    return "{\n" + "".join(f"{above}{member},{trail}\n" for above, member, trail in members) + "}"


def _trail(shape: Schema, known: _Known) -> str:
    text = ", ".join(f"{key}: {_bound(key, shape)}" for key in _TRAILING if key in shape)
    known.charge(len(text))
    return text


def _bound(key: str, shape: Schema) -> str:
    value = shape[key]
    if key == "pattern":
        return f"/{value}/"
    if key in _BOUNDS and shape.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return f"{value}.0"  # the bounds of a number are read as floats, those of an integer are not
    return _literal(value)


def _resolve(shape: Any, known: _Known) -> Schema:
    found = _mapping(shape)
    reference = found.get("$ref")
    if not isinstance(reference, str):
        return found
    known.charge(_REFERENCE + len(reference))
    target = _mapping(known.definitions.get(reference.rpartition("/")[2]))
    if len(found) == 1:
        return target
    # What stands beside a reference is the member's own: its description, its default.
    known.charge(len(target) + len(found))
    return {**target, **{key: value for key, value in found.items() if key != "$ref"}}


def _type(shape: Schema, known: _Known, depth: int) -> str:
    if depth > MAX_DEPTH or known.spent:
        return "any"
    known.charge(len(shape))
    for keyword in ("enum", "const"):
        if keyword in shape and shape[keyword] != []:
            return _literals(shape[keyword] if isinstance(shape[keyword], list) else [shape[keyword]], known)
    for keyword, sign in (("anyOf", "|"), ("oneOf", "|"), ("allOf", "&")):
        if isinstance(shape.get(keyword), list):
            return _variants(shape[keyword], sign, known, depth + 1)
    kind = shape.get("type")
    if isinstance(kind, list):
        known.charge(len(kind))
        kinds = dict.fromkeys(one for one in kind if isinstance(one, str))
        return " | ".join(_type({**shape, "type": one}, known, depth + 1) for one in kinds if not known.spent) or "any"
    if shape.get("nullable") is True:
        return _type({**shape, "nullable": False}, known, depth + 1) + " | null"
    if kind == "array":
        inner = _type(_resolve(shape.get("items"), known), known, depth + 1)
        return f"Array<{inner}>" if inner.startswith(("{", "\n")) or " | " in inner else f"{inner}[]"
    if kind == "object" or (kind is None and "properties" in shape):
        return _object(shape, known, depth)
    return _SIMPLE.get(str(kind), "any")


def _literals(values: Sequence[Any], known: _Known) -> str:
    texts: list[str] = []
    for value in values:
        if known.spent:
            break
        texts.append(_literal(value))
        known.charge(len(texts[-1]) + len(" | "))
    return " | ".join(texts)


def _variants(shapes: Sequence[Any], sign: str, known: _Known, depth: int) -> str:
    """Alternatives on one line, or one a line when one of them has a comment or needs several lines."""
    rendered: list[tuple[str, str, str]] = []
    for one in shapes:
        if known.spent:
            break
        shape = _resolve(one, known)
        known.charge(len(sign))
        rendered.append((_comments(shape, known), _type(shape, known, depth), _trail(shape, known)))
    if not any(above or trail or "\n" in type_ for above, type_, trail in rendered):
        return f" {sign} ".join(type_ for _, type_, _ in rendered)
    lines = (f"{above} {sign} {type_}{trail and f' // {trail}'}\n" for above, type_, trail in rendered)
    return "\n" + "".join(lines)


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


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
