"""What of the trail is to be seen: chosen in the page's address, and applied to its rows.

Invariants: pure but for the change list at the end; everything chosen stands in the address; times are whole hours, so
that the sums of the hours and the rows are of the same requests; a value that cannot be right is refused, not left
aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from unfold.views import ChangeList

from audit.models import Outcome
from audit.rollups import hour_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from audit.models import AuditRecord

SPANS = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("24 hours", timedelta(hours=24)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
    "all": ("All", None),
}
USUAL = "24h"
OWN = "own"
# The name in the address -> the column, which the rows and the hours' sums have in common.
DIMENSIONS = {
    "outcome": "outcome",
    "status": "status",
    "model": "model_served",
    "key": "key",
    "stream": "stream",
    "stop": "stop_reason",
    "error": "error_type",
}
LABELS = {
    "outcome": "Outcome",
    "status": "Status",
    "model": "Model",
    "key": "Client key",
    "stream": "Mode",
    "stop": "Stop reason",
    "error": "Error type",
}
INDEXED = frozenset({"outcome", "model", "key", "error"})
NONE = "(none)"
SLOW_MS = 30_000
LONGEST = 128
STREAM = {"1": True, "0": False}


@dataclass(frozen=True)
class Chosen:
    """``values`` by the column's name in the address. ``end`` is None where the range is open."""

    span: str = USUAL
    start: datetime | None = None
    end: datetime | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    notes: bool = False
    slow: bool = False
    search: str = ""

    @property
    def summed(self) -> bool:
        """Whether the hours' sums know how many requests these are."""
        return not (self.slow or self.search)

    @property
    def plain(self) -> bool:
        """Whether one index serves it. (Those of keys and error types leave out rows without one.)"""
        if self.notes or len(self.values) > 1:
            return False
        return all(name in INDEXED and (value != "" or name == "model") for name, value in self.values.items())

    def without(self, name: str) -> Chosen:
        return replace(self, values={key: value for key, value in self.values.items() if key != name})


NAMES = frozenset({"range", "from", "to", "notes", "slow", "q", *DIMENSIONS})
PAGING = frozenset({"p", "o", "e"})
"""What the change list itself has in an address, which chooses nothing."""
YEARS = range(2000, 3000)
"""Hours around a time are reckoned with, which fails at the ends of the calendar."""


def chosen(given: Mapping[str, str], now: datetime) -> Chosen:
    """Read an address's parameters. Raises ValueError for a value that cannot be right, and for a name that is none."""
    unknown = given.keys() - NAMES - PAGING
    if unknown:
        raise ValueError(", ".join(sorted(name[:40] for name in unknown)))
    values = {name: _value(name, given[name]) for name in DIMENSIONS if given.get(name, "") != ""}
    search = given.get("q", "").strip()[:LONGEST]
    if "\x00" in search:
        raise _wrong("q", search, "an id")
    span, start, end = _span(given, now, "all" if search else USUAL)
    return Chosen(span, start, end, values, _flag(given, "notes"), _flag(given, "slow"), search)


def _span(given: Mapping[str, str], now: datetime, usual: str) -> tuple[str, datetime | None, datetime | None]:
    since, until = _moment(given, "from"), _moment(given, "to")
    if since or until:
        if until is not None and hour_of(until) != until:
            until = hour_of(until) + timedelta(hours=1)
        return OWN, hour_of(since) if since else None, until
    span = given.get("range") or usual
    if span == OWN:
        span = usual
    if span not in SPANS:
        raise _wrong("range", span, f"one of {', '.join(SPANS)}")
    back = SPANS[span][1]
    return span, hour_of(now - back) if back else None, None


def _moment(given: Mapping[str, str], name: str) -> datetime | None:
    """A time as a form gives it, in UTC."""
    text = given.get(name, "")
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong(name, text, "a time such as 2026-11-28T07:00") from None
    if found.year not in YEARS:
        raise _wrong(name, text, f"a year from {YEARS[0]} to {YEARS[-1]}")
    return found


def _value(name: str, text: str) -> Any:
    if name == "status":
        if not (text.isascii() and text.isdigit() and len(text) <= 3):
            raise _wrong(name, text, "a number from 0 to 999")
        return int(text)
    if name == "stream":
        if text not in STREAM:
            raise _wrong(name, text, "1 or 0")
        return STREAM[text]
    if name == "outcome":
        if text not in Outcome.values:
            raise _wrong(name, text, f"one of {', '.join(Outcome.values)}")
        return text
    if "\x00" in text:
        raise _wrong(name, text, "a name")
    return "" if text == NONE else text[:LONGEST]


def _flag(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "")
    if text not in ("", "1"):
        raise _wrong(name, text, "1 or nothing")
    return text == "1"


def _wrong(name: str, text: str, wanted: str) -> ValueError:
    return ValueError(f"{name} is {text[:40]!r}, not {wanted}")


def text_of(name: str, value: Any) -> str:
    """A value as it stands in the address."""
    if name == "stream":
        return "1" if value else "0"
    return str(value) if value != "" else NONE


def words_of(name: str, value: Any) -> str:
    """A value as it is shown."""
    if name == "stream":
        return "stream" if value else "whole answer"
    if name == "outcome":
        return str(Outcome(value).label) if value in Outcome.values else str(value)
    if name == "status" and not value:
        return "unknown"
    return str(value) if value != "" else "none"


class TrailList(ChangeList):  # type: ignore[misc]
    """The change list of ``request.trail``."""

    result_list: Any
    page_num: int
    trail: Any

    def get_filters(self, request: HttpRequest) -> tuple[list[Any], bool, dict[str, Any], bool, bool]:
        return [], False, {}, False, False

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.result_list[: self.list_per_page]

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[AuditRecord]:
        super().get_queryset(request, exclude_parameters)
        self.trail = request.trail  # type: ignore[attr-defined]
        # A page that is gone, since rows were pruned or the time went on, is the last one: what was chosen stays.
        pages = self.model_admin.get_paginator(request, self.root_queryset, self.list_per_page).num_pages
        self.page_num = min(max(1, self.page_num), pages)
        found: QuerySet[AuditRecord] = self.trail.page(self.page_num, self.list_per_page)
        return found

    @property
    def nothing(self) -> str:
        """What is said in place of an empty list."""
        chosen: Chosen = self.trail.chosen
        if chosen.start and chosen.end and chosen.end <= chosen.start:
            return "The time ends before it begins."
        if self.trail.removed:
            return "The rows of these requests have been removed, because they are old. The figures above still count them."
        whole = chosen.start is None and chosen.end is None
        narrowed = bool(chosen.values or chosen.notes or chosen.slow)
        if chosen.search and whole and not narrowed:
            return "No request has exactly this id. If it is an old one, its row may have been removed."
        if (narrowed or chosen.search) and whole:
            return "No request is as the filters want it. Choose fewer."
        if narrowed or chosen.search:
            return "No request of this time is as the filters want it. Choose a longer time, or fewer filters."
        return "No request has come in yet." if whole else "No request came in this time. Choose a longer one."
