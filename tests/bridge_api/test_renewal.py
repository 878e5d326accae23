"""The snapshot of a process: renewed beside requests, kept while the database is away."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.utils import OperationalError

from bridge_api.keys import hashed
from bridge_api.last_rules import LastRules
from bridge_api.mapping import ModelMap
from bridge_api.models import ClientKey, ModelCapability, ModelMapping, Revision
from bridge_api.renewal import Renewer, load
from bridge_api.rules import Rule
from bridge_api.snapshot import Snapshot

SETTINGS = ModelMap.parse("", "gpt-6.1-sol")


class Source:
    """A database that answers as it is told."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.reads = 0

    def __call__(self, models: ModelMap) -> Snapshot:
        self.reads += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        found: Snapshot = answer
        return found


def test_while_the_database_is_away_the_last_snapshot_serves_and_it_is_said_once(caplog: Any) -> None:
    first = Snapshot(SETTINGS, revision=1)
    renewer = Renewer(SETTINGS, Source(first, OperationalError("canary"), OperationalError("canary"), first))
    renewer._process = -1  # no thread
    with caplog.at_level(logging.WARNING):
        assert renewer.renew()
        assert not renewer.renew()
        assert not renewer.renew()
        assert renewer._snapshot is first
        assert renewer.renew()
    assert [record.message for record in caplog.records if record.name == "bridge.renewal"] == [
        "mappings and keys could not be read, the last ones serve: OperationalError",
        "mappings and keys are read again",
    ]


def test_before_the_first_reading_the_settings_serve() -> None:
    renewer = Renewer(SETTINGS, Source(OperationalError()))
    renewer.renew()
    assert renewer._snapshot.models is SETTINGS
    assert not renewer.loaded.is_set()


def test_until_the_rules_are_known_it_says_so() -> None:
    renewer = Renewer(SETTINGS, Source(OperationalError(), Snapshot(SETTINGS, revision=4)))
    assert not renewer.knows()
    renewer.renew()
    assert not renewer.knows()
    renewer.renew()
    assert renewer.knows()


def rules_of(served: str) -> ModelMap:
    return SETTINGS.with_rules([Rule(1, "family", "opus", served)])


def test_a_start_without_a_database_serves_the_rules_of_the_last_run(tmp_path: Path, caplog: Any) -> None:
    last = LastRules(tmp_path / "last-rules.json", "db")
    Renewer(SETTINGS, Source(Snapshot(rules_of("gpt-4.1"), revision=4)), last).renew()
    renewer = Renewer(SETTINGS, Source(OperationalError(), Snapshot(rules_of("gpt-5.5"), revision=5)), last)
    renewer.renew()
    assert renewer.knows()
    assert not renewer.loaded.is_set()
    assert renewer._snapshot.models.resolve("claude-opus-5").served == "gpt-4.1"
    assert "the rules of the last run serve" in caplog.text
    renewer.renew()
    assert renewer._snapshot.models.resolve("claude-opus-5").served == "gpt-5.5"


def test_a_database_that_is_slow_to_refuse_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = LastRules(tmp_path / "last-rules.json", "db")
    last.keep(Snapshot(rules_of("gpt-4.1")))
    renewer = Renewer(SETTINGS, Source(OperationalError()), last)
    assert not renewer.knows()
    monkeypatch.setattr("bridge_api.renewal.PATIENCE", 0.0)
    assert renewer.knows()
    assert renewer._snapshot.models.resolve("claude-opus-5").served == "gpt-4.1"


@pytest.mark.django_db
def test_a_row_that_cannot_be_understood_stops_nobodys_renewal(caplog: Any) -> None:
    good = ModelMapping.objects.create(pattern="claude-x", served="gpt-5.4")
    bad = [ModelMapping.objects.create(pattern=f"claude-{at}", served="gpt-5.4") for at in range(4)]
    for row, fields in zip(
        bad,
        ({"kind": "regex"}, {"effort_mode": "fixed", "effort": "huge"}, {"pattern": ""}, {"served": "two words"}),
        strict=True,
    ):
        ModelMapping.objects.filter(pk=row.pk).update(**fields)
    ModelCapability.objects.create(model="qwen3", efforts="low,ultra", source="s")
    ModelCapability.objects.create(model="llama", images=False, source="s")
    key, text = ClientKey.make("team a")
    key.revoke()
    for _ in range(2):
        found = load(SETTINGS)
    assert [rule.id for rule in found.models.rules] == [good.pk]
    assert list(found.capabilities.own) == ["llama"]
    assert found.keys[hashed(text)].revoked
    told = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert len(told) == 5
    assert f"row {bad[0].pk} of bridge_api.ModelMapping cannot be understood and is left out: kind" in told


@pytest.mark.django_db
@pytest.mark.parametrize(("column", "value"), [("expires_at", "2026-13-45 00:00:00"), ("requests_per_minute", "many")])
def test_a_key_that_cannot_be_read_is_unknown_and_the_others_count(column: str, value: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite keeps a text there")
    bad, text = ClientKey.make("team a")
    good, other = ClientKey.make("team b")
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE bridge_api_clientkey SET {column} = %s WHERE id = %s", [value, bad.pk])
    found = load(SETTINGS)
    assert list(found.keys) == [hashed(other)]
    assert hashed(text) not in found.keys
    assert found.keys[hashed(other)].label == good.label


def test_the_thread_reads_until_it_could_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge_api.renewal.INTERVAL", 0.001)
    monkeypatch.setattr(Renewer, "_changed", lambda self: False)
    renewer = Renewer(SETTINGS, Source(OperationalError(), OperationalError(), Snapshot(SETTINGS, revision=5)))
    renewer.current()
    assert renewer.loaded.wait(5)
    renewer.stop()
    assert renewer.current().revision == 5


@pytest.mark.django_db
def test_what_operators_decided_is_loaded() -> None:
    ModelMapping.objects.create(pattern="claude-x", served="gpt-5.4", effort_mode="fixed", effort="low")
    ModelMapping.objects.create(pattern="claude-y", served="gpt-5.4", enabled=False)
    ModelCapability.objects.create(model="qwen3", efforts="-", images=False, source="its page")
    _, key = ClientKey.make("team a", allowed_models="claude-*\n\n", tokens_per_minute=5)
    found = load(SETTINGS)
    route = found.models.resolve("claude-x")
    assert (route.served, route.adjustments.effort) == ("gpt-5.4", "low")
    assert found.models.resolve("claude-y").rule == "default"
    assert found.capabilities.of("qwen3:30b").images is False
    assert not found.capabilities.of("qwen3:30b").reasons
    assert found.keys[hashed(key)].label == "team a"
    assert found.keys[hashed(key)].models == ("claude-*",)
    assert found.keys[hashed(key)].limits.tokens_per_minute == 5
    assert found.revision == Revision.current()
    assert key not in str(ClientKey.objects.values().get())


@pytest.mark.django_db
def test_every_change_raises_the_revision() -> None:
    seen = [Revision.current()]

    def risen() -> bool:
        seen.append(Revision.current())
        return seen[-1] > seen[-2]

    row = ModelMapping.objects.create(pattern="claude-x", served="gpt-5.4")
    assert risen()
    row.served = "gpt-5.5"
    row.save()
    assert risen()
    ModelMapping.objects.filter(pk=row.pk).update(enabled=False)
    assert risen()
    ModelMapping.objects.all().delete()
    assert risen()
    ModelCapability.objects.bulk_create([ModelCapability(model="m", source="s")])
    assert risen()
    key, _ = ClientKey.make("a")
    assert risen()
    key.revoke("somebody")
    assert risen()
    assert key.state == "revoked"
    assert not risen()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"pattern": " "}, "pattern"),
        ({"kind": "family", "pattern": "claude"}, "pattern"),
        ({"pattern": "a", "served": "two words"}, "served"),
        ({"pattern": "a", "effort_mode": "fixed"}, "effort"),
        ({"pattern": "a", "effort": "low"}, "effort"),
        ({"pattern": "a", "max_output_tokens": 3}, "max_output_tokens"),
        ({"pattern": "claude-taken"}, "pattern"),
        ({"kind": "prefix", "pattern": "claude-", "priority": 5}, "pattern"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_where_it_is_wrong(fields: dict[str, Any], place: str) -> None:
    ModelMapping.objects.create(pattern="claude-taken", served="gpt-5.4")
    with pytest.raises(ValidationError) as caught:
        ModelMapping(**{"served": "gpt-5.4", **fields}).full_clean()
    assert place in caught.value.message_dict


@pytest.mark.django_db
def test_a_rule_that_is_off_is_in_nobodys_way() -> None:
    ModelMapping.objects.create(pattern="claude-taken", served="gpt-5.4")
    ModelMapping(pattern="claude-taken", served="gpt-5.5", enabled=False).full_clean()
    row = ModelMapping(pattern="Claude-New ", kind="prefix", served="gpt-5.5")
    row.full_clean()
    assert row.pattern == "claude-new"


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "pattern"), [("glob", "*[1m]"), ("prefix", "claude-haiku[1m]")])
def test_a_suffix_in_a_pattern_is_refused_and_not_cut(kind: str, pattern: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ModelMapping(kind=kind, pattern=pattern, served="gpt-5.4").full_clean()
    assert "only an exact name" in str(caught.value)


@pytest.mark.django_db
def test_a_key_is_kept_with_names_that_can_be_understood() -> None:
    with pytest.raises(ValidationError) as caught:
        ClientKey.make("a", allowed_models="*[1m]")
    assert "allowed_models" in caught.value.message_dict
    assert ClientKey.make("a", allowed_models="Claude-*, gpt-5.4")[0].allowed_models == "claude-*\ngpt-5.4"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"efforts": "low,huge"}, "efforts"),
        ({"like": "nobody"}, "like"),
        ({"context_window": 1000, "max_input": 5000}, "max_input"),
        ({"context_window": 1000, "max_output": 9000}, "max_output"),
    ],
)
def test_a_capability_that_cannot_be_is_refused(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ModelCapability(model="m", source="s", **fields).full_clean()
    assert place in caught.value.message_dict


def test_a_window_bounds_what_was_not_said() -> None:
    caps = ModelCapability(model="qwen3", context_window=32_768, source="s").capabilities()
    assert (caps.context_window, caps.max_input, caps.max_output) == (32_768, 32_768, 32_768)


@pytest.mark.django_db
def test_a_deployment_is_like_the_model_that_it_names() -> None:
    row = ModelCapability(model="prod", like="gpt-5.4", efforts="high, low", max_output=900, source="s")
    row.full_clean()
    caps = row.capabilities()
    assert (caps.family, caps.efforts, caps.max_output, caps.like) == ("gpt-5.4", ("low", "high"), 900, "gpt-5.4")
    assert caps.source == "s"


@pytest.mark.django_db
def test_the_name_of_who_made_a_change_outlives_the_account() -> None:
    user = User.objects.create(username="ada")
    row = ModelMapping.objects.create(pattern="claude-x", served="gpt-5.4", changed_by=user.username)
    user.delete()
    assert ModelMapping.objects.get(pk=row.pk).changed_by == "ada"


@pytest.mark.django_db
def test_a_row_that_an_earlier_version_took_still_counts_within_its_window() -> None:
    ModelCapability.objects.create(model="m", source="s", efforts="low,high", context_window=8_192, max_output=16_384)
    found = load(ModelMap.parse("", "gpt-5.4")).capabilities.of("m")
    assert (found.context_window, found.max_output) == (8_192, 8_192)
    assert found.efforts == ("low", "high")
