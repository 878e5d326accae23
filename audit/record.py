"""The beginning and the end of an exchange as the values of a row.

Invariants: pure; names, codes, counts and times are taken, each cut to its column and free of characters that no
database takes; what a client or an upstream may write as it likes goes through ``audit.naming``; what was said comes in
through ``audit.content``, which redacts it.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from audit.naming import client_of, code, model_named, named
from audit.prices import cost
from bridge_api.signals import Attempt, ExchangeFinished, ExchangeOpened

MAX_TOOLS = 100
MOST = 2_000_000_000
"""What a column for numbers holds, with room to reckon with it (23 days in milliseconds): an upstream may claim any
number of tokens, a clock may jump by years."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Values = dict[str, Any]


@lru_cache(1024)
def session_hash(session_id: str | None, key: bytes) -> str:
    """What stands for a session in the trail: 32 hexadecimal digits, or nothing for no session."""
    if not session_id:
        return ""
    return hmac.digest(key, b"audit/session/" + session_id.encode(errors="replace"), "sha256").hex()[:32]


def opened_values(opened: ExchangeOpened, key: bytes = b"") -> Values:
    """What is known when a request goes upstream. ``key`` is the installation's secret, for the session's hash."""
    client, version = client_of(opened.client)
    return {
        "correlation_id": opened.correlation_id,
        "request_id": opened.request_id,
        "received_at": datetime.fromtimestamp(opened.received_at, UTC),
        "endpoint": _cut(opened.endpoint, 64),
        "stream": opened.stream,
        "session": session_hash(opened.session_id, key),
        "client": client,
        "client_version": version,
        "key": _cut(opened.key, 80),
        "model_asked": model_named(opened.model_asked[:128], key),
        "model_served": named(opened.model_served[:128], key),
        "rule": _cut(opened.rule, 32),
        "effort": _cut(opened.effort or "", 16),
        "counts": dict(opened.counts),
    }


def finished_values(done: ExchangeFinished, key: bytes = b"") -> Values:
    """The whole row of a request that has ended, without its content."""
    times, usage = done.times, done.usage
    received = times["received"]
    beginning = opened_values(done.opened, key) if done.opened else _unopened(done)
    tools: dict[str, int] = {}
    for name in done.tool_calls[:MAX_TOOLS]:
        told = named(name[:128], key)
        tools[told] = tools.get(told, 0) + 1
    tokens = {
        "input_tokens": _number(usage, "input_tokens"),
        "cached_tokens": _number(usage, "cache_read_input_tokens"),
        "cache_write_tokens": _number(usage, "cache_creation_input_tokens"),
        "output_tokens": _number(usage, "output_tokens"),
    }
    model = done.upstream_model or beginning["model_served"]
    return {
        **beginning,
        "key": _cut(done.key, 80),
        "status": done.status,
        "outcome": done.outcome,
        # A client that left is no error: the outcome says it.
        "error_type": _cut(done.error_type or "", 64) if done.outcome != "client_disconnected" else "",
        "error_code": code(done.error_code or "") if done.outcome != "client_disconnected" else "",
        "stop_reason": _cut(done.stop_reason or "", 40),
        **tokens,
        "reasoning_tokens": _number(usage.get("output_tokens_details") or {}, "thinking_tokens"),
        "usage_estimated": done.usage_estimated,
        "cost": _price(model, tokens) if usage else None,
        "connected_ms": _after(received, times.get("upstream_connected")),
        "first_byte_ms": _after(received, times.get("first_byte")),
        "first_token_ms": _after(received, times.get("first_token")),
        "duration_ms": _after(received, times["finished"]) or 0,
        "finished_at": datetime.fromtimestamp(times["finished"], UTC),
        "attempt_count": len(done.attempts),
        "note_count": len(done.notes),
        "tool_calls": tools,
        "upstream_response_id": _cut(done.upstream_response_id or "", 128),
        # A place may be the name of a tool, or of a field that nobody knows.
        "notes": [{"code": note.code, "where": named(note.where[:128], key)} for note in done.notes],
    }


def attempt_values(done: ExchangeFinished) -> list[Values]:
    """A row for each try upstream."""
    return [_attempt(one, done) for one in done.attempts]


def _attempt(one: Attempt, done: ExchangeFinished) -> Values:
    return {
        "record": done.request_id,
        "number": one.number,
        "started_ms": _after(done.times["received"], one.started_at) or 0,
        "duration_ms": min(MOST, round(one.seconds * 1000)),
        "status": one.status,
        "error_code": code(one.error_code or ""),
        "upstream_request_id": _cut(one.upstream_request_id or "", 64),
    }


def _unopened(done: ExchangeFinished) -> Values:
    client, version = client_of(done.headers.get("user-agent", ""))
    return {
        "correlation_id": done.correlation_id,
        "request_id": done.request_id,
        "received_at": datetime.fromtimestamp(done.times["received"], UTC),
        "endpoint": _cut(done.endpoint, 64),
        "stream": False,
        "session": "",
        "client": client,
        "client_version": version,
        "model_asked": "",
        "model_served": "",
        "rule": "",
        "effort": "",
        "counts": {},
    }


def _price(model: str, tokens: Mapping[str, int]) -> float | None:
    kinds = {
        "fresh": tokens["input_tokens"],
        "read": tokens["cached_tokens"],
        "written": tokens["cache_write_tokens"],
        "output": tokens["output_tokens"],
    }
    return cost(model, kinds)


def _after(received: float, moment: float | None) -> int | None:
    return None if moment is None else min(MOST, max(0, round((moment - received) * 1000)))


def _number(usage: Mapping[str, Any], name: str) -> int:
    return min(MOST, usage.get(name) or 0)


def _clean(text: str) -> str:
    return _CONTROL.sub(" ", text).encode("utf-8", "replace").decode()


def _cut(text: str, length: int) -> str:
    text = text[:length]
    return text if text.isascii() and text.isprintable() else _clean(text)
