"""Exchanges as the API tells them, for tests of the trail."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from audit.record import attempt_values, finished_values, opened_values
from audit.store import Entry
from bridge_api.signals import Attempt, ExchangeFinished, ExchangeOpened
from bridge_api.translation.notes import Note

BODY = {"model": "claude-opus-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello there"}]}
RECEIVED = 1_700_000_000.0


def opened(number: int = 1, **changed: Any) -> ExchangeOpened:
    values: dict[str, Any] = {
        "correlation_id": f"corr-{number}",
        "request_id": f"req_{number}",
        "endpoint": "/v1/messages",
        "stream": True,
        "model_asked": "claude-opus-5-5",
        "model_served": "gpt-6.1-sol",
        "rule": "default",
        "received_at": RECEIVED,
        "client": "claude-cli/2.1.4 (external, cli)",
        "counts": {"messages": 1},
        "request": json.dumps(BODY).encode(),
        "headers": {"anthropic-version": "2023-06-01", "x-api-key": "brk_secret"},
    }
    return ExchangeOpened(**{**values, **changed})


def finished(number: int = 1, **changed: Any) -> ExchangeFinished:
    values: dict[str, Any] = {
        "correlation_id": f"corr-{number}",
        "request_id": f"req_{number}",
        "endpoint": "/v1/messages",
        "status": 200,
        "outcome": "completed",
        "opened": replace(opened(number), request=b""),
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 5,
            "output_tokens": 7,
            "cache_read_input_tokens": 3,
            "output_tokens_details": {"thinking_tokens": 2},
        },
        "notes": (Note("dropped.top_k", "top_k"),),
        "tool_calls": ("Read", "Read", "Bash"),
        "attempts": (Attempt(1, RECEIVED + 0.01, 0.5, 200, None, "req-up"),),
        "times": {
            "received": RECEIVED,
            "upstream_connected": RECEIVED + 0.1,
            "first_byte": RECEIVED + 0.2,
            "first_token": RECEIVED + 0.3,
            "finished": RECEIVED + 1,
        },
    }
    return ExchangeFinished(**{**values, **changed})


def beginning(number: int = 1, **changed: Any) -> Entry:
    values = opened_values(opened(number))
    return Entry("opened", {**values, "worker": "w1", "redaction": "full", "request": {"bytes": 9}, **changed})


def end(number: int = 1, **changed: Any) -> Entry:
    values = finished_values(finished(number))
    content = {"worker": "w1", "redaction": "full", "request": {}, "response": {"content": []}, "error_message": ""}
    return Entry("finished", {**values, **content, **changed}, attempt_values(finished(number)))
