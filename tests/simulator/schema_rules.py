"""What the upstream refuses in a JSON schema: in any, and in one that is to be strict.

Sources: the structured-outputs guide; recorded ``invalid_function_parameters``; for words that no document has,
public issue threads that quote the API (schema without a type, a reference with other keys beside it). That
``$schema``, ``title``, ``default``, ``const`` and ``minLength`` are taken even in strict schemas is recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

BAD_REGEX = re.compile(r"\\[pP]\{|\(\?[=!<]|\\[1-9]")
FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
NOT_STRICT = {
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "uniqueItems",
    "contains",
}
TYPED = {"type", "$ref", "anyOf", "enum", "const", "allOf", "oneOf"}
MAX_PROPERTIES, MAX_LEVELS, MAX_ENUM, MAX_NAMES, MAX_LONG_ENUM = 5_000, 10, 1_000, 120_000, 15_000

Context = tuple[str, ...]


def _at(context: Context, text: str) -> str:
    return f"In context={context!r}, {text}"


def _is(schema: dict[str, Any], kind: str) -> bool:
    found = schema.get("type")
    return found == kind or (isinstance(found, list) and kind in found)


def _inner(schema: dict[str, Any]) -> Iterator[tuple[Context, Any]]:
    for key in ("properties", "$defs", "definitions"):
        if isinstance(schema.get(key), dict):
            yield from (((key, name), inner) for name, inner in schema[key].items())
    for key in ("anyOf", "oneOf", "allOf"):
        yield from (((key, str(at)), inner) for at, inner in enumerate(schema.get(key) or []))
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield (key,), schema[key]


def loose_faults(schema: Any, *, root: bool = False, context: Context = ()) -> Iterator[str]:
    """What is refused even where ``strict`` is false; nothing if the schema is good."""
    if not isinstance(schema, dict):
        return
    if root:
        if schema.get("type") != "object":
            yield f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
        if any(key in schema for key in ("anyOf", "oneOf", "allOf", "enum", "not", "const")):
            yield "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level."
    if _is(schema, "object") and "properties" not in schema:
        yield _at(context, "object schema missing properties.")
    if _is(schema, "array") and "items" not in schema and "prefixItems" not in schema:
        yield _at(context, "array schema missing items.")
    if isinstance(schema.get("pattern"), str) and BAD_REGEX.search(schema["pattern"]):
        yield _at(context, f"{schema['pattern']!r} is not a 'regex'.")
    if isinstance(schema.get("propertyNames"), dict):
        yield _at(context, "'propertyNames' is not permitted.")
    for more, inner in _inner(schema):
        yield from loose_faults(inner, context=context + more)


def strict_faults(schema: Any, *, root: bool = False, context: Context = ()) -> Iterator[str]:
    """What is refused where ``strict`` is true."""
    if not isinstance(schema, dict):
        yield _at(context, "schema must be an object.")
        return
    if root:
        yield from loose_faults(schema, root=True)
        yield from _too_large(schema)
        yield from _dangling(schema, schema)
    if not TYPED & schema.keys():
        yield _at(context, "schema must have a 'type' key.")
    if "$ref" in schema and schema.keys() - {"$ref"}:
        yield _at(context, f"$ref cannot have keywords {set(schema) - {'$ref'}}.")
    if _is(schema, "object"):
        if schema.get("additionalProperties") is not False:
            yield _at(context, "'additionalProperties' is required to be supplied and to be false.")
        names, required = set(schema.get("properties") or {}), set(schema.get("required") or [])
        if names != required:
            missing = "".join(f" Missing {name!r}." for name in sorted(names - required)[:1])
            yield _at(
                context,
                "'required' is required to be supplied and to be an array including every key in properties."
                + (missing or f" Extra required key {sorted(required - names)[0]!r} supplied."),
            )
    for key in sorted(NOT_STRICT & schema.keys()):
        yield _at(context, f"'{key}' is not permitted.")
    if "format" in schema and schema["format"] not in FORMATS:
        yield _at(context, f"'{schema['format']}' is not a valid format.")
    for more, inner in _inner(schema):
        yield from strict_faults(inner, context=context + more)


def _too_large(schema: dict[str, Any]) -> Iterator[str]:
    """The sizes that the structured-outputs guide allows."""
    properties = enums = names = deepest = 0
    waiting: list[tuple[int, Any]] = [(1, schema)]
    while waiting:
        level, one = waiting.pop()
        if not isinstance(one, dict):
            continue
        own = one.get("properties") or {}
        values = one.get("enum") or []
        properties += len(own)
        enums += len(values)
        names += sum(map(len, own)) + sum(len(value) for value in values if isinstance(value, str))
        deepest = max(deepest, level)
        if len(values) > 250 and sum(len(str(value)) for value in values) > MAX_LONG_ENUM:
            yield "Enum values are too long."
        waiting += [(level + (more[0] in ("properties", "items")), inner) for more, inner in _inner(one)]
    if properties > MAX_PROPERTIES or enums > MAX_ENUM or names > MAX_NAMES:
        yield f"Schema is too large: {properties} properties, {enums} enum values, {names} characters."
    if deepest > MAX_LEVELS + 1:
        yield f"{deepest} levels of nesting exceeds limit of {MAX_LEVELS}."


def _dangling(schema: Any, root: dict[str, Any], context: Context = ()) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference != "#":
        at: Any = root
        for part in reference.removeprefix("#/").split("/"):
            at = at.get(part) if isinstance(at, dict) else None
        if not reference.startswith("#/") or at is None:
            yield _at(context, "reference can only point to definitions defined at the top level of the schema.")
    for more, inner in _inner(schema):
        yield from _dangling(inner, root, context + more)
