"""Old rows go in batches, whole, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from audit.models import AuditRecord, ContentViewing, UpstreamAttempt, UsageHour
from audit.retention import plan, plan_sums, prune, prune_sums, used_bytes
from audit.store import Entry, write
from tests.audit.payloads import beginning, end

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


def fill(number: int) -> None:
    """Ended rows, one for each of the last ``number`` days, the first of today."""
    write([_of(end(at), NOW - timedelta(days=at)) for at in range(number)])


def _of(entry: Entry, moment: datetime) -> Entry:
    entry.values["received_at"] = moment
    return entry


def left() -> list[int]:
    return sorted(int(one.removeprefix("req_")) for one in AuditRecord.objects.values_list("request_id", flat=True))


def test_without_rows_or_limits_nothing_has_to_go() -> None:
    assert plan(days=1) is None
    fill(3)
    assert plan() is plan(days=3) is plan(max_rows=3) is plan(max_bytes=10**12) is None


def test_rows_that_are_too_old_go_with_all_that_is_theirs() -> None:
    fill(10)
    user = User.objects.create_user("anna")
    ContentViewing.objects.create(record_id="req_9", user=user, user_name="anna", viewed_at=NOW, redaction="none")
    found = plan(days=4)
    assert found is not None
    assert found.rows == 6
    assert prune(found, pause=0) == 6
    assert left() == [0, 1, 2, 3]
    assert UpstreamAttempt.objects.count() == 4
    assert ContentViewing.objects.count() == 0
    assert sum(UsageHour.objects.values_list("requests", flat=True)) == 10


def test_the_oldest_of_too_many_go() -> None:
    fill(10)
    found = plan(max_rows=7, days=100)
    assert found is not None
    assert prune(found, batch=2, pause=0) == 3
    assert left() == list(range(7))


def test_rows_go_until_the_size_fits() -> None:
    fill(50)
    found = plan(max_bytes=used_bytes() // 2)
    assert found is not None
    assert 20 <= prune(found, pause=0) <= 30


@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_batches_take_all_and_each_row_once(batch: int) -> None:
    fill(20)
    heard: list[int] = []
    found = plan(days=5)
    assert found is not None
    assert prune(found, batch=batch, pause=0, progress=heard.append) == found.rows == 15
    assert sum(heard) == 15
    assert max(heard) <= batch


def test_rows_of_the_same_moment_all_go() -> None:
    write([_of(end(at), NOW - timedelta(days=9)) for at in range(10)])
    found = plan(days=5)
    assert found is not None
    assert prune(found, batch=3, pause=0) == 10


def test_sums_of_hours_that_have_rows_stay() -> None:
    fill(10)
    assert plan_sums(2) is None
    rows = plan(days=4)
    assert rows is not None
    prune(rows, pause=0)
    sums = plan_sums(2)
    assert sums is not None
    assert prune_sums(sums, batch=2, pause=0) == sums.rows
    hours = UsageHour.objects.order_by("hour").values_list("hour", flat=True)
    # Those of the four days that have rows, and the last before them: it tells that rows were pruned.
    assert [one.date() for one in hours] == [(NOW - timedelta(days=at)).date() for at in (4, 3, 2, 1, 0)]
    assert plan_sums(2) is None


def test_more_days_than_the_calendar_has_are_refused() -> None:
    with pytest.raises(ValueError, match="calendar"):
        plan(days=10**7)


def test_a_request_that_may_still_end_is_left() -> None:
    running, stale = beginning(1), beginning(2)
    write([_of(running, NOW - timedelta(hours=2)), _of(stale, NOW - timedelta(days=2))])
    write([_of(end(3), NOW - timedelta(hours=3))])
    found = plan(max_rows=1, now=NOW)
    assert found is not None
    prune(found, pause=0)
    assert left() == [1]
