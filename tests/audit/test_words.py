"""The trail's words are those of the API."""

from __future__ import annotations

from audit import words
from audit.models import Outcome
from bridge_api import errors
from bridge_api.translation.notes import CODES


def test_every_note_has_the_words_of_the_translation() -> None:
    assert words.NOTES == CODES


def test_every_outcome_has_words_and_a_colour() -> None:
    assert set(words.OUTCOMES) == set(words.COLOURS) == set(Outcome.values)


def test_every_error_type_has_words() -> None:
    def types(kind: type[errors.BridgeError]) -> set[str]:
        return {kind.type}.union(*map(types, kind.__subclasses__()))

    assert types(errors.BridgeError) == set(words.ERRORS)


def test_a_rule_is_told_in_words_and_an_unknown_one_as_it_stands() -> None:
    assert words.rule("database:12") == "mapping 12"
    assert words.rule("family") == "the built-in model of the name's family"
    assert words.rule("something new") == "something new"
    assert words.note("something.new") == ""
