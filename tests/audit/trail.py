"""A trail of made-up requests, of any length: ``python -m tests.audit.trail --rows 1000000`` on DATABASE_URL.

Invariants: the same seed and moment make the same rows; a row is what ``audit.record`` and ``audit.content`` make of an
exchange, so that it has the shape of a live one; the hours' sums are those of exactly the finished rows; rows go in by
plain ``executemany``, so that a million of them takes minutes, not hours.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

from audit.content import Redactor
from audit.record import attempt_values, finished_values, opened_values
from bridge_api.signals import Attempt, ExchangeFinished, ExchangeOpened
from bridge_api.translation.notes import Note
from tests.audit import said

if TYPE_CHECKING:
    from django.db.models import Model

MODELS = (  # asked, served, rule, share
    ("claude-opus-5-5", "gpt-6.1-sol", "database:1", 45),
    ("claude-sonnet-5", "gpt-6.1-terra", "family", 25),
    ("claude-haiku-4-5-20251001", "gpt-6-luna", "exact", 24),
    ("claude-fable-5", "gpt-5.4", "prefix", 4),
    ("qwen3:30b", "qwen3:30b", "passthrough", 2),
)
KEYS = ("team a", "team b", "nightly", "research", "support desk", "")
CLIENTS = (
    "claude-cli/2.4.11 (external, cli)",
    "claude-cli/2.4.9 (external, sdk-py)",
    "python-httpx/0.28.1",
    "Anthropic/Python 0.92.0",
)
FAILURES = (  # outcome, status, type, code, words, share
    ("refused", 401, "authentication_error", "authentication", "The client's key is not known.", 14),
    ("refused", 429, "rate_limit_error", "key_requests_per_minute", "The key's limit is 60 requests a minute.", 16),
    ("refused", 400, "invalid_request_error", "invalid_request", "messages.2.content.0.type: not a known block.", 8),
    ("failed", 529, "overloaded_error", "overloaded", "The upstream is overloaded.", 18),
    ("failed", 429, "rate_limit_error", "rate_limit_exceeded", "Rate limit reached for requests per minute.", 14),
    ("failed", 504, "timeout_error", "upstream_timeout", "The upstream was silent for too long.", 10),
    ("failed", 400, "invalid_request_error", "context_length_exceeded", "The input is longer than the window.", 8),
    ("failed", 502, "api_error", "upstream_unavailable", "The upstream closed the connection.", 6),
    ("client_disconnected", 499, "api_error", "client_disconnected", "The client closed the connection.", 40),
    ("cancelled", 529, "overloaded_error", "shutting_down", "The bridge is shutting down.", 3),
    ("interrupted", 0, "", "", "", 2),
)
NOTES = (
    ("dropped.top_k", "top_k"),
    ("ignored.cache_control", "system.1"),
    ("changed.effort", "thinking"),
    ("changed.tool_schema", "tools.3.input_schema"),
    ("dropped.foreign_reasoning", "messages.7.content.0"),
    ("changed.effort_by_rule", "thinking"),
    ("ignored.billing_header", "system.0"),
)
KEY = b"a made-up installation"
WORKERS = tuple(uuid.UUID(int=0x9C5D2E71A04B4F3681D0B7E2F8A6C340 + 7919**number).hex for number in range(1, 5))
REDACTORS = {mode: Redactor(mode, KEY) for mode in ("full", "partial")}
BATCH = 5_000
FAILING = 0.05
LONGEST = 8
"""Turns of a conversation that a client sends; a longer one would be cut on its side."""


@dataclass(slots=True)
class Conversation:
    session: str
    key: str
    client: str
    model: tuple[Any, ...]
    turns: int
    tokens: int
    task: int
    tools: int
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Trail:
    """Values by column: ``records`` and the tries upstream that belong to them."""

    records: list[dict[str, Any]]
    attempts: list[dict[str, Any]]


def made(number: int, *, seed: int = 1, until: datetime | None = None, days: float = 30) -> Iterator[Trail]:
    """Rows in the order of their times, in batches; the last ones of all are still running."""
    chance = random.Random(seed)
    until = until or datetime.now(UTC)
    open_ones = [_conversation(chance) for _ in range(max(4, min(400, number // 40)))]
    trail = Trail([], [])
    for index in range(number):
        place = chance.randrange(len(open_ones))
        if open_ones[place].turns <= 0:
            open_ones[place] = _conversation(chance)
        received = until - timedelta(days=days * (1 - _moment(index + chance.random(), number, days)))
        age = (until - received).total_seconds()
        record, attempts = _exchange(chance, open_ones[place], received, running=index >= number - 3 and age < 600)
        trail.records.append(record)
        trail.attempts.extend(attempts)
        if len(trail.records) == BATCH:
            yield trail
            trail = Trail([], [])
    if trail.records:
        yield trail


def make_trail(number: int, *, seed: int = 1, until: datetime | None = None, days: float = 30) -> int:
    """Put ``number`` rows, their tries and the hours' sums into the database; how many rows it were."""
    from django.db import transaction

    from audit import rollups
    from audit.models import AuditRecord, LatencyHour, UpstreamAttempt, UsageHour

    usage: rollups.Rows = {}
    latency: rollups.Rows = {}
    count = 0
    for trail in made(number, seed=seed, until=until, days=days):
        finished = [record for record in trail.records if record["finished_at"] is not None]
        _add(usage, rollups.usage_hours(finished), rollups.SUMS)
        _add(latency, rollups.latency_hours(finished), ("requests",))
        with transaction.atomic():
            insert(AuditRecord, trail.records)
            insert(UpstreamAttempt, trail.attempts)
        count += len(trail.records)
    with transaction.atomic():
        insert(UsageHour, usage.values())
        insert(LatencyHour, latency.values())
    return count


def insert(model: type[Model], rows: Iterable[dict[str, Any]]) -> None:
    """Rows of ``model`` by plain ``executemany``; JSON columns hold text already."""
    from django.db import connection

    rows = list(rows)
    if not rows:
        return
    columns = [field for field in model._meta.concrete_fields if field.attname in rows[0]]
    names = ", ".join(f'"{field.column}"' for field in columns)
    moments = {field.attname for field in columns if field.get_internal_type() == "DateTimeField"}
    adapt = connection.ops.adapt_datetimefield_value
    values = (
        tuple(adapt(row[name]) if name in moments else row[name] for name in (field.attname for field in columns))
        for row in rows
    )
    marks = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.executemany(f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({marks})', values)


def _add(sums: dict[str, dict[str, Any]], more: dict[str, dict[str, Any]], names: Iterable[str]) -> None:
    for digest, row in more.items():
        known = sums.setdefault(digest, row)
        if known is not row:
            for name in names:
                known[name] += row[name]


def _moment(index: float, number: int, days: float) -> float:
    """Where in the time (0 to 1) the row stands: more by day than by night."""
    share = index / number
    return min(1.0, max(0.0, share + 0.7 / (2 * math.pi * days) * math.sin(2 * math.pi * days * share)))


def _conversation(chance: random.Random) -> Conversation:
    model = chance.choices(MODELS, [model[3] for model in MODELS])[0]
    return Conversation(
        session=str(uuid.UUID(int=chance.getrandbits(128))) if chance.random() < 0.9 else "",
        key=chance.choices(KEYS, (30, 22, 18, 10, 15, 5))[0],
        client=chance.choice(CLIENTS),
        model=model,
        turns=chance.randrange(1, 40),
        tokens=chance.randrange(2_000, 18_000),
        task=chance.randrange(len(said.TASKS)),
        tools=chance.choice((0, 4, 12, 17)),
    )


def _exchange(
    chance: random.Random, talk: Conversation, received: datetime, *, running: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One request's row and its tries."""
    talk.turns, talk.asked = talk.turns - 1, talk.asked + 1
    failing = None
    if not running and chance.random() < FAILING:
        failing = chance.choices(FAILURES, [failure[5] for failure in FAILURES])[0]
    mode = "partial" if chance.random() < 0.02 else "full"
    opened = _opened(chance, talk, received)
    beginning = {
        **opened_values(opened, KEY),
        "worker": chance.choice(WORKERS),
        "redaction": mode,
        "request": _request(mode, opened.request, opened.client, "parts"),
    }
    if running or (failing and failing[0] == "interrupted"):
        ended = (
            {} if running else {"outcome": "interrupted", "finished_at": received + timedelta(minutes=9, seconds=41)}
        )
        return _columns({**beginning, **ended}), []
    done = _finished(chance, talk, opened, failing)
    row = {**beginning, **finished_values(done, KEY), "error_message": REDACTORS[mode].words(done.error_message)}
    if done.opened is None:
        row["request"] = _request(mode, opened.request, opened.client, "hash")
    if done.answer is not None:
        row["response"] = _response(mode, talk.task, done.tool_calls, done.outcome != "completed")
    attempts = attempt_values(done)
    for attempt in attempts:
        attempt["record_id"] = attempt.pop("record")
    return _columns(row), attempts


def _opened(chance: random.Random, talk: Conversation, received: datetime) -> ExchangeOpened:
    asked, served, rule, _ = talk.model
    stream, messages = chance.random() < 0.85, 2 * min(talk.asked, LONGEST) - 1
    return ExchangeOpened(
        correlation_id=str(uuid.UUID(int=chance.getrandbits(128))),
        request_id=f"req_{chance.getrandbits(96):024x}",
        endpoint="/v1/messages",
        stream=stream,
        model_asked=asked,
        model_served=served,
        rule=rule,
        received_at=received.timestamp(),
        session_id=talk.session or None,
        client=talk.client,
        effort=chance.choice((None, "low", "medium", "high")),
        counts={"messages": messages, "tools": talk.tools, "images": 0, "documents": 0},
        key=talk.key,
        # One text of a session for all: what differs is its hash.
        request=said.request(asked, messages, talk.tools, stream, talk.task, "5f" * 8 if talk.session else ""),
    )


def _finished(
    chance: random.Random, talk: Conversation, opened: ExchangeOpened, failing: tuple[Any, ...] | None
) -> ExchangeFinished:
    outcome, status, error_type, error_code, words = failing[:5] if failing else ("completed", 200, None, None, "")
    upstream, answered = outcome != "refused", outcome in ("completed", "client_disconnected", "cancelled")
    # What is refused by its key or its form was not understood: nobody knows what it asked for.
    understood = upstream or error_code == "key_requests_per_minute"
    output = int(chance.lognormvariate(5.4, 1.1)) + 3 if answered else 0
    times = _passed(chance, opened, outcome, error_code, output)
    stop = "tool_use" if chance.random() < 0.6 else chance.choice(("end_turn", "end_turn", "end_turn", "max_tokens"))
    calls: tuple[str, ...] = ()
    if outcome == "completed" and stop == "tool_use":
        calls = (chance.choice(said.TOOLS),) * chance.choice((1, 1, 1, 2, 3))
    attempts = _attempts(chance, times, outcome, error_code) if upstream else ()
    if opened.stream and outcome == "failed" and chance.random() < 0.4:
        status = 200  # it failed after the answer had begun
    return ExchangeFinished(
        correlation_id=opened.correlation_id,
        request_id=opened.request_id,
        endpoint=opened.endpoint,
        status=status,
        outcome=outcome,
        opened=replace(opened, request=b"") if understood else None,
        error_type=error_type,
        error_code=error_code,
        stop_reason=stop if outcome == "completed" else None,
        usage=_usage(chance, talk, outcome, output),
        usage_estimated=answered and outcome != "completed",
        tool_calls=calls,
        notes=tuple(Note(*one) for one in chance.sample(NOTES, chance.choice((0, 0, 1, 2, 3)))) if upstream else (),
        attempts=attempts,
        times=times,
        upstream_response_id=f"resp_{chance.getrandbits(128):032x}" if answered else None,
        key="" if error_code == "authentication" else talk.key,
        error_message=words,
        answer=list if answered else None,
        headers={"user-agent": opened.client},
    )


def _passed(
    chance: random.Random, opened: ExchangeOpened, outcome: str, code: str | None, output: int
) -> dict[str, float]:
    """The moments of an exchange. A whole answer has no first byte of its own: it goes out at its end."""
    received = opened.received_at
    if outcome == "refused":
        return {"received": received, "finished": received + chance.uniform(0.001, 0.009)}
    connected = chance.uniform(0.018, 0.095)
    found = {"received": received, "upstream_connected": received + connected}
    end = connected + chance.uniform(0.1, 0.9)
    if code == "upstream_timeout":
        end = 120 + chance.random()
    elif output:
        first = connected + chance.lognormvariate(6.4, 0.5) / 1000
        token = first + chance.uniform(0.002, 0.24)
        found |= {"first_token": received + token, **({"first_byte": received + first} if opened.stream else {})}
        end = token + output * chance.uniform(0.009, 0.016)
    return {**found, "finished": received + end}


def _usage(chance: random.Random, talk: Conversation, outcome: str, output: int) -> dict[str, Any]:
    """The tokens; of what was cut short what the bridge had counted itself."""
    if not output:
        return {}
    talk.tokens = min(190_000, talk.tokens + output + chance.randrange(60, 2_400))
    if outcome != "completed":
        return {"input_tokens": talk.tokens, "output_tokens": output}
    cached = int(talk.tokens * chance.uniform(0.6, 0.97)) if chance.random() < 0.8 else 0
    written = int((talk.tokens - cached) * 0.5) if cached and chance.random() < 0.4 else 0
    thought = int(output * chance.uniform(0.1, 0.7)) if talk.model[0] != "qwen3:30b" else 0
    return {
        "input_tokens": talk.tokens - cached - written,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": thought},
    }


def _attempts(chance: random.Random, times: dict[str, float], outcome: str, code: str | None) -> tuple[Attempt, ...]:
    """Tries one after the other: a failed request has tried again, an answered one sometimes. Tries that failed come
    before the one that the other ``times`` are of, and put them off."""
    failed = outcome == "failed"
    before = chance.choice((0, 1, 2)) if failed else chance.choices((0, 1, 2), (96, 3, 1))[0]
    received, found, started = times["received"], [], 0.003
    for number in range(1, before + 1):
        took, status = chance.uniform(0.18, 0.9), chance.choice((429, 500, 503, 503, None))
        why = (code if failed else None) or "overloaded"
        found.append(Attempt(number, received + started, took, status, why, _upstream_id(chance, 0.7)))
        started += took + chance.uniform(0.25, 0.9)
    for name in times:
        times[name] += started - 0.003 if name != "received" else 0
    status = chance.choice((429, 500, 503, 503, None)) if failed else 200
    took = times["finished"] - received - started
    last = (status, code, _upstream_id(chance, 0.7)) if failed else (200, None, _upstream_id(chance, 1))
    return (*found, Attempt(before + 1, received + started, took, *last))


def _upstream_id(chance: random.Random, share: float) -> str | None:
    return f"req_{chance.getrandbits(128):032x}" if chance.random() < share else None


@lru_cache(20_000)
def _request(mode: str, body: bytes, client: str, keep: Any) -> str:
    headers = {"user-agent": client, "anthropic-version": "2023-06-01", "content-type": "application/json"}
    return json.dumps(REDACTORS[mode].request(body, {**headers, "authorization": "Bearer brk_x"}, keep=keep))


@lru_cache(20_000)
def _response(mode: str, task: int, calls: tuple[str, ...], cut: bool) -> str:
    return json.dumps(REDACTORS[mode].answer(said.answer(task, calls, cut=cut)))


@lru_cache(1)
def _empty() -> dict[str, Any]:
    from audit.models import AuditRecord

    fields = [field for field in AuditRecord._meta.concrete_fields if not field.primary_key]
    given = {field.attname: field.get_default() if field.has_default() else None for field in fields}
    texts = {field.attname: "" for field in fields if field.get_internal_type() in ("CharField", "TextField")}
    return {**given, **texts, "outcome": "running"}


def _columns(row: dict[str, Any]) -> dict[str, Any]:
    """All columns of a row; those of JSON as text."""
    return {
        name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in (_empty() | row).items()
    }


def main() -> None:
    from django.core.management import call_command

    parser = argparse.ArgumentParser(description="Fill the trail on DATABASE_URL with made-up requests.")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=float, default=30, help="how far back the rows reach")
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    began = time.monotonic()
    count = make_trail(options.rows, seed=options.seed, days=options.days)
    print(f"{count:,} rows in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
