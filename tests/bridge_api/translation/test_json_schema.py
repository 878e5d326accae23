"""Clients' schemas, made acceptable upstream. The judge is the simulator's own reading of the rules."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_api.translation.json_schema import clean
from bridge_api.translation.strict_schema import in_strict_subset, remove_added_nulls, to_strict
from tests.simulator.strict import loose_faults, strict_faults

OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize(
    "schema",
    [
        {}, True, False, [], "x", None, {"type": "object"}, {"type": "string"}, {"enum": [1]}, {"const": 1},
        {"anyOf": [OBJECT, {"type": "object", "properties": {"b": {}}}]},
        {"oneOf": [{"$ref": "#/$defs/x"}], "$defs": {"x": OBJECT}},
        {"allOf": [OBJECT, {"required": ["a"]}]},
        {"type": "object", "properties": {"a": {"type": "array"}, "b": {"type": "object"}, "c": True}},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": r"\p{L}+"}, "b": {"pattern": "(?=x)"}}},
        {"type": "object", "propertyNames": {"pattern": "x"}, "properties": {}},
        {"$schema": "x", "$id": "y", "type": "object", "properties": {"a": {"$schema": "z"}}},
    ],
)  # fmt: skip
def test_a_cleaned_schema_is_accepted_and_the_original_untouched(schema: Any) -> None:
    before = copy.deepcopy(schema)
    cleaned = clean(schema)
    assert list(loose_faults(cleaned.schema, root=True)) == []
    assert schema == before
    assert clean(cleaned.schema).schema == cleaned.schema


def test_an_acceptable_schema_stays_as_it_is() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer", "minimum": 0, "default": 3}},
        "additionalProperties": False,
    }
    assert clean(schema).schema == schema
    assert clean(schema).changes == ()


def test_what_is_taken_out_is_said_in_words() -> None:
    cleaned = clean(
        {"type": "object", "properties": {"a": {"type": "string", "description": "A name.", "pattern": r"^\p{L}+$"}}}
    )
    assert cleaned.schema["properties"]["a"]["description"] == r"A name. (pattern: ^\p{L}+$)"
    assert "pattern" not in cleaned.schema["properties"]["a"]


def test_a_union_at_the_root_keeps_all_members_and_what_every_branch_requires() -> None:
    branches = [
        {"type": "object", "properties": {"a": {"type": "string"}, "k": {}}, "required": ["a", "k"]},
        {"type": "object", "properties": {"b": {"type": "string"}, "k": {}}, "required": ["b", "k"]},
    ]
    cleaned = clean({"anyOf": branches}).schema
    assert set(cleaned["properties"]) == {"a", "b", "k"}
    assert cleaned["required"] == ["k"]
    assert "{a, k} or {b, k}" in cleaned["description"]


def test_a_schema_nested_without_end_is_survived() -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    for _ in range(500):
        schema = {"type": "object", "properties": {"a": schema}}
    assert clean(schema).changes
    assert to_strict(schema) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"}, {"type": "object", "additionalProperties": True, "properties": {"a": {}}},
        {"type": "object", "properties": {"a": {"not": {}}}}, {"type": "object", "patternProperties": {"x": {}}, "properties": {"a": {"type": "string"}}},
        {"type": "object", "properties": {"a": {"allOf": [{"$ref": "#/$defs/x"}]}}}, True, "x",
    ],
)  # fmt: skip
def test_what_strictness_would_distort_is_not_made_strict(schema: Any) -> None:
    assert to_strict(schema) is None


@pytest.mark.parametrize(
    ("schema", "optional", "wrapped"),
    [
        (OBJECT, True, False),
        ({**OBJECT, "required": ["a"]}, False, False),
        ({"type": "array", "items": OBJECT}, True, True),
        ({"anyOf": [OBJECT, {"type": "null"}]}, True, True),
        ({"type": "object", "properties": {"u": {"type": "string", "format": "uri"}}, "required": ["u"]}, False, False),
        ({"type": "object", "properties": {"l": {"$ref": "#/$defs/n"}}, "$defs": {"n": OBJECT}}, True, False),
        ({"type": "object", "properties": {"e": {"enum": ["x", "y"]}}}, True, False),
    ],
)
def test_the_strict_form_is_in_the_strict_subset(schema: Any, optional: bool, wrapped: bool) -> None:
    strict = to_strict(schema)
    assert strict is not None
    assert (strict.optional, strict.root_wrapped) == (optional, wrapped)
    assert list(strict_faults(strict.schema, root=True)) == []
    assert in_strict_subset(strict.schema)


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "maybe": {"type": ["string", "null"]},
        "tags": {"type": "array", "items": {"type": "object", "properties": {"t": {"type": "string"}}}},
        "inner": {"$ref": "#/$defs/inner"},
        "either": {
            "anyOf": [
                {"type": "object", "properties": {"k": {"const": 1}, "x": {"type": "string"}}, "required": ["k"]},
                {"type": "string"},
            ]
        },
    },
    "required": ["name"],
    "$defs": {
        "inner": {"type": "object", "properties": {"deep": {"type": "integer"}, "self": {"$ref": "#/$defs/inner"}}}
    },
}


def filled(value: Any, schema: dict[str, Any]) -> Any:
    """What a strict model sends for ``value``: every optional member that is missing, as null."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"]["inner"]  # type: ignore[index]
    if isinstance(value, list):
        return [filled(one, schema["items"]) for one in value]
    if not isinstance(value, dict):
        return value
    shape = schema if "properties" in schema else schema["anyOf"][0]
    return {name: filled(value[name], inner) if name in value else None for name, inner in shape["properties"].items()}


INNER = st.recursive(
    st.fixed_dictionaries({}, optional={"deep": st.integers()}),
    lambda inner: st.fixed_dictionaries({}, optional={"deep": st.integers(), "self": inner}),
    max_leaves=3,
)
VALUES = st.fixed_dictionaries(
    {"name": st.text()},
    optional={
        "age": st.integers(), "tags": st.lists(st.fixed_dictionaries({}, optional={"t": st.text()}), max_size=3), "inner": INNER,
        "either": st.text() | st.fixed_dictionaries({"k": st.just(1)}, optional={"x": st.text()}),
    },
)  # fmt: skip


@given(VALUES)
def test_a_value_comes_back_from_the_strict_form_unchanged(value: dict[str, Any]) -> None:
    back = remove_added_nulls(filled(value, SCHEMA), SCHEMA)
    assert back.pop("maybe") is None
    assert back == value
