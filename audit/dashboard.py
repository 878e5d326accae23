"""Figures and drawings of a time: above the list, and on the admin's first page.

Invariants: what is summed by the hour comes from there; a figure from the latest rows says so; nobody without the
permission to view the trail sees any of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from audit import charts, querysets
from audit.filters import DIMENSIONS, LABELS, OWN, PAGING, SPANS, Chosen, chosen, text_of, words_of
from audit.models import LatencyHour, Outcome, UsageHour, Worker
from audit.querysets import ERRORS, HOUR, SAMPLE, TOKENS, Trail
from audit.rollups import bucket, hour_of, percentile

ORDER = ("completed", "client_disconnected", "cancelled", "refused", "interrupted", "failed")
KINDS = tuple((name, str(Outcome(name).label).capitalize()) for name in ORDER)
TOKEN_KINDS = (
    ("cached", "Read from the cache"),
    ("written", "Written to the cache"),
    ("fresh", "Fresh input"),
    ("output", "Output"),
)
RANGES = ("24h", "7d", "30d")
BARS = 48
STEPS = (1, 2, 3, 4, 6, 12, 24, 48, 72, 168, 336, 720)
FINE = timedelta(minutes=5)
TOP = 5
TOP_ERRORS = 10
MOST_OPTIONS = 100
ANY = object()
DASH = "–"
SEEN = timedelta(seconds=60)
ROWS = "the latest {:,} matching rows"


@dataclass(frozen=True)
class Tile:
    label: str
    value: str
    below: str = ""


def tiles(trail: Trail) -> list[Tile]:
    """The figures of what was chosen."""
    if trail.chosen.summed and not trail.chosen.notes:
        sums, basis = _summed(trail.hours), ""
        requests = trail.count
    else:
        sums, basis = _sampled(trail.sample), ROWS.format(len(trail.sample)) if trail.sample else ""
        requests = trail.count if trail.chosen.summed else max(trail.count, int(sums["requests"]))
    more = "+" if not trail.chosen.summed and requests >= querysets.DEEPEST else ""
    return [
        Tile("Requests", f"{requests:,}{more}", _under_way(trail)),
        Tile("Errors", charts.share(sums["errors"], sums["requests"]), basis or _wrong(sums)),
        *_latency_tiles(trail),
        Tile("Tokens", charts.number(sum(sums[name] for name in TOKENS[:4])), basis or _in_and_out(sums)),
        Tile("Cost", _cost_of(sums), basis or _unpriced(sums)),
        Tile("Cache hits", _hits(sums), basis or ("of the input's tokens" if _input(sums) else "")),
    ]


def _latency_tiles(trail: Trail) -> list[Tile]:
    counts = trail.latencies()
    if counts is None:
        counts = Counter(bucket(value) for outcome, value in trail.durations if outcome == Outcome.COMPLETED)
        basis = ROWS.format(len(trail.durations)) if len(trail.durations) < trail.count else "answered requests"
    else:
        basis = "answered requests"
    shown = [percentile(counts, part) for part in (0.5, 0.95)]
    return [
        Tile(label, DASH if value is None else f"≤ {charts.briefly(value)}", basis if value is not None else "")
        for label, value in zip(("Duration p50", "Duration p95"), shown, strict=True)
    ]


def _under_way(trail: Trail) -> str:
    return f"{trail.under_way} under way" if trail.under_way else ""


def _wrong(sums: Mapping[str, float]) -> str:
    return charts.many(sums["errors"], "request") if sums["requests"] else ""


def _in_and_out(sums: Mapping[str, float]) -> str:
    if not sums["requests"]:
        return ""
    return f"{charts.number(_input(sums))} in, {charts.number(sums['output_tokens'])} out"


def _cost_of(sums: Mapping[str, float]) -> str:
    """A sum of money; where no request has a price, nobody knows it."""
    unknown = not sums["cost"] and (sums["unpriced"] or not sums["requests"])
    return DASH if unknown else charts.dollars(sums["cost"])


def _unpriced(sums: Mapping[str, float]) -> str:
    if not sums["requests"]:
        return ""
    return f"{sums['unpriced']:,.0f} without a price" if sums["unpriced"] else "estimated, list prices"


def _input(sums: Mapping[str, float]) -> float:
    return sums["input_tokens"] + sums["cached_tokens"] + sums["cache_write_tokens"]


def _hits(sums: Mapping[str, float]) -> str:
    return charts.share(sums["cached_tokens"], _input(sums))


def _summed(hours: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for row in hours:
        for name in ("requests", "cost", "unpriced", *TOKENS):
            found[name] += row[name] or 0
        if row["outcome"] in ERRORS:
            found["errors"] += row["requests"]
    return found


def _sampled(sample: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for row in sample:
        if row["outcome"] == Outcome.RUNNING:
            continue
        found["requests"] += 1
        found["errors"] += row["outcome"] in ERRORS
        found["unpriced"] += row["cost"] is None and row["output_tokens"] > 0
        found["cost"] += row["cost"] or 0
        for name in TOKENS:
            found[name] += row[name]
    return found


def histogram(trail: Trail, now: datetime) -> charts.Chart:
    """Requests by outcome over the chosen time."""
    start, end = _ends(trail, now)
    title = "Requests by outcome"
    # Two hours as two bars tell little: there the rows themselves are counted, where they are few and all there.
    if end - start <= 3 * HOUR and trail.count < SAMPLE and not trail.removed:
        among: Iterable[tuple[datetime, str, float]] = ((row["received_at"], row["outcome"], 1) for row in trail.sample)
        step = FINE
    elif trail.chosen.summed:
        name = "noted" if trail.chosen.notes else "requests"
        among = ((row["hour"], row["outcome"], row[name]) for row in trail.hours)
        step = _step(start, end)
    else:
        found = trail.sample
        title += f", {ROWS.format(len(found))}" if len(found) >= SAMPLE else ""
        among = ((row["received_at"], row["outcome"], 1) for row in found)
        step = _step(start, end)
    kinds = (*KINDS, ("running", "Running"))
    return charts.stacked("outcomes", title, _points(start, end, step, among), kinds)


def _ends(trail: Trail, now: datetime) -> tuple[datetime, datetime]:
    end = trail.chosen.end or hour_of(now) + HOUR
    start = trail.chosen.start or trail.oldest
    return min(start, end - HOUR), end


def _step(start: datetime, end: datetime) -> timedelta:
    hours = (end - start) / HOUR
    return timedelta(hours=next((step for step in STEPS if hours / step <= BARS), max(STEPS[-1], hours // BARS)))


def _points(
    start: datetime, end: datetime, step: timedelta, among: Iterable[tuple[datetime, str, float]]
) -> list[charts.Point]:
    count = max(1, -(-(end - start) // step))
    values: list[Counter[str]] = [Counter() for _ in range(count)]
    for moment, kind, value in among:
        values[min(count - 1, max(0, (moment - start) // step))][kind] += value  # type: ignore[assignment]
    return [(label_of(start + index * step, step), value) for index, value in enumerate(values)]


def label_of(moment: datetime, step: timedelta) -> str:
    if step < timedelta(days=1):
        return f"{moment:%a %H:%M}" if step < 6 * HOUR else f"{moment:%b %-d, %H:%M}"
    return f"{moment:%b %-d}"


def before_list(trail: Trail, given: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """What stands above the list: figures, a histogram, the choices with their counts."""
    chosen, facets = trail.chosen, trail.facets()
    own = {name: value for name, value in given.items() if name not in PAGING and value}
    spanless = {name: value for name, value in own.items() if name not in ("range", "from", "to")}
    times = {name: value for name, value in own.items() if name not in spanless}
    base = reverse("admin:audit_auditrecord_changelist")
    return {
        "tiles": tiles(trail),
        "chart": histogram(trail, now),
        "chosen": chosen,
        "spans": [
            (label, f"{base}?{urlencode({**spanless, 'range': span})}", chosen.span == span)
            for span, (label, _) in SPANS.items()
        ],
        "own_span": chosen.span == OWN,
        "from_value": f"{chosen.start:%Y-%m-%dT%H:%M}" if chosen.span == OWN and chosen.start else "",
        "to_value": f"{chosen.end:%Y-%m-%dT%H:%M}" if chosen.span == OWN and chosen.end else "",
        "since": chosen.start,
        "choices": [_choice(name, facets[name], chosen) for name in DIMENSIONS],
        "noted": f"{trail.noted():,}",
        "slow": _at_most(trail.slow()),
        "active": _active(chosen),
        "clear_url": f"{base}?{urlencode(times)}",
        "exports": [
            (fmt, f"{reverse('admin:audit_auditrecord_export', args=(fmt,))}?{urlencode(own)}")
            for fmt in ("csv", "jsonl")
        ],
        "deepest": querysets.DEEPEST if trail.kept > querysets.DEEPEST else 0,
        "removed": f"{trail.removed:,}" if trail.removed else "",
        "begins": trail.beginnings[1],
    }


def _active(chosen: Chosen) -> list[str]:
    """What was chosen, beside a usual time, in a few words each."""
    found = [f"{LABELS[name].lower()} {words_of(name, value)}" for name, value in chosen.values.items()]
    found += [words for words, used in (("with notes", chosen.notes), ("over 30 s", chosen.slow)) if used]
    if chosen.span == OWN:
        found.append("own times")
    return [*found, f"“{chosen.search}”"] if chosen.search else found


def _at_most(count: int | None) -> str:
    return "" if count is None else f"{count:,}" + ("+" if count >= querysets.DEEPEST else "")


def _choice(name: str, counts: Counter[Any], chosen: Chosen) -> dict[str, Any]:
    """A column's values with their counts, the most frequent first."""
    if name in chosen.values and chosen.values[name] not in counts:
        counts[chosen.values[name]] = 0
    if name == "status":
        ordered = sorted(counts.items())
    else:
        ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    wanted = chosen.values.get(name, ANY)
    options = [
        (text_of(name, value), words_of(name, value), f"{count:,}", value == wanted)
        for place, (value, count) in enumerate(ordered)
        # What was chosen is always there: the form would give it up otherwise.
        if value == wanted or (place < MOST_OPTIONS and (value != "" or name in ("key", "model")))
    ]
    return {"name": name, "label": LABELS[name], "options": options, "used": name in chosen.values}


def callback(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the admin's first page shows of the trail (unfold's DASHBOARD_CALLBACK)."""
    context["title"] = "Overview"
    if request.user.has_perm("audit.view_auditrecord"):
        context["trail"] = overview(request.GET.get("range", ""), timezone.now())
    return context


def overview(span: str, now: datetime) -> dict[str, Any]:
    """The first page's figures, drawings and lists. ``span``: one of ``RANGES``."""
    span = span if span in RANGES else RANGES[0]
    trail = Trail(chosen({"range": span}, now.astimezone(UTC)))
    start, end = _ends(trail, now)
    step = _step(start, end)
    return {
        "tiles": tiles(trail),
        "charts": [
            histogram(trail, now),
            _errors(trail, start, end, step),
            _latency(start, end, step),
            _tokens(trail, start, end, step),
            _cost(trail, start, end, step),
        ],
        "tops": _tops(span, start),
        "workers": workers(now),
        "ranges": [(name, SPANS[name][0], name == span) for name in RANGES],
        "since": start,
        "list": _list(range=span),
    }


def _errors(trail: Trail, start: datetime, end: datetime, step: timedelta) -> charts.Chart:
    among = ((row["hour"], row["outcome"], row["requests"]) for row in trail.hours if row["outcome"] in ERRORS)
    kinds = tuple(kind for kind in KINDS if kind[0] in ERRORS)
    return charts.stacked("errors", "Errors", _points(start, end, step, among), kinds)


def _latency(start: datetime, end: datetime, step: timedelta) -> charts.Chart:
    hours = LatencyHour.objects.filter(hour__gte=start, hour__lt=end, measure="duration").order_by()
    found: dict[int, Counter[int]] = defaultdict(Counter)
    for hour, upper, requests in hours.values_list("hour", "bucket").annotate(Sum("requests")):
        found[(hour - start) // step][upper] += requests
    points: list[charts.Point] = []
    for index in range(max(1, -(-(end - start) // step))):
        counts = found.get(index, Counter())
        values = {"p50": percentile(counts, 0.5), "p95": percentile(counts, 0.95)}
        points.append((label_of(start + index * step, step), values))
    kinds = (("p95", "95 of 100 are quicker (p95)"), ("p50", "the middle (p50)"))
    return charts.lines("latency", "Duration of answered requests", points, kinds, charts.milliseconds)


def _tokens(trail: Trail, start: datetime, end: datetime, step: timedelta) -> charts.Chart:
    columns = {"fresh": "input_tokens", "cached": "cached_tokens", "written": "cache_write_tokens"}
    columns["output"] = "output_tokens"
    among = ((row["hour"], kind, row[name]) for row in trail.hours for kind, name in columns.items())
    return charts.stacked("tokens", "Tokens", _points(start, end, step, among), TOKEN_KINDS)


def _cost(trail: Trail, start: datetime, end: datetime, step: timedelta) -> charts.Chart:
    among = ((row["hour"], "cost", row["cost"]) for row in trail.hours)
    kinds = (("cost", "Estimated cost"),)
    return charts.stacked("cost", "Estimated cost", _points(start, end, step, among), kinds, charts.dollars)


def _tops(span: str, start: datetime) -> list[dict[str, Any]]:
    """The most used models and keys, and the most frequent errors."""
    columns = ("model_served", "key", "error_type", "outcome")
    found = querysets.counted(UsageHour.objects.filter(hour__gte=start), *columns)
    lists = (("Models", "model", "model_served"), ("Client keys", "key", "key"), ("Errors", "error", "error_type"))
    return [_top(title, name, column, found, span) for title, name, column in lists]


def _filter(name: str, value: str) -> str:
    """The list's filter for a line of the table ``name``: requests that broke without an error are told by their outcome."""
    return "outcome" if name == "error" and value in Outcome.values else name


def _top(title: str, name: str, column: str, found: list[dict[str, Any]], span: str) -> dict[str, Any]:
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in found:
        wrong = row["outcome"] in ERRORS
        # An interrupted request has no error of its own.
        value = row[column] or (row["outcome"] if name == "error" and wrong else "")
        # What was refused has no model; what went well has no error, and neither has what its client left.
        if (not value and name != "key") or (name == "error" and not wrong):
            continue
        line = sums[value]
        for kind in ("requests", "cost", "unpriced", *TOKENS[:4]):
            line[kind] += row[kind] or 0
        line["errors"] += row["requests"] if wrong else 0
    ordered = sorted(sums.items(), key=lambda item: -item[1]["requests"])
    ordered = ordered[: TOP_ERRORS if name == "error" else TOP]
    most = ordered[0][1]["requests"] if ordered else 0
    lines = [
        {
            "label": value or "none",
            "url": _list(range=span, **{_filter(name, value): text_of(name, value)}),
            "requests": f"{line['requests']:,.0f}",
            "bar": round(charts.WIDTH * line["requests"] / most, 1),
            "tokens": charts.number(_input(line) + line["output_tokens"]),
            "cost": _cost_of(line),
            "errors": charts.share(line["errors"], line["requests"]),
        }
        for value, line in ordered
    ]
    return {"title": title, "lines": lines, "figures": name != "error"}


def workers(now: datetime) -> list[Worker]:
    """The processes that were seen of late."""
    return list(Worker.objects.filter(seen_at__gte=now - SEEN).order_by("host", "pid"))


def _list(**given: str) -> str:
    return f"{reverse('admin:audit_auditrecord_changelist')}?{urlencode(given)}"
