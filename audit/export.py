"""Rows of the trail as CSV or JSON lines.

Invariants: pure but for reading the queryset, a batch at a time; what was said is left out unless ``content`` asks for
it; a cell that a spreadsheet would take for a formula begins with an apostrophe, so that it shows and does not run.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

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
FORMULA = frozenset("=+-@\t\r")
BATCH = 1_000


def rows(queryset: QuerySet[AuditRecord], fmt: str, *, content: bool = False) -> Iterator[str]:
    """The lines of an export, each with its line end. ``fmt``: ``csv`` (with a head) or ``jsonl``."""
    if fmt not in TYPES:
        raise ValueError(f"{fmt!r} is not one of {', '.join(TYPES)}")
    columns = (*COLUMNS, *CONTENT) if content else COLUMNS
    values = queryset.values_list(*columns).iterator(chunk_size=BATCH)
    return _csv(columns, values) if fmt == "csv" else _jsonl(columns, values)


def _csv(columns: tuple[str, ...], values: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(columns)  # type: ignore[misc]
    for row in values:
        yield writer.writerow([cell(value) for value in row])  # type: ignore[misc]


def _jsonl(columns: tuple[str, ...], values: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    for row in values:
        yield json.dumps(dict(zip(columns, row, strict=True)), default=_text, ensure_ascii=False) + "\n"


def cell(value: Any) -> str:
    """A value as a spreadsheet's cell."""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in FORMULA else value
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
