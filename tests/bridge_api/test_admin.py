"""The admin's pages for what operators decide."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from audit.models import AuditRecord
from bridge_api.keys import hashed
from bridge_api.models import ClientKey, KeyUsage, ModelCapability, ModelMapping

pytestmark = pytest.mark.django_db
MAPPINGS, CAPABILITIES, KEYS = (
    f"/admin/bridge_api/{name}/" for name in ("modelmapping", "modelcapability", "clientkey")
)
RULE = {
    "kind": "prefix",
    "pattern": "Claude-Opus",
    "served": "gpt-5.4",
    "effort_mode": "as_asked",
    "effort": "",
    "service_tier": "",
    "verbosity": "",
    "priority": "0",
    "enabled": "on",
    "note": "",
}


def member(group: str | None) -> Client:
    user = User.objects.create_user("ada", password="x", is_staff=True, is_superuser=group is None)
    if group:
        user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def operator() -> Client:
    return member("operators")


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def test_a_viewer_sees_everything_and_changes_nothing() -> None:
    row = ModelMapping.objects.create(pattern="claude-x", served="gpt-5.4")
    client = member("viewers")
    for path in (MAPPINGS, CAPABILITIES, KEYS, f"{MAPPINGS}{row.pk}/change/", "/admin/audit/auditrecord/"):
        assert client.get(path).status_code == 200, path
    for path in (MAPPINGS, CAPABILITIES, KEYS):
        assert client.get(f"{path}add/").status_code == 403, path
    assert client.post(f"{MAPPINGS}{row.pk}/change/", RULE).status_code == 403
    action = {"action": "disable", "_selected_action": [row.pk]}
    client.post(MAPPINGS, action)
    assert ModelMapping.objects.get().enabled


def test_who_is_nobodys_member_sees_nothing() -> None:
    user = User.objects.create_user("eve", password="x", is_staff=True)
    client = Client()
    client.force_login(user)
    assert client.get(MAPPINGS).status_code == 403


def test_an_operator_makes_a_rule_that_carries_the_name(operator: Client) -> None:
    assert operator.post(f"{MAPPINGS}add/", RULE).status_code == 302
    row = ModelMapping.objects.get()
    assert (row.pattern, row.changed_by) == ("claude-opus", "ada")
    assert LogEntry.objects.filter(object_id=str(row.pk)).exists()
    assert operator.get(f"{MAPPINGS}{row.pk}/history/").status_code == 200


def test_a_rule_that_would_never_be_used_is_refused_with_the_reason(operator: Client) -> None:
    ModelMapping.objects.create(kind="glob", pattern="*", served="gpt-5.4", priority=5)
    answer = operator.post(f"{MAPPINGS}add/", RULE)
    assert answer.status_code == 200
    assert "It would never be used" in text(answer)
    assert ModelMapping.objects.count() == 1


def test_of_two_operators_who_save_at_once_the_second_is_told(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = ModelMapping.save

    def slower(self: ModelMapping, *args: Any, **kwargs: Any) -> None:
        ModelMapping.objects.bulk_create([ModelMapping(kind="prefix", pattern="claude-opus", served="gpt-5.5")])
        save(self, *args, **kwargs)

    monkeypatch.setattr(ModelMapping, "save", slower)
    shown = text(operator.post(f"{MAPPINGS}add/", RULE, follow=True))
    assert "somebody was quicker" in shown
    assert "not decided" in shown
    assert not ModelMapping.objects.filter(served="gpt-5.4").exists()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("claude-opus-5-5[1m]", ["gpt-5.4", "rule ", "reasoning effort always low"]),
        ("claude-haiku-5", ["gpt-6-luna", "the built-in model of the family haiku"]),
        ("<script>alert(1)</script>", ["OPENAI_DEFAULT_MODEL", "&lt;script&gt;"]),
    ],
)
def test_a_name_can_be_tried(operator: Client, asked: str, words: list[str]) -> None:
    ModelMapping.objects.create(kind="family", pattern="opus", served="gpt-5.4", effort_mode="fixed", effort="low")
    shown = text(operator.get(MAPPINGS, {"try": asked}))
    assert "try-result" in shown
    for word in words:
        assert word in shown
    assert "<script>alert(1)" not in shown


def test_a_name_that_nothing_serves_is_told(operator: Client, settings: Any) -> None:
    settings.OPENAI_DEFAULT_MODEL = ""
    assert "Nothing serves this name" in text(operator.get(MAPPINGS, {"try": "mystery"}))


def test_a_tried_name_leads_to_its_rule_and_keeps_the_list_as_it_was(operator: Client) -> None:
    row = ModelMapping.objects.create(kind="family", pattern="opus", served="gpt-5.4")
    answer = operator.get(MAPPINGS, {"try": "claude-opus-5", "enabled__exact": "1", "q": "op", "o": "-1"})
    shown = text(answer)
    assert f'href="{MAPPINGS}{row.pk}/change/">rule {row.pk}: family opus</a>' in shown
    for name, value in (("enabled__exact", "1"), ("q", "op"), ("o", "-1")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in shown
    assert "1,050,000 in all" in shown
    assert "taken without reasoning" in shown
    assert "pictures, files" in shown


def test_the_history_tells_what_was_and_what_is(operator: Client) -> None:
    row = ModelMapping.objects.create(kind="prefix", pattern="claude-opus", served="gpt-5.4")
    changed = {**RULE, "served": "gpt-5.5", "max_output_tokens": "900", "pattern": "Claude-Opus-5"}
    assert operator.post(f"{MAPPINGS}{row.pk}/change/", changed).status_code == 302
    shown = text(operator.get(f"{MAPPINGS}{row.pk}/history/"))
    assert "gpt-5.4 → gpt-5.5" in shown
    assert "empty → 900" in shown
    assert "claude-opus → claude-opus-5" in shown


def test_a_copy_begins_its_history_as_a_copy(operator: Client) -> None:
    row = ModelMapping.objects.create(pattern="claude-x", served="gpt-5.4")
    operator.post(MAPPINGS, {"action": "duplicate", "_selected_action": [row.pk]})
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_id) == (ADDITION, str(ModelMapping.objects.latest("pk").pk))


def test_what_is_built_in_is_shown_below_the_operators_rows(operator: Client) -> None:
    shown = text(operator.get(CAPABILITIES))
    assert "gpt-5.1-codex-max" in shown
    assert "https://developers.openai.com/api/docs/models/gpt-5.1-codex-max" in shown


def test_keys_are_listed_by_state_with_their_limits_in_a_bounded_number_of_queries(
    operator: Client, django_assert_max_num_queries: Any
) -> None:
    for at in range(12):
        row, _ = ClientKey.make(f"team {at}", daily_token_budget=5_000_000, requests_per_minute=60)
        KeyUsage.objects.create(key=row, kind="daily", window=int(time.time()) // 86_400 * 86_400, amount=1_234)
    ClientKey.objects.filter(label="team 1").update(expires_at=timezone.now())
    row.revoke()
    with django_assert_max_num_queries(12):
        shown = text(operator.get(KEYS))
    assert "60 requests/min; 5,000,000 tokens/day" in shown
    assert "1,234" in shown
    for state, there, missing in (
        ("revoked", "team 11", "team 1<"),
        ("expired", "team 1<", "team 2"),
        ("active", "team 2", "team 11"),
    ):
        shown = text(operator.get(KEYS, {"state": state}))
        assert there in shown
        assert missing not in shown


def test_a_key_that_would_never_work_is_not_made(operator: Client) -> None:
    fields = {"label": "late", "owner": "", "allowed_models": "", "note": "", "expires_at_0": "2020-01-01"}
    answer = operator.post(f"{KEYS}add/", {**fields, "expires_at_1": "00:00:00"})
    assert "over already" in text(answer)
    assert not ClientKey.objects.exists()


def test_how_often_a_rule_was_used_is_shown(operator: Client) -> None:
    row = ModelMapping.objects.create(pattern="claude-x", served="gpt-5.4")
    for at in range(3):
        AuditRecord.objects.create(
            request_id=f"r{at}",
            received_at=datetime.now(UTC),
            status=200,
            outcome="completed",
            rule=f"database:{row.pk}",
        )
    AuditRecord.objects.create(
        request_id="old", received_at=datetime(2020, 1, 1, tzinfo=UTC), status=200, outcome="completed", rule="default"
    )
    page = operator.get(MAPPINGS).content.decode()
    assert re.search(r"Used in 24 h", page)
    assert re.search(r">\s*3\s*<", page)


def test_only_the_list_counts_how_often_rules_were_used(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ModelMapping.objects.create(pattern="claude-x", served="gpt-5.4")
    asked: list[str] = []
    monkeypatch.setattr("bridge_api.admin._used_today", lambda: asked.append("counted") or {f"database:{row.pk}": 7})
    assert ">7<" in text(operator.get(MAPPINGS, {"o": "6"})).replace(" ", "")
    assert len(asked) >= 1
    asked.clear()
    for page in ("change", "history", "delete"):
        operator.get(f"{MAPPINGS}{row.pk}/{page}/")
    assert asked == []


def test_rules_are_switched_and_copied_by_actions(operator: Client) -> None:
    row = ModelMapping.objects.create(pattern="claude-x", served="gpt-5.4")
    operator.post(MAPPINGS, {"action": "disable", "_selected_action": [row.pk]})
    assert not ModelMapping.objects.get(pk=row.pk).enabled
    other = ModelMapping.objects.create(pattern="claude-x", served="gpt-5.5")
    answer = operator.post(MAPPINGS, {"action": "enable", "_selected_action": [row.pk]}, follow=True)
    assert "not decided" in text(answer)
    assert not ModelMapping.objects.get(pk=row.pk).enabled
    other.delete()
    operator.post(MAPPINGS, {"action": "enable", "_selected_action": [row.pk]})
    assert ModelMapping.objects.get(pk=row.pk).changed_by == "ada"
    operator.post(MAPPINGS, {"action": "duplicate", "_selected_action": [row.pk]})
    assert list(ModelMapping.objects.order_by("pk").values_list("pattern", "enabled")) == [
        ("claude-x", True),
        ("claude-x", False),
    ]


def test_a_key_is_shown_on_one_page_and_nowhere_else(operator: Client) -> None:
    answer = operator.post(f"{KEYS}add/", {"label": "team a", "owner": "", "allowed_models": "", "note": ""})
    assert answer.status_code == 200
    assert "no-store" in answer["cache-control"]
    found = re.search(r"brk_[\w-]{43}", answer.content.decode())
    assert found
    row = ClientKey.objects.get()
    assert (row.hash, row.shown, row.changed_by) == (hashed(found[0]), found[0][:12], "ada")
    for path in (KEYS, f"{KEYS}{row.pk}/change/", f"{KEYS}{row.pk}/history/"):
        assert found[0] not in operator.get(path).content.decode()
    assert found[0] not in str(list(LogEntry.objects.values()))


def test_a_key_is_revoked_and_never_deleted(operator: Client) -> None:
    row, _ = ClientKey.make("team a")
    operator.post(KEYS, {"action": "revoke", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert (row.state, row.changed_by) == ("revoked", "ada")
    assert operator.get(f"{KEYS}{row.pk}/delete/").status_code == 403
    assert "revoked" in text(operator.get(KEYS))


def test_a_capability_is_added_for_a_model_that_is_not_known(operator: Client) -> None:
    fields = {"model": "qwen3", "source": "its page", "efforts": "", "like": "", "sampling": "", "enabled": "on"}
    fields |= {flag: "unknown" for flag in ("verbosity", "tool_search", "breakpoints", "phase", "encrypted_reasoning")}
    answer = operator.post(
        f"{CAPABILITIES}add/",
        {**fields, "images": "false", "files": "false", "structured_output": "unknown", "note": ""},
    )
    assert answer.status_code == 302, text(answer)[:2000]
    assert ModelCapability.objects.get().capabilities().images is False


def test_the_groups_come_with_a_migration() -> None:
    assert set(Group.objects.values_list("name", flat=True)) >= {"viewers", "operators"}
    operators = set(Group.objects.get(name="operators").permissions.values_list("codename", flat=True))
    assert {"change_modelmapping", "add_clientkey", "view_auditrecord"} <= operators
    assert not {"delete_clientkey", "change_auditrecord", "change_user"} & operators
