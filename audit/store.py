"""Entries of the trail into the database, in one transaction.

Invariants: plain SQL that both databases speak (instances and the ORM's compiler cost ten times as much for a row);
writing an entry twice changes nothing: a beginning never undoes an end, and the sums count an end once; an end takes the
place of the mark that a row was given when its process was thought to be gone; the sums are written with the rows that
they sum.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import orjson
from django.db import connection, transaction

from audit.rollups import SUMS, latency_hours, usage_hours

Values = dict[str, Any]

# A process that has not been seen for so long is gone, and its older exchanges are called interrupted.
GONE_AFTER = timedelta(minutes=10)


@dataclass(slots=True)
class Entry:
    """The beginning or the end of an exchange: values of its row and, at its end, of its tries."""

    kind: Literal["opened", "finished"]
    values: Values
    attempts: list[Values] = field(default_factory=list)

    def line(self) -> bytes:
        """The entry as a line of JSON, for the spool. Never raises: what JSON cannot hold is told as text."""
        whole = {"kind": self.kind, "values": self.values, "attempts": self.attempts}
        try:
            return orjson.dumps(whole) + b"\n"
        except TypeError:
            return json.dumps(whole, ensure_ascii=False, default=str).encode(errors="replace") + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Entry:
        """Raises ValueError for a line that is not whole, or not an entry's."""
        read = orjson.loads(line)
        try:
            kind, values, attempts = read["kind"], read["values"], list(read["attempts"])
            for name in ("received_at", "finished_at"):
                if values.get(name):
                    values[name] = datetime.fromisoformat(values[name])
        except (KeyError, TypeError, AttributeError):
            raise ValueError("not an entry") from None
        if kind not in ("opened", "finished"):
            raise ValueError("not an entry")
        return cls(kind, values, attempts)


# What a beginning knows; an end overwrites none of it.
_OPENED = (
    "correlation_id",
    "request_id",
    "received_at",
    "endpoint",
    "stream",
    "session",
    "client",
    "client_version",
    "key",
    "model_asked",
    "model_served",
    "rule",
    "effort",
    "counts",
    "worker",
    "redaction",
    "request",
)
_ENDED = (
    "status",
    "outcome",
    "error_type",
    "error_code",
    "error_message",
    "stop_reason",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "usage_estimated",
    "cost",
    "connected_ms",
    "first_byte_ms",
    "first_token_ms",
    "duration_ms",
    "finished_at",
    "attempt_count",
    "note_count",
    "tool_calls",
    "upstream_response_id",
    "notes",
    "response",
)


def write(entries: Sequence[Entry], *, again: bool = False) -> None:
    """Write ``entries`` in their order. ``again``: some may have been written before. Raises DatabaseError."""
    opened = [entry.values for entry in entries if entry.kind == "opened"]
    finished = [entry for entry in entries if entry.kind == "finished"]
    connection.ensure_connection()
    with transaction.atomic():
        if opened:
            _many(_opening(), opened)
        if finished:
            known, marked = _ended(finished if again else [entry for entry in finished if _may_be_marked(entry.values)])
            new = [entry for entry in finished if entry.values["request_id"] not in known]
            rows = [entry.values for entry in new]
            add_sums(marked, sign=-1)
            _many(_ending(), rows)
            _many(_trying(), [attempt for entry in new for attempt in entry.attempts])
            add_sums(rows)


def add_sums(rows: Iterable[Values], *, sign: int = 1) -> None:
    """Add finished rows to the sums of their hours, or (``sign`` -1) take them out. Call inside the rows' own
    transaction."""
    rows = list(rows)
    usage, latency = usage_hours(rows), latency_hours(rows)
    if sign < 0:
        for sums, names in ((usage, SUMS), (latency, ("requests",))):
            for one in sums.values():
                one.update((name, -one[name]) for name in names)
    # Sorted, so that two processes take the same rows' locks in the same order.
    _many(_adding("UsageHour", SUMS), sorted(usage.values(), key=_digest))
    _many(_adding("LatencyHour", ("requests",)), sorted(latency.values(), key=_digest))


def _digest(values: Mapping[str, Any]) -> str:
    return str(values["digest"])


def _may_be_marked(values: Values) -> bool:
    """Whether another process may have called this exchange interrupted. Half the time, since clocks differ."""
    return bool(values["finished_at"] - values["received_at"] > GONE_AFTER / 2)


def _ended(finished: Sequence[Entry]) -> tuple[set[str], list[Values]]:
    """Which of ``finished`` have their end already, and the rows of those that were only called interrupted."""
    from audit.models import AuditRecord, Outcome

    ids = [entry.values["request_id"] for entry in finished]
    found: set[str] = set()
    marked: list[Values] = []
    for at in range(0, len(ids), 500):
        # Locked, those without an end, too: nobody may call them interrupted between this look and their end.
        rows = AuditRecord.objects.select_for_update().filter(request_id__in=ids[at : at + 500]).order_by("id")
        for row in rows.values():
            if row["finished_at"] is None:
                continue
            if row["outcome"] == Outcome.INTERRUPTED:
                marked.append(dict(row))
            else:
                found.add(row["request_id"])
    return found, marked


# -- statements -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    names: tuple[str, ...]
    makers: tuple[Callable[[Any], Any] | None, ...]

    def parameters(self, values: Values) -> list[Any]:
        return [
            values[name] if make is None else make(values[name])
            for name, make in zip(self.names, self.makers, strict=True)
        ]


def _many(statement: _Statement, rows: Sequence[Values]) -> None:
    if not rows:
        return
    parameters = [statement.parameters(row) for row in rows]
    if connection.vendor == "sqlite":
        # Django's cursor looks for placeholders in the text each time, which costs more than a row.
        with connection.wrap_database_errors:
            connection.connection.executemany(statement.sql.replace("%s", "?"), parameters)
        return
    with connection.cursor() as cursor:
        cursor.executemany(statement.sql, parameters)


def _statement(model: str, names: tuple[str, ...], on_conflict: str) -> _Statement:
    from django.apps import apps

    meta = apps.get_model("audit", model)._meta
    quote = connection.ops.quote_name
    fields = [meta.get_field(name) for name in names]
    columns = ", ".join(quote(str(one.column)) for one in fields)
    places = ", ".join(["%s"] * len(fields))
    sql = f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES ({places}) {on_conflict}"
    return _Statement(sql, names, tuple(_maker(one) for one in fields))


def _maker(one: Any) -> Callable[[Any], Any] | None:
    """How a value of a field becomes a parameter of the database; None where it is one already."""
    if one.get_internal_type() == "JSONField":
        return _json_text
    if one.get_internal_type() == "DateTimeField":
        return _utc_text if connection.vendor == "sqlite" else connection.ops.adapt_datetimefield_value
    return None


def _json_text(value: Any) -> str:
    """``value`` as JSON that both databases take. A model may write numbers of any size into a tool's arguments."""
    try:
        text = orjson.dumps(value).decode()
    except TypeError:
        text = json.dumps(value, ensure_ascii=False, default=str).encode(errors="replace").decode()
    # PostgreSQL takes no NUL, however it is written.
    return text.replace("\\u0000", "\\ufffd")


def _utc_text(value: datetime) -> str:
    """What Django's SQLite backend writes for an aware time in UTC, at a tenth of the cost."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")


@lru_cache(1)
def _opening() -> _Statement:
    # The end may have come first, from a spool, and without the request.
    table = connection.ops.quote_name("audit_auditrecord")
    changes = "request = EXCLUDED.request, redaction = EXCLUDED.redaction"
    update = f"ON CONFLICT (request_id) DO UPDATE SET {changes} WHERE {table}.request = '{{}}'"
    return _statement("AuditRecord", _OPENED, update)


@lru_cache(1)
def _ending() -> _Statement:
    changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in _ENDED)
    return _statement("AuditRecord", _OPENED + _ENDED, f"ON CONFLICT (request_id) DO UPDATE SET {changes}")


@lru_cache(1)
def _trying() -> _Statement:
    names = ("record", "number", "started_ms", "duration_ms", "status", "error_code", "upstream_request_id")
    return _statement("UpstreamAttempt", names, "ON CONFLICT DO NOTHING")


@lru_cache(2)
def _adding(model: str, sums: tuple[str, ...]) -> _Statement:
    from django.apps import apps

    meta = apps.get_model("audit", model)._meta
    table = connection.ops.quote_name(meta.db_table)
    names = tuple(one.name for one in meta.concrete_fields if not one.primary_key)
    changes = ", ".join(f"{name} = {table}.{name} + EXCLUDED.{name}" for name in sums)
    return _statement(model, names, f"ON CONFLICT (digest) DO UPDATE SET {changes}")
