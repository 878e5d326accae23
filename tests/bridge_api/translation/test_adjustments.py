"""What the mapping's rule and the model's own limits change of a request, and that each change is said."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bridge_api import capabilities
from bridge_api.capabilities import Capabilities
from bridge_api.mapping import Route
from bridge_api.rules import Adjustments
from bridge_api.schemas.anthropic import VERSION_2023, parse_messages
from bridge_api.tokens.cases import pdf, png
from bridge_api.translation.request import RequestContext, Translated, translate

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png(8, 8)}}
FILE = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": pdf("secret")}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def sent(
    rule: Adjustments | None = None, caps: Capabilities | None = None, served: str = "gpt-6-luna", **body: Any
) -> Translated:
    whole = {"model": "claude-x", "max_tokens": 1000, "messages": [{"role": "user", "content": "Hi"}], **body}
    request = parse_messages(json.dumps(whole).encode(), version=VERSION_2023)
    route = Route("claude-x", served, "database:1", "claude-x", rule or Adjustments())
    return translate(request, RequestContext(route, caps))


def codes(translated: Translated) -> set[str]:
    return {note.code for note in translated.notes}


@pytest.mark.parametrize(
    ("rule", "asked", "effort", "said"),
    [
        (Adjustments(), "low", "low", False),
        (Adjustments("fixed", "high"), "low", "high", True),
        (Adjustments("fixed", "low"), "low", "low", False),
        (Adjustments("at_least", "medium"), "low", "medium", True),
        (Adjustments("at_least", "medium"), "xhigh", "xhigh", False),
        (Adjustments("at_most", "medium"), "xhigh", "medium", True),
        (Adjustments("at_most", "medium"), None, None, False),
    ],
)
def test_the_rule_decides_the_effort(rule: Adjustments, asked: str | None, effort: str | None, said: bool) -> None:
    body = {"output_config": {"effort": asked}} if asked else {}
    found = sent(rule, **body)
    assert found.payload.get("reasoning", {}).get("effort") == effort
    assert ("changed.effort_by_rule" in codes(found)) is said


def test_an_effort_of_the_rule_that_the_model_does_not_take_becomes_the_nearest() -> None:
    found = sent(Adjustments("fixed", "max"), served="o4-mini")
    assert found.payload["reasoning"]["effort"] == "high"
    assert {"changed.effort", "changed.effort_by_rule"} <= codes(found)


@pytest.mark.parametrize(
    ("cap", "asked", "limit", "said"), [(100, 1000, 100, True), (5000, 1000, 1000, False), (4, 1000, 16, True)]
)
def test_the_rule_caps_the_output(cap: int, asked: int, limit: int, said: bool) -> None:
    found = sent(Adjustments(max_output_tokens=cap), max_tokens=asked)
    assert found.payload["max_output_tokens"] == limit
    assert ("changed.max_tokens_by_rule" in codes(found)) is said


@pytest.mark.parametrize(("asked", "said"), [({}, False), ({"speed": "fast"}, True), ({"service_tier": "auto"}, True)])
def test_the_rule_decides_the_service_tier(asked: dict[str, Any], said: bool) -> None:
    found = sent(Adjustments(service_tier="flex"), **asked)
    assert found.payload["service_tier"] == "flex"
    assert ("changed.service_tier_by_rule" in codes(found)) is said


def test_the_rule_asks_for_a_verbosity_where_the_model_takes_one() -> None:
    rule = Adjustments(verbosity="low")
    found = sent(rule, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    assert found.payload["text"]["verbosity"] == "low"
    assert found.payload["text"]["format"]["type"] == "json_schema"
    assert sent(rule).payload["text"] == {"verbosity": "low"}
    other = sent(rule, served="gpt-4o")
    assert "text" not in other.payload
    assert "dropped.verbosity" in codes(other)


@pytest.mark.parametrize(
    ("block", "limit", "code"), [(IMAGE, {"images": False}, "dropped.image"), (FILE, {"files": False}, "dropped.file")]
)
def test_what_a_model_does_not_take_is_told_to_it_in_words(
    block: dict[str, Any], limit: dict[str, bool], code: str
) -> None:
    caps = replace(capabilities.of("gpt-6-luna"), **limit)  # type: ignore[arg-type]
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [block]}
    messages = [
        {"role": "user", "content": [block, {"type": "text", "text": "What is it?"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]},
        {"role": "user", "content": [result]},
    ]
    found = sent(caps=caps, messages=messages)
    text = json.dumps(found.payload["input"])
    assert "base64" not in text
    assert text.count("this model takes no") == 2
    assert [note.code for note in found.notes].count(code) == 2
    assert "base64" in json.dumps(sent(messages=messages).payload["input"])


def test_a_model_without_output_schemas_is_asked_in_words() -> None:
    caps = replace(capabilities.of("gpt-6-luna"), structured_output=False)
    found = sent(caps=caps, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    assert "text" not in found.payload
    last = found.payload["input"][-1]
    assert last["role"] == "developer"
    assert json.dumps(SCHEMA, separators=(",", ":")) in last["content"][0]["text"]
    assert "changed.structured_output_words" in codes(found)
    assert found.plan.structured is not None


def test_the_limits_of_the_operators_row_are_those_that_count() -> None:
    row = Capabilities("mine", efforts=("low",), sampling="never", max_output=50)
    table = capabilities.Table({"gpt-6": row, "qwen3": replace(row, family="qwen")})
    assert table.of("gpt-6-luna") is row
    assert table.of("qwen3:30b").family == "qwen"
    assert table.of("qwen35") is capabilities.UNKNOWN
    assert table.of("gpt-5.4") is capabilities.of("gpt-5.4")
    found = sent(caps=table.of("gpt-6-luna"), temperature=0.5, output_config={"effort": "max"})
    assert found.payload["max_output_tokens"] == 50
    assert found.payload["reasoning"] == {"effort": "low"}
    assert {"dropped.temperature", "changed.effort", "changed.max_tokens_maximum"} <= codes(found)


def test_every_built_in_row_says_where_it_comes_from() -> None:
    assert all(row.source for row in capabilities.built_in().values())
