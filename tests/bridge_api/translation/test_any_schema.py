"""Whatever a client sends as a schema: it is translated and counted, or refused in the project's own words."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_api.errors import BridgeError
from bridge_api.mapping import Route
from bridge_api.schemas.anthropic import parse_messages
from bridge_api.tokens import counting
from bridge_api.translation.answer import restored
from bridge_api.translation.filler_policy import FillerPolicy
from bridge_api.translation.json_schema import clean
from bridge_api.translation.plan import StructuredPlan
from bridge_api.translation.request import RequestContext, Translated, translate
from bridge_api.translation.strict_schema import in_strict_subset, remove_added_nulls, to_strict

PLACES = ("tool", "strict tool", "output", "output in words")
HOLDERS = [
    "properties", "$defs", "definitions", "patternProperties", "dependentSchemas", "items", "prefixItems", "contains",
    "not", "if", "then", "else", "anyOf", "oneOf", "allOf", "additionalProperties", "propertyNames",
]  # fmt: skip
PLAIN = [
    "required", "enum", "const", "default", "examples", "type", "$ref", "$schema", "title", "description", "format",
    "pattern", "nullable", "minimum", "maximum", "exclusiveMinimum", "multipleOf", "minLength", "maxLength", "minItems",
    "maxItems", "uniqueItems", "minProperties",
]  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
    | st.sampled_from(["object", "array", "string", "null", "#", "#/$defs/a", "a", "date-time", "(?=x)"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from(["object", "array", "string", "integer", "null", ["object", "null"], ["array", {}]]) | JSON


def shaped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Keywords with what they may hold, and with anything else."""
    members = st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    held = inner | members | st.lists(inner, max_size=3) | JSON
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES,
            "properties": members | JSON,
            "required": st.lists(st.sampled_from("abc") | JSON, max_size=3) | JSON,
            "additionalProperties": st.just(False) | held,
        },
    ).flatmap(
        lambda some: st.builds(
            lambda plain, holding: {**plain, **holding, **some},
            st.dictionaries(st.sampled_from(PLAIN), JSON, max_size=2),
            st.dictionaries(st.sampled_from(HOLDERS), held, max_size=2),
        )
    )


SCHEMAS = st.recursive(JSON, shaped, max_leaves=6)
examples = settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", "300")), deadline=None)


def nested(depth: int, value: Any = None) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def asked(schema: Any, place: str) -> Translated:
    """A request with ``schema`` at ``place``, translated."""
    fields: dict[str, Any] = {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    if "tool" in place:
        fields = {"tools": [{"name": "f", "input_schema": schema, "strict": place.startswith("strict")}]}
    body = {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": "Hi"}], **fields}
    request = parse_messages(json.dumps(body).encode(), count=True)
    route = Route(request.model, "gpt-4" if "words" in place else "gpt-5.6-sol", "default")
    return translate(request, RequestContext(route=route), count=True)


def counted(schema: Any, place: str) -> int | None:
    """The count of a request with ``schema``, or None where it is refused."""
    try:
        payload = asked(schema, place).payload
    except BridgeError:
        return None
    return counting.count(payload, len)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"anyOf": 5}}}, {"properties": {"a": {"anyOf": [5], "enum": 5}}},
        {"required": [{}], "properties": {"a": {}}}, {"required": 5, "properties": {"a": {"type": "string"}}},
        {"properties": {"a": {"type": [{}]}}}, {"properties": {"a": {"format": []}}}, {"properties": {"a": {"$ref": {}}}},
        {"allOf": 3}, {"anyOf": 3}, {"oneOf": {"a": 1}}, {"$defs": [1]}, {"definitions": 1, "anyOf": [{}]},
        {"anyOf": [{"properties": 5}, {"required": 5}]}, {"allOf": [{"properties": 5}, {"required": [{}]}]},
    ],
)  # fmt: skip
def test_keywords_with_values_that_they_cannot_have_are_counted(schema: Any, place: str) -> None:
    assert counted({"type": "object", **schema}, place)
    assert counted({"type": "object", "additionalProperties": False, **schema}, place)
    assert counted(schema, place)


@pytest.mark.parametrize("depth", [100, 300, 450, 600, 900])
@pytest.mark.parametrize("place", PLACES)
def test_values_nested_without_end_are_passed_or_refused(depth: int, place: str) -> None:
    deep = nested(depth)
    for schema in (
        {"enum": [deep]},
        {"type": "object", "propertyNames": deep},
        {"type": "array", "items": {"type": "string", "default": deep}},
        {"allOf": [{"default": deep}, {"default": deep}]},
        {"type": "object", "properties": {"a": {"enum": [deep]}}, "required": ["a"], "additionalProperties": False},
    ):
        try:
            asked(schema, place)
        except BridgeError as error:
            assert error.status == 400


@examples
@given(st.dictionaries(st.sampled_from([*HOLDERS, *PLAIN]), SCHEMAS, max_size=4) | shaped(SCHEMAS))
def test_any_object_as_a_schema_is_translated_and_counted(schema: dict[str, Any]) -> None:
    for place in PLACES:
        assert counted(schema, place)


@given(JSON)
def test_any_json_as_a_schema_is_counted_or_refused(schema: Any) -> None:
    for place in PLACES:
        counted(schema, place)


@examples
@given(SCHEMAS)
def test_what_is_made_strict_is_in_the_strict_subset(schema: Any) -> None:
    strict = to_strict(schema)
    assert strict is None or in_strict_subset(strict.schema)
    cleaned = clean(schema).schema
    assert clean(cleaned).schema == cleaned
    FillerPolicy.from_schema(cleaned)


@examples
@given(SCHEMAS, SCHEMAS | JSON)
def test_any_answer_comes_back_through_any_schema(schema: Any, value: Any) -> None:
    if isinstance(schema, dict):
        remove_added_nulls(value, schema)
        assert restored(json.dumps(value), StructuredPlan(schema, wrapped=True, nullable=True))
