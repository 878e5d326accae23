"""The trail: a row for each exchange, nothing that was said, never in the way."""

from __future__ import annotations

import time

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.test import Client

from audit import sink as sink_module
from audit.models import AuditRecord
from audit.receivers import on_finished
from audit.record import row_values
from audit.sink import Sink, insert
from bridge_api.signals import Attempt, ExchangeFinished, ExchangeOpened
from bridge_api.translation.notes import Note


def finished(number: int = 1) -> ExchangeFinished:
    opened = ExchangeOpened(
        "corr-1",
        f"req_{number}",
        "/v1/messages",
        True,
        "claude-opus-5-5",
        "gpt-6.1-sol",
        "default",
        1.0,
        counts={"messages": 1},
    )
    return ExchangeFinished(
        "corr-1", f"req_{number}", "/v1/messages", 200, "completed", opened=opened, stop_reason="end_turn",
        usage={"input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": 3, "output_tokens_details": {"thinking_tokens": 2}},
        notes=(Note("dropped.top_k", "top_k"),), attempts=(Attempt(1, 1.0, 0.5, 200),),
        times={"received": 1.0, "first_byte": 1.2, "finished": 2.0},
    )  # fmt: skip


def test_a_receiver_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.receivers.row_values", lambda payload: 1 / 0)
    on_finished(payload=finished())


def test_a_full_queue_loses_nothing_in_silence(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Sink(capacity=1)
    monkeypatch.setattr(full, "_ensure_thread", lambda: None)
    full.put({})
    with caplog.at_level("ERROR", logger="bridge.audit"):
        full.put({})
    assert full.lost == 1
    assert "lost" in caplog.text


def test_a_database_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def flaky(rows: list[object]) -> None:
        tries.append(len(rows))
        if len(tries) < 3:
            raise DatabaseError("locked")

    monkeypatch.setattr(sink_module, "insert", flaky)
    monkeypatch.setattr(sink_module, "RETRY_SECONDS", 0.01)
    waiting = Sink()
    waiting.put({"a": 1})
    assert waiting.flush(5)
    assert tries == [1, 1, 1]


@pytest.mark.django_db
def test_a_row_tells_what_happened() -> None:
    insert([row_values(finished())])
    row = AuditRecord.objects.get()
    assert (row.model_asked, row.model_served, row.stop_reason, row.stream) == (
        "claude-opus-5-5",
        "gpt-6.1-sol",
        "end_turn",
        True,
    )
    assert (row.input_tokens, row.output_tokens, row.cached_tokens, row.reasoning_tokens) == (5, 7, 3, 2)
    assert (row.duration_ms, row.first_byte_ms) == (1000, 200)
    assert row.notes == [{"code": "dropped.top_k", "where": "top_k"}]
    assert row.attempts[0]["status"] == 200


@pytest.mark.django_db
def test_the_same_request_has_one_row() -> None:
    insert([row_values(finished()), row_values(finished())])
    insert([row_values(finished())])
    assert AuditRecord.objects.count() == 1


@pytest.mark.django_db
def test_the_admin_shows_and_never_changes(admin_client: Client) -> None:
    insert([row_values(finished(number)) for number in range(3)])
    row = AuditRecord.objects.first()
    assert row is not None
    listing = admin_client.get("/admin/audit/auditrecord/")
    assert listing.status_code == 200
    assert b"gpt-6.1-sol" in listing.content
    assert admin_client.get(f"/admin/audit/auditrecord/{row.pk}/change/").status_code == 200
    assert admin_client.get("/admin/audit/auditrecord/?q=corr-1").status_code == 200
    assert admin_client.get("/admin/audit/auditrecord/add/").status_code == 403
    assert admin_client.post(f"/admin/audit/auditrecord/{row.pk}/delete/").status_code == 403


@pytest.mark.django_db
def test_the_admin_is_for_staff(client: Client) -> None:
    client.force_login(User.objects.create_user("plain"))
    assert client.get("/admin/audit/auditrecord/").status_code == 302


def test_putting_a_row_takes_no_time_to_speak_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "insert", lambda rows: time.sleep(0.2))
    slow = Sink()
    for _ in range(100):
        slow.put({})
    assert slow._queue.unfinished_tasks > 0
