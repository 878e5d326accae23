"""JSON Schemas of clients, made acceptable upstream without losing what they say.

Invariants: nothing is changed in place; a schema that is acceptable comes back equal; what the upstream refuses
is said in words in the nearest ``description``; the outcome depends on the schema alone; nesting deeper than
``MAX_DEPTH`` is cut to an open schema.

Source: OpenAI's structured-outputs guide (supported schemas, limits), recorded refusals and acceptances of
schemas (``default`` and ``minLength`` are accepted in strict ones), the schemas of Claude Code and of MCP servers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

Schema = dict[str, Any]
MAX_DEPTH = 64
STRICT_DEPTH = 10
STRICT_PROPERTIES = 5_000
STRICT_CHARACTERS = 120_000
STRICT_ENUM_VALUES = 1_000
STRICT_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
_FORBIDDEN_IN_STRICT = frozenset(
    {
        "allOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
        "patternProperties",
        "propertyNames",
        "unevaluatedProperties",
        "unevaluatedItems",
        "contains",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
        "uniqueItems",
        "prefixItems",
        "nullable",
    }
)
_META = ("$schema", "$id", "$comment", "$anchor", "$vocabulary")
# What the upstream's regular-expression engine has no notion of: Unicode classes, look-around, references.
_BAD_REGEX = re.compile(r"\\[pP]\{|\(\?[=!<]|\\[1-9]|\\k<")


@dataclass(frozen=True, slots=True)
class CleanResult:
    """``changes``: short names of what was rewritten, empty when the schema only lost its meta keys."""

    schema: Schema
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StrictResult:
    """``optional``: whether members were made nullable; ``root_wrapped``: the root stands as ``value``."""

    schema: Schema
    optional: bool
    root_wrapped: bool


# -- non-strict -------------------------------------------------------------------------------------------


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
            root = _said(root, keyword)
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
        if key in _META:
            continue
        out[key] = _cleaned_keyword(key, value, changes, depth)
    if _says_type(out, "array") and "items" not in out and "prefixItems" not in out:
        out["items"] = {}
    if _says_type(out, "object") and depth > 0 and "properties" not in out:
        out["properties"] = {}
    pattern = out.get("pattern")
    if isinstance(pattern, str) and _BAD_REGEX.search(pattern):
        changes["pattern"] = None
        out = _said(out, "pattern")
    if "propertyNames" in out:
        changes["propertyNames"] = None
        out = _said(out, "propertyNames")
    if isinstance(out.get("patternProperties"), dict) and any(map(_BAD_REGEX.search, out["patternProperties"])):
        changes["patternProperties"] = None
        out = _said(out, "patternProperties")
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


def _says_type(schema: Mapping[str, Any], kind: str) -> bool:
    found = schema.get("type")
    return found == kind or (isinstance(found, list) and kind in found)


def _said(schema: Schema, keyword: str) -> Schema:
    """``keyword`` taken out and told in the description instead."""
    rest = {key: value for key, value in schema.items() if key != keyword}
    value = schema[keyword]
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    sentence = f"({keyword}: {text})"
    described = rest.get("description")
    rest["description"] = f"{described} {sentence}" if isinstance(described, str) and described else sentence
    return rest


def _merged_root(root: Schema, keyword: str) -> Schema:
    """A union at the root as one object: all properties, those required that every branch requires (for
    ``allOf``: that any requires), and the branches in words."""
    branches = [branch for branch in root[keyword] if isinstance(branch, dict)]
    definitions = {**(root.get("definitions") or {}), **(root.get("$defs") or {})}
    branches = [_resolved(branch, definitions) for branch in branches]
    properties: Schema = dict(root.get("properties") or {})
    for branch in branches:
        for name, shape in (branch.get("properties") or {}).items():
            properties.setdefault(name, shape)
    sets = [set(branch.get("required") or []) for branch in branches if branch.get("type") != "null"]
    joined: set[str] = set()
    if sets:
        joined = set.union(*sets) if keyword == "allOf" else set.intersection(*sets)
    needed = [*(root.get("required") or [])]
    needed += [name for name in properties if name in joined and name not in needed]
    merged = {key: value for key, value in root.items() if key not in (keyword, "properties", "required")}
    merged["type"] = "object"
    merged["properties"] = properties
    if needed:
        merged["required"] = needed
    if keyword != "allOf" and len(sets) > 1:
        ways = " or ".join("{" + ", ".join(sorted(names)) + "}" for names in sets)
        sentence = f"({'Exactly one' if keyword == 'oneOf' else 'At least one'} of these sets of members: {ways})"
        described = merged.get("description")
        merged["description"] = f"{described} {sentence}" if isinstance(described, str) else sentence
    return merged


def _resolved(schema: Schema, definitions: Mapping[str, Any]) -> Schema:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = definitions.get(reference.rpartition("/")[2])
        if isinstance(target, dict):
            return target
    return schema


# -- strict -----------------------------------------------------------------------------------------------


def in_strict_subset(schema: Any) -> bool:
    """Whether the upstream takes ``schema`` with ``strict: true`` as it is."""
    if not isinstance(schema, dict) or schema.get("type") != "object" or "anyOf" in schema:
        return False
    budget = _Budget()
    return _strict_node(schema, budget, 0) and budget.fits()


@dataclass(slots=True)
class _Budget:
    properties: int = 0
    characters: int = 0
    values: int = 0

    def fits(self) -> bool:
        return (
            self.properties <= STRICT_PROPERTIES
            and self.characters <= STRICT_CHARACTERS
            and self.values <= STRICT_ENUM_VALUES
        )


def _strict_node(schema: Any, budget: _Budget, depth: int) -> bool:
    if not isinstance(schema, dict) or depth > STRICT_DEPTH * 2 or _FORBIDDEN_IN_STRICT & schema.keys():
        return False
    if not ({"type", "$ref", "anyOf", "enum", "const"} & schema.keys()):
        return False
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and _BAD_REGEX.search(pattern):
        return False
    if "format" in schema and schema["format"] not in STRICT_FORMATS:
        return False
    for value in schema.get("enum") or []:
        budget.values += 1
        budget.characters += len(str(value))
    if _says_type(schema, "object") and not _strict_object(schema, budget, depth):
        return False
    if _says_type(schema, "array") and not _strict_node(schema.get("items"), budget, depth + 1):
        return False
    inner = [*(schema.get("anyOf") or []), *(schema.get("$defs") or {}).values()]
    inner += (schema.get("definitions") or {}).values()
    return all(_strict_node(branch, budget, depth + 1) for branch in inner)


def _strict_object(schema: Schema, budget: _Budget, depth: int) -> bool:
    properties = schema.get("properties")
    if not isinstance(properties, dict) or schema.get("additionalProperties") is not False:
        return False
    if set(schema.get("required") or []) != set(properties) or depth > STRICT_DEPTH:
        return False
    budget.properties += len(properties)
    budget.characters += sum(map(len, properties))
    return all(_strict_node(inner, budget, depth + 1) for inner in properties.values())


class _Impossible(Exception):
    """The schema says something that the strict subset cannot."""


def to_strict(schema: Any) -> StrictResult | None:
    """The strict form of ``schema``: optional members become required and nullable, words replace what the
    subset lacks. None where its meaning would be lost (open objects, negation, conditions)."""
    if not isinstance(schema, dict):
        return None
    state = {"optional": False}
    try:
        root = _strict_form(schema, state, 0)
    except _Impossible:
        return None
    wrapped = root.get("type") != "object" or "anyOf" in root
    if wrapped:
        definitions: Schema = {key: root.pop(key) for key in ("$defs", "definitions") if key in root}
        if _refers_to_root(schema):
            return None
        root = {
            "type": "object",
            "properties": {"value": root},
            "required": ["value"],
            "additionalProperties": False,
            **definitions,
        }
    if not in_strict_subset(root):
        return None
    return StrictResult(root, state["optional"], wrapped)


def _refers_to_root(schema: Any) -> bool:
    if isinstance(schema, dict):
        return schema.get("$ref") == "#" or any(_refers_to_root(inner) for inner in schema.values())
    return isinstance(schema, list) and any(_refers_to_root(inner) for inner in schema)


def _strict_form(schema: Any, state: dict[str, bool], depth: int) -> Schema:
    if not isinstance(schema, dict) or depth > STRICT_DEPTH * 2:
        raise _Impossible
    out = {key: value for key, value in schema.items() if key not in _META}
    if "allOf" in out:
        out = _merged_all(out)
    if "oneOf" in out:
        out["anyOf"] = out.pop("oneOf")
    if out.pop("nullable", False) is True and isinstance(out.get("type"), str):
        out["type"] = [out["type"], "null"]
    out.pop("uniqueItems", None) if out.get("uniqueItems") is False else None
    for keyword in ("uniqueItems", "minProperties", "maxProperties"):
        if keyword in out:
            out = _said(out, keyword)
    if "format" in out and out["format"] not in STRICT_FORMATS:
        out = _said(out, "format")
    if isinstance(out.get("pattern"), str) and _BAD_REGEX.search(out["pattern"]):
        out = _said(out, "pattern")
    if _FORBIDDEN_IN_STRICT & out.keys():
        raise _Impossible
    deeper: Callable[[Any], Schema] = lambda inner: _strict_form(inner, state, depth + 1)  # noqa: E731
    for key in ("$defs", "definitions"):
        if isinstance(out.get(key), dict):
            out[key] = {name: deeper(inner) for name, inner in out[key].items()}
    if isinstance(out.get("anyOf"), list):
        out["anyOf"] = [deeper(inner) for inner in out["anyOf"]]
    if _says_type(out, "object") or ("properties" in out and "type" not in out):
        out = _strict_object_form(out, state, deeper)
    if _says_type(out, "array"):
        out["items"] = deeper(out.get("items"))
    return out


def _strict_object_form(out: Schema, state: dict[str, bool], deeper: Callable[[Any], Schema]) -> Schema:
    if out.get("additionalProperties") not in (None, False):
        raise _Impossible
    properties = out.get("properties")
    if not isinstance(properties, dict) or not properties:
        if out.get("additionalProperties") is None:
            # An object of any members: closing it would forbid them all.
            raise _Impossible
        properties = {}
    needed = set(out.get("required") or [])
    form: Schema = {}
    for name, inner in properties.items():
        shape = deeper(inner)
        if name not in needed:
            state["optional"] = True
            shape = _nullable(shape)
        form[name] = shape
    out["type"] = out.get("type", "object")
    out["properties"] = form
    out["required"] = list(form)
    out["additionalProperties"] = False
    return out


def _nullable(shape: Schema) -> Schema:
    if admits_null(shape):
        return shape
    kind = shape.get("type")
    if isinstance(kind, str) and "enum" not in shape and "const" not in shape:
        return {**shape, "type": [kind, "null"]}
    return {"anyOf": [shape, {"type": "null"}]}


def admits_null(shape: Mapping[str, Any]) -> bool:
    """Whether ``null`` satisfies ``shape``, as far as it says so itself."""
    kind = shape.get("type")
    if kind == "null" or (isinstance(kind, list) and "null" in kind) or shape.get("nullable") is True:
        return True
    if None in (shape.get("enum") or [0]) or ("const" in shape and shape["const"] is None):
        return True
    branches = [*(shape.get("anyOf") or []), *(shape.get("oneOf") or [])]
    return any(isinstance(branch, dict) and admits_null(branch) for branch in branches)


def _merged_all(schema: Schema) -> Schema:
    """``allOf`` of plain objects as one; anything cleverer is beyond the subset."""
    merged: Schema = {key: value for key, value in schema.items() if key != "allOf"}
    for branch in schema["allOf"]:
        if not isinstance(branch, dict) or "$ref" in branch:
            raise _Impossible
        for key, value in branch.items():
            if key == "properties":
                merged[key] = {**value, **(merged.get(key) or {})}
            elif key == "required":
                merged[key] = list(dict.fromkeys([*(merged.get(key) or []), *value]))
            elif merged.setdefault(key, value) != value and key not in ("description", "title"):
                raise _Impossible
    return merged


# -- back -------------------------------------------------------------------------------------------------


def remove_added_nulls(value: Any, schema: Mapping[str, Any]) -> Any:
    """``value`` without the nulls that stand where the client's ``schema`` has an optional member that admits
    none. Follows ``$ref``, arrays and unions; what the schema does not describe is left as it is."""
    definitions = {**(schema.get("definitions") or {}), **(schema.get("$defs") or {})}
    return _without_nulls(value, schema, {"": schema, **definitions}, 0)


def _without_nulls(value: Any, schema: Any, definitions: Mapping[str, Any], depth: int) -> Any:
    if not isinstance(schema, dict) or depth > MAX_DEPTH * 4:
        return value
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = "" if reference == "#" else reference.rpartition("/")[2]
        return _without_nulls(value, definitions.get(name), definitions, depth + 1)
    if isinstance(value, list):
        return [_without_nulls(inner, schema.get("items"), definitions, depth + 1) for inner in value]
    if not isinstance(value, dict):
        return value
    shape = _shape_for(value, schema, definitions)
    properties = shape.get("properties") or {}
    needed = set(shape.get("required") or [])
    out = {}
    for name, member in value.items():
        inner = properties.get(name)
        if (
            member is None
            and name not in needed
            and isinstance(inner, dict)
            and not admits_null(_resolved(inner, definitions))
        ):
            continue
        out[name] = _without_nulls(member, inner, definitions, depth + 1)
    return out


def _shape_for(value: Mapping[str, Any], schema: Schema, definitions: Mapping[str, Any]) -> Schema:
    """The object schema that describes ``value``: a union's branch by its members and constants."""
    if isinstance(schema.get("allOf"), list):
        try:
            return _merged_all(schema)
        except _Impossible:
            return schema
    for keyword in ("anyOf", "oneOf"):
        for branch in schema.get(keyword) or []:
            if isinstance(branch, dict):
                target = _resolved(branch, definitions)
                if _fits(value, target):
                    return target
    return schema


def _fits(value: Mapping[str, Any], shape: Schema) -> bool:
    properties = shape.get("properties")
    if not isinstance(properties, dict) or not set(value) <= set(properties):
        return False
    for name, member in value.items():
        inner = properties[name]
        if isinstance(inner, dict):
            if "const" in inner and inner["const"] != member:
                return False
            if "enum" in inner and member is not None and member not in inner["enum"]:
                return False
    return set(shape.get("required") or []) <= set(value)
