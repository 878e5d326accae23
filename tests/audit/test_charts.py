"""Drawings: within their bounds, complete, the same for the same data."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import charts
from audit.charts import HEIGHT, WIDTH

KINDS = (("a", "First"), ("b", "Second"))
NUMBERS = st.floats(0, 1e12, allow_nan=False)
POINTS = st.lists(
    st.tuples(st.text(max_size=8), st.dictionaries(st.sampled_from("ab"), st.none() | NUMBERS)), max_size=60
)


def inside(rect: charts.Rect) -> bool:
    return (
        rect.x >= -0.01
        and rect.x + rect.width <= WIDTH + 0.02
        and rect.y >= -0.01
        and rect.height >= 0
        and rect.y <= HEIGHT
    )


@settings(deadline=None)
@given(POINTS)
def test_bars_lie_within_the_drawing_and_the_table_tells_every_point(points: Any) -> None:
    chart = charts.stacked("name", "Title", points, KINDS)
    assert all(map(inside, chart.rects + chart.columns))
    assert len(chart.table) == len(chart.columns) == len(points)
    assert chart.empty == (not any(value for _, values in points for value in values.values()))


@settings(deadline=None)
@given(POINTS)
def test_lines_lie_within_the_drawing(points: Any) -> None:
    chart = charts.lines("name", "Title", points, KINDS)
    for _, path in chart.paths:
        numbers = [float(one) for one in re.findall(r"-?[\d.]+", path)]
        assert all(-0.01 <= x <= WIDTH + 0.01 for x in numbers[::2])
        assert all(-0.01 <= y <= HEIGHT + 0.01 for y in numbers[1::2])
    assert all(len(line) == len(chart.head) for line in chart.table)


@pytest.mark.parametrize("number", range(1, 61))
def test_a_label_stands_below_its_own_point_on_a_phone_too(number: int) -> None:
    chart = charts.stacked("name", "Title", [(str(index), {"a": 1}) for index in range(number)], KINDS)
    for shown in (chart.x_labels, chart.x_labels[::2]):  # they share the width evenly; a phone hides every other one
        for place, label in enumerate(shown):
            column = chart.columns[int(label)]
            assert column.x - 0.02 <= WIDTH * place / len(shown) < column.x + column.width + 0.02


@settings(deadline=None)
@given(st.floats(1e-6, 1e15))
def test_an_axis_ends_at_or_little_above_its_greatest_value(value: float) -> None:
    assert value * (1 - 1e-9) <= charts.ceiling(value) + 1e-9
    assert charts.ceiling(value) <= value * 2 or value < 1e-9


def test_a_gap_in_a_line_stays_a_gap_and_a_lone_point_is_seen() -> None:
    points = [("1", {"a": 1.0}), ("2", {"a": 2.0}), ("3", {"a": None}), ("4", {"a": 1.0})]
    (kind, path), *others = charts.lines("n", "T", points, KINDS).paths
    assert (kind, others) == ("a", [])
    assert path == "M125.0 50.00L375.0 0.00M800.0 50.00L950.0 50.00"


def test_a_bar_is_filled_from_left_to_right() -> None:
    rects = charts.bar([("a", "First", 1), ("b", "Second", 3), ("c", "Third", 0)])
    assert [(rect.kind, rect.x, rect.width) for rect in rects] == [("a", 0, 250), ("b", 250, 750)]
    assert rects[1].title == "Second: 3 (75.0 %)"
    assert charts.bar([("a", "First", 0)]) == ()


@settings(deadline=None)
@given(st.floats(0, 1e9), st.lists(st.tuples(st.just("a"), st.just("t"), st.floats(-10, 1e9), st.floats(-10, 1e9))))
def test_stretches_lie_within_their_time(total: float, parts: Any) -> None:
    assert all(map(inside, charts.spans(total, parts)))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (9_999, "9,999"), (12_345, "12.3k"), (640_000, "640k"), (4_560_000, "4.56M"), (2.5, "2.50")],
)
def test_numbers_read_well(value: float, shown: str) -> None:
    assert charts.number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 ms"), (999, "999 ms"), (1_040, "1.0 s"), (59_400, "59 s"), (59_900, "1 min"), (125_000, "2 min 5 s"),
     (3_600_000, "1 h 0 min")],
)  # fmt: skip
def test_times_read_well(value: float, shown: str) -> None:
    assert charts.milliseconds(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (850, "850 ms"),
        (42_000, "42 s"),
        (100_000, "1.7 min"),
        (3_569_000, "59 min"),
        (3_600_000, "1 h"),
        (7e6, "1.9 h"),
    ],
)
def test_times_in_a_tile_are_short(value: float, shown: str) -> None:
    assert charts.briefly(value) == shown


def test_an_axis_of_few_requests_has_no_halves() -> None:
    assert charts.stacked("n", "T", [("1", {"a": 3})], KINDS).y_labels == ("4", "2", "0")


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "$0"), (0.00001, "< $0.0001"), (0.0042, "$0.0042"), (1.234, "$1.23"), (12345.6, "$12,346")]
)
def test_money_reads_well(value: float, shown: str) -> None:
    assert charts.dollars(value) == shown
