"""The rules of the last run, on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge_api import capabilities
from bridge_api.capabilities import Table
from bridge_api.keys import ClientKey
from bridge_api.last_rules import NO_REVISION, LastRules
from bridge_api.mapping import ModelMap
from bridge_api.rules import Adjustments, Rule
from bridge_api.snapshot import Snapshot

SETTINGS = ModelMap.parse('{"claude-x": "gpt-5"}', "gpt-6.1-sol")
RULES = (
    Rule(3, "exact", "claude-y[1m]", "gpt-5.4", 7, Adjustments("fixed", "low", 900, None, "flex", "high")),
    Rule(1, "family", "opus", "gpt-4.1"),
)
OWN = {"qwen3": replace(capabilities.UNKNOWN, efforts=("low", "high"), images=False, source="its page")}
LAST = Snapshot(SETTINGS.with_rules(RULES), Table(OWN), {"hash": ClientKey(1, "team a")}, 8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "made" / "last-rules.json"


def test_what_is_kept_comes_back_without_the_keys(file: Path) -> None:
    LastRules(file, "db").keep(LAST)
    found = LastRules(file, "db").recall(SETTINGS)
    assert found == Snapshot(LAST.models, LAST.capabilities, {}, NO_REVISION)
    assert "team a" not in file.read_text()
    assert "hash" not in file.read_text()


def test_the_file_is_its_owners_alone_and_nothing_lies_beside_it(file: Path) -> None:
    LastRules(file, "db").keep(LAST)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_what_is_the_same_is_not_written_again(file: Path) -> None:
    LastRules(file, "db").keep(LAST)
    before = file.stat().st_ino
    LastRules(file, "db").keep(LAST)
    assert file.stat().st_ino == before
    LastRules(file, "db").keep(Snapshot(SETTINGS))
    assert file.stat().st_ino != before


def test_the_rules_of_another_database_do_not_serve(file: Path) -> None:
    LastRules(file, "db").keep(LAST)
    assert LastRules(file, "another").recall(SETTINGS) is None


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"database": "db", "rules": [{"id": "x"}], "capabilities": {}}'])
def test_a_file_that_cannot_be_read_is_as_none(file: Path, text: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(text)
    assert LastRules(file, "db").recall(SETTINGS) is None


def test_a_file_that_cannot_be_written_harms_nothing(tmp_path: Path, caplog: Any) -> None:
    (tmp_path / "made").write_text("no directory")
    LastRules(tmp_path / "made" / "last-rules.json", "db").keep(LAST)
    assert "could not be kept" in caplog.text
