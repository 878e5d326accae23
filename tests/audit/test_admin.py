"""The trail's pages: what they show, what they let nobody do, and that nothing of a row becomes code."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from audit import rollups
from audit.folding import tree
from audit.models import AuditRecord, ContentViewing, LatencyHour, UpstreamAttempt, UsageHour, Worker
from tests.audit.trail import insert, make_trail

pytestmark = pytest.mark.django_db
LIST = "/admin/audit/auditrecord/"
VIEWINGS = "/admin/audit/contentviewing/"


def client_of(group: str | None = None, *, superuser: bool = False, name: str = "ada") -> Client:
    user = User.objects.create_user(name, password="x", is_staff=True, is_superuser=superuser)
    if group:
        user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def viewer() -> Client:
    return client_of("viewers")


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return re.sub(r"\s+", " ", answer.content.decode())


def record(**values: Any) -> AuditRecord:
    """A finished row, and its place in the sums."""
    now = datetime.now(UTC)
    given = {
        "request_id": f"req_{AuditRecord.objects.count()}",
        "correlation_id": "correlation",
        "received_at": now,
        "finished_at": now + timedelta(seconds=3),
        "endpoint": "/v1/messages",
        "model_asked": "claude-opus-5-5",
        "model_served": "gpt-6.1-sol",
        "outcome": "completed",
        "status": 200,
        "duration_ms": 3_000,
        **values,
    }
    row = AuditRecord.objects.create(**given)
    sum_up()
    return row


def sum_up() -> None:
    """The sums of all finished rows, anew."""
    values = list(AuditRecord.objects.exclude(finished_at=None).values())
    for model, rows in ((UsageHour, rollups.usage_hours(values)), (LatencyHour, rollups.latency_hours(values))):
        model.objects.all().delete()
        insert(model, rows.values())


def page_of(row: AuditRecord) -> str:
    return f"{LIST}{row.pk}/change/"


def test_a_line_of_the_list_tells_the_request(viewer: Client) -> None:
    record(
        outcome="failed",
        status=529,
        error_type="overloaded_error",
        error_code="overloaded",
        input_tokens=900,
        cached_tokens=100,
        output_tokens=50,
        cost=0.25,
        first_token_ms=1_200,
        attempt_count=3,
        key="team a",
    )
    shown = text(viewer.get(LIST))
    for part in ("Failed", "529 · overloaded", "claude-opus-5-5", "→ gpt-6.1-sol", "1,000 / 50", "10.0 % cached"):
        assert part in shown
    for part in ("$0.25", "3.0 s", "first 1.2 s", "team a", f'href="{LIST}?q=correlation"'):
        assert part in shown


def test_a_fresh_row_is_on_the_first_page_and_one_under_way_too(viewer: Client) -> None:
    make_trail(200, days=3)
    record(request_id="req_fresh", correlation_id="fresh")
    AuditRecord.objects.create(
        request_id="req_open", correlation_id="open", received_at=datetime.now(UTC), endpoint="/v1/messages"
    )
    shown = text(viewer.get(LIST))
    assert "?q=fresh" in shown
    assert "?q=open" in shown
    assert re.search(r"[1-9] under way", shown)
    assert "?q=open" in text(viewer.get(LIST, {"outcome": "running"}))


@pytest.mark.parametrize("given", [{}, {"range": "all"}, {"range": "all", "stop": "max_tokens"}, {"slow": "1"}])
def test_the_list_asks_the_database_little_and_never_for_what_is_long(given: dict[str, str], viewer: Client) -> None:
    make_trail(400, days=2)
    with CaptureQueriesContext(connection) as asked:
        viewer.get(LIST, given)
    assert len(asked) <= 12
    said = " ".join(query["sql"] for query in asked)
    for column in ("request", "response", "notes", "counts", "tool_calls"):
        assert f'"audit_auditrecord"."{column}"' not in said


def test_a_choice_is_kept_in_every_address_of_the_page(viewer: Client) -> None:
    make_trail(300, days=2)
    shown = text(viewer.get(LIST, {"range": "7d", "model": "gpt-6-luna", "key": "team a"}))
    assert '<option value="gpt-6-luna" selected>' in shown
    assert "?model=gpt-6-luna&amp;key=team+a&amp;range=24h" in shown
    assert f"{LIST}export/csv/?range=7d&amp;model=gpt-6-luna&amp;key=team+a" in shown
    assert f'href="{LIST}?range=7d"' in shown


@pytest.mark.parametrize("query", ["status=x", "range=2y", "outcome=lost", "to=9999-12-31T23:59", "to=0001-01-01"])
def test_a_wrong_choice_is_told_and_left(query: str, viewer: Client) -> None:
    answer = viewer.get(f"{LIST}?{query}", follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "Not a filter" in text(answer)


def test_an_unknown_choice_is_not_taken_for_none(viewer: Client) -> None:
    answer = viewer.get(f"{LIST}?response__contains=a", follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "Not a filter: response__contains" in text(answer)
    assert viewer.get(f"{LIST}export/csv/?modle=gpt-6-luna").status_code == 404
    assert viewer.get(f"{LIST}export/csv/?p=2").status_code == 200


@pytest.mark.parametrize(("page", "shown_page"), [("2", 2), ("99", 3), ("9" * 30, 3), ("0", 1), ("-4", 1), ("x", 1)])
def test_a_page_beyond_the_ends_is_the_one_at_the_end_and_the_choice_stays(
    page: str, shown_page: int, viewer: Client
) -> None:
    make_trail(110, days=2)
    AuditRecord.objects.update(outcome="completed", finished_at=datetime.now(UTC))
    sum_up()
    answer = viewer.get(LIST, {"range": "all", "outcome": "completed", "p": page})
    shown = text(answer)
    assert '<option value="completed" selected>' in shown
    assert f'<span class="font-medium text-primary-600">{shown_page}</span>' in shown
    assert shown.count('class="data-row') == (10 if shown_page == 3 else 50)


def test_requests_whose_rows_were_removed_are_told_and_not_paged_for(viewer: Client) -> None:
    make_trail(300, days=4)
    cut = datetime.now(UTC) - timedelta(days=1, hours=12)
    AuditRecord.objects.filter(received_at__lt=cut).delete()
    left = AuditRecord.objects.count()
    with CaptureQueriesContext(connection) as asked:
        shown = text(viewer.get(LIST, {"range": "all"}))
    assert len(asked) <= 12
    assert f"{300 - left} of the requests that are counted above are not in the list" in shown
    assert f"{left} audit records" in shown
    assert shown.count('class="data-row') == 50
    assert text(viewer.get(LIST, {"range": "all", "p": "99"})).count('class="data-row') == (left % 50 or 50)
    assert "are not in the list" not in text(viewer.get(LIST, {"range": "24h"}))
    old = {"from": f"{cut - timedelta(days=1):%Y-%m-%dT%H:00}", "to": f"{cut - timedelta(hours=22):%Y-%m-%dT%H:00}"}
    shown = text(viewer.get(LIST, old))
    assert "The rows of these requests have been removed" in shown
    assert "Nothing in this time." not in shown


def test_figures_of_a_choice_that_the_sums_do_not_know_say_so(viewer: Client) -> None:
    make_trail(300, days=1)
    assert "over 30 s (" in text(viewer.get(LIST))
    shown = text(viewer.get(LIST, {"range": "all", "notes": "1"}))
    assert "matching rows" in shown
    assert "matching rows" not in text(viewer.get(LIST, {"range": "all"}))


def test_an_empty_trail_has_a_page(viewer: Client) -> None:
    assert "Nothing in this time." in text(viewer.get(LIST))


def test_a_rows_page_tells_its_story(viewer: Client) -> None:
    row = record(
        session="c" * 32,
        rule="database:7",
        input_tokens=500,
        cached_tokens=1_500,
        output_tokens=300,
        reasoning_tokens=100,
        cost=0.0123,
        connected_ms=40,
        first_byte_ms=500,
        first_token_ms=1_000,
        attempt_count=2,
        notes=[{"code": "dropped.top_k", "where": "top_k"}, {"code": "new.code", "where": ""}],
        note_count=2,
        counts={"messages": 3, "tools": 12, "images": 0},
        tool_calls={"Read": 2},
        request={"headers": {"user-agent": "x"}, "bytes": 1234, "body": {"model": "m"}, "masked": {"email": 2}},
        response={"content": [{"type": "text", "text": "[text]"}], "masked": {}},
        redaction="full",
    )
    other = record(session="c" * 32, received_at=row.received_at - timedelta(minutes=5))
    UpstreamAttempt.objects.create(
        record=row, number=1, started_ms=5, duration_ms=300, status=503, error_code="overloaded"
    )
    UpstreamAttempt.objects.create(record=row, number=2, started_ms=700, duration_ms=2_300, status=200)
    shown = text(viewer.get(page_of(row)))
    for part in (
        "Attempt 1: 503 · overloaded · 300 ms",
        "Attempt 2: 200 · 2.3 s",
        "150 / s",
        "$0.01",
        "75.0 % from the cache",
        "The Responses API has no top_k.",
        "new.code",
        "/admin/bridge_api/modelmapping/7/change/",
        "mapping 7",
        "3 messages, 12 tools",
        "Read × 2",
        "1,234 bytes",
        "email × 2",
        f'href="{page_of(other)}"',
        "In the same conversation",
        "← Earlier",
    ):
        assert part in shown, part
    assert "Later →" not in shown
    assert "Later →" in text(viewer.get(page_of(other)))


def test_a_rows_page_leads_back_to_the_list_that_was_chosen(viewer: Client) -> None:
    earlier, row = record(outcome="failed", session="a"), record(outcome="failed", session="a")
    listed = text(viewer.get(LIST, {"range": "7d", "outcome": "failed", "p": "1"}))
    link = re.search(f'href="({re.escape(page_of(row))}[^"]*)"', listed)
    assert link is not None
    shown = text(viewer.get(link[1]))
    assert f'href="{LIST}?range=7d&amp;outcome=failed&amp;p=1">Back to the list' in shown
    beside = re.findall(f'href="({re.escape(page_of(earlier))}[^"]*)"', shown)
    assert len(beside) == 2, "the one before, and in the conversation"
    for url in beside:
        assert "Back to the list" in text(viewer.get(url))
    plain = text(viewer.get(page_of(row)))
    assert f'href="{LIST}">All requests' in plain
    hostile = viewer.get(page_of(row), {"_changelist_filters": '"><script>alert(1)</script>'})
    assert "<script>alert" not in text(hostile)


def test_an_error_is_told_with_its_type_its_code_and_its_words(viewer: Client) -> None:
    row = record(outcome="failed", error_type="timeout_error", error_code="upstream_timeout", error_message="Silent.")
    shown = text(viewer.get(page_of(row)))
    assert "timeout_error" in shown
    assert "upstream_timeout" in shown
    assert "Silent." in shown
    assert "Somebody was too slow." in shown


def test_what_was_masked_in_an_error_is_told_beside_it(viewer: Client) -> None:
    row = record(
        outcome="failed", error_type="api_error", error_message="[email]", response={"error_masked": {"email": 1}}
    )
    shown = text(viewer.get(page_of(row)))
    assert shown.count("email × 1") == 1
    assert shown.index("email × 1") < shown.index(">Timeline<")
    assert shown.count("Nothing of it was kept.") == 2


def test_a_row_under_way_and_a_row_of_nothing_have_pages(viewer: Client) -> None:
    opened = AuditRecord.objects.create(
        request_id="req_open", correlation_id="open", received_at=datetime.now(UTC), endpoint="/v1/messages"
    )
    assert "under way, or its process is gone" in text(viewer.get(page_of(opened)))
    assert "There is none yet." in text(viewer.get(page_of(opened)))
    odd = record(
        duration_ms=0, notes=["dropped.top_k"], request=[1, "two"], response="text", counts=[], rule="database:x"
    )
    assert "The Responses API has no top_k." in text(viewer.get(page_of(odd)))


def interrupted(**values: Any) -> AuditRecord:
    """A row as the next process marks it: the end is the time at which it was found."""
    now = datetime.now(UTC)
    return record(
        outcome="interrupted",
        status=0,
        duration_ms=0,
        received_at=now - timedelta(minutes=9),
        finished_at=now,
        **values,
    )


def test_of_an_interrupted_row_nothing_is_shown_that_nobody_knows(viewer: Client) -> None:
    row = interrupted(session="c" * 32)
    record(session="c" * 32)
    listed, shown = text(viewer.get(LIST)), text(viewer.get(page_of(row)))
    for page in (listed, shown):
        assert "unknown" in page
        assert "0 ms" not in page
    assert "status <b>unknown</b>" in shown
    assert "Nobody knows how long it took" in shown
    assert "<dt>Finished</dt>" not in shown
    assert f"found gone at {row.finished_at:%H:%M:%S}" in shown
    assert "the answer may have been whole" in shown
    assert '<option value="0">unknown (1)</option>' in listed


def test_a_rows_page_names_the_clients_version_and_the_worker(viewer: Client) -> None:
    row = record(client="claude-cli", client_version="2.4.11", worker="9c5d2e71" * 4)
    gone = text(viewer.get(page_of(row)))
    assert 'claude-cli <span class="au-below">2.4.11</span>' in gone
    assert "<dd>9c5d2e71</dd>" in gone
    now = datetime.now(UTC)
    Worker.objects.create(id=row.worker, host="desk", pid=4711, started_at=now, seen_at=now)
    assert 'desk:4711 <span class="au-below">9c5d2e71</span>' in text(viewer.get(page_of(row)))


def test_an_upstream_request_id_can_be_read_and_copied(viewer: Client) -> None:
    row = record(attempt_count=1)
    UpstreamAttempt.objects.create(
        record=row, number=1, started_ms=1, duration_ms=5, status=200, upstream_request_id="req_upstream_1"
    )
    assert '<dd class="au-mono">req_upstream_1</dd>' in text(viewer.get(page_of(row)))


def test_a_whole_answer_is_sent_at_its_end(viewer: Client) -> None:
    shown = text(viewer.get(page_of(record(stream=False, connected_ms=20, first_token_ms=800))))
    assert "Finished and sent" in shown
    assert "irst byte" not in shown
    assert "First byte" in text(viewer.get(page_of(record(stream=True, first_byte_ms=700, first_token_ms=800))))


def test_content_is_folded_with_a_glance_and_there_as_json(viewer: Client) -> None:
    said = [{"role": "user", "content": [{"type": "text", "text": "Look at the clock"}]}]
    shown = text(viewer.get(page_of(record(request={"body": {"messages": said, "model": "m"}}, response={}))))
    assert '<span class="au-glance">Look at the clock</span>' in shown
    assert shown.index(">model<") < shown.index(">messages<")
    assert "&quot;text&quot;: &quot;Look at the clock&quot;" in shown


def test_the_history_of_a_row_has_a_page(viewer: Client) -> None:
    assert viewer.get(f"{LIST}{record().pk}/history/").status_code == 200
    assert viewer.get(f"{VIEWINGS}99/history/").status_code == 302


def test_those_under_way_are_of_the_choice(viewer: Client) -> None:
    AuditRecord.objects.create(
        request_id="req_open",
        correlation_id="open",
        received_at=datetime.now(UTC),
        endpoint="/v1/messages",
        model_served="gpt-6-luna",
    )
    record()
    assert "1 under way" in text(viewer.get(LIST))
    assert "1 under way" in text(viewer.get(LIST, {"model": "gpt-6-luna"}))
    assert "1 under way" in text(viewer.get(LIST, {"q": "open"}))
    for given in ({"model": "nope"}, {"q": "other"}, {"slow": "1"}):
        assert "under way" not in text(viewer.get(LIST, given))


def test_an_empty_list_says_why_and_asks_nobody_to_make_a_row(viewer: Client) -> None:
    assert "No request came in this time" in text(viewer.get(LIST))
    shown = text(viewer.get(LIST, {"model": "nope", "slow": "1"}))
    assert "as the filters want it" in shown
    assert "model nope, over 30 s" in shown
    assert "Create a new item" not in shown


@pytest.mark.parametrize(
    ("given", "said"),
    [({"q": "corr-1"}, "No request has exactly this id."),
     ({"q": "corr-1", "range": "7d"}, "No request of this time is as the filters want it."),
     ({"model": "nope", "range": "all"}, "No request is as the filters want it. Choose fewer."),
     ({"range": "all"}, "No request has come in yet."),
     ({"from": "2026-11-02T00:00", "to": "2026-11-01T00:00"}, "The time ends before it begins.")],
)  # fmt: skip
def test_an_empty_list_advises_only_what_can_help(given: dict[str, str], said: str, viewer: Client) -> None:
    assert said in text(viewer.get(LIST, given))


def test_a_row_that_is_gone_is_told(viewer: Client) -> None:
    assert viewer.get(f"{LIST}999/change/").status_code == 302
    assert viewer.get(f"{LIST}x/change/").status_code == 302


@pytest.mark.parametrize("redaction", ["partial", "none"])
def test_who_looks_at_kept_content_is_written_down(redaction: str, viewer: Client) -> None:
    row = record(redaction=redaction)
    assert "Seen before by" not in text(viewer.get(page_of(row)))
    shown = text(client_of("operators", name="grace").get(page_of(row)))
    assert ">ada</td>" in shown
    found = ContentViewing.objects.order_by("viewed_at").values_list("user_name", "record_id", "redaction")
    assert list(found) == [("ada", row.request_id, redaction), ("grace", row.request_id, redaction)]
    listed = text(viewer.get(VIEWINGS))
    assert row.request_id in listed
    assert "grace" in listed


def test_who_exports_kept_words_is_written_down(viewer: Client) -> None:
    record(redaction="full", error_message="… …")
    b"".join(viewer.get(f"{LIST}export/csv/").streaming_content)
    assert not ContentViewing.objects.exists()
    record(redaction="partial", error_message="The name [name] is not known.")
    record(redaction="partial")
    record(redaction="none", error_message="The name Anna is not known.")
    answer = viewer.get(f"{LIST}export/jsonl/", {"range": "7d", "q": ""})
    assert not ContentViewing.objects.exists(), "nothing has gone out yet"
    b"".join(answer.streaming_content)
    found = ContentViewing.objects.get()
    assert (found.user_name, found.record_id, found.redaction) == ("ada", None, "none")
    assert (found.rows, found.chosen) == (2, "range=7d")
    assert "export, 2 rows with content: range=7d" in text(viewer.get(VIEWINGS))
    b"".join(viewer.get(f"{LIST}export/csv/", {"q": "somebodys-session"}).streaming_content)
    assert "somebodys" not in " ".join(ContentViewing.objects.values_list("chosen", flat=True))


@pytest.mark.parametrize(
    ("given", "said"),
    [({}, "range=24h"), ({"p": "2", "key": ""}, "range=24h"), ({"range": "all"}, "range=all"),
     ({"q": "req_0"}, "range=all&q=req_0"), ({"from": "2026-01-01"}, "from=2026-01-01")],
)  # fmt: skip
def test_a_viewing_tells_the_time_of_an_export_that_names_none(
    given: dict[str, str], said: str, viewer: Client
) -> None:
    record(redaction="partial", error_message="The name [name] is not known.")
    b"".join(viewer.get(f"{LIST}export/csv/", given).streaming_content)
    assert ContentViewing.objects.get().chosen == said


def test_no_word_goes_out_when_a_viewing_cannot_be_written_down(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(redaction="none", error_message="The name Anna is not known.")
    monkeypatch.setattr(ContentViewing.objects, "create", lambda **_: (_ for _ in ()).throw(DatabaseError()))
    answer = viewer.get(f"{LIST}export/jsonl/")
    with pytest.raises(DatabaseError):
        b"".join(answer.streaming_content)


def test_a_viewing_outlives_its_row_and_its_user(viewer: Client) -> None:
    row = record(redaction="none")
    client_of("viewers", name="eve").get(page_of(row))
    assert "eve" in text(viewer.get(VIEWINGS, {"q": row.request_id}))
    User.objects.get(username="eve").delete()
    AuditRecord.objects.all().delete()
    assert "eve" in text(viewer.get(VIEWINGS))
    assert row.request_id in text(viewer.get(f"{VIEWINGS}{ContentViewing.objects.get().pk}/change/"))


def test_a_viewing_tells_its_second_in_utc_under_its_own_name(viewer: Client) -> None:
    row = record(redaction="partial")
    at = datetime(2026, 11, 27, 15, 4, 9, tzinfo=UTC)
    row.viewings.create(user_name="eve", viewed_at=at, redaction="partial")
    ContentViewing.objects.create(
        user_name="eve", viewed_at=at, redaction="none", rows=3, chosen="range=7d&outcome=failed"
    )
    shown = text(viewer.get(VIEWINGS))
    assert "Time (UTC)" in shown
    assert "2026-11-27 15:04:09" in shown
    assert "Select record" not in shown
    assert f'<a class="text-primary-600 dark:text-primary-500" href="{LIST}?q={row.request_id}">' in shown
    assert "export, 3 rows with content: range=7d, outcome=failed" in shown
    assert "2026-11-27 15:04:09" in text(viewer.get(f"{VIEWINGS}{row.viewings.get().pk}/change/"))


def test_a_page_is_never_longer_than_a_page_whatever_the_sums_say(viewer: Client) -> None:
    make_trail(120, days=0.5)
    UsageHour.objects.all().delete()
    record_of_one = AuditRecord.objects.filter(outcome="completed").values().first()
    insert(UsageHour, rollups.usage_hours([record_of_one]).values())
    assert text(viewer.get(LIST)).count("data-row") <= 50


def test_nothing_is_written_down_where_nothing_was_kept(viewer: Client) -> None:
    for redaction in ("full", ""):
        viewer.get(page_of(record(redaction=redaction)))
    assert not ContentViewing.objects.exists()


@pytest.mark.parametrize("group", ["viewers", "operators", None])
def test_nobody_changes_the_trail(group: str | None) -> None:
    row = record(redaction="none")
    client = client_of(group, superuser=group is None)
    client.get(page_of(row))
    viewing = ContentViewing.objects.get()
    for path in (LIST, VIEWINGS):
        assert client.get(f"{path}add/").status_code == 403
    assert client.get(f"{LIST}{row.pk}/delete/").status_code == 403
    assert client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"{VIEWINGS}{viewing.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(page_of(row), {"outcome": "completed", "model_asked": "changed"})
    client.post(f"{VIEWINGS}{viewing.pk}/change/", {"user_name": "nobody"})
    client.post(LIST, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    row.refresh_from_db()
    viewing.refresh_from_db()
    assert (row.model_asked, viewing.user_name) == ("claude-opus-5-5", "ada")


def test_who_may_not_view_the_trail_sees_no_page_of_it() -> None:
    row = record(redaction="none")
    client = client_of()
    for path in (LIST, page_of(row), f"{LIST}export/csv/", VIEWINGS):
        assert client.get(path).status_code == 403
    assert not ContentViewing.objects.exists()
    assert Client().get(f"{LIST}export/csv/").status_code == 302


def test_an_export_is_of_the_rows_that_are_shown(viewer: Client) -> None:
    make_trail(300, days=3)
    answer = viewer.get(f"{LIST}export/csv/", {"range": "all", "outcome": "completed"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="audit-[\d-]+\.csv"', answer.headers["content-disposition"])
    read = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert len(read) == AuditRecord.objects.filter(outcome="completed").count()
    lines = b"".join(viewer.get(f"{LIST}export/jsonl/").streaming_content).splitlines()
    assert all(json.loads(line)["request_id"] for line in lines)
    assert viewer.get(f"{LIST}export/xml/").status_code == 404
    assert viewer.get(f"{LIST}export/csv/", {"status": "x"}).status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_an_export_is_sent_as_it_is_read() -> None:
    from asgiref.sync import sync_to_async

    await sync_to_async(make_trail)(1_200, days=1)
    user = await sync_to_async(User.objects.create_superuser)("root", password="x")
    client = AsyncClient()
    await client.aforce_login(user)
    answer = await client.get(f"{LIST}export/jsonl/", {"range": "all"})
    assert isinstance(answer.asgi_request, ASGIRequest)
    parts = [part async for part in answer.streaming_content]
    assert len(parts) == 3
    assert len(b"".join(parts).splitlines()) == 1_200


HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7|add:7 }}'--"
FORMULA = "=cmd|' /C calc'!A0"


def hostile(row: AuditRecord) -> None:
    """Every text column as bad as its length takes."""
    for field in AuditRecord._meta.concrete_fields:
        if field.get_internal_type() in ("CharField", "TextField") and field.name != "request_id":
            setattr(row, field.name, HOSTILE[: field.max_length])
    row.request_id = f"<b>{row.pk}</b>"
    row.notes = [{"code": HOSTILE, "where": HOSTILE}]
    row.request = {"headers": {HOSTILE: HOSTILE}, "body": [HOSTILE, {HOSTILE: [HOSTILE]}], "masked": {HOSTILE: HOSTILE}}
    row.response = {"content": [{"type": HOSTILE, "role": HOSTILE, "text": HOSTILE}]}
    row.counts, row.tool_calls = {HOSTILE: 1}, {HOSTILE: HOSTILE}
    row.redaction = "none"
    row.save()


class Elements(HTMLParser):
    """A page's elements; ``suspect`` are those that only a hostile value can have made."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.suspect: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        inline = tag == "script" and "src" not in names
        if inline or tag == "img" or any(name.startswith("on") for name in names):
            self.suspect.append(self.get_starttag_text() or "")


def test_hostile_values_stay_text_on_every_page() -> None:
    rows = [record(session="s", redaction="none") for _ in range(2)]
    for row in rows:
        hostile(row)
        UpstreamAttempt.objects.create(
            record=row, number=1, started_ms=1, duration_ms=5, error_code=HOSTILE[:80], upstream_request_id=HOSTILE[:64]
        )
    sum_up()
    user = User.objects.create_superuser(HOSTILE[:100].replace(" ", ""), password="x")
    client = Client()
    client.force_login(user)
    paths = [
        LIST,
        page_of(rows[0]),
        page_of(rows[0]),
        "/admin/",
        VIEWINGS,
        f"{LIST}?q={HOSTILE}",
        f"{LIST}?key={HOSTILE}",
    ]
    for path in paths:
        shown = client.get(path).content.decode()
        assert "alert(1)" in shown, path
        found = Elements(shown)
        assert found.suspect == [], path
        assert "14'--" not in shown


def test_hostile_values_are_no_formulas_in_an_export(viewer: Client) -> None:
    row = record()
    hostile(row)
    AuditRecord.objects.update(key=FORMULA, client=FORMULA, error_message=FORMULA)
    body = b"".join(viewer.get(f"{LIST}export/csv/", {"range": "all"}).streaming_content).decode()
    (read,) = csv.DictReader(io.StringIO(body))
    for column in ("key", "client", "error_message"):
        assert read[column] == f"'{FORMULA}"
    assert not any(value.startswith(("=", "+", "@", "\t", "\r")) for value in read.values())


def test_a_tree_is_cut_where_it_is_too_long_or_too_deep() -> None:
    deep: Any = "end"
    for _ in range(200):
        deep = [deep]
    assert len(tree(deep)) < 20_000
    wide = tree({str(number): number for number in range(100_000)})
    assert wide.count("more is not shown") == 1
    assert len(wide) < 400_000
    assert "5,000 characters in all" in tree({"text": "x" * 5_000})
