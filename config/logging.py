"""Logs: one JSON object a line, ids on it, secrets off it.

Invariants: a record is one line whatever its message holds (line breaks and control characters are escaped by
JSON); key-like strings are masked in messages and tracebacks of every library; fields come from
``extra={"fields": {...}}`` and never from free text.
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


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": masked(record.getMessage()),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line.update({key: value for key, value in fields.items() if value is not None})
        if record.exc_info:
            line["exception"] = masked(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=True, default=str)


class ConsoleFormatter(logging.Formatter):
    """A record as one line of plain text."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", None) or {}
        told = " ".join(f"{key}={value}" for key, value in fields.items() if value not in (None, []))
        text = f"{record.levelname:<7} {record.name}: {masked(record.getMessage())} {told}".rstrip()
        if record.exc_info:
            text += " | " + masked(self.formatException(record.exc_info))
        return _BREAKS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def logging_config(level: str, style: str) -> dict[str, Any]:
    """The dictConfig of the process. Unknown values fall back to INFO and json; the checks name them."""
    known = level if level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL") else "INFO"
    formatter = "config.logging.ConsoleFormatter" if style == "console" else "config.logging.JsonFormatter"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["out"], "level": "WARNING" if known != "DEBUG" else "INFO"},
        "loggers": {
            "bridge": {"level": known},
            "django": {"handlers": [], "level": "WARNING", "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "gunicorn": {"level": "INFO"},
        },
    }
