"""Which upstream model answers for which name."""

from __future__ import annotations

import json

import pytest

from bridge_api.errors import NotFound, envelope
from bridge_api.mapping import ModelMap, normalise

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
        ("claude-sonnet-5", "gpt-6.1-sol", "default"),
    ],
)
def test_exact_then_longest_prefix_then_own_name_then_default(asked: str, served: str, rule: str) -> None:
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
