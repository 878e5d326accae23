"""Sums that do not agree with their rows are found and mended; hours whose rows are gone are left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest

from audit.models import AuditRecord, LatencyHour, UsageHour
from audit.rollups import hour_of
from audit.store import write
from audit.summing import differs, hours, renew
from tests.audit.payloads import beginning, end

pytestmark = pytest.mark.django_db
HOUR = hour_of(datetime(2026, 11, 20, 10, tzinfo=UTC))


@pytest.fixture
def rows() -> None:
    write([end(at, received_at=HOUR + timedelta(minutes=20 * at)) for at in range(9)])
    write([beginning(20, received_at=HOUR)])


def test_without_rows_there_is_nothing_to_sum() -> None:
    assert hours() == []


@pytest.mark.usefixtures("rows")
def test_sums_as_they_were_written_agree() -> None:
    assert hours() == [HOUR + timedelta(hours=at) for at in range(3)]
    assert not any(map(differs, hours()))


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    "harm",
    [
        lambda: UsageHour.objects.all().delete(),
        lambda: UsageHour.objects.update(output_tokens=1),
        lambda: LatencyHour.objects.update(requests=99),
        lambda: AuditRecord.objects.filter(request_id="req_1").delete(),
        lambda: AuditRecord.objects.filter(request_id="req_1").update(outcome="failed"),
    ],
)
def test_what_differs_is_found_and_made_anew(harm: object) -> None:
    harm()  # type: ignore[operator]
    assert differs(HOUR)
    for hour in hours():
        renew(hour)
    assert not any(map(differs, hours()))


@pytest.mark.usefixtures("rows")
def test_hours_whose_rows_were_pruned_are_left() -> None:
    AuditRecord.objects.filter(received_at__lt=HOUR + timedelta(minutes=70)).delete()
    assert hours() == [HOUR + timedelta(hours=2)]
    assert sum(UsageHour.objects.values_list("requests", flat=True)) == 9


@pytest.mark.usefixtures("rows")
def test_only_the_hours_that_were_asked_for_are_looked_at() -> None:
    assert hours(HOUR + timedelta(hours=1), HOUR + timedelta(hours=1)) == [HOUR + timedelta(hours=1)]


def test_a_row_of_years_ago_does_not_make_every_hour_since_be_asked_for(
    django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]],
) -> None:
    write([end(1), end(2, received_at=datetime(2001, 2, 3, tzinfo=UTC)), end(3, received_at=datetime.now(UTC))])
    with django_assert_max_num_queries(10):
        assert len(hours()) == 3
