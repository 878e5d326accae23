"""Function tools and output schemas as text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_api.tokens import functions
from bridge_api.tokens.counting import count
from bridge_api.tokens.functions import MAX_RENDERED, render_functions, render_output_schema

NAMES = [f"n{at}" for at in range(5_000)]


def rendered(properties: dict[str, Any], **more: Any) -> str:
    """The one function ``f`` with these properties, without the namespace around it."""
    text = render_functions([{"name": "f", "parameters": {"type": "object", "properties": properties, **more}}])
    return text.removeprefix("namespace functions {\n\n").removesuffix("\n\n} // namespace functions")


def test_a_schema_that_refers_to_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    assert "any" in rendered({"first": {"$ref": "#/$defs/node"}}, **{"$defs": {"node": node}})


def test_what_stands_beside_a_reference_is_the_members_own() -> None:
    unit = {"type": "string", "enum": ["c", "f"], "title": "Unit", "description": "Of all."}
    member = {"$ref": "#/$defs/U", "description": "Of the answer.", "default": "c"}
    assert rendered({"u": member}, **{"$defs": {"U": unit}}) == rendered(
        {"u": {**unit, "description": "Of the answer.", "default": "c"}}
    )


def test_schemas_that_refer_to_each_other_do_not_grow_without_end() -> None:
    node = {
        "type": "object",
        "description": "d" * 500,
        "properties": {f"p{at}": {"$ref": "#/$defs/n"} for at in range(9)},
    }
    text = rendered({"first": {"$ref": "#/$defs/n"}}, **{"$defs": {"n": node}})
    assert len(text) < 3 * MAX_RENDERED
    assert "any" in text


LARGE: list[tuple[str, dict[str, Any]]] = [
    ("enum", {"enum": ["x" * 5_000]}),
    ("enum of many", {"enum": ["x"] * 1_000}),
    ("variants", {"anyOf": [{"const": "x" * 500}] * 10}),
    ("description", {"type": "string", "description": "x" * 5_000}),
    ("examples", {"type": "string", "examples": ["x" * 5_000]}),
    ("default", {"type": "string", "default": "x" * 5_000}),
    ("names", {"type": "object", "properties": {"x" * 5_000: {}}}),
]


@pytest.mark.parametrize("large", [shape for _, shape in LARGE], ids=[name for name, _ in LARGE])
def test_what_is_referred_to_is_rendered_to_a_bound_over_all_functions(
    monkeypatch: pytest.MonkeyPatch, large: dict[str, Any]
) -> None:
    monkeypatch.setattr(functions, "MAX_RENDERED", 50_000)
    references = {f"a{at}": {"$ref": "#/$defs/E"} for at in range(100)}
    tools = [
        {"name": f"f{at}", "parameters": {"type": "object", "$defs": {"E": large}, "properties": references}}
        for at in range(40)
    ]
    text = render_functions(tools)
    assert 5_000 < len(text) < 80_000
    assert all(f"type f{at} = " in text for at in range(40))


def test_what_reads_much_and_shows_little_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved: list[Any] = []
    real = functions._resolve

    def resolve(*args: Any) -> Any:
        resolved.append(args)
        return real(*args)

    monkeypatch.setattr(functions, "MAX_RENDERED", 50_000)
    monkeypatch.setattr(functions, "_resolve", resolve)
    for hidden in ({"type": ["x"] * 5_000}, {"description": " " * 5_000}, {"type": "object", "required": NAMES}):
        references = {f"a{at}": {"$ref": "#/$defs/E"} for at in range(1_000)}
        rendered(references, **{"$defs": {"E": hidden}})
        assert len(resolved) < 20
        resolved.clear()


def test_a_list_of_types_is_read_once_for_each_type() -> None:
    shape: dict[str, Any] = {}
    for _ in range(6):
        shape = {"type": ["object", "string", "object", "odd"] * 50, "properties": {"a": shape}}
    assert len(rendered({"p": shape})) < 1000
    assert rendered({"p": {"type": []}}) == "type f = (_: { p?: any }) => any;"


def test_a_schema_nested_beyond_what_can_be_written_is_counted() -> None:
    shape: dict[str, Any] = {}
    for _ in range(900):
        shape = {"type": "object", "properties": {"a": shape}}
    tool = {"type": "function", "name": "f", "parameters": shape}
    assert count({"model": "gpt-5.4", "tools": [tool]}, len) > 0


@pytest.mark.parametrize("parameters", [None, {}, [], "text", {"properties": 5}, {"type": "object"}])
def test_without_properties_a_function_takes_nothing(parameters: Any) -> None:
    assert "type f = () => any;" in render_functions([{"name": "f", "parameters": parameters}])


@pytest.mark.parametrize(
    ("shape", "type_"),
    [
        ({"type": "integer"}, "number"),
        ({"type": ["string", "null"]}, "string | null"),
        ({"enum": ["a", 1, None]}, '"a" | 1 | null'),
        ({"const": "x"}, '"x"'),
        ({"enum": [], "type": "string"}, "string"),
        ({"anyOf": [{"type": "string"}, {"type": "number"}]}, "string | number"),
        ({"type": "array", "items": {"type": "string"}}, "string[]"),
        ({"type": "array", "items": {"type": "object", "properties": {"a": {}}}}, "Array<{ a?: any }>"),
        ({"type": "array"}, "any[]"),
        ({"type": "object"}, "object"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "{ [key: string]: string }"),
        ({"type": "object", "additionalProperties": False}, "object"),
        ({"type": "string", "nullable": True}, "string | null"),
        ({"allOf": [{"type": "object", "properties": {"a": {}}}, {"type": "object"}]}, "{ a?: any } & object"),
        ({"type": "nonsense"}, "any"),
        ({"type": "string", "format": "date"}, "string"),
        ({"$ref": "#/$defs/gone"}, "any"),
        ("not a schema", "any"),
    ],
)
def test_types(shape: Any, type_: str) -> None:
    assert rendered({"p": shape}) == f"type f = (_: {{ p?: {type_} }}) => any;"


def test_members_stand_on_one_line_until_one_has_a_comment() -> None:
    plain = {"a": {"type": "string"}, "b": {"type": "string"}}
    assert rendered(plain, required=["a"]) == "type f = (_: { a: string, b?: string }) => any;"
    commented = {**plain, "b": {"type": "string", "title": "B", "description": "Two\n\n lines "}}
    assert rendered(commented) == "type f = (_: {\na?: string,\n// B\n// Two\n//\n// lines\nb?: string,\n}) => any;"


def test_bounds_and_defaults_trail_their_member() -> None:
    shape = {"type": "string", "default": "é", "minLength": 1}
    assert rendered({"p": shape}) == 'type f = (_: {\np?: string, // default: "é", minLength: 1\n}) => any;'


@pytest.mark.parametrize(
    ("shape", "member"),
    [
        ({"type": "number", "minimum": 0, "maximum": 2.5}, "number, // minimum: 0.0, maximum: 2.5"),
        ({"type": "integer", "minimum": 0, "exclusiveMaximum": 9}, "number, // minimum: 0, exclusiveMaximum: 9"),
        ({"type": "number", "default": 4}, "number, // default: 4"),
        ({"type": "string", "maxLength": 9, "pattern": "^a+$"}, "string, // maxLength: 9, pattern: /^a+$/"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, "string[], // minItems: 1"),
        ({"type": "string", "nullable": True, "default": None}, "string | null, // default: null"),
    ],
)
def test_limits_trail_their_member_and_those_of_a_number_are_floats(shape: Any, member: str) -> None:
    assert rendered({"p": shape}) == f"type f = (_: {{\np?: {member}\n}}) => any;"


def test_the_limits_of_a_member_of_several_lines_stand_above_it() -> None:
    items = {"type": "object", "properties": {"a": {"type": "string", "description": "An a."}}}
    assert rendered({"p": {"type": "array", "items": items, "maxItems": 3}}) == (
        "type f = (_: {\n// maxItems: 3\np?: Array<{\n// An a.\na?: string,\n}>,\n}) => any;"
    )


def test_alternatives_stand_on_one_line_until_one_has_a_comment() -> None:
    shape = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "number", "description": "A number."}]}
    assert rendered({"p": shape}) == (
        "type f = (_: {\np?:\n | string // minLength: 1\n// A number.\n | number\n,\n}) => any;"
    )


def test_examples_are_shown() -> None:
    assert "// Example: 1\np?: number,\n" in rendered({"p": {"type": "integer", "examples": [1]}})
    assert '// Examples:\n// - "a"\n// - "b"\np?: string,' in rendered(
        {"p": {"type": "string", "examples": ["a", "b"]}}
    )


def test_descriptions_stand_above_the_function_and_the_schema() -> None:
    tool = {"name": "f", "description": " Does it. ", "parameters": {"title": "In", "properties": {"a": {}}}}
    assert "// Does it.\ntype f = (_: // In\n{ a?: any }) => any;" in render_functions([tool])


def test_an_output_schema_is_shown_without_what_the_grammar_enforces() -> None:
    schema = {
        "type": "object",
        "properties": {"required": {"type": "string", "format": "date"}, "n": {"type": "integer", "minimum": 1}},
        "required": ["n"],
        "additionalProperties": False,
    }
    assert render_output_schema(schema) == (
        '{"type":"object","properties":{"required":{"type":"string"},"n":{"type":"integer"}}}'
    )


_KEYWORDS = ["type", "properties", "items", "anyOf", "allOf", "enum", "$ref", "required", "default", "nullable"]
_KEYWORDS += ["minimum", "pattern", "examples", "additionalProperties", "maxItems"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(_KEYWORDS),
            inner,
        )
    ),
    max_leaves=20,
)


@given(_JSON)
def test_any_json_renders(schema: Any) -> None:
    assert render_functions([{"name": "f", "parameters": schema}]).startswith("namespace functions {")
    json.loads(render_output_schema(schema))
