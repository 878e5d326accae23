"""Each rule of the simulator refuses what it is for, in the words of the API, and takes what is good."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator import models, sealed
from tests.simulator.schema_rules import loose_faults, strict_faults
from tests.simulator.strict import RULES, ApiError, validate

MODEL = "gpt-6.1-sol"
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def function(name: str = "f", **fields: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    return {"type": "function", "name": name, "parameters": schema, "strict": False, **fields}


def said(text: str = "x", **fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}], **fields}


def asked(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "message", "role": "user", "content": list(parts)}]


def image(**fields: Any) -> list[dict[str, Any]]:
    return asked({"type": "input_image", "detail": "auto", **fields})


def call(call_id: str = "c1", **fields: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}", **fields}


def output(call_id: str = "c1") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": "x"}


def thought(follower: str = "message", **fields: Any) -> dict[str, Any]:
    content = sealed.issue("rs_1", follower)
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": content, **fields}


def wanted(schema: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "name": "output", "schema": schema, **fields}}


TOO_BIG = {"type": "object", "properties": {f"p{at}": {"type": "string"} for at in range(5_001)}}

REFUSED: dict[str, list[tuple[dict[str, Any], str | None, str]]] = {
    "model_exists": [
        ({"model": "claude-3"}, "model_not_found", "does not exist"),
        ({"model": "gpt-5.2-proo"}, "model_not_found", "does not exist"),
        ({"model": ...}, "missing_required_parameter", "model"),
    ],
    "input_is_given": [({"input": []}, "missing_required_parameter", "must be provided")],
    "numbers_are_in_range": [
        ({"max_output_tokens": 15}, "integer_below_min_value", ">= 16, but got 15"),
        ({"temperature": -1, "model": "gpt-4o"}, "decimal_below_min_value", ">= 0, but got -1"),
        ({"top_p": 1.5, "model": "gpt-4o"}, "decimal_above_max_value", "<= 1"),
        ({"max_tool_calls": 0}, "integer_below_min_value", ">= 1"),
    ],
    "keys_are_short": [
        ({"safety_identifier": "x" * 65}, "string_above_max_length", "64"),
        ({"prompt_cache_key": "x" * 65}, "string_above_max_length", "length 65"),
    ],
    "metadata_is_small": [({"metadata": {"k": "v" * 513}}, "string_above_max_length", "512")],
    "sampling_fits_the_model": [
        ({"temperature": 1}, "unsupported_parameter", "'temperature' is not supported with this model"),
        ({"top_p": 1, "model": "gpt-5.6-sol"}, "unsupported_parameter", "top_p"),
        ({"temperature": 0, "model": "gpt-6.2-astra"}, "unsupported_parameter", "temperature"),
        ({"top_logprobs": 2}, "unsupported_parameter", "logprobs are not supported with reasoning models"),
    ],
    "reasoning_is_for_reasoning_models": [
        ({"model": "gpt-4o", "reasoning": {"effort": "low"}}, "unsupported_parameter", "reasoning.effort"),
        ({"model": "gpt-4.1", "reasoning": {"summary": "auto"}}, "unsupported_parameter", "reasoning.summary"),
        ({"model": "gpt-5.2-chat-latest", "reasoning": {"effort": "low"}}, "unsupported_parameter", "effort"),
        ({"model": "gpt-4o", "include": ["reasoning.encrypted_content"]}, None, "Encrypted content"),
    ],
    "effort_fits_the_model": [
        ({"reasoning": {"effort": "none"}}, "unsupported_value", "'none' is not supported"),
        ({"reasoning": {"effort": "minimal"}, "model": "o4-mini"}, "unsupported_value", "'low', 'medium', and 'high'"),
        ({"reasoning": {"effort": "xhigh"}, "model": "gpt-5.1"}, "unsupported_value", "xhigh"),
        ({"reasoning": {"effort": "max"}, "model": "gpt-5.5"}, "unsupported_value", "max"),
    ],
    "parameters_fit_the_model": [
        ({"model": "gpt-5.4", "prompt_cache_options": {"mode": "explicit"}}, "unsupported_parameter", "cache"),
        ({"service_tier": "ultrafast"}, "unsupported_value", "service_tier"),
        ({"model": "gpt-5.1", "tools": [function(defer_loading=True)]}, "unsupported_parameter", "tools[0]"),
    ],
    "stream_options_need_a_stream": [
        ({"stream_options": {"include_obfuscation": False}}, "invalid_value", "stream_options")
    ],
    "minimal_effort_searches_nothing": [
        ({"model": "gpt-5", "reasoning": {"effort": "minimal"}, "tools": [{"type": "web_search"}]}, None, "web_search")
    ],
    "tools_are_well_named": [
        ({"tools": [function("a b")]}, "invalid_value", "tools[0].name"),
        ({"tools": [function("x" * 65)]}, "string_above_max_length", "64"),
        ({"tools": [function(), function()]}, "invalid_value", "Duplicate"),
    ],
    "tool_choice_names_a_tool": [
        ({"tool_choice": "required"}, "invalid_value", "without tools"),
        ({"tools": [function()], "tool_choice": {"type": "function", "name": "g"}}, "invalid_value", "'g' not found"),
        (
            {
                "tools": [function()],
                "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]},
            },
            "invalid_value",
            "'web_search' not found",
        ),
    ],
    "schemas_are_accepted": [
        ({"tools": [function(parameters={"type": "object"})]}, "invalid_function_parameters", "missing properties"),
        ({"tools": [function(parameters={})]}, "invalid_function_parameters", 'type: "None"'),
        ({"tools": [function(strict=True)]}, "invalid_function_parameters", "'additionalProperties' is required"),
    ],
    "format_is_accepted": [
        ({"text": wanted({"type": "array", "items": {}})}, "invalid_json_schema", "got 'type: \"array\"'"),
        ({"text": wanted({"type": "object", "properties": {}}, name="a b")}, "invalid_value", "text.format.name"),
        ({"text": wanted({"type": "object", "properties": {}}, strict=True)}, "invalid_json_schema", "additional"),
        ({"text": {"format": {"type": "json_object"}}}, None, "the word 'json'"),
    ],
    "ids_have_their_prefix": [
        ({"input": [call(id="call_1"), output()]}, "invalid_value", "begins with 'fc'"),
        ({"input": [call(id="fc_" + "1" * 62), output()]}, "string_above_max_length", "64"),
        ({"input": [call(id="fc_1"), call("c2", id="fc_1"), output(), output("c2")]}, None, "Duplicate item"),
    ],
    "calls_are_well_formed": [
        ({"input": [call("x" * 65), output("x" * 65)]}, "string_above_max_length", "call_id"),
        ({"input": [call(""), output("")]}, "empty_string", "call_id"),
        ({"input": [call(name="a.b"), output()]}, "invalid_value", "input[0].name"),
    ],
    "calls_and_outputs_pair": [
        ({"input": [call()]}, None, "No tool output found for function call c1."),
        ({"input": [output()]}, None, "No tool call found for function call output with call_id c1."),
        ({"input": [output(), call()]}, None, "No tool call found"),
    ],
    "reasoning_is_whole": [
        ({"input": [thought(encrypted_content=None), said()]}, None, "Item with id 'rs_1' not found")
    ],
    "reasoning_has_its_follower": [
        ({"input": [thought()]}, None, "without its required following item"),
        ({"input": [thought(), *asked({"type": "input_text", "text": "x"})]}, None, "following item"),
        ({"input": [thought(), said()], "store": True}, None, "following item"),
    ],
    "items_fit_the_model": [
        (
            {
                "model": "gpt-5.4",
                "input": asked(
                    {"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}},
                ),
            },
            "unsupported_parameter",
            "prompt_cache_breakpoint",
        ),
        ({"model": "gpt-5", "input": [said(phase="commentary")]}, "unsupported_parameter", "input[0].phase"),
    ],
    "assistants_do_not_write_input": [
        (
            {"input": [{"role": "user", "content": [{"type": "output_text", "text": "x"}]}]},
            "invalid_value",
            "",
        ),
    ],
    "texts_are_not_too_long": [({"input": "x" * 10_485_761}, "string_above_max_length", "10485760")],
    "images_are_of_a_known_kind": [
        ({"input": image(image_url="data:image/svg+xml;base64,PHN2Zz4=")}, "invalid_image_format", "svg"),
        ({"input": image(image_url="data:image/png;base64,!")}, "invalid_base64_image", "base64"),
        ({"input": image(image_url="ftp://a/b.png")}, "invalid_value", "valid URL"),
        ({"input": image()}, "missing_required_parameter", "image_url"),
    ],
    "files_are_documents": [
        (
            {"input": asked({"type": "input_file", "filename": "a", "file_data": "data:audio/mpeg;base64,AAAA"})},
            "invalid_value",
            "audio/mpeg",
        ),
        ({"input": asked({"type": "input_file", "filename": "a"})}, "mutually_exclusive_parameters", "one of"),
    ],
}


def request(**fields: Any) -> dict[str, Any]:
    found = {"model": MODEL, "input": "Hi", "store": False, **fields}
    return {name: value for name, value in found.items() if value is not ...}


def test_every_rule_has_a_request_that_it_refuses() -> None:
    assert [rule.__name__ for rule in RULES] == list(REFUSED)
    assert all(rule.__doc__ for rule in RULES), "each rule names its source"


@pytest.mark.parametrize(
    ("rule", "change", "code", "words"),
    [(rule, *case) for rule, cases in REFUSED.items() for case in cases],
    ids=[f"{rule}-{at}" for rule, cases in REFUSED.items() for at in range(len(cases))],
)
def test_it_is_refused(rule: str, change: dict[str, Any], code: str | None, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        validate(request(**change))
    error = json.loads(caught.value.body())["error"]
    assert (error["code"], error["type"]) == (code, "invalid_request_error")
    assert words in error["message"]
    assert caught.value.status == (404 if rule == "reasoning_is_whole" else 400)


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"nonsense": 1}, "unknown_parameter", "nonsense"),
        ({"reasoning": {"effort": "low", "budget": 1}}, "unknown_parameter", "reasoning.budget"),
        ({"tools": [{**function(), "cache_control": {}}]}, "unknown_parameter", "tools[0].cache_control"),
        ({"input": [{**said(), "cache_control": {}}]}, "unknown_parameter", "input[0].cache_control"),
        ({"input": [{**call(), "extra": 1}, output()]}, "unknown_parameter", "input[0].extra"),
        ({"input": asked({"type": "input_text", "text": "x", "y": 1})}, "unknown_parameter", "input[0].content[0].y"),
        ({"input": [{"role": "tool", "content": "x"}]}, "invalid_value", "input[0].role"),
        ({"max_output_tokens": "20"}, "invalid_type", "max_output_tokens"),
        ({"parallel_tool_calls": 1}, "invalid_type", "parallel_tool_calls"),
        ({"input": [{"type": "function_call", "call_id": "c"}]}, "missing_required_parameter", "input[0].arguments"),
        ({"tools": [{"type": "function", "name": "f", "parameters": None}]}, "missing_required_parameter", "strict"),
        ({"input": [{**said(), "content": [{"type": "input_text", "text": "x"}]}]}, "invalid_value", "content[0]"),
        ({"stop": ["x"]}, "unknown_parameter", "stop"),
    ],
)
def test_what_is_of_the_wrong_type_is_refused_at_its_place(change: dict[str, Any], code: str, path: str) -> None:
    with pytest.raises(ApiError) as caught:
        validate(request(**change))
    assert caught.value.code == code
    assert path in (caught.value.param or "")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ApiError):
        validate(body)


@pytest.mark.parametrize(
    ("content", "follower"),
    [
        ("gAAAA-garbage", said()),
        (sealed.issue("rs_2", "message"), said()),
        (sealed.issue("rs_1", "message").replace(".", ".0"), said()),
        (sealed.issue("rs_1", "function_call:c2"), said()),
    ],
    ids=["garbage", "of another item", "edited", "before another item"],
)
def test_reasoning_that_the_simulator_did_not_issue_so_is_refused(content: str, follower: dict[str, Any]) -> None:
    body = request(input=[thought(encrypted_content=content), follower])
    with pytest.raises(ApiError):
        validate(body)
    assert validate(body, own_reasoning=False) is body


@pytest.mark.parametrize(
    "change",
    [
        {"input": "", "max_output_tokens": 16},
        {"temperature": 1, "model": "gpt-4o"},
        {"temperature": 1, "model": "gpt-5.6-sol", "reasoning": {"effort": "none"}},
        {"temperature": 1, "model": "gpt-5.1"},
        {"reasoning": {"effort": "max", "summary": "auto"}, "include": ["reasoning.encrypted_content"]},
        {"input": [thought(), said("Because.", phase="final_answer")]},
        {"input": [thought("function_call:c1"), call(), output()]},
        {"input": [call(), call("c2"), output("c2"), output()]},
        {"input": image(image_url=PIXEL)},
        {"input": [{"role": "assistant", "content": "Said before."}]},
        {"tools": [function("x" * 64)], "tool_choice": {"type": "function", "name": "x" * 64}},
        {"tools": [function(parameters={"$schema": "x", "type": "object", "properties": {}})]},
        {
            "tools": [function(), {"type": "web_search"}],
            "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]},
        },
    ],
)
def test_good_requests_are_accepted(change: dict[str, Any]) -> None:
    body = request(**change)
    assert validate(json.dumps(body).encode()) == body


def test_counts_take_fewer_parameters() -> None:
    body = {"model": MODEL, "input": [call(), output()], "tools": [function()]}
    assert validate(body, endpoint="input_tokens") is body
    for name, value in (("store", False), ("stream", True), ("max_output_tokens", 16), ("include", [])):
        with pytest.raises(ApiError) as caught:
            validate({**body, name: value}, endpoint="input_tokens")
        assert caught.value.code == "unknown_parameter"


# -- schemas ----------------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def with_property(shape: dict[str, Any]) -> dict[str, Any]:
    return {**GOOD, "properties": {"a": shape}, "required": ["a"]}


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "array"},
        {"type": ["array", "null"]},
        {"type": "object"},
        {"type": "string", "pattern": r"\p{L}"},
        {"type": "string", "pattern": "(?=a)"},
        {"anyOf": [{"type": "array"}]},
    ],
)
def test_some_shapes_are_refused_even_when_nothing_is_strict(shape: dict[str, Any]) -> None:
    assert list(loose_faults(with_property(shape), root=True))
    assert "('properties', 'a'" in next(loose_faults(with_property(shape), root=True))


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"description": "anything"},
        {"type": "object", "properties": {}},
        {"type": "string", "format": "uri"},
        {"allOf": [{"type": "string"}]},
        {"oneOf": [{"type": "string"}]},
        {"$ref": "#/$defs/none"},
        {"$ref": "#", "description": "x"},
        {"type": "array", "items": {"type": "object", "properties": {"b": {"type": "string"}}}},
        {"type": "string", "enum": [str(at) for at in range(1_001)]},
    ],
)
def test_more_is_refused_in_strict_schemas(shape: dict[str, Any]) -> None:
    assert list(strict_faults(with_property(shape), root=True))


@pytest.mark.parametrize("key", ["anyOf", "oneOf", "allOf", "enum", "const"])
def test_a_root_is_an_object_and_nothing_else(key: str) -> None:
    assert list(loose_faults({**GOOD, key: []}, root=True))


def test_sizes_of_strict_schemas_are_bounded() -> None:
    assert any("too large" in fault for fault in strict_faults(TOO_BIG, root=True))
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(12):
        deep = with_property(deep)
    assert any("levels of nesting" in fault for fault in strict_faults(deep, root=True))


@pytest.mark.parametrize(
    "shape",
    [
        {"type": ["string", "null"], "minLength": 1, "default": "x", "title": "A"},
        {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        {"$ref": "#"},
        {"type": "array", "items": {"type": "string", "format": "date-time"}, "minItems": 1},
        {"type": "string", "const": "a"},
    ],
)
def test_good_strict_schemas_have_no_fault(shape: dict[str, Any]) -> None:
    assert list(strict_faults(with_property(shape), root=True)) == []


# -- models -----------------------------------------------------------------------------------------------


def test_the_listed_models_exist_and_others_do_not() -> None:
    assert all(models.exists(name) for name in (*models.LISTED, "gpt-5.4-mini-2026-03-17", "o3-mini", "gpt-5-codex"))
    assert not any(models.exists(name) for name in ("bad model", "gpt-5.2-proo", "claude-opus-5-5", "", None))
