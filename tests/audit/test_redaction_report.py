"""How the figures of a corpus come about, and the command that prints them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.management.commands.verify_redaction import CORPUS
from audit.redaction_report import Item, NotALine, class_of, measure, parse, shortfalls


def found(text: str) -> list[tuple[int, int, str]]:
    return [(0, 4, "secret")]


def test_a_span_is_found_by_its_characters_and_not_by_its_name() -> None:
    report = measure([Item("abcdef", ((0, 4, "api_key"),))], found)
    assert report.classes["secret"].recall == 1 and report.false_items == 0


def test_a_span_that_is_masked_in_part_counts_apart() -> None:
    report = measure([Item("abcdef", ((2, 6, "email"),))], found)
    assert (report.classes["pii"].recall, report.classes["pii"].partly) == (0, 1)
    assert report.false_items == 1 and report.false_characters == 2 / 6


def test_what_is_masked_in_an_item_without_spans_is_a_false_change() -> None:
    report = measure([Item("abcdef", ()), Item("abcd", ((0, 4, "token"),))], found)
    assert (report.false_items, report.false_on_negatives) == (0.5, 1)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("openai_key", "secret"), ("API-Key", "secret"), ("github_token", "secret"), ("password", "secret"), ("credit_card", "pii"), ("ssn", "pii"),
     ("email_address", "pii"), ("ip", "pii"), ("person", "other"), ("private_url", "other"), ("whatever", "other")],
)  # fmt: skip
def test_kinds_of_other_people_have_their_class(kind: str, name: str) -> None:
    assert class_of(kind) == name


def test_what_is_below_a_target_is_said() -> None:
    report = measure([Item("abcdef", ((4, 6, "token"), (4, 5, "email")))], found)
    assert len(shortfalls(report, 0.99, 0.95, 0.02)) == 3


@pytest.mark.parametrize(
    "raw", ["", "[]", "{", '{"text": "canary"}', '{"text": "canary", "spans": [[0, 99, "x"]]}', '{"text": "canary", "spans": [["a", 1, "x"]]}',
            '{"text": "canary", "spans": [[3, 1, "x"]]}', '{"text": 7, "spans": []}', '{"text": "canary", "spans": [3]}', "[" * 100_000],
)  # fmt: skip
def test_an_odd_line_is_refused_by_its_number_alone(raw: str) -> None:
    with pytest.raises(NotALine, match="line 7") as refused:
        parse(raw, 7)
    assert "canary" not in str(refused.value)


def test_the_command_meets_its_targets_on_the_shipped_corpus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("verify_redaction", json=tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["classes"]["secret"]["recall"] >= 0.99 and figures["false_items"] <= 0.02
    assert "false changes" in capsys.readouterr().out


def test_the_shipped_corpus_is_large_and_has_negatives() -> None:
    lines = [parse(raw, 1) for raw in CORPUS.read_text().splitlines()]
    assert len(lines) >= 350 and sum(not one.spans for one in lines) >= 120


def test_the_shipped_corpus_is_the_one_that_is_made() -> None:
    from tests.audit.corpus.make import items, line

    assert CORPUS.read_text() == "".join(line(one) + "\n" for one in items())


def test_the_command_tells_an_odd_line_without_its_text(tmp_path: Path) -> None:
    odd = tmp_path / "odd.jsonl"
    odd.write_text('{"text": "a", "spans": []}\n{"text": "canary"}\n')
    with pytest.raises(CommandError, match="line 2") as refused:
        call_command("verify_redaction", corpus=odd)
    assert "canary" not in str(refused.value)


def test_the_command_says_that_a_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_redaction", corpus=tmp_path / "none.jsonl")


def test_the_command_fails_below_a_target_and_shows_misses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = tmp_path / "c.jsonl"
    corpus.write_text('{"text": "nothing to see", "spans": [[0, 7, "token"]]}\n')
    with pytest.raises(CommandError, match="secret recall"):
        call_command("verify_redaction", corpus=corpus, misses=True)
    assert "missed token" in capsys.readouterr().out


@pytest.mark.parametrize(("length", "told"), [(900, False), (3_000, True)])
def test_the_command_tells_the_speed_on_long_texts_only(
    length: int, told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = tmp_path / "c.jsonl"
    corpus.write_text(json.dumps({"text": "nothing to see " * (length // 15), "spans": []}) + "\n")
    call_command("verify_redaction", corpus=corpus)
    assert ("MB/s" in capsys.readouterr().out) is told
