"""The operator's rules: what they take, in which order, and which may stand beside each other."""

from __future__ import annotations

import itertools
import random
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_api.capabilities import EFFORT_ORDER
from bridge_api.rules import (
    EFFORT_MODES,
    FAMILIES,
    KINDS,
    Adjustments,
    Kind,
    Rule,
    contains,
    covers,
    family_in,
    fault_in,
    normalise,
    trouble,
    whole,
    wildcard,
)


def rule(kind: Kind, pattern: str, id: int = 1, **more: Any) -> Rule:
    return Rule(id, kind, pattern, "gpt-6.1-sol", **more)


@pytest.mark.parametrize(
    ("kind", "pattern", "words"),
    [
        ("exact", "", "needs a name"),
        ("prefix", "x" * 257, "256 characters"),
        ("family", "claude", "families are opus"),
        ("glob", "claude", r"needs a \* or a \?"),
        ("exact", "claude-*", "are for patterns"),
        ("prefix", "claude-?", "are for patterns"),
        ("prefix", "claude-haiku[1m]", "only an exact name"),
        ("glob", "*[1m]", "only an exact name"),
        ("glob", "[1m]", "only an exact name"),
        ("family", "opus[1m]", "only an exact name"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_told(kind: Kind, pattern: str, words: str) -> None:
    assert re.search(words, fault_in(kind, pattern) or "")


@pytest.mark.parametrize(
    ("kind", "pattern"), [("exact", "a[1m]"), ("prefix", "a"), ("glob", "*a?"), ("family", "opus")]
)
def test_a_sound_pattern_has_no_fault(kind: Kind, pattern: str) -> None:
    assert fault_in(kind, pattern) is None


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("claude-opus-5-5", "opus"),
        ("claude-3-5-haiku-latest", "haiku"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "sonnet"),
        ("opus", "opus"),
        ("opusplan", None),
        ("corpus-1", None),
        ("claude-fable-opus", "fable"),
        ("gpt-5.4", None),
    ],
)
def test_a_family_is_a_word_of_the_name(name: str, family: str | None) -> None:
    assert family_in(name) == family


@pytest.mark.parametrize(
    ("one", "asked", "taken"),
    [
        (rule("exact", "claude-x"), "Claude-X[1m]", True),
        (rule("exact", "claude-x[1m]"), "claude-x[1M]", True),
        (rule("exact", "claude-x[1m]"), "claude-x", False),
        (rule("prefix", "claude-"), "claude-x", True),
        (rule("prefix", "claude-"), "xclaude-", False),
        (rule("glob", "*-x?"), "claude-x5", True),
        (rule("glob", "*-x?"), "claude-x", False),
        (rule("family", "opus"), "claude-opus-5", True),
        (rule("family", "opus"), "claude-sonnet-5", False),
    ],
)
def test_what_a_rule_takes(one: Rule, asked: str, taken: bool) -> None:
    assert one.takes(normalise(asked), whole(asked)) is taken


TEXT = st.text(alphabet="ab*?", max_size=8)


@given(TEXT, st.text(alphabet="abc", max_size=10))
def test_wildcards_mean_what_they_mean_in_a_shell(pattern: str, name: str) -> None:
    expected = re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), name) is not None
    assert wildcard(pattern, name) is expected


def test_a_hostile_pattern_ends() -> None:
    assert not wildcard("*a" * 100 + "b", "a" * 256)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (rule("prefix", "claude"), rule("prefix", "claude", 2), "not decided"),
        (rule("glob", "*", priority=1), rule("exact", "claude-x", 2), "would never be used: the rule for"),
        (rule("prefix", "claude", priority=1), rule("glob", "claude-*-x", 2), "would never be used: the rule for"),
        (rule("family", "opus", priority=1), rule("prefix", "claude-opus-4", 2), "would never be used: the rule for"),
        (
            rule("exact", "claude-x"),
            rule("prefix", "claude-", 2, priority=1),
            "The rule for exact claude-x would never be used again",
        ),
        (rule("exact", "claude-x", priority=1), rule("exact", "claude-x", 2), "would never be used"),
        (rule("glob", "*opus*"), rule("family", "opus", 2), "would never be used: the rule for"),
        (
            rule("glob", "*-haiku-*", priority=10),
            rule("prefix", "claude-haiku-", 2),
            "would never be used: the rule for",
        ),
        (
            rule("glob", "claude-*-?", priority=10),
            rule("glob", "claude-opus-?", 2),
            "would never be used: the rule for",
        ),
        (rule("glob", "*?x*", priority=10), rule("glob", "a*x", 2), "would never be used: the rule for"),
        (rule("prefix", "o", priority=1), rule("glob", "opus-*", 2), "would never be used: the rule for"),
    ],
)
def test_a_rule_that_is_ambiguous_or_out_of_reach_is_told(first: Rule, second: Rule, words: str) -> None:
    assert re.search(words, trouble(second, [first]) or "")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (rule("prefix", "claude"), rule("exact", "claude-x", 2)),
        (rule("prefix", "claude"), rule("prefix", "claude-x", 2)),
        (rule("family", "opus", priority=1), rule("prefix", "claude-opus", 2)),
        (rule("prefix", "claude", priority=1), rule("family", "opus", 2)),
        (rule("glob", "*"), rule("family", "opus", 2, priority=1)),
        (rule("exact", "claude-x[1m]"), rule("exact", "claude-x", 2)),
        (rule("glob", "*-opus-*"), rule("family", "opus", 2)),
        (rule("glob", "claude-*-?", priority=10), rule("glob", "claude-opus-*", 2)),
        (rule("glob", "*a?", priority=10), rule("glob", "*a", 2)),
        (rule("family", "opus", priority=1), rule("glob", "*-opus-*", 2)),
    ],
)
def test_rules_that_both_can_be_reached_may_stand_together(first: Rule, second: Rule) -> None:
    assert trouble(second, [first]) is None
    assert trouble(first, [second]) is None


PIECES = st.sampled_from(["claude", "-", "opus", "x", "*", "?", "-4", "haiku"])
NAMES = st.lists(st.sampled_from(["claude", "-", "opus", "x", "-4", "haiku", "[1m]"]), max_size=6).map("".join)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    kind = draw(st.sampled_from(KINDS))
    if kind == "family":
        return rule(kind, draw(st.sampled_from(FAMILIES)))
    pattern = "".join(draw(st.lists(PIECES, min_size=1, max_size=5)))
    return rule(kind, pattern if kind == "glob" else re.sub(r"[*?]", "", pattern))


@given(rules(), rules(), NAMES)
def test_a_rule_that_covers_another_takes_all_its_names(first: Rule, second: Rule, asked: str) -> None:
    name, full = normalise(asked), whole(asked)
    if covers(first, second) and second.takes(name, full):
        assert first.takes(name, full)


SHORT = st.text(alphabet="ab*?", max_size=6)
WORDS = ["".join(letters) for size in range(6) for letters in itertools.product("abc", repeat=size)]


@given(SHORT, SHORT)
def test_a_pattern_contains_another_where_every_name_says_so(outer: str, inner: str) -> None:
    missing = [name for name in WORDS if wildcard(inner, name) and not wildcard(outer, name)]
    if contains(outer, inner):
        assert not missing
    elif len(outer.replace("*", "")) <= 4:
        # What is missing shows in short names already.
        assert missing or len(inner.replace("*", "")) > 4


def test_two_hostile_patterns_are_compared_in_time() -> None:
    began = time.monotonic()
    assert not contains("*a" + "?" * 200 + "b*", "*a" * 100 + "b")
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("mode", "effort", "asked", "sent"),
    [
        ("as_asked", "high", "low", "low"),
        ("as_asked", "", None, None),
        ("fixed", "high", "low", "high"),
        ("fixed", "high", None, "high"),
        ("at_least", "medium", "low", "medium"),
        ("at_least", "medium", "high", "high"),
        ("at_most", "medium", "high", "medium"),
        ("at_most", "medium", "low", "low"),
        ("at_most", "medium", None, None),
        ("at_least", "medium", None, "medium"),
        ("fixed", "", "low", "low"),
    ],
)
def test_the_effort_that_is_asked_for(mode: Any, effort: str, asked: str | None, sent: str | None) -> None:
    assert Adjustments(effort_mode=mode, effort=effort).effort_for(asked) == sent


@given(st.sampled_from(EFFORT_MODES), st.sampled_from(["", *EFFORT_ORDER]), st.sampled_from([None, *EFFORT_ORDER]))
def test_the_effort_is_always_one_of_the_two(mode: Any, effort: str, asked: str | None) -> None:
    assert Adjustments(effort_mode=mode, effort=effort).effort_for(asked) in {asked, effort or asked}


def test_the_order_of_rules_does_not_depend_on_how_they_come() -> None:
    found = [rule(kind, "opus" if kind == "family" else "opus*", at) for at, kind in enumerate(KINDS)]
    found += [rule("prefix", "claude", 9), rule("prefix", "claude-x", 10), rule("glob", "z*", 11, priority=5)]
    expected = sorted(found, key=lambda one: one.order)
    shuffled = list(found)
    random.Random(7).shuffle(shuffled)
    assert sorted(shuffled, key=lambda one: one.order) == expected
    assert expected[0].id == 11
    assert [one.id for one in expected if one.kind == "prefix"].index(10) < [
        one.id for one in expected if one.kind == "prefix"
    ].index(9)
