"""The end of an exchange as the values of a row.

Invariant: pure; only names, codes, counts and times are taken, each cut to its column.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

from bridge_api.signals import ExchangeFinished


def session_hash(session_id: str | None, key: bytes) -> str:
    """What stands for a session in the trail: 32 hexadecimal digits, or nothing for no session."""
    if not session_id:
        return ""
    return hmac.new(key, b"audit/session/" + session_id.encode(errors="replace"), hashlib.sha256).hexdigest()[:32]


def row_values(done: ExchangeFinished, key: bytes = b"") -> dict[str, Any]:
    """Field values of an AuditRecord. ``key`` is the installation's secret, for the session's hash."""
    opened, usage, times = done.opened, done.usage, done.times
    details = usage.get("output_tokens_details") or {}
    received = times["received"]
    first = times.get("first_byte")
    return {
        "correlation_id": done.correlation_id,
        "request_id": done.request_id,
        "received_at": datetime.fromtimestamp(received, UTC),
        "endpoint": done.endpoint,
        "stream": bool(opened and opened.stream),
        "session": session_hash(opened.session_id, key) if opened else "",
        "client": opened.client[:128] if opened else "",
        "key": done.key[:80],
        "model_asked": opened.model_asked[:128] if opened else "",
        "model_served": opened.model_served[:128] if opened else "",
        "rule": opened.rule if opened else "",
        "effort": (opened.effort or "") if opened else "",
        "status": done.status,
        "outcome": done.outcome,
        "error_type": done.error_type or "",
        "error_code": (done.error_code or "")[:80],
        "stop_reason": done.stop_reason or "",
        "input_tokens": usage.get("input_tokens", 0),
        "cached_tokens": usage.get("cache_read_input_tokens", 0),
        "cache_write_tokens": usage.get("cache_creation_input_tokens", 0),
        "output_tokens": usage.get("output_tokens", 0),
        "reasoning_tokens": details.get("thinking_tokens", 0),
        "usage_estimated": done.usage_estimated,
        "duration_ms": max(0, round((times["finished"] - received) * 1000)),
        "first_byte_ms": max(0, round((first - received) * 1000)) if first else None,
        "counts": dict(opened.counts) if opened else {},
        "tool_calls": [name[:64] for name in done.tool_calls[:100]],
        "notes": [{"code": note.code, "where": note.where} for note in done.notes],
        "attempts": [
            {
                "number": attempt.number,
                "status": attempt.status,
                "error_code": attempt.error_code,
                "seconds": round(attempt.seconds, 3),
                "upstream_request_id": attempt.upstream_request_id,
            }
            for attempt in done.attempts
        ],
        "upstream_response_id": (done.upstream_response_id or "")[:128],
    }
