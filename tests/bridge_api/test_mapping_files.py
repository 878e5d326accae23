"""Mappings as files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_api import rules
from bridge_api.mapping_files import DEFAULTS, BadFile, Row, difference, read, write

ROW: Row = {**DEFAULTS, "pattern": "claude-x", "served": "gpt-5.4"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "not valid JSON"),
        ("{}", "a list of rows"),
        ("", "the first line"),
        ("a,b\n1,2", "the first line"),
        ("[5]", "row 1: an object"),
        ('[{"pattern": "a", "served": "b", "colour": 1}]', "row 1: unknown field 'colour'"),
        ('[{"served": "b"}]', "row 1, pattern"),
        ('[{"pattern": "a", "served": " "}]', "row 1, served"),
        ('[{"pattern": "a", "served": "b", "kind": "regex"}]', "row 1, kind: one of exact"),
        ('[{"pattern": "a*", "served": "b"}]', "row 1, pattern"),
        ('[{"pattern": "a", "served": "b", "priority": 1.5}]', "row 1, priority"),
        ('[{"pattern": "a", "served": "b", "max_output_tokens": 0}]', "row 1, max_output_tokens"),
        ('[{"pattern": "a", "served": "b", "enabled": "perhaps"}]', "row 1, enabled"),
        ('[{"pattern": "a", "served": "b", "effort": "low"}]', "row 1, effort"),
        ('[{"pattern": "a", "served": "b"}, {"pattern": "A ", "served": "c"}]', "row 2: exact a stands twice"),
        ("pattern,served,priority\na,b,many", "row 1, priority"),
        ("pattern,served\na,b,c", "row 1: more cells"),
        ("pattern,served,Pattern\na,b,c", "a column twice"),
        ('[{"pattern": "*[1m]", "kind": "glob", "served": "b"}]', "row 1, pattern: Suffixes"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_where_it_is_wrong(text: str, words: str) -> None:
    with pytest.raises(BadFile) as caught:
        read(text)
    assert words in str(caught.value)


def test_what_is_left_out_is_as_usual() -> None:
    assert read('[{"pattern": " Claude-X", "served": "gpt-5.4"}]') == [ROW]
    assert read("pattern,served,enabled\nclaude-x,gpt-5.4,\n") == [ROW]
    assert read("\ufeffpattern,served\nclaude-x,gpt-5.4\n") == [ROW]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_spreadsheets_separator_and_capitals_are_understood(separator: str) -> None:
    lines = (("Pattern", "SERVED", "Kind", "Effort mode", "Effort"), ("claude-x", "gpt-5.4", "Exact", "Fixed", "Low"))
    found = read("\r\n".join(separator.join(cells) for cells in lines))
    assert found == [{**ROW, "effort_mode": "fixed", "effort": "low"}]


TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=20).map(str.strip)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    mode = draw(st.sampled_from(rules.EFFORT_MODES))
    return {
        "kind": "prefix",
        "pattern": draw(st.from_regex(r"[a-z][a-z0-9.-]{0,10}", fullmatch=True)),
        "served": draw(st.from_regex(r"[a-z=+@-][a-z0-9.-]{0,10}", fullmatch=True)),
        "effort_mode": mode,
        "effort": "" if mode == "as_asked" else draw(st.sampled_from(["low", "max"])),
        "max_output_tokens": draw(st.none() | st.integers(16, 10**6)),
        "max_input_tokens": draw(st.none() | st.integers(1, 10**6)),
        "service_tier": draw(st.sampled_from(["", "flex"])),
        "verbosity": draw(st.sampled_from(["", "low"])),
        "priority": draw(st.integers(-9, 9)),
        "enabled": draw(st.booleans()),
        "note": draw(TEXT),
    }


TABLES = st.lists(rows(), max_size=5, unique_by=lambda row: row["pattern"] if row["enabled"] else id(row))


@given(TABLES, st.sampled_from(["json", "csv"]))
def test_what_goes_out_comes_in_again_and_makes_no_difference(found: list[Row], form: str) -> None:
    assert read(write(found, form)) == found
    assert difference(found, read(write(found, form)), replace=True) == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "'"])
def test_no_cell_is_a_formula(start: str) -> None:
    text = write([{**ROW, "note": f"{start}cmd()"}], "csv")
    assert f",'{start}cmd()" in text
    assert read(text)[0]["note"] == f"{start}cmd()"


def test_the_difference_is_told_in_words() -> None:
    other = {**ROW, "pattern": "claude-y"}
    changes = difference([ROW, other], [{**ROW, "served": "gpt-5.5"}, {**ROW, "pattern": "new"}], replace=True)
    assert [str(change) for change in changes] == [
        "~ exact claude-x: served gpt-5.4 -> gpt-5.5",
        "+ exact new -> gpt-5.4",
        "- exact claude-y -> gpt-5.4",
    ]
    new = {**ROW, "effort_mode": "fixed", "effort": "low", "max_output_tokens": 900, "priority": 5, "enabled": False}
    assert str(difference([], [new], replace=False)[0]) == (
        "+ exact claude-x -> gpt-5.4 (effort_mode fixed, effort low, max_output_tokens 900, priority 5, enabled no)"
    )
    assert len(difference([ROW, other], [ROW], replace=False)) == 0


def test_of_a_rule_and_its_copy_that_is_off_the_one_that_is_on_is_changed() -> None:
    copy, kept = {**ROW, "enabled": False, "id": 1}, {**ROW, "id": 2}
    found = difference([copy, kept], [{**ROW, "served": "gpt-5.5"}], replace=False)
    assert [(change.id, str(change)) for change in found] == [(2, "~ exact claude-x: served gpt-5.4 -> gpt-5.5")]
    found = difference([copy, kept], [ROW], replace=True)
    assert [(change.kind, change.id) for change in found] == [("remove", 1)]


@given(TABLES, TABLES)
def test_a_difference_that_was_taken_is_none(before: list[Row], after: list[Row]) -> None:
    table = {at: {**row, "id": at} for at, row in enumerate(before, 1)}
    for change in difference(table.values(), after, replace=True):
        if change.kind == "remove":
            del table[change.id or 0]
        else:
            table[change.id or len(table) + 100] = change.row
    assert difference(table.values(), after, replace=True) == []


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found: Any = read(text)
    except BadFile:
        return
    assert json.dumps(found)
