"""Sums by the hour: nothing is counted twice, whatever the order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from audit.models import LatencyHour, UsageHour
from audit.rollups import BOUNDS_MS, NAMES, SUMS, bucket, hour_of, latency_hours, percentile, usage_hours
from tests.audit.payloads import end

row = st.builds(
    lambda hours, **changed: end(**changed).values | {"received_at": datetime(2026, 11, 1, tzinfo=UTC) + hours},
    hours=st.timedeltas(timedelta(0), timedelta(hours=4)),
    outcome=st.sampled_from(["completed", "failed"]),
    duration_ms=st.integers(0, 10**7),
    first_byte_ms=st.none() | st.integers(0, 10**7),
    cost=st.none() | st.integers(0, 8).map(float),
    output_tokens=st.integers(0, 100),
)


def test_nothing_has_no_sums_and_no_percentile() -> None:
    assert usage_hours([]) == latency_hours([]) == {}
    assert percentile({}, 0.5) is None


def test_the_names_are_those_of_the_tables() -> None:
    fields = {one.name for one in UsageHour._meta.concrete_fields} - {"id", "digest", "hour"}
    assert fields == {*NAMES, *SUMS}
    (values, *_) = latency_hours([end().values]).values()
    assert values.keys() == {one.name for one in LatencyHour._meta.concrete_fields} - {"id"}


@given(st.integers(0, 10**9))
def test_a_time_falls_under_the_next_upper_end(milliseconds: int) -> None:
    end_ms = bucket(milliseconds)
    assert end_ms in BOUNDS_MS
    assert milliseconds <= end_ms or end_ms == BOUNDS_MS[-1]
    smaller = [one for one in BOUNDS_MS if one < end_ms]
    assert not smaller or milliseconds > smaller[-1]


@given(st.lists(row, max_size=12), st.lists(row, max_size=12))
def test_the_sums_of_two_groups_add_up_to_those_of_both(first: list[dict], second: list[dict]) -> None:
    whole, parts = usage_hours([*second, *first]), [usage_hours(first), usage_hours(second)]
    assert sum(one["requests"] for one in whole.values()) == len(first) + len(second)
    for digest, sums in whole.items():
        for name in SUMS:
            assert sums[name] == sum(part[digest][name] for part in parts if digest in part)


@given(st.lists(row, max_size=12))
def test_a_row_is_in_the_hour_in_which_it_came(rows: list[dict]) -> None:
    hours = {hour_of(one["received_at"]) for one in rows}
    assert {one["hour"] for one in usage_hours(rows).values()} == hours
    assert all(one["outcome"] == "completed" for one in rows) or len(latency_hours(rows)) <= 2 * len(rows)


def test_a_percentile_is_the_upper_end_that_so_many_are_below() -> None:
    counts = {10: 50, 100: 45, 1000: 5}
    assert [percentile(counts, share) for share in (0.5, 0.51, 0.95, 0.96, 1.0)] == [10, 100, 100, 1000, 1000]
