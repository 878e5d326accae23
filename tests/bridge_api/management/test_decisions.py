"""The commands for mappings and keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError

from bridge_api import service
from bridge_api.keys import hashed
from bridge_api.models import ClientKey, ModelMapping

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def settings_again() -> Iterator[None]:
    service.reset()
    yield
    service.reset()


def run(*args: Any) -> str:
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def file(tmp_path: Path, *rows: dict[str, Any]) -> str:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(rows))
    return str(path)


OPUS = {"kind": "family", "pattern": "opus", "served": "gpt-5.4"}


def test_a_file_that_is_not_there_or_not_sound_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run("import_mappings", str(tmp_path / "none.json"))
    with pytest.raises(CommandError, match="row 1, served"):
        run("import_mappings", file(tmp_path, {"pattern": "a"}), "--yes")


def test_rules_that_are_in_each_others_way_are_not_taken_not_even_one(tmp_path: Path) -> None:
    blocking = {"kind": "prefix", "pattern": "claude", "served": "gpt-5.5", "priority": 9}
    with pytest.raises(CommandError, match="would never be used"):
        run("import_mappings", file(tmp_path, OPUS, blocking, {"pattern": "claude-x", "served": "b"}), "--yes")
    assert not ModelMapping.objects.exists()


def test_a_dry_run_shows_and_writes_nothing(tmp_path: Path) -> None:
    shown = run("import_mappings", file(tmp_path, OPUS), "--dry-run")
    assert "+ family opus -> gpt-5.4" in shown
    assert "nothing was written" in shown
    assert not ModelMapping.objects.exists()


def test_without_a_yes_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda prompt: "")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    with pytest.raises(CommandError, match="Nothing was written"):
        run("import_mappings", file(tmp_path, OPUS))
    assert not ModelMapping.objects.exists()


def test_without_a_terminal_nobody_is_asked_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--yes"):
        run("import_mappings", file(tmp_path, OPUS))
    assert not ModelMapping.objects.exists()


def test_rules_that_do_not_fit_are_told_before_the_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda prompt: pytest.fail("it was asked"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    blocking = {"kind": "glob", "pattern": "*opus*", "served": "gpt-5.5"}
    with pytest.raises(CommandError, match="rule for family opus would never be used again"):
        run("import_mappings", file(tmp_path, blocking, OPUS))


def test_a_rule_and_its_copy_go_out_and_come_in_again(tmp_path: Path) -> None:
    for enabled in (False, True):
        ModelMapping.objects.create(pattern="claude-x", served="gpt-5.4", enabled=enabled)
    path = tmp_path / "out.json"
    path.write_text(run("export_mappings"))
    assert "Nothing to change." in run("import_mappings", str(path), "--replace")
    run("import_mappings", file(tmp_path, {"pattern": "claude-x", "served": "gpt-5.5"}), "--yes")
    assert list(ModelMapping.objects.order_by("pk").values_list("served", "enabled")) == [
        ("gpt-5.4", False),
        ("gpt-5.5", True),
    ]


def test_an_import_stands_in_the_history(tmp_path: Path) -> None:
    row = ModelMapping.objects.create(kind="family", pattern="opus", served="gpt-5.5")
    run("import_mappings", file(tmp_path, OPUS), "--yes")
    row.refresh_from_db()
    entry = LogEntry.objects.get(object_id=str(row.pk))
    assert "Imported from rules.json" in entry.change_message
    assert "served gpt-5.5 -> gpt-5.4" in entry.change_message
    assert row.changed_by.startswith("import_mappings (")
    assert not entry.user.is_active
    User.objects.create(username="ada")
    run("import_mappings", file(tmp_path, {**OPUS, "served": "gpt-5.6-sol"}), "--yes", "--user", "ada")
    row.refresh_from_db()
    assert row.changed_by == "ada"
    with pytest.raises(CommandError, match="no account eve"):
        run("import_mappings", file(tmp_path, OPUS), "--yes", "--user", "eve")


@pytest.mark.parametrize(
    "command",
    [
        ("create_client_key", "a"),
        ("revoke_client_key", "a"),
        ("export_mappings",),
        ("resolve_model", "a"),
        ("import_mappings", "{file}"),
    ],
)
def test_a_database_without_tables_is_told(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("no such table")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", away)
    with pytest.raises(CommandError, match=r"manage\.py migrate"):
        run(*(part.format(file=file(tmp_path, OPUS)) for part in command))


@pytest.mark.parametrize("form", ["json", "csv"])
def test_rules_go_out_and_come_in_again(tmp_path: Path, form: str) -> None:
    run("import_mappings", file(tmp_path, OPUS, {"pattern": "claude-x", "served": "b", "note": "why"}), "--yes")
    path = tmp_path / f"out.{form}"
    path.write_text(run("export_mappings", "--format", form))
    assert "Nothing to change." in run("import_mappings", str(path))
    ModelMapping.objects.filter(pattern="opus").update(served="changed")
    ModelMapping.objects.create(pattern="other", served="c")
    shown = run("import_mappings", str(path), "--replace", "--yes")
    assert "served changed -> gpt-5.4" in shown
    assert set(ModelMapping.objects.values_list("pattern", "served")) == {("opus", "gpt-5.4"), ("claude-x", "b")}


def test_a_name_is_resolved_with_its_reason() -> None:
    ModelMapping.objects.create(kind="family", pattern="opus", served="gpt-5.4", effort_mode="at_most", effort="low")
    shown = run("resolve_model", "claude-opus-5-5[1m]", "claude-haiku-5-5")
    assert "served by:   gpt-5.4" in shown
    assert f"rule {ModelMapping.objects.get().pk}: family opus" in shown
    assert "reasoning effort at most low" in shown
    assert "the built-in model of the family haiku" in shown


def test_a_name_that_nothing_serves_fails(settings: Any) -> None:
    settings.OPENAI_DEFAULT_MODEL = ""
    with pytest.raises(CommandError, match="Nothing serves mystery"):
        run("resolve_model", "gpt-5.4", "mystery")


def test_a_key_is_shown_once_and_kept_as_a_hash() -> None:
    key = run("create_client_key", "team a", "--days", "3", "--model", "claude-*", "--quiet").strip()
    row = ClientKey.objects.get()
    assert (row.hash, row.shown) == (hashed(key), key[:12])
    assert (row.allowed_models, row.state) == ("claude-*", "active")
    assert row.expires_at is not None
    assert "It is not shown again" in run("create_client_key", "team b")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("team a",), "label: "),
        (("",), "label: "),
        (("x", "--days", "0"), "--days"),
        (("x", "--days", "99999999"), "--days"),
        (("x", "--requests-per-minute", "0"), "requests_per_minute: "),
        (("x", "--model", ""), "--model"),
        (("x", "--model", "*[1m]"), "allowed_models: "),
    ],
)
def test_a_key_that_cannot_be_made_is_told_with_the_field(args: tuple[str, ...], words: str) -> None:
    ClientKey.make("team a")
    with pytest.raises(CommandError, match=words):
        run("create_client_key", *args)
    assert ClientKey.objects.count() == 1


def test_a_key_is_revoked_by_label_or_beginning() -> None:
    ClientKey.make("team a")
    row, _ = ClientKey.make("team b")
    assert "team a is revoked" in run("revoke_client_key", "team a")
    assert "was revoked before" in run("revoke_client_key", "team a")
    run("revoke_client_key", row.shown)
    assert {key.state for key in ClientKey.objects.all()} == {"revoked"}
    with pytest.raises(CommandError, match="No such key"):
        run("revoke_client_key", "nobody")
