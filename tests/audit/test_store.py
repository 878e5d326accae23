"""Entries in the database: what is written twice is there once, and the sums agree with the rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connections, transaction
from django.db.models import Sum

from audit.models import AuditRecord, LatencyHour, Outcome, UpstreamAttempt, UsageHour
from audit.store import Entry, _utc_text, write
from tests.audit.payloads import beginning, end

pytestmark = pytest.mark.django_db


def counted() -> int:
    return UsageHour.objects.aggregate(all=Sum("requests"))["all"] or 0


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{", b"[]", b'{"kind": "opened"}', b'"x"\n', b"\x00" * 40, b'{"kind": "opened", "values": [], "attempts": []}',
        b'{"kind": "other", "values": {}, "attempts": []}', b'{"kind": "opened", "values": {}, "attempts": null}',
        b'{"kind": "opened", "values": {"received_at": 7}, "attempts": []}',
    ],
)  # fmt: skip
def test_a_line_that_is_not_whole_is_no_entry(line: bytes) -> None:
    with pytest.raises(ValueError):
        Entry.from_line(line)


def test_an_entry_comes_back_from_its_line_as_it_was() -> None:
    for entry in (beginning(), end()):
        assert entry.line().count(b"\n") == 1
        assert Entry.from_line(entry.line()) == entry


def test_what_json_cannot_hold_still_makes_a_line() -> None:
    odd = beginning("1")
    odd.values |= {"client": "half \ud800", "rule": 2**70, "effort": object()}
    values = Entry.from_line(odd.line()).values
    assert values["client"] == "half ?"
    assert values["correlation_id"] == odd.values["correlation_id"]


def test_a_group_that_fails_leaves_nothing() -> None:
    broken = end(2)
    broken.values["status"] = None
    with pytest.raises(DatabaseError), transaction.atomic():
        write([beginning(1), end(1), broken])
    assert AuditRecord.objects.count() == counted() == 0


def test_a_beginning_is_a_row_that_runs() -> None:
    write([beginning()])
    row = AuditRecord.objects.get()
    assert (row.outcome, row.finished_at, row.status) == (Outcome.RUNNING, None, 0)
    assert (row.model_served, row.client, row.client_version) == ("gpt-6.1-sol", "claude-cli", "2.1.4")
    assert (row.request, row.redaction) == ({"bytes": 9}, "full")
    assert counted() == 0


def test_an_end_completes_the_row_and_keeps_its_request() -> None:
    write([beginning()])
    write([end()])
    row = AuditRecord.objects.get()
    assert (row.outcome, row.status, row.stop_reason) == (Outcome.COMPLETED, 200, "end_turn")
    assert (row.input_tokens, row.cached_tokens, row.output_tokens, row.reasoning_tokens) == (5, 3, 7, 2)
    assert (row.connected_ms, row.first_byte_ms, row.first_token_ms, row.duration_ms) == (100, 200, 300, 1000)
    assert row.tokens_per_second == 10
    assert row.tool_calls == {"Read": 2, "Bash": 1}
    assert row.notes == [{"code": "dropped.top_k", "where": "top_k"}]
    assert (row.request, row.redaction) == ({"bytes": 9}, "full")
    attempt = UpstreamAttempt.objects.get()
    assert (attempt.record_id, attempt.started_ms, attempt.duration_ms, attempt.status) == ("req_1", 10, 500, 200)


@pytest.mark.parametrize("order", ["be", "eb"])
@pytest.mark.parametrize("apart", [True, False])
def test_beginning_and_end_give_the_same_row_in_any_order(order: str, apart: bool) -> None:
    entries = [beginning() if one == "b" else end() for one in order]
    for group in [[one] for one in entries] if apart else [entries]:
        write(group)
    row = AuditRecord.objects.get()
    assert (row.outcome, row.request, row.redaction) == ("completed", {"bytes": 9}, "full")


def test_what_is_written_again_changes_nothing() -> None:
    entries = [beginning(1), end(1), beginning(2), end(2)]
    write(entries)
    before = list(AuditRecord.objects.values()) + list(UsageHour.objects.values()) + list(LatencyHour.objects.values())
    write(entries, again=True)
    after = list(AuditRecord.objects.values()) + list(UsageHour.objects.values()) + list(LatencyHour.objects.values())
    assert before == after
    assert UpstreamAttempt.objects.count() == 2
    assert counted() == 2


def test_sums_add_up_over_groups() -> None:
    write([end(number) for number in range(3)])
    write([end(3, outcome="failed", error_type="api_error", cost=None)])
    assert counted() == 4
    completed = UsageHour.objects.get(outcome="completed")
    assert (completed.requests, completed.output_tokens, completed.attempts, completed.noted) == (3, 21, 3, 3)
    assert completed.cost > 0
    assert UsageHour.objects.get(outcome="failed").unpriced == 1
    latencies = {(one.measure, one.bucket, one.requests) for one in LatencyHour.objects.all()}
    assert latencies == {("duration", 1000, 3), ("first_byte", 240, 3)}


def test_a_request_that_never_began_has_its_row_from_its_end() -> None:
    write([end(outcome="refused", status=400, redaction="full", request={"bytes": 3})])
    row = AuditRecord.objects.get()
    assert (row.status, row.request, row.redaction) == (400, {"bytes": 3}, "full")


def test_what_no_database_takes_in_json_is_replaced() -> None:
    write([end(response={"content": ["a\x00b"]})])
    assert AuditRecord.objects.get().response == {"content": ["a\ufffdb"]}


def test_a_number_of_any_size_and_half_a_character_in_an_answer_cost_no_row() -> None:
    write([end(response={"content": [{"input": {"n": 10**30, "s": "half \ud800"}}]})])
    assert AuditRecord.objects.get().response == {"content": [{"input": {"n": 10**30, "s": "half ?"}}]}


@pytest.mark.skipif(connections["default"].vendor != "sqlite", reason="SQLite has no type for times")
@pytest.mark.parametrize("moment", [datetime(2026, 11, 23, 20, 2, 37, 1, UTC), datetime(2026, 1, 1, tzinfo=UTC)])
def test_a_time_is_written_as_django_writes_it(moment: datetime) -> None:
    assert _utc_text(moment) == connections["default"].ops.adapt_datetimefield_value(moment)
