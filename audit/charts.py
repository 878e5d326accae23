"""Data as the attributes of an SVG: no scripts, no styles, no clock.

Invariants: pure; a drawing's numbers lie within its ``WIDTH`` x ``HEIGHT`` (templates stretch it to the place it has);
colours are the style sheet's, by the name of a kind; everything drawn stands in ``table``, too, for those who cannot
see it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 1000.0, 100.0
GAP = 0.18
TICKS = 6
LEAST = 1.5  # what is there is seen, however little it is


@dataclass(frozen=True, slots=True)
class Rect:
    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is drawn in one colour. ``shown`` is its sum or its present value in words."""

    name: str
    label: str
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """``columns`` are as high as the drawing and tell all values of a point; ``paths`` are (kind, SVG path)."""

    id: str
    title: str
    description: str
    kinds: tuple[Kind, ...]
    rects: tuple[Rect, ...] = ()
    paths: tuple[tuple[str, str], ...] = ()
    columns: tuple[Rect, ...] = ()
    grid: tuple[float, ...] = ()
    x_labels: tuple[str, ...] = ()
    y_labels: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = field(default=())
    empty: bool = False


Point = tuple[str, Mapping[str, float | None]]
Format = Callable[[float], str]


def number(value: float) -> str:
    """``1,234`` ``12.3k`` ``4.5M``"""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            scaled = value / (1e3 if letter == "k" else size)
            return f"{scaled:.0f}{letter}" if scaled >= 100 else f"{scaled:.3g}{letter}"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def milliseconds(value: float) -> str:
    """``850 ms`` ``12.3 s`` ``2 min 5 s``"""
    if value < 1_000:
        return f"{value:.0f} ms"
    seconds = value / 1_000
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def briefly(value: float) -> str:
    """As ``milliseconds``, never longer than ``45 min``: ``1.7 min`` ``2.1 h``"""
    if round(value / 1_000) < 60:
        return milliseconds(value)
    return f"{value / 60_000:.2g} min" if value < 3_570_000 else f"{value / 3_600_000:.2g} h"


def dollars(value: float) -> str:
    """``$0.0042`` ``$1.23`` ``$12,300``"""
    if value == 0:
        return "$0"
    if abs(value) < 0.01:
        return f"${value:.4f}" if abs(value) >= 0.0001 else "< $0.0001"
    return f"${value:,.2f}" if abs(value) < 1_000 else f"${value:,.0f}"


def share(part: float, whole: float) -> str:
    """``12.3 %``; a dash of nothing."""
    if not whole:
        return "–"
    value = 100 * part / whole
    return f"{value:.1f} %" if 0 < value < 99.95 else f"{value:.0f} %"


def many(count: float, one: str) -> str:
    """``1 request`` ``2,000 requests``"""
    return f"{count:,.0f} {one}" + ("" if count == 1 else "s")


def ceiling(value: float) -> float:
    """The next number upwards that reads well on an axis."""
    if value < 1e-9:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-9))


def stacked(
    name: str, title: str, points: Sequence[Point], kinds: Sequence[tuple[str, str]], shown: Format = number
) -> Chart:
    """A bar for each point, its kinds upon each other."""
    sums = {kind: sum(values.get(kind) or 0 for _, values in points) for kind, _ in kinds}
    used = [(kind, label) for kind, label in kinds if sums[kind]]
    top = ceiling(max((sum(values.get(kind) or 0 for kind, _ in used) for _, values in points), default=0))
    if shown is number and top < 100:
        top = 2 * math.ceil(top / 2)  # a half of a request is none
    step = WIDTH / max(1, len(points))
    rects = []
    for index, (_, values) in enumerate(points):
        base = HEIGHT
        for kind, _ in used:
            value = values.get(kind) or 0
            if value:
                height = max(LEAST, HEIGHT * value / top)
                base -= height
                rects.append(_rect(index * step + step * GAP / 2, max(0.0, base), step * (1 - GAP), height, kind))
    total = sum(sums.values())
    said = ", ".join(f"{label.lower()} {shown(sums[kind])}" for kind, label in used) or "nothing"
    return Chart(
        id=name,
        title=title,
        description=f"{title}: {shown(total)} in all ({said})." if total else f"{title}: nothing in this time.",
        kinds=tuple(Kind(kind, label, shown(sums[kind])) for kind, label in used),
        rects=tuple(rects),
        columns=_columns(points, used, shown),
        empty=not total,
        **_frame(points, used, top, shown),
    )


def lines(
    name: str, title: str, points: Sequence[Point], kinds: Sequence[tuple[str, str]], shown: Format = number
) -> Chart:
    """A line for each kind; a point without a value leaves a gap."""
    found = {kind: [values.get(kind) for _, values in points] for kind, _ in kinds}
    used = [(kind, label) for kind, label in kinds if any(value is not None for value in found[kind])]
    top = ceiling(max((value for values in found.values() for value in values if value is not None), default=0))
    step = WIDTH / max(1, len(points))
    latest = {kind: next((value for value in reversed(found[kind]) if value is not None), None) for kind, _ in used}
    said = ", ".join(f"{label} {shown(value)}" for kind, label in used if (value := latest[kind]) is not None)
    return Chart(
        id=name,
        title=title,
        description=f"{title}, at the end: {said}." if used else f"{title}: nothing in this time.",
        kinds=tuple(Kind(kind, label) for kind, label in used),
        paths=tuple((kind, _path(found[kind], step, top)) for kind, _ in used),
        columns=_columns(points, used, shown),
        empty=not used,
        **_frame(points, used, top, shown),
    )


def _frame(points: Sequence[Point], used: Sequence[tuple[str, str]], top: float, shown: Format) -> dict[str, tuple]:  # type: ignore[type-arg]
    # The labels share the width evenly, so each is that of the point above its beginning. A phone hides every other one.
    count = min(TICKS, len(points))
    count -= count % 2 if count > 1 else 0
    return {
        "grid": (0.0, HEIGHT / 2, HEIGHT),
        "x_labels": tuple(points[index * len(points) // count][0] for index in range(count)),
        "y_labels": (shown(top), shown(top / 2), shown(0)),
        "head": ("Time", *(label for _, label in used)),
        "table": tuple(
            (label, *("–" if values.get(kind) is None else shown(values[kind] or 0) for kind, _ in used))
            for label, values in points
        ),
    }


def _columns(points: Sequence[Point], used: Sequence[tuple[str, str]], shown: Format) -> tuple[Rect, ...]:
    step = WIDTH / max(1, len(points))
    found = []
    for index, (label, values) in enumerate(points):
        told = [f"{name}: {shown(value)}" for kind, name in used if (value := values.get(kind)) is not None]
        found.append(_rect(index * step, 0, step, HEIGHT, "column", "\n".join([label, *(told or ["nothing"])])))
    return tuple(found)


def _path(values: Sequence[float | None], step: float, top: float) -> str:
    """Lines through the middles of the columns; a lone point is a short dash, so that it is seen."""
    parts: list[str] = []
    for index, value in enumerate(values):
        if value is None:
            continue
        x, y = (index + 0.5) * step, HEIGHT * (1 - value / top)
        before = index > 0 and values[index - 1] is not None
        after = index + 1 < len(values) and values[index + 1] is not None
        if before:
            parts.append(f"L{x:.1f} {y:.2f}")
        elif after:
            parts.append(f"M{x:.1f} {y:.2f}")
        else:
            parts.append(f"M{x - step * 0.3:.1f} {y:.2f}L{x + step * 0.3:.1f} {y:.2f}")
    return "".join(parts)


def _rect(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> Rect:
    return Rect(round(x, 2), round(y, 2), round(width, 2), round(height, 2), kind, title)


def bar(parts: Sequence[tuple[str, str, float]], shown: Format = number) -> tuple[Rect, ...]:
    """One bar from left to right. ``parts`` are (kind, label, value)."""
    total = sum(value for _, _, value in parts)
    left, found = 0.0, []
    for kind, label, value in parts:
        if value:
            width = WIDTH * value / total
            title = f"{label}: {shown(value)} ({share(value, total)})"
            found.append(_rect(left, 0, width, HEIGHT, kind, title))
            left += width
    return tuple(found)


def spans(total: float, parts: Sequence[tuple[str, str, float, float]]) -> tuple[Rect, ...]:
    """Stretches of a time of ``total``: (kind, title, from, to), cut at its ends, seen however short they are."""
    if total <= 0:
        return ()
    found = []
    for kind, title, start, end in parts:
        left = WIDTH * min(max(start, 0), total) / total
        right = WIDTH * min(max(end, start, 0), total) / total
        width = max(right - left, LEAST * 2)
        found.append(_rect(min(left, WIDTH - width), 0, width, HEIGHT, kind, title))
    return tuple(found)
