"""Rows and sums of what was chosen.

Invariants: nothing here counts or reads all rows of a long trail: numbers come from the hours' sums, or from the
latest rows and then say so; what may be long (notes, request, response) is not read. Where no index serves a choice,
the hours' sums tell in which hours to look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet, Subquery, Sum

from audit.filters import DIMENSIONS, INDEXED, SLOW_MS, Chosen
from audit.models import AuditRecord, LatencyHour, Outcome, UsageHour, Worker
from audit.record import session_hash
from audit.rollups import hour_of

SAMPLE = 5_000
DEEPEST = 10_000
BLOCKS = 100
SCANNED = 8_000
LEAST = 100
RUNNING = 1_000
HOUR = timedelta(hours=1)
LONG = ("notes", "request", "response", "counts", "tool_calls", "error_message")
ERRORS = ("refused", "failed", "cancelled", "interrupted")
TOKENS = ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
SAMPLED = ("received_at", "cost", "duration_ms", "note_count", *TOKENS, *DIMENSIONS.values())
SUMS = ("requests", "noted", "cost", "unpriced", *TOKENS)
COLUMNS = tuple(DIMENSIONS.values())


def conditions(chosen: Chosen) -> Q:
    """What rows must be, beside their time."""
    found = Q()
    for name, value in chosen.values.items():
        column = DIMENSIONS[name]
        found &= Q(**{column: value})
        if value != "":
            found &= _not_empty(column)
    if chosen.notes:
        found &= Q(note_count__gt=0)
    if chosen.slow:
        found &= Q(duration_ms__gte=SLOW_MS)
    if chosen.search:
        text = chosen.search
        # A conversation by its hash, or by the session id that the client shows its user.
        sessions = (text, session_hash(text, settings.SECRET_KEY.encode()))
        found &= Q(correlation_id=text) | Q(request_id=text) | (Q(session__in=sessions) & ~Q(session=""))
    return found


def within(chosen: Chosen, column: str = "received_at") -> Q:
    """The time, of rows or of hours."""
    found = Q()
    if chosen.start is not None:
        found &= Q(**{f"{column}__gte": chosen.start})
    if chosen.end is not None:
        found &= Q(**{f"{column}__lt": chosen.end})
    return found


def rows(chosen: Chosen) -> QuerySet[AuditRecord]:
    """The rows, newest first, without what may be long."""
    return AuditRecord.objects.filter(within(chosen), conditions(chosen)).defer(*LONG)


class Trail:
    """What was chosen of the trail; each question to the database is asked once."""

    def __init__(self, chosen: Chosen) -> None:
        self.chosen = chosen

    @cached_property
    def running(self) -> list[dict[str, Any]]:
        """Rows under way: they are in no sums yet."""
        found = AuditRecord.objects.filter(finished_at__isnull=True).order_by()
        start, end = self.chosen.start, self.chosen.end
        # By their own index, which the database leaves alone where it is asked for a time, too.
        return [
            row
            for row in found.values("received_at", "note_count", *COLUMNS)[:RUNNING]
            if (start is None or row["received_at"] >= start) and (end is None or row["received_at"] < end)
        ]

    @cached_property
    def under_way(self) -> int:
        """How many of those chosen are under way."""
        if self.chosen.summed:
            return len(self._matching(self.running))
        return sum(row["outcome"] == Outcome.RUNNING for row in self.sample)

    @cached_property
    def combinations(self) -> list[dict[str, Any]]:
        """How many requests agree in what, in the whole time."""
        hours = UsageHour.objects.filter(within(self.chosen, "hour")).order_by()
        return list(hours.values(*COLUMNS).annotate(requests=Sum("requests"), noted=Sum("noted")))

    @cached_property
    def hours(self) -> list[dict[str, Any]]:
        """The sums of what was chosen, by hour and outcome."""
        hours = UsageHour.objects.filter(within(self.chosen, "hour"), **self._columns)
        found: Iterable[Any] = hours.order_by().values("hour", "outcome").annotate(**{name: Sum(name) for name in SUMS})
        return list(found)

    @cached_property
    def sample(self) -> list[dict[str, Any]]:
        """The latest rows of what was chosen."""
        return list(self._looked_for(SAMPLE, all_of=False).values(*SAMPLED)[:SAMPLE])

    @cached_property
    def durations(self) -> list[tuple[str, int]]:
        """Outcome and duration of the latest rows of what was chosen."""
        if "sample" in self.__dict__ or not self.chosen.summed:
            return [(row["outcome"], row["duration_ms"]) for row in self.sample]
        return list(self._looked_for(SAMPLE, all_of=False).values_list("outcome", "duration_ms")[:SAMPLE])

    @cached_property
    def count(self) -> int:
        """How many there are; beyond ``DEEPEST`` only where the sums know."""
        if self.chosen.summed:
            known = sum(self._counted(row) for row in self.hours) + self.under_way
            if known or self._known:
                return known
        return self._looked_for(DEEPEST).order_by().values("pk")[:DEEPEST].count()

    @cached_property
    def beginnings(self) -> tuple[datetime | None, datetime | None]:
        """When the hours' sums begin, and when the rows do."""
        first = AuditRecord.objects.order_by("received_at").values("received_at")[:1]
        hours = UsageHour.objects.order_by("hour").annotate(first=Subquery(first))
        return hours.values_list("hour", "first").first() or (None, None)

    @property
    def oldest(self) -> datetime:
        """When the sums begin; the present hour where there are none."""
        return self.beginnings[0] or hour_of(datetime.now(UTC))

    @cached_property
    def removed(self) -> int:
        """How many of those chosen have no row any more: the oldest rows go, the hours' sums of them stay."""
        if not (self.chosen.summed and self.hours):
            return 0
        oldest, first = self.beginnings
        if first is None:
            return sum(self._counted(row) for row in self.hours)
        hour = hour_of(first)
        gone = sum(self._counted(row) for row in self.hours if row["hour"] < hour)
        # Where rows have gone, some of the hour in which the others begin have, too.
        counted = sum(self._counted(row) for row in self.hours if row["hour"] == hour)
        if counted and oldest is not None and oldest < hour:
            there = rows(self.chosen).filter(received_at__lt=hour + HOUR, finished_at__isnull=False)
            gone += counted - there.order_by().values("pk")[:counted].count()
        return gone

    @property
    def kept(self) -> int:
        """How many rows there are to show."""
        return self.count - self.removed

    def facets(self) -> dict[str, Counter[Any]]:
        """How many there would be with each other value of a column."""
        found: dict[str, Counter[Any]] = {name: Counter() for name in DIMENSIONS}
        if not self.chosen.summed:
            for row in self.sample:
                for name, column in DIMENSIONS.items():
                    found[name][row[column]] += 1
            return found
        among = [(row, row["noted"] if self.chosen.notes else row["requests"]) for row in self.combinations]
        among += [(row, 1) for row in self.running if row["note_count"] or not self.chosen.notes]
        wanted = {name: (DIMENSIONS[name], value) for name, value in self.chosen.values.items()}
        for row, count in among:
            others = [name for name, (column, value) in wanted.items() if row[column] != value]
            if len(others) > 1 or not count:
                continue
            for name in others or found:
                found[name][row[DIMENSIONS[name]]] += count
        return found

    def noted(self) -> int:
        """How many of those chosen have notes."""
        if not self.chosen.summed:
            return sum(1 for row in self.sample if row["note_count"])
        return sum(row["noted"] for row in self.hours)

    def slow(self) -> int | None:
        """How many of those chosen took long, at most ``DEEPEST``; None where no index tells it."""
        if self.chosen.slow:
            return self.count
        if self.chosen.search:
            return sum(1 for row in self.sample if row["duration_ms"] >= SLOW_MS)
        if self.chosen.values or self.chosen.notes:
            return None
        found = rows(replace(self.chosen, slow=True)).order_by()
        return found.values("pk")[:DEEPEST].count()

    def page(self, number: int, size: int) -> QuerySet[AuditRecord]:
        return self._looked_for(max(1, number) * size + size)

    def latencies(self) -> Counter[int] | None:
        """Durations by bucket; None where the hours do not know them for what was chosen."""
        chosen = self.chosen
        if not chosen.summed or chosen.notes or set(chosen.values) - {"model"}:
            return None
        hours = LatencyHour.objects.filter(within(chosen, "hour"), measure="duration", **self._columns)
        return Counter(dict(hours.order_by().values_list("bucket").annotate(Sum("requests"))))

    @property
    def _columns(self) -> dict[str, Any]:
        return {DIMENSIONS[name]: value for name, value in self.chosen.values.items()}

    @property
    def _known(self) -> bool:
        return bool(self.hours or self.combinations)

    def _counted(self, row: Mapping[str, Any]) -> int:
        return int(row["noted"] if self.chosen.notes else row["requests"])

    def _matching(self, found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in found if self._matches(row) and (row["note_count"] or not self.chosen.notes)]

    def _looked_for(self, needed: int, *, all_of: bool = True) -> QuerySet[AuditRecord]:
        """The newest ``needed`` rows (fewer, unless ``all_of``), looked for where the sums say that they are."""
        found = rows(self.chosen)
        if not self.chosen.summed or self.chosen.plain or not self._known:
            return found
        matching = [row for row in self.combinations if self._matches(row)]
        implied, smallest = self._implied(matching)
        count = sum(self._counted(row) for row in matching)
        if smallest * min(1.0, needed / max(1, count)) <= SCANNED:
            return found.filter(implied)
        by_hour: Counter[datetime] = Counter()
        for row in self.hours:
            by_hour[row["hour"]] += self._counted(row)
        for row in self._matching(self.running):
            by_hour[hour_of(row["received_at"])] += 1
        if not all_of:
            share = count / max(1, sum(row["requests"] for row in self.combinations))
            needed = min(needed, max(LEAST, int(SCANNED * share)))
        return found.filter(implied, _in_hours(by_hour, needed, all_of=all_of))

    def _implied(self, matching: list[dict[str, Any]]) -> tuple[Q, int]:
        """What else the rows have in common that an index knows, and how many rows the best such index has."""
        found, smallest = Q(), sum(row["requests"] for row in self.combinations)
        for name in sorted(INDEXED):
            column = DIMENSIONS[name]
            values = {row[column] for row in matching}
            if len(values) != 1 or (value := values.pop()) == "":
                continue
            count = sum(row["requests"] for row in self.combinations if row[column] == value)
            if count < smallest:
                # Rows under way are not in the sums, and have no errors yet.
                found, smallest = Q(**{column: value}) & _not_empty(column), count
                if self._matching(self.running):
                    found |= Q(finished_at__isnull=True)
        return found, smallest

    def _matches(self, row: Mapping[str, Any]) -> bool:
        return all(row[column] == value for column, value in self._columns.items())


def _not_empty(column: str) -> Q:
    """What a partial index wants to be told before it is used."""
    return ~Q(**{column: ""}) if column in ("key", "error_type") else Q()


def _in_hours(by_hour: Mapping[datetime, int], needed: int, *, all_of: bool) -> Q:
    """The newest hours that hold ``needed`` rows, hours that follow each other as one. Where those are too many
    stretches, the older ones count as one (``all_of``), or are left out."""
    blocks: list[list[datetime]] = []
    for hour in sorted((hour for hour, count in by_hour.items() if count), reverse=True):
        if needed <= 0:
            break
        if blocks and blocks[-1][0] == hour + HOUR:
            blocks[-1][0] = hour
        elif len(blocks) < BLOCKS:
            blocks.append([hour, hour + HOUR])
        elif all_of:
            blocks[-1][0] = hour
        else:
            break
        needed -= by_hour[hour]
    if not blocks:
        return Q(pk__in=())
    found = Q()
    for start, end in blocks:
        found |= Q(received_at__gte=start, received_at__lt=end)
    return found


class TrailPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of what was chosen. Only the newest ``DEEPEST`` rows have pages: older ones are found by their time."""

    known: int = 0

    @cached_property
    def count(self) -> int:
        return self.known

    @cached_property
    def num_pages(self) -> int:
        return max(1, -(-min(self.known, DEEPEST) // self.per_page))


def neighbours(row: AuditRecord) -> tuple[AuditRecord | None, AuditRecord | None]:
    """The rows before and after, of all rows."""
    at, pk = row.received_at, row.pk
    among = AuditRecord.objects.only("id", "request_id", "received_at")
    earlier = among.filter(received_at__lte=at).exclude(pk=pk).exclude(received_at=at, pk__gt=pk)
    later = among.filter(received_at__gte=at).exclude(pk=pk).exclude(received_at=at, pk__lt=pk)
    return earlier.order_by("-received_at", "-id").first(), later.order_by("received_at", "id").first()


def conversation(row: AuditRecord, around: int = 3) -> list[AuditRecord]:
    """The row and those around it in its conversation, in their order."""
    if not row.session:
        return []
    among = AuditRecord.objects.filter(~Q(session=""), session=row.session).defer(*LONG)
    before = among.filter(received_at__lte=row.received_at).order_by("-received_at", "-id")[: around + 1]
    after = among.filter(received_at__gt=row.received_at).order_by("received_at", "id")[:around]
    return [*reversed(before), *after]


def counted(hours: QuerySet[UsageHour], *columns: str) -> list[dict[str, Any]]:
    """Requests, tokens and cost of ``hours`` by ``columns``."""
    sums = ("requests", "cost", "unpriced", *TOKENS[:4])
    return list(hours.order_by().values(*columns).annotate(**{name: Sum(name) for name in sums}))


def worker_name(worker: str) -> str:
    """The name of a process that still tells of itself; nothing for others."""
    found = Worker.objects.filter(id=worker).first() if worker else None
    return str(found) if found else ""
