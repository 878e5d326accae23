"""Logs: one JSON object a line, ids on it, secrets off it.

Invariants: a record is one line whatever its message holds (line breaks and control characters are escaped by
JSON); key-like strings are masked in messages, fields and tracebacks of every library, the server's own included;
fields come from ``extra={"fields": {...}}`` and never replace what every record has; a record whose arguments do
not fit its message is told without them.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

_SECRETS = re.compile(
    r"(?:sk|rk|brk|sess)[-_][A-Za-z0-9_\-]{8,200}|(?i:bearer)\s+[A-Za-z0-9._~+/\-]{8,400}=*"
    r"|eyJ[A-Za-z0-9_\-]{10,2000}\.[A-Za-z0-9_\-]{5,4000}\.[A-Za-z0-9_\-]{5,1000}"
)
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def masked(text: str) -> str:
    """``text`` without key-like strings."""
    return _SECRETS.sub("[masked]", text)


def _message(record: logging.LogRecord) -> str:
    try:
        return masked(record.getMessage())
    except (TypeError, ValueError, KeyError):
        return masked(f"{record.msg} (its arguments do not fit)")


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What stands beside the message; a value that is not plain is shown as text, so that it too is masked."""
    fields = getattr(record, "fields", None)
    if not isinstance(fields, dict):
        return {}
    return {str(key): _plain(value) for key, value in fields.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {masked(str(key)): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return masked(str(value)) if value is not None else None


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        for name, value in _fields(record).items():
            line.setdefault(name, value)
        if record.exc_info:
            line["exception"] = masked(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=True, default=str)


class ConsoleFormatter(logging.Formatter):
    """A record as one line of plain text."""

    def format(self, record: logging.LogRecord) -> str:
        told = " ".join(f"{key}={value}" for key, value in _fields(record).items() if value != [])
        text = f"{record.levelname:<7} {record.name}: {_message(record)} {told}".rstrip()
        if record.exc_info:
            text += " | " + masked(self.formatException(record.exc_info))
        return _BREAKS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def logging_config(level: str, style: str) -> dict[str, Any]:
    """The dictConfig of the process, for the application and for the servers around it.

    gunicorn and uvicorn give their loggers handlers of their own; here they get ours, so that their records too
    are one line each and masked.
    """
    server = {"handlers": ["out"], "level": "WARNING", "propagate": False}
    formatter = "config.logging.ConsoleFormatter" if style == "console" else "config.logging.JsonFormatter"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["out"], "level": "WARNING" if level != "DEBUG" else "INFO"},
        "loggers": {
            "bridge": {"level": level},
            "django": {"handlers": [], "level": "WARNING", "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "gunicorn.error": server,
            "gunicorn.access": server,
            "uvicorn.error": server,
        },
    }
