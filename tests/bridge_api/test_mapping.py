"""Which upstream model answers for which name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_api import capabilities
from bridge_api.errors import NotFound, envelope
from bridge_api.mapping import FAMILY_MODELS, ModelMap
from bridge_api.rules import FAMILIES, Adjustments, Rule, normalise

FLAT = json.dumps({"claude-opus": "gpt-6.2-sol", "claude-opus-4": "gpt-5.6-sol", "claude-haiku-4-5": "gpt-6-luna"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not valid JSON"),
        ("[]", "must be a JSON object"),
        ('{"a": 5}', "non-empty string"),
        ('{"a": " "}', "non-empty string"),
        ('{" ": "gpt-5"}', "empty model name"),
        ('{"a": "x", "a": "y"}', "stands twice"),
        ('{"a": "x", "A ": "y"}', "stands twice"),
        ('{"models": {"a": "x"}, "b": "y"}', "mixes the flat form"),
        ('{"models": {"a": null}}', "non-empty string"),
    ],
)
def test_a_bad_map_is_refused_with_a_reason_for_the_operator(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ModelMap.parse(text, None)


def test_a_name_that_nothing_serves_is_not_found_in_anthropics_words() -> None:
    with pytest.raises(NotFound) as caught:
        ModelMap.parse(FLAT, None).resolve("mystery-9")
    assert envelope(caught.value, "req_1")["error"]["message"] == "model: mystery-9"


@pytest.mark.parametrize(
    ("asked", "served", "rule"),
    [
        ("claude-haiku-4-5", "gpt-6-luna", "exact"),
        ("Claude-Haiku-4-5 ", "gpt-6-luna", "exact"),
        ("claude-haiku-4-5[1m]", "gpt-6-luna", "exact"),
        ("claude-opus-4-8", "gpt-5.6-sol", "prefix"),
        ("claude-opus-5-5[1m]", "gpt-6.2-sol", "prefix"),
        ("gpt-5.5", "gpt-5.5", "passthrough"),
        ("o4-mini", "o4-mini", "passthrough"),
        ("claude-sonnet-5", "gpt-6.1-terra", "family"),
        ("claude-mythos-5-2", "gpt-6.2-astra", "family"),
        ("claude-2", "gpt-6.1-sol", "default"),
        ("", "gpt-6.1-sol", "default"),
    ],
)
def test_exact_then_longest_prefix_then_own_name_then_family_then_default(asked: str, served: str, rule: str) -> None:
    route = ModelMap.parse(FLAT, "gpt-6.1-sol").resolve(asked)
    assert (route.asked, route.served, route.rule) == (asked, served, rule)


def test_the_nested_form_means_the_same_as_the_flat_one() -> None:
    nested = json.dumps({"models": json.loads(FLAT)})
    assert ModelMap.parse(nested, "d") == ModelMap.parse(FLAT, "d")


def test_an_empty_map_has_only_its_default() -> None:
    assert ModelMap.parse("  ", "gpt-6.1-sol").resolve("anything").rule == "default"


def test_only_suffixes_in_brackets_are_cut() -> None:
    assert normalise("claude-x[1m][beta]") == "claude-x"
    assert normalise("claude-[1m]-x") == "claude-[1m]-x"


MINE = Adjustments(effort_mode="fixed", effort="low")
RULES = (
    Rule(1, "exact", "claude-opus-4-8", "gpt-5.5", adjustments=MINE),
    Rule(2, "exact", "claude-haiku-4-5[1m]", "gpt-5.4"),
    Rule(3, "prefix", "claude-op", "gpt-5.6-sol"),
    Rule(4, "glob", "*-mini", "gpt-5.4-mini"),
    Rule(5, "family", "sonnet", "gpt-5.6-terra"),
    Rule(6, "glob", "*legacy*", "gpt-4.1", priority=9),
)


@pytest.mark.parametrize(
    ("asked", "served", "rule"),
    [
        ("claude-opus-4-8", "gpt-5.5", "database:1"),
        ("claude-haiku-4-5[1m]", "gpt-5.4", "database:2"),
        ("claude-haiku-4-5", "gpt-6-luna", "exact"),
        ("claude-opus-5-5", "gpt-5.6-sol", "database:3"),
        ("o4-mini", "gpt-5.4-mini", "database:4"),
        ("claude-sonnet-5", "gpt-5.6-terra", "database:5"),
        ("claude-opus-4-8-legacy", "gpt-4.1", "database:6"),
        ("claude-haiku-3", "gpt-6-luna", "family"),
        ("gpt-5.5", "gpt-5.5", "passthrough"),
        ("nobody", "gpt-6.1-sol", "default"),
    ],
)
def test_the_operators_rules_come_first(asked: str, served: str, rule: str) -> None:
    for rules in (RULES, RULES[::-1]):
        route = ModelMap.parse(FLAT, "gpt-6.1-sol").with_rules(rules).resolve(asked)
        assert (route.asked, route.served, route.rule) == (asked, served, rule)


def test_a_route_carries_what_its_rule_changes() -> None:
    found = ModelMap.parse("", None).with_rules(RULES)
    assert found.resolve("claude-opus-4-8").adjustments is MINE
    assert found.resolve("gpt-5.5").adjustments == Adjustments()


def test_every_family_has_a_model_that_is_known() -> None:
    assert set(FAMILY_MODELS) == set(FAMILIES)
    assert all(capabilities.of(model) is not capabilities.UNKNOWN for model in FAMILY_MODELS.values())


def test_without_openais_models_a_family_goes_to_the_default() -> None:
    assert ModelMap.parse("", "qwen3", {}).resolve("claude-opus-5-5").served == "qwen3"


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("ft:gpt-4o-mini-2024-07-18:My-Org::9uXAbCd", "ft:gpt-4o-mini-2024-07-18:My-Org::9uXAbCd"),
        (" FT:gpt-4o:My-Org::9uX[1m] ", "FT:gpt-4o:My-Org::9uX"),
        ("GPT-5.5", "GPT-5.5"),
    ],
)
def test_a_name_that_passes_keeps_its_case(asked: str, served: str) -> None:
    route = ModelMap.parse("", None).resolve(asked)
    assert (route.served, route.rule) == (served, "passthrough")


@pytest.mark.parametrize(
    ("asked", "served"),
    [("gpt-4o", "qwen3"), ("o4-mini", "qwen3"), ("gpt-oss:20b", "gpt-oss:20b"), ("claude-opus-5", "qwen3")],
)
def test_a_server_of_other_models_is_not_asked_for_openais(asked: str, served: str) -> None:
    assert ModelMap.parse("", "qwen3", {}, foreign=True).resolve(asked).served == served


def test_without_a_default_a_server_of_other_models_is_asked_for_what_the_client_names() -> None:
    assert ModelMap.parse("", None, {}, foreign=True).resolve("gpt-4o").served == "gpt-4o"


@pytest.mark.parametrize("name", ["gpt-", "o200k", "o1x", "ft:", "codex-"])
def test_what_only_begins_like_a_model_does_not_pass(name: str) -> None:
    assert ModelMap.parse("", "d").resolve(name).rule == "default"


@given(st.text(max_size=40))
def test_every_name_has_exactly_one_answer(asked: str) -> None:
    found = ModelMap.parse(FLAT, "gpt-6.1-sol").with_rules(RULES)
    assert found.resolve(asked) == found.resolve(asked)
    assert found.resolve(asked).served
    assert found.resolve(f" {asked.upper()} ").served == found.resolve(asked.upper()).served
