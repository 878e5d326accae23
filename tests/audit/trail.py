"""A trail of made-up requests, of any length: ``python -m tests.audit.trail --rows 1000000`` on DATABASE_URL.

Invariants: the same seed and moment make the same rows; the hours' sums are those of exactly the finished rows; rows
go in by plain ``executemany``, so that a million of them takes minutes, not hours.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

if TYPE_CHECKING:
    from django.db.models import Model

MODELS = (  # asked, served, rule, share, dollars for a million tokens: fresh, read, written, output
    ("claude-opus-5-5", "gpt-6.1-sol", "database:1", 45, (2.0, 0.2, 2.5, 10.0)),
    ("claude-sonnet-5", "gpt-6.1-terra", "family", 25, (1.0, 0.1, 1.25, 5.0)),
    ("claude-haiku-4-5-20251001", "gpt-6-luna", "exact", 24, (0.1, 0.01, 0.125, 0.5)),
    ("claude-fable-5", "gpt-6.2-sol", "prefix", 4, (3.0, 0.3, 3.75, 15.0)),
    ("qwen3:30b", "qwen3:30b", "passthrough", 2, None),
)
KEYS = ("team a", "team b", "nightly", "research", "support desk", "")
CLIENTS = (
    ("claude-cli/2.4.11 (external, cli)", "2.4.11"),
    ("claude-cli/2.4.9 (external, sdk-py)", "2.4.9"),
    ("Anthropic/Python 0.92.0", "0.92.0"),
    ("Anthropic/JS 0.80.1", "0.80.1"),
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
TOOLS = ("Read", "Edit", "Bash", "Grep", "Glob", "TodoWrite", "WebSearch", "mcp__github__search_issues")
NOTES = (
    ("dropped.top_k", "top_k"),
    ("ignored.cache_control", "system.1"),
    ("changed.effort", "thinking"),
    ("changed.tool_schema", "tools.3.input_schema"),
    ("dropped.foreign_reasoning", "messages.7.content.0"),
    ("changed.effort_by_rule", "thinking"),
    ("ignored.billing_header", "system.0"),
)
BATCH = 5_000
FAILING = 0.05


@dataclass(slots=True)
class Conversation:
    session: str
    key: str
    client: tuple[str, str]
    model: tuple[Any, ...]
    turns: int
    tokens: int


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
        session=f"{chance.getrandbits(128):032x}" if chance.random() < 0.9 else "",
        key=chance.choices(KEYS, (30, 22, 18, 10, 15, 5))[0],
        client=chance.choice(CLIENTS),
        model=model,
        turns=chance.randrange(1, 40),
        tokens=chance.randrange(2_000, 18_000),
    )


def _exchange(
    chance: random.Random, talk: Conversation, received: datetime, *, running: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One request's row and its tries."""
    talk.turns -= 1
    asked, served, rule, _, rates = talk.model
    failing = None
    if not running and chance.random() < FAILING:
        failing = chance.choices(FAILURES, [failure[5] for failure in FAILURES])[0]
    outcome, status, error_type, error_code, words = failing[:5] if failing else ("completed", 200, "", "", "")
    upstream = outcome != "refused"
    stream = chance.random() < 0.85
    answered = outcome in ("completed", "client_disconnected", "cancelled")
    connected = chance.randrange(18, 95) if upstream else None
    first_byte = int(connected + chance.lognormvariate(6.4, 0.5)) if connected is not None and answered else None
    first_token = first_byte + chance.randrange(2, 240) if first_byte is not None else None
    output = int(chance.lognormvariate(5.4, 1.1)) + 3 if answered else 0
    reasoning = int(output * chance.uniform(0.1, 0.7)) if output and asked != "qwen3:30b" else 0
    talk.tokens = min(190_000, talk.tokens + output + chance.randrange(60, 2_400))
    cached = int(talk.tokens * chance.uniform(0.6, 0.97)) if chance.random() < 0.8 else 0
    written = int((talk.tokens - cached) * 0.5) if cached and chance.random() < 0.4 else 0
    if not answered:
        cached = written = 0
    fresh = talk.tokens - cached - written if answered else 0
    duration = chance.randrange(1, 9) if not upstream else int((first_token or 900) + output * chance.uniform(9, 16))
    if error_code == "upstream_timeout":
        duration = 120_000 + chance.randrange(900)
    stop = "tool_use" if chance.random() < 0.6 else chance.choice(("end_turn", "end_turn", "end_turn", "max_tokens"))
    tools = json.dumps({chance.choice(TOOLS): chance.choice((1, 1, 1, 2, 3))}) if stop == "tool_use" else "{}"
    notes = chance.sample(NOTES, chance.choice((0, 0, 1, 2, 3))) if upstream else []
    request_id = f"req_{chance.getrandbits(96):024x}"
    kept = chance.random() < 0.02
    messages = max(1, 2 * (40 - talk.turns) - 1)
    record = {
        "correlation_id": f"{chance.getrandbits(128):032x}",
        "request_id": request_id,
        "received_at": received,
        "endpoint": "/v1/messages",
        "stream": stream,
        "session": talk.session,
        "client": talk.client[0],
        "client_version": talk.client[1],
        "key": "" if error_code == "authentication" else talk.key,
        "model_asked": asked,
        "model_served": served if upstream else "",
        "rule": rule if upstream else "",
        "effort": chance.choice(("", "low", "medium", "high")) if upstream else "",
        "status": 200 if stream and outcome == "failed" and chance.random() < 0.4 else status,
        "outcome": outcome,
        "error_type": error_type,
        "error_code": error_code,
        "error_message": words,
        "stop_reason": stop if outcome == "completed" else "",
        "input_tokens": fresh,
        "cached_tokens": cached,
        "cache_write_tokens": written,
        "output_tokens": output,
        "reasoning_tokens": reasoning,
        "usage_estimated": outcome == "client_disconnected",
        "cost": _cost(rates, fresh, cached, written, output) if answered else None,
        "connected_ms": connected,
        "first_byte_ms": first_byte,
        "first_token_ms": first_token,
        "duration_ms": duration,
        "finished_at": received + timedelta(milliseconds=duration),
        "attempt_count": 0,
        "note_count": len(notes),
        "counts": _counts(messages, chance.choice((0, 4, 12, 17)), chance.choice((0, 0, 0, 0, 1, 2))),
        "tool_calls": tools,
        "upstream_response_id": f"resp_{chance.getrandbits(128):032x}" if answered else "",
        "worker": f"w{chance.randrange(4)}",
        "redaction": ("partial" if kept else "full") if upstream else "full",
        "notes": json.dumps([{"code": code, "where": where} for code, where in notes]),
        "request": _request(asked, messages, stream, kept, talk.client[0], chance.randrange(24)),
        "response": _response(stop, output, kept, chance.randrange(24)) if answered else "{}",
    }
    attempts = _attempts(chance, record) if upstream else []
    record["attempt_count"] = len(attempts)
    if running:
        _still_running(record)
        attempts = []
    return record, attempts


def _still_running(record: dict[str, Any]) -> None:
    empty = dict.fromkeys(("connected_ms", "first_byte_ms", "first_token_ms", "finished_at", "cost"))
    zero = dict.fromkeys(
        ("status", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"), 0
    )
    record.update(empty | zero)
    record.update(outcome="running", duration_ms=0, attempt_count=0, stop_reason="", upstream_response_id="")
    record.update(tool_calls="{}", response="{}", usage_estimated=False)


def _attempts(chance: random.Random, record: dict[str, Any]) -> list[dict[str, Any]]:
    """Tries one after the other: a failed request has tried again, an answered one sometimes."""
    failed = record["outcome"] == "failed"
    before = chance.choice((0, 1, 2)) if failed else chance.choices((0, 1, 2), (96, 3, 1))[0]
    found, started = [], 3
    for number in range(1, before + 2):
        last = number == before + 1
        end = record["duration_ms"] if last else started + chance.randrange(180, 900)
        if last and end <= started:
            end = started + 400
        good = last and not failed
        found.append(
            {
                "record_id": record["request_id"],
                "number": number,
                "started_ms": started,
                "duration_ms": end - started,
                "status": 200 if good else chance.choice((429, 500, 503, 503, None)),
                "error_code": "" if good else (record["error_code"] or "overloaded"),
                "upstream_request_id": f"req_{chance.getrandbits(128):032x}" if good or chance.random() < 0.7 else "",
            }
        )
        started = end + chance.randrange(250, 900)
    if before and not failed:
        shift = found[-1]["started_ms"] - 3
        for name in ("connected_ms", "first_byte_ms", "first_token_ms"):
            if record[name] is not None:
                record[name] += shift
        record["duration_ms"] += shift
        record["finished_at"] += timedelta(milliseconds=shift)
        found[-1]["duration_ms"] = record["duration_ms"] - found[-1]["started_ms"]
    elif failed:
        record["duration_ms"] = max(record["duration_ms"], found[-1]["started_ms"] + found[-1]["duration_ms"])
        record["finished_at"] = record["received_at"] + timedelta(milliseconds=record["duration_ms"])
    return found


def _cost(rates: tuple[float, ...] | None, *tokens: int) -> float | None:
    if rates is None:
        return None
    return sum(rate * count for rate, count in zip(rates, tokens, strict=True)) / 1_000_000


@lru_cache(None)
def _counts(messages: int, tools: int, images: int) -> str:
    return json.dumps({"messages": messages, "tools": tools, "images": images, "documents": 0})


@lru_cache(50_000)
def _request(model: str, messages: int, stream: bool, kept: bool, client: str, turn: int) -> str:
    """A redacted request: the shape and the sizes; of kept content the text without what the rules find."""
    said = "Please look at [file path] and write to [email] when the tests pass." if kept else "[text, 412 characters]"
    body = {
        "model": model,
        "max_tokens": 32_000,
        "stream": stream,
        "system": [{"type": "text", "text": "[text, 14210 characters]", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": name, "input_schema": "[schema]"} for name in TOOLS[: 2 + turn % 5]],
        "messages": [
            {"role": "user", "content": said},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "[text, 940 characters]", "signature": "[signature]"},
                    {"type": "tool_use", "id": f"toolu_{turn:04d}", "name": "Read", "input": {"file_path": "[text]"}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"toolu_{turn:04d}", "content": said}]},
        ],
        "left_out": max(0, messages - 3),
    }
    headers = {"user-agent": client, "anthropic-version": "2023-06-01", "authorization": "[removed]"}
    masked = {"email": 1, "path": 1} if kept else {}
    return json.dumps({"headers": headers, "bytes": 18_000 + 911 * messages, "body": body, "masked": masked})


@lru_cache(50_000)
def _response(stop: str, output: int, kept: bool, turn: int) -> str:
    text = "I read [file path]; the test fails because the clock is read twice." if kept else "[text, 188 characters]"
    content: list[dict[str, Any]] = [{"type": "thinking", "thinking": "[text, 322 characters]"}]
    content.append({"type": "text", "text": text})
    if stop == "tool_use":
        content.append({"type": "tool_use", "id": f"toolu_{turn:04d}", "name": "Edit", "input": {"path": "[text]"}})
    return json.dumps({"content": content, "masked": {"path": 1} if kept else {}})


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
