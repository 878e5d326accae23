"""Choices: what the sums say of them is what the rows say, whichever way the rows are looked for."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit import querysets
from audit.filters import DIMENSIONS, Chosen, chosen
from audit.models import AuditRecord, LatencyHour, UsageHour
from audit.querysets import Trail
from audit.record import session_hash
from audit.rollups import BOUNDS_MS, bucket
from tests.audit.trail import make_trail

NOW = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)
CHOICES: list[dict[str, str]] = [
    {"range": "all"},
    {"range": "7d"},
    {"range": "24h"},
    {"range": "1h"},
    {"from": "2026-11-20T07:15", "to": "2026-11-21T09:20"},
    {"range": "all", "outcome": "failed"},
    {"range": "all", "outcome": "running"},
    {"range": "all", "status": "502"},
    {"range": "all", "status": "0"},
    {"range": "all", "model": "gpt-6-luna"},
    {"range": "all", "model": "(none)"},
    {"range": "all", "key": "team a"},
    {"range": "all", "key": "(none)"},
    {"range": "all", "stream": "0"},
    {"range": "all", "stop": "max_tokens"},
    {"range": "all", "stop": "never said"},
    {"range": "all", "error": "timeout_error"},
    {"range": "all", "notes": "1"},
    {"range": "all", "slow": "1"},
    {"range": "7d", "model": "gpt-6.1-sol", "key": "nightly", "stream": "1", "outcome": "failed"},
    {"range": "7d", "status": "401", "stream": "0", "notes": "1"},
    {"range": "7d", "notes": "1", "stop": "tool_use", "slow": "1"},
]


def plainly(given: dict[str, str]) -> list[int]:
    """The rows of a choice, by the plainest query there is."""
    found = AuditRecord.objects.all()
    choice = chosen(given, NOW)
    if choice.start:
        found = found.filter(received_at__gte=choice.start)
    if choice.end:
        found = found.filter(received_at__lt=choice.end)
    for name, value in choice.values.items():
        found = found.filter(**{DIMENSIONS[name]: value})
    if choice.notes:
        found = found.filter(note_count__gt=0)
    if choice.slow:
        found = found.filter(duration_ms__gte=30_000)
    return list(found.order_by("-received_at", "-id").values_list("pk", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize("scanned", [25_000, 1], ids=["few rows", "as if they were many"])
def test_counts_and_pages_are_those_of_the_rows(scanned: int, monkeypatch: pytest.MonkeyPatch) -> None:
    make_trail(1_500, until=NOW, days=12)
    monkeypatch.setattr(querysets, "SCANNED", scanned)
    for given in CHOICES:
        wanted = plainly(given)
        trail = Trail(chosen(given, NOW))
        assert trail.count == len(wanted), given
        for number in (1, 2, len(wanted) // 20 + 1):
            page = [row.pk for row in trail.page(number, 20)[(number - 1) * 20 : number * 20]]
            assert page == wanted[(number - 1) * 20 : number * 20], (given, number)


@pytest.mark.django_db
def test_scattered_rows_are_found_on_every_page(monkeypatch: pytest.MonkeyPatch) -> None:
    make_trail(1_500, until=NOW, days=12)
    monkeypatch.setattr(querysets, "SCANNED", 1)
    monkeypatch.setattr(querysets, "BLOCKS", 2)
    given = {"range": "all", "status": "401"}
    wanted = plainly(given)
    assert len(wanted) > 5
    trail = Trail(chosen(given, NOW))
    assert [row.pk for row in trail.page(1, 100)[:100]] == wanted
    assert {row["outcome"] for row in trail.sample} == {"refused"}


@pytest.mark.django_db
def test_each_choice_says_how_many_it_would_leave() -> None:
    make_trail(800, until=NOW, days=5)
    for given in ({"range": "all"}, {"range": "all", "outcome": "completed", "model": "gpt-6-luna"}, {"notes": "1"}):
        facets = Trail(chosen(given, NOW)).facets()
        for name, counts in facets.items():
            for value, count in counts.items():
                shown = {"stream": str(int(value))}.get(name, str(value) or "(none)") if name == "stream" else value
                other = {**given, name: str(shown) if shown != "" else "(none)"}
                assert count == len(plainly(other)), (given, name, value)


@pytest.mark.django_db
def test_without_sums_the_rows_are_counted_themselves() -> None:
    make_trail(60, until=NOW, days=1)
    UsageHour.objects.all().delete()
    LatencyHour.objects.all().delete()
    for given in CHOICES:
        wanted = plainly(given)
        trail = Trail(chosen(given, NOW))
        assert trail.count == len(wanted)
        assert [row.pk for row in trail.page(1, 50)[:50]] == wanted[:50]


@pytest.mark.django_db
def test_rows_that_were_removed_are_counted_by_the_sums_and_have_no_pages() -> None:
    make_trail(600, until=NOW, days=6)
    cut = NOW - timedelta(days=2, minutes=17)
    AuditRecord.objects.filter(received_at__lt=cut).delete()
    for given in CHOICES:
        trail = Trail(chosen(given, NOW))
        assert trail.kept == len(plainly(given)), given
    trail = Trail(chosen({"range": "all"}, NOW))
    assert trail.count == 600
    assert trail.removed == 600 - AuditRecord.objects.count()
    AuditRecord.objects.all().delete()
    assert Trail(chosen({"range": "all"}, NOW)).kept == 0


@pytest.mark.django_db
def test_latencies_come_from_the_sums_only_where_these_know_them() -> None:
    make_trail(400, until=NOW, days=2)
    trail = Trail(chosen({"range": "all", "model": "gpt-6-luna"}, NOW))
    rows = AuditRecord.objects.filter(model_served="gpt-6-luna", outcome="completed")
    assert trail.latencies() == Counter(bucket(value) for value in rows.values_list("duration_ms", flat=True))
    for other in ({"key": "team a"}, {"notes": "1"}, {"slow": "1"}, {"q": "x"}):
        assert Trail(chosen({"range": "all", **other}, NOW)).latencies() is None
    assert BOUNDS_MS[-1] == 3_600_000


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["correlation_id", "request_id", "session"])
def test_an_id_is_searched_for_in_all_of_the_trail(column: str) -> None:
    make_trail(200, until=NOW - timedelta(days=60), days=5)
    row = AuditRecord.objects.exclude(session="").first()
    assert row is not None
    text = getattr(row, column)
    trail = Trail(chosen({"q": f" {text} "}, NOW))
    wanted = AuditRecord.objects.filter(**{column: text}).values_list("pk", flat=True)
    assert [found.pk for found in trail.page(1, 50)] == list(wanted)
    assert trail.count == len(wanted)
    assert trail.facets()["outcome"].total() == len(wanted)


@pytest.mark.django_db
def test_a_conversation_is_found_by_the_session_that_its_client_names(settings: Any) -> None:
    make_trail(20, until=NOW, days=1)
    session = session_hash("session-7", settings.SECRET_KEY.encode())
    AuditRecord.objects.filter(pk__in=AuditRecord.objects.values("pk")[:3]).update(session=session)
    assert Trail(chosen({"q": "session-7"}, NOW)).count == 3


def test_nothing_given_is_the_last_day_with_whole_hours_and_an_open_end() -> None:
    usual = chosen({}, NOW)
    assert (usual.span, usual.start, usual.end) == ("24h", datetime(2026, 11, 22, 12, tzinfo=UTC), None)
    assert chosen({"q": "abc"}, NOW).start is None
    assert chosen({"q": "abc", "range": "24h"}, NOW).start is not None


def test_own_times_are_widened_to_whole_hours() -> None:
    own = chosen({"from": "2026-11-20T07:15", "to": "2026-11-21T09:20", "range": "7d"}, NOW)
    assert own.span == "own"
    assert own.start == datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert own.end == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert chosen({"to": "2026-11-21T09:00"}, NOW).end == datetime(2026, 11, 21, 9, tzinfo=UTC)
    assert chosen({"range": "own"}, NOW).span == "24h"


@pytest.mark.parametrize(
    "given",
    [{"range": "2y"}, {"from": "yesterday"}, {"status": "many"}, {"status": "-1"}, {"stream": "yes"}, {"slow": "2"},
     {"outcome": "lost"}, {"key": "a\x00b"}, {"notes": "no"}, {"q": "a\x00b"}, {"to": "9999-12-31T23:59"},
     {"to": "0001-01-01T00:00"}, {"from": "0001-01-01T00:00+14:00"}, {"status": "2_00"}, {"status": "٢٠٠"},
     {"modle": "gpt-6-luna"}],
)  # fmt: skip
def test_a_value_that_cannot_be_right_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        chosen(given, NOW)


@pytest.mark.parametrize(
    ("given", "said"),
    [({"status": "200.0"}, "status is '200.0', not a number from 0 to 999"),
     ({"status": "9" * 5_000}, f"status is '{'9' * 40}', not a number from 0 to 999"),
     ({"from": "yesterday"}, "from is 'yesterday', not a time such as 2026-11-28T07:00"),
     ({"to": "9999-12-31T23:59"}, "to is '9999-12-31T23:59', not a year from 2000 to 2999"),
     ({"range": "2y"}, "range is '2y', not one of 1h, 24h, 7d, 30d, all")],
)  # fmt: skip
def test_a_refusal_says_in_plain_words_what_would_be_right(given: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError) as told:
        chosen(given, NOW)
    assert str(told.value) == said


def test_no_value_is_a_value_of_its_own() -> None:
    assert chosen({"key": "(none)", "model": ""}, NOW).values == {"key": ""}


@pytest.mark.parametrize(
    ("values", "plain"),
    [({}, True), ({"key": "a"}, True), ({"key": ""}, False), ({"model": ""}, True), ({"status": 200}, False),
     ({"key": "a", "model": "b"}, False)],
)  # fmt: skip
def test_one_index_serves_some_choices(values: dict[str, Any], plain: bool) -> None:
    assert Chosen(values=values).plain is plain
