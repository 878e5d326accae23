"""Rows of the trail as CSV or JSON lines.

Invariants: pure but for reading the queryset, a page at a time; what was said is left out unless ``content`` asks for
it; what nobody knows of a request that has no end is empty; a cell that a spreadsheet would take for a formula begins
with an apostrophe, so that it shows and does not run.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from audit.viewings import KEPT

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from audit.models import AuditRecord

COLUMNS = (
    "received_at", "finished_at", "correlation_id", "request_id", "session", "endpoint", "stream", "client",
    "client_version", "key", "model_asked", "model_served", "rule", "effort", "status", "outcome", "error_type",
    "error_code", "error_message", "stop_reason", "input_tokens", "cached_tokens", "cache_write_tokens",
    "output_tokens", "reasoning_tokens", "usage_estimated", "cost", "connected_ms", "first_byte_ms", "first_token_ms",
    "duration_ms", "attempt_count", "note_count", "counts", "tool_calls", "notes", "upstream_response_id", "worker",
    "redaction",
)  # fmt: skip
CONTENT = ("request", "response")
TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
FORMULA = frozenset("=+-@\t\r＝＋－＠")
ENDLESS = frozenset(("running", "interrupted"))
UNKNOWN = dict.fromkeys(
    ("status", "finished_at", "duration_ms", "attempt_count", "input_tokens", "cached_tokens", "cache_write_tokens",
     "output_tokens", "reasoning_tokens")
)  # fmt: skip
PAGE, PAGE_WITH_CONTENT = 1_000, 50
Seen = Callable[[Mapping[str, int]], None]


def rows(
    queryset: QuerySet[AuditRecord],
    fmt: str,
    *,
    content: bool = False,
    newest_first: bool = False,
    limit: int | None = None,
    seen: Seen | None = None,
) -> Iterator[str]:
    """The lines of an export, each with its line end. ``fmt``: ``csv`` (with a head) or ``jsonl``. ``seen`` is told of
    the rows with kept words, by redaction, before their lines go out."""
    if fmt not in TYPES:
        raise ValueError(f"{fmt!r} is not one of {', '.join(TYPES)}")
    columns = (*COLUMNS, *CONTENT) if content else COLUMNS
    pages = _pages(queryset, PAGE_WITH_CONTENT if content else PAGE, limit, newest_first=newest_first)
    found = _values(pages, columns, seen)
    return _csv(columns, found) if fmt == "csv" else _jsonl(found)


def _pages(
    found: QuerySet[AuditRecord], size: int, limit: int | None, *, newest_first: bool
) -> Iterator[QuerySet[AuditRecord]]:
    """Page by page, each read on its own: a read as long as the export would keep SQLite from emptying its log, and
    memory holds one page."""
    order = ("-received_at", "-id") if newest_first else ("received_at", "id")
    found, left, after = found.order_by(*order), limit, Q()
    while left is None or left > 0:
        most = size if left is None else min(size, left)
        keys = list(found.filter(after).values_list("received_at", "id")[:most])
        if keys:
            yield found.model.objects.filter(id__in=[id for _, id in keys]).order_by(*order)
        if left is not None:
            left -= len(keys)
        if len(keys) < size:
            return
        moment, id = keys[-1]
        if newest_first:
            after = Q(received_at__lte=moment) & ~Q(received_at=moment, id__gte=id)
        else:
            after = Q(received_at__gte=moment) & ~Q(received_at=moment, id__lte=id)


def _values(
    pages: Iterable[QuerySet[AuditRecord]], columns: tuple[str, ...], seen: Seen | None
) -> Iterator[dict[str, Any]]:
    for page in pages:
        found = list(page.values(*columns))
        if seen is not None:
            seen(Counter(row["redaction"] for row in found if _told(row)))
        for row in found:
            if row["outcome"] in ENDLESS:
                row.update(UNKNOWN)
            yield {name: row[name] for name in columns}


def _told(row: dict[str, Any]) -> bool:
    """Whether a row's line tells words that were said."""
    return row["redaction"] in KEPT and any(row.get(name) for name in ("error_message", *CONTENT))


def _csv(columns: tuple[str, ...], found: Iterable[dict[str, Any]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(columns)  # type: ignore[misc]
    for row in found:
        yield writer.writerow([cell(value) for value in row.values()])  # type: ignore[misc]


def _jsonl(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in found:
        yield json.dumps(row, default=_text, ensure_ascii=False) + "\n"


def cell(value: Any) -> str:
    """A value as a spreadsheet's cell."""
    if isinstance(value, str):
        # Spreadsheets look past blanks and line breaks.
        begins = value[:1] in FORMULA or value.lstrip()[:1] in FORMULA
        return f"'{value}" if value and begins else value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    # Objects, lists and times do not begin as a formula does.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else _text(value)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


class _Line:
    """What the csv module writes a line to: its text is the answer of ``writerow``."""

    def write(self, text: str) -> str:
        return text
