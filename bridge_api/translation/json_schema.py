"""JSON Schemas of clients, made acceptable upstream without losing what they say.

Invariants: nothing is changed in place; a schema that is acceptable comes back equal; what the upstream refuses
is said in words in the nearest ``description``; the outcome depends on the schema alone; nesting deeper than
``MAX_DEPTH`` is cut to an open schema; any JSON comes through, and a keyword whose value is of a kind that it cannot
have says nothing.

Source: OpenAI's structured-outputs guide (supported schemas, limits), recorded refusals and acceptances of
schemas (``default`` and ``minLength`` are accepted in strict ones), the schemas of Claude Code and of MCP servers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

Schema = dict[str, Any]
MAX_DEPTH = 64
META = ("$schema", "$id", "$comment", "$anchor", "$vocabulary")
# What the upstream's regular-expression engine has no notion of: Unicode classes, look-around, references.
BAD_REGEX = re.compile(r"\\[pP]\{|\(\?[=!<]|\\[1-9]|\\k<")


@dataclass(frozen=True, slots=True)
class CleanResult:
    """``changes``: short names of what was rewritten, empty when the schema only lost its meta keys."""

    schema: Schema
    changes: tuple[str, ...]


def clean(schema: Any) -> CleanResult:
    """An acceptable form of a tool's input schema: the root is an object with ``properties``."""
    changes: dict[str, None] = {}
    root = _cleaned(schema, changes, 0)
    if not isinstance(root, dict):
        changes["root"] = None
        root = {}
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in root:
            changes["root_union"] = None
            root = _merged_root(root, keyword)
    if root.get("type") != "object":
        if "type" in root:
            changes["root"] = None
        root = {"type": "object", **{key: value for key, value in root.items() if key != "type"}}
    for keyword in ("enum", "const", "not"):
        if keyword in root:
            changes["root"] = None
            root = said(root, keyword)
    if not isinstance(root.get("properties"), dict):
        root = {**root, "properties": {}}
    return CleanResult(root, tuple(changes))


def _cleaned(schema: Any, changes: dict[str, None], depth: int) -> Any:
    if schema is True:
        return {}
    if schema is False:
        changes["boolean"] = None
        return {"not": {}}
    if not isinstance(schema, dict):
        return {}
    if depth >= MAX_DEPTH:
        changes["depth"] = None
        return {}
    out: Schema = {}
    for key, value in schema.items():
        if key in META:
            continue
        out[key] = _cleaned_keyword(key, value, changes, depth)
    if says_type(out, "array") and "items" not in out and "prefixItems" not in out:
        out["items"] = {}
    if says_type(out, "object") and depth > 0 and "properties" not in out:
        out["properties"] = {}
    pattern = out.get("pattern")
    if isinstance(pattern, str) and BAD_REGEX.search(pattern):
        changes["pattern"] = None
        out = said(out, "pattern")
    if "propertyNames" in out:
        changes["propertyNames"] = None
        out = said(out, "propertyNames")
    if isinstance(out.get("patternProperties"), dict) and any(map(BAD_REGEX.search, out["patternProperties"])):
        changes["patternProperties"] = None
        out = said(out, "patternProperties")
    return out


def _cleaned_keyword(key: str, value: Any, changes: dict[str, None], depth: int) -> Any:
    if key in ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas"):
        if isinstance(value, dict):
            return {name: _cleaned_sub(inner, changes, depth) for name, inner in value.items()}
        return {}
    if key in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(value, list):
        return [_cleaned(inner, changes, depth + 1) for inner in value]
    if key in ("items", "not", "contains", "if", "then", "else"):
        if isinstance(value, list):
            return [_cleaned(inner, changes, depth + 1) for inner in value]
        return _cleaned(value, changes, depth + 1)
    if key == "additionalProperties" and isinstance(value, dict):
        return _cleaned(value, changes, depth + 1)
    return value


def _cleaned_sub(inner: Any, changes: dict[str, None], depth: int) -> Any:
    return _cleaned(inner, changes, depth + 1)


def says_type(schema: Mapping[str, Any], kind: str) -> bool:
    found = schema.get("type")
    return found == kind or (isinstance(found, list) and kind in found)


def said(schema: Schema, keyword: str) -> Schema:
    """``keyword`` taken out and told in the description instead."""
    rest = {key: value for key, value in schema.items() if key != keyword}
    value = schema[keyword]
    text = value if isinstance(value, str) else _told(value)
    sentence = f"({keyword}: {text})"
    described = rest.get("description")
    rest["description"] = f"{described} {sentence}" if isinstance(described, str) and described else sentence
    return rest


def _told(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:
        return "nested too deeply to be shown"


def _merged_root(root: Schema, keyword: str) -> Schema:
    """A union at the root as one object: all properties, those required that every branch requires (for
    ``allOf``: that any requires), and the branches in words."""
    definitions = definitions_of(root)
    branches = [resolved(branch, definitions) for branch in listed(root[keyword]) if isinstance(branch, dict)]
    properties: Schema = dict(mapping(root.get("properties")))
    for branch in branches:
        for name, shape in mapping(branch.get("properties")).items():
            properties.setdefault(name, shape)
    sets = [set(names(branch.get("required"))) for branch in branches if branch.get("type") != "null"]
    joined: set[str] = set()
    if sets:
        joined = set.union(*sets) if keyword == "allOf" else set.intersection(*sets)
    needed = names(root.get("required"))
    needed += [name for name in properties if name in joined and name not in needed]
    merged = {key: value for key, value in root.items() if key not in (keyword, "properties", "required")}
    merged["type"] = "object"
    merged["properties"] = properties
    if needed:
        merged["required"] = needed
    if keyword != "allOf" and len(sets) > 1:
        ways = " or ".join("{" + ", ".join(sorted(one)) + "}" for one in sets)
        sentence = f"({'Exactly one' if keyword == 'oneOf' else 'At least one'} of these sets of members: {ways})"
        described = merged.get("description")
        merged["description"] = f"{described} {sentence}" if isinstance(described, str) else sentence
    return merged


def mapping(value: Any) -> dict[str, Any]:
    """``value`` where it is an object, else one without members."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """``value`` where it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def names(value: Any) -> list[str]:
    """The texts in a list such as that of ``required``."""
    return [one for one in listed(value) if isinstance(one, str)]


def definitions_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What the references of a schema may name."""
    return {**mapping(schema.get("definitions")), **mapping(schema.get("$defs"))}


def resolved(schema: Schema, definitions: Mapping[str, Any]) -> Schema:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = definitions.get(reference.rpartition("/")[2])
        if isinstance(target, dict):
            return target
    return schema
