"""JSON Schemas in the upstream's strict subset, and values back from it.

The strict subset knows no optional members: they become required and nullable, and the nulls that were added for
them are taken out of what the model wrote.

Invariants: a schema made strict is in the strict subset; a value that fits the client's schema comes back from
the strict form unchanged; what the subset would distort is not made strict; any JSON may be asked about.

Source: OpenAI's structured-outputs guide; recorded acceptances (``default`` and ``minLength`` are taken).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge_api.translation.json_schema import (
    BAD_REGEX,
    MAX_DEPTH,
    META,
    Schema,
    definitions_of,
    listed,
    mapping,
    names,
    resolved,
    said,
    says_type,
)

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
_KINDS: dict[str, type | tuple[type, ...]] = {
    "type": (str, list),
    "$ref": str,
    "anyOf": list,
    "enum": list,
    "required": list,
    "properties": dict,
    "$defs": dict,
    "definitions": dict,
}


@dataclass(frozen=True, slots=True)
class StrictResult:
    """``optional``: whether members were made nullable; ``root_wrapped``: the root stands as ``value``."""

    schema: Schema
    optional: bool
    root_wrapped: bool


def in_strict_subset(schema: Any) -> bool:
    """Whether the upstream takes ``schema`` with ``strict: true`` as it is."""
    if not isinstance(schema, dict) or schema.get("type") != "object" or "anyOf" in schema:
        return False
    budget = _Budget()
    try:
        return _strict_node(schema, budget, 0) and budget.fits()
    except RecursionError:
        return False


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
    if any(key in schema and not isinstance(schema[key], kind) for key, kind in _KINDS.items()):
        return False
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and BAD_REGEX.search(pattern):
        return False
    if "format" in schema and not _is_strict_format(schema["format"]):
        return False
    for value in schema.get("enum", ()):
        budget.values += 1
        budget.characters += len(str(value))
    if says_type(schema, "object") and not _strict_object(schema, budget, depth):
        return False
    if says_type(schema, "array") and not _strict_node(schema.get("items"), budget, depth + 1):
        return False
    inner = [*schema.get("anyOf", ()), *schema.get("$defs", {}).values(), *schema.get("definitions", {}).values()]
    return all(_strict_node(branch, budget, depth + 1) for branch in inner)


def _is_strict_format(value: Any) -> bool:
    return isinstance(value, str) and value in STRICT_FORMATS


def _strict_object(schema: Schema, budget: _Budget, depth: int) -> bool:
    properties = schema.get("properties")
    if not isinstance(properties, dict) or schema.get("additionalProperties") is not False:
        return False
    required = schema.get("required", [])
    if len(names(required)) != len(required) or set(required) != set(properties) or depth > STRICT_DEPTH:
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
    try:
        return _strict_result(schema)
    except (_Impossible, RecursionError):
        return None


def _strict_result(schema: Schema) -> StrictResult | None:
    state = {"optional": False}
    root = _strict_form(schema, state, 0)
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
    out = {key: value for key, value in schema.items() if key not in META}
    if "allOf" in out:
        out = _merged_all(out)
    if "oneOf" in out:
        out["anyOf"] = out.pop("oneOf")
    if out.pop("nullable", False) is True and isinstance(out.get("type"), str):
        out["type"] = [out["type"], "null"]
    out.pop("uniqueItems", None) if out.get("uniqueItems") is False else None
    for keyword in ("uniqueItems", "minProperties", "maxProperties"):
        if keyword in out:
            out = said(out, keyword)
    if "format" in out and not _is_strict_format(out["format"]):
        out = said(out, "format")
    if isinstance(out.get("pattern"), str) and BAD_REGEX.search(out["pattern"]):
        out = said(out, "pattern")
    if _FORBIDDEN_IN_STRICT & out.keys():
        raise _Impossible
    deeper: Callable[[Any], Schema] = lambda inner: _strict_form(inner, state, depth + 1)  # noqa: E731
    for key in ("$defs", "definitions"):
        if isinstance(out.get(key), dict):
            out[key] = {name: deeper(inner) for name, inner in out[key].items()}
    if isinstance(out.get("anyOf"), list):
        out["anyOf"] = [deeper(inner) for inner in out["anyOf"]]
    if says_type(out, "object") or ("properties" in out and "type" not in out):
        out = _strict_object_form(out, state, deeper)
    if says_type(out, "array"):
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
    needed = set(names(out.get("required")))
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
    if None in listed(shape.get("enum")) or ("const" in shape and shape["const"] is None):
        return True
    branches = [*listed(shape.get("anyOf")), *listed(shape.get("oneOf"))]
    return any(isinstance(branch, dict) and admits_null(branch) for branch in branches)


def _merged_all(schema: Schema) -> Schema:
    """``allOf`` of plain objects as one; anything cleverer is beyond the subset."""
    merged: Schema = {key: value for key, value in schema.items() if key != "allOf"}
    if not isinstance(schema["allOf"], list):
        raise _Impossible
    for branch in schema["allOf"]:
        if not isinstance(branch, dict) or "$ref" in branch:
            raise _Impossible
        for key, value in branch.items():
            if key == "properties":
                merged[key] = {**mapping(value), **mapping(merged.get(key))}
            elif key == "required":
                merged[key] = list(dict.fromkeys([*names(merged.get(key)), *names(value)]))
            elif merged.setdefault(key, value) != value and key not in ("description", "title"):
                raise _Impossible
    return merged


def remove_added_nulls(value: Any, schema: Mapping[str, Any]) -> Any:
    """``value`` without the nulls that stand where the client's ``schema`` has an optional member that admits
    none. Follows ``$ref``, arrays and unions; what the schema does not describe is left as it is."""
    return _without_nulls(value, schema, {"": schema, **definitions_of(schema)}, 0)


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
    properties = mapping(shape.get("properties"))
    needed = set(names(shape.get("required")))
    out = {}
    for name, member in value.items():
        inner = properties.get(name)
        if (
            member is None
            and name not in needed
            and isinstance(inner, dict)
            and not admits_null(resolved(inner, definitions))
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
        for branch in listed(schema.get(keyword)):
            if isinstance(branch, dict):
                target = resolved(branch, definitions)
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
            if "enum" in inner and member is not None and member not in listed(inner["enum"]):
                return False
    return set(names(shape.get("required"))) <= set(value)
