"""Each rule: a text that it finds, a near miss that it leaves, and a pattern whose work is bounded."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from audit.management.commands.verify_redaction import CORPUS
from audit.rules import KINDS, RULES, SECRET_RULES, likely, markdown
from audit.rules.base import Reading, Rule, starts
from audit.scan import ALL, mask, spans
from tests.audit.corpus.values import FORMS, Values
from tests.audit.rule_examples import ANYWHERE, EXAMPLES

MOST = 12_000
LINES = [json.loads(raw) for raw in CORPUS.read_text().splitlines()]
TEXTS = [*(one["text"] for one in LINES), *EXAMPLES, *ANYWHERE]


def places(rule: Rule, text: str) -> list[tuple[int, int]]:
    return list(rule.places(Reading(text)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.kind}-{rule.about[:40]}")
def test_each_rule_finds_something_and_leaves_the_negatives(rule: Rule) -> None:
    assert any(places(rule, text) for text in TEXTS), "no positive example"
    for line in LINES:
        if not line["spans"]:
            assert all(start >= end for start, end in places(rule, line["text"])), line["text"]


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_marked_example_is_masked_and_its_near_miss_is_not(text: str) -> None:
    near = EXAMPLES[text]
    assert spans(text), text
    assert not spans(near), (near, mask(near))


@pytest.mark.parametrize("name", sorted(FORMS))
def test_an_invented_value_is_refused_once_it_stands_in_a_longer_word(name: str) -> None:
    """Every form is found in its sentence of the corpus; glued into a word of 60 letters it is no key any more."""
    value = Values(7).make(name)
    if not value[0].isalnum() or name in ("pem", "slack_hook", "discord_hook"):
        return
    glued = f"{'z' * 30}{value}{'z' * 30}"
    assert not any(end - start == len(value) and start == 30 for start, end, _ in spans(glued))


def _repeats(tree: Any, depth: int = 0) -> list[tuple[int, int]]:
    """(upper bound, product of the bounds around) of each repeat in a parsed pattern."""
    found = []
    for op, argument in tree:
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
            _, high, inner = argument
            found.append(high)
            found += _repeats(inner)
        elif op is ops.BRANCH:
            found += [one for branch in argument[1] for one in _repeats(branch)]
        elif op is ops.SUBPATTERN:
            found += _repeats(argument[3])
        elif op in (ops.ASSERT, ops.ASSERT_NOT):
            found += _repeats(argument[1])
        elif op is ops.ATOMIC_GROUP:
            found += _repeats(argument)
        elif op is ops.GROUPREF_EXISTS:
            found += [one for branch in argument[1:] if branch for one in _repeats(branch)]
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.kind}-{rule.about[:40]}")
def test_every_repeat_has_an_upper_bound(rule: Rule) -> None:
    assert all(high <= MOST for high in _repeats(parser.parse(rule.pattern.pattern, rule.pattern.flags & ~re.UNICODE)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.kind}-{rule.about[:40]}")
def test_a_rule_that_reads_about_its_needles_misses_nothing(rule: Rule) -> None:
    for text in TEXTS:
        reading = Reading(text)
        everywhere = replace(rule, where="all", needles=())
        assert set(everywhere.places(reading)) <= set(rule.places(reading)), text


def test_secrets_come_before_personal_data() -> None:
    assert RULES[: len(SECRET_RULES)] == SECRET_RULES
    assert {rule.family for rule in SECRET_RULES} == {"secret"} and {
        rule.family for rule in RULES[len(SECRET_RULES) :]
    } == {"personal"}


def test_a_kind_is_of_one_family() -> None:
    for rule in RULES:
        assert KINDS[rule.kind] == rule.family


def test_all_needles_of_a_text_are_found_at_once_with_their_rules() -> None:
    for text in TEXTS:
        reading = Reading(text)
        found = dict(ALL.worth(reading))
        for rank, rule in enumerate(RULES):
            held = {one for one in rule.sought if one.text in reading.looked(one)}
            if rule.where == "digits" and not reading.digits(rule.least):
                assert rank not in found
            elif held or not rule.needles:
                assert set(found[rank]) == held, (rule.about, text)
            else:
                assert rank not in found
        for needle, those in reading.known.items():
            looked = reading.looked(needle)
            assert [looked[start:end] for start, end in those] == [needle.text] * len(those)
            assert len(those) >= looked.count(needle.text)


def test_the_beginnings_of_a_pattern_are_read_from_it() -> None:
    assert starts(r"\bssn|soc\.? sec|date[ _]of|d\.o\.b\.?") == ("d.o.b", "date", "soc", "ssn")
    with pytest.raises(ValueError, match="no fixed beginning"):
        starts(r"(?:a|b)c")


def test_the_documents_hold_the_table_of_the_rules() -> None:
    from config.settings import BASE_DIR

    assert markdown() in (BASE_DIR / "docs" / "redaction.md").read_text()


def test_an_account_whose_number_is_mostly_letters_is_found() -> None:
    assert mask("Contul: RO23 RNCB GARK A6R1 0L0J Z6EB")[0] == "Contul: [iban]"


@pytest.mark.parametrize(
    "value", ["createHashFromUtf8String", "InvalidS3KmsKeyArnException", "ed448.Ed448PrivateKey", "0" * 40]
)
def test_a_long_name_is_not_taken_for_what_chance_makes(value: str) -> None:
    assert not likely.random(value)


@pytest.mark.parametrize("size", [20, 24, 32, 40, 64])
def test_nearly_all_random_letters_and_digits_are_known_as_such(size: int) -> None:
    values = Values(size)
    assert sum(likely.random(values.chars(size)) for _ in range(1000)) > 890
