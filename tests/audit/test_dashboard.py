"""The admin's first page: figures of the trail for those who may see it."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import dashboard, rollups
from audit.charts import Chart
from audit.filters import chosen
from audit.models import AuditRecord, UsageHour, Worker
from audit.querysets import Trail
from tests.audit.trail import make_trail

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)


def tile(found: list[dashboard.Tile], label: str) -> str:
    return next(one.value for one in found if one.label == label)


def charts_of(found: dict[str, object]) -> dict[str, Chart]:
    return {chart.id: chart for chart in found["charts"]}  # type: ignore[attr-defined]


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_the_figures_are_those_of_the_rows() -> None:
    make_trail(1_000, until=NOW, days=6)
    found = dashboard.overview("7d", NOW)
    rows = AuditRecord.objects.filter(received_at__gte=found["since"])
    assert tile(found["tiles"], "Requests") == f"{rows.count():,}"
    wrong = rows.filter(outcome__in=("refused", "failed", "cancelled", "interrupted")).count()
    ended = rows.exclude(outcome="running").count()
    assert tile(found["tiles"], "Errors") == f"{100 * wrong / ended:.1f} %"
    assert tile(found["tiles"], "Cost") == f"${rows.aggregate(sum=Sum('cost'))['sum']:,.2f}"
    outcomes = {kind.name: number(kind.shown) for kind in charts_of(found)["outcomes"].kinds}
    counted = Counter(rows.exclude(outcome="running").values_list("outcome", flat=True))
    assert outcomes == counted
    models = {line["label"]: number(line["requests"]) for line in found["tops"][0]["lines"]}
    served = Counter(rows.exclude(model_served="").exclude(outcome="running").values_list("model_served", flat=True))
    assert models == dict(served.most_common(5))


def test_percentiles_are_the_ends_of_the_buckets_that_hold_them() -> None:
    make_trail(800, until=NOW, days=1)
    shown = tile(dashboard.overview("24h", NOW)["tiles"], "Duration p95")
    since = chosen({"range": "24h"}, NOW).start
    rows = AuditRecord.objects.filter(outcome="completed", received_at__gte=since)
    durations = sorted(rows.values_list("duration_ms", flat=True))
    seconds = float(re.findall(r"[\d.]+", shown)[0])
    assert durations[int(len(durations) * 0.94)] <= seconds * 1_000 <= durations[int(len(durations) * 0.95)] * 1.45


@pytest.mark.parametrize("span", ["24h", "7d", "30d"])
def test_every_point_of_a_range_is_drawn(span: str) -> None:
    make_trail(300, until=NOW, days=30)
    for chart in charts_of(dashboard.overview(span, NOW)).values():
        assert 20 <= len(chart.columns) <= 48


def test_an_empty_trail_is_told_without_figures() -> None:
    found = dashboard.overview("", NOW)
    assert all(chart.empty for chart in found["charts"])
    assert tile(found["tiles"], "Errors") == "–"
    assert found["ranges"][0] == ("24h", "24 hours", True)


def test_an_hour_is_drawn_in_its_minutes() -> None:
    make_trail(400, until=NOW, days=1)
    trail = Trail(chosen({"range": "1h"}, NOW))
    assert len(dashboard.histogram(trail, NOW).columns) == 24


def test_the_list_of_errors_adds_up_to_the_figure() -> None:
    make_trail(4_000, until=NOW, days=6)
    found = dashboard.overview("7d", NOW)
    errors = next(top for top in found["tops"] if top["title"] == "Errors")
    wrong = next(one.below for one in found["tiles"] if one.label == "Errors")
    assert wrong == f"{sum(number(line['requests']) for line in errors['lines'])} requests"
    assert {"interrupted", "overloaded_error"} <= {line["label"] for line in errors["lines"]}
    assert any("outcome=interrupted" in line["url"] for line in errors["lines"])


def test_what_has_no_price_is_not_free() -> None:
    values = {
        "received_at": NOW, "finished_at": NOW, "outcome": "completed", "status": 200, "endpoint": "/v1/messages",
        "model_served": "qwen3:30b", "output_tokens": 9, "correlation_id": "c",
    }  # fmt: skip
    AuditRecord.objects.create(request_id="req_1", **values)
    assert tile(dashboard.tiles(Trail(chosen({"range": "all", "slow": "1"}, NOW))), "Cost") == "–"
    (summed,) = rollups.usage_hours(AuditRecord.objects.values()).values()
    UsageHour.objects.create(**summed)
    found = dashboard.overview("24h", NOW)
    assert tile(found["tiles"], "Cost") == "–"
    assert [line["cost"] for line in found["tops"][0]["lines"]] == ["–"]


def test_workers_of_the_last_minute_are_shown() -> None:
    for name, ago in (("here", 5), ("gone", 90)):
        Worker.objects.create(
            id=name, host="h", pid=1, started_at=NOW, seen_at=NOW - timedelta(seconds=ago), queue=3, spool=4
        )
    assert [worker.id for worker in dashboard.workers(NOW)] == ["here"]


@pytest.mark.parametrize("given", [{"model": "qwen3:30b"}, {"stop": "(none)"}, {"key": "nobody's"}])
def test_what_was_chosen_is_an_option_however_many_others_there_are(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_trail(300, until=NOW, days=1)
    monkeypatch.setattr(dashboard, "MOST_OPTIONS", 2)
    shown = dashboard.before_list(Trail(chosen(given, NOW)), given, NOW)
    ((name, value),) = given.items()
    options = next(choice["options"] for choice in shown["choices"] if choice["name"] == name)
    assert [text for text, _, _, here in options if here] == [value]
    assert 1 <= len(options) <= 3


def test_the_first_page_has_the_trail_for_those_who_may_view_it() -> None:
    make_trail(200, days=1)
    client = Client()
    user = User.objects.create_user("ada", password="x", is_staff=True)
    client.force_login(user)
    assert "Requests by outcome" not in client.get("/admin/").content.decode()
    user.groups.add(Group.objects.get(name="viewers"))
    with CaptureQueriesContext(connection) as asked:
        shown = client.get("/admin/?range=7d").content.decode()
    assert len(asked) <= 12
    for part in ("Requests by outcome", "Estimated cost", "Workers seen", "As a table", "?range=7d&amp;model="):
        assert part in shown
