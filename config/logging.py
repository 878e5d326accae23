"""Logs: one JSON object a line, ids on it, secrets off it.

Invariants: every record that the handling of a request writes carries its correlation id; a record is one line
whatever its message holds (line breaks and control characters are escaped by JSON); key-like strings are masked in
messages, fields and tracebacks; what other libraries write, the server's own records included, is masked by all the
rules of the trail, personal data too (our own records hold no content, and are many); fields come from
``extra={"fields": {...}}`` and never replace what every record has; a record whose arguments do not fit its message is
told without them.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from bridge_api import correlation

_SECRETS = re.compile(
    r"(?:sk|rk|brk|sess)[-_][A-Za-z0-9_\-]{8,200}|(?i:bearer)\s+[A-Za-z0-9._~+/\-]{8,400}=*"
    r"|eyJ[A-Za-z0-9_\-]{10,2000}\.[A-Za-z0-9_\-]{5,4000}\.[A-Za-z0-9_\-]{5,1000}"
)
_CLIENTS = ("model_asked", "model_served", "error_code")
"""Fields of our own lines that a client or an upstream may write as it likes: they hold a name, or are not told."""
_NAME = re.compile(r"[\w.:/@+\[\]-]{1,128}", re.ASCII)
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def masked(text: str) -> str:
    """``text`` without key-like strings."""
    return _SECRETS.sub("[masked]", text)


def _message(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except (TypeError, ValueError, KeyError):
        text = f"{record.msg} (its arguments do not fit)"
    return masked(text) if _is_ours(record) else masked(_personal(text))


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    # The last line of a traceback is the error's text, whoever logs it.
    return masked(_personal(formatter.formatException(record.exc_info)))  # type: ignore[arg-type]


def _personal(text: str) -> str:
    """``text`` without personal data. The rules are loaded when they are needed: most processes log nothing of others."""
    try:
        from audit.redaction import mask

        return mask(text)[0]
    except Exception as error:  # noqa: BLE001 - a process that ends can load nothing any more; logging would print the text
        return f"(left out, it could not be masked: {type(error).__name__})"


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == "bridge" or record.name.startswith("bridge.")


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What stands beside the message; a value that is not plain is shown as text, so that it too is masked."""
    fields = getattr(record, "fields", None)
    fields = fields if isinstance(fields, dict) else {}
    request = correlation.current.get()
    if request and "correlation_id" not in fields:
        fields = {"correlation_id": request, **fields}
    told = {str(key): _plain(value) for key, value in fields.items() if value is not None}
    return told | {name: _clients(told[name]) for name in _CLIENTS if isinstance(told.get(name), str)}


@lru_cache(1024)
def _clients(text: str) -> str:
    return text if _NAME.fullmatch(text) and masked(_personal(text)) == text else "(no name)"


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, int | float):
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
            line["exception"] = _traceback(self, record)
        return _line(line)


def _line(fields: dict[str, Any]) -> str:
    """JSON in ASCII. orjson writes most lines, at a third of the cost; the others are those that it would write in other
    letters, or not at all (numbers beyond 64 bits, lone surrogates)."""
    try:
        line = orjson.dumps(fields, default=str)
    except TypeError:
        line = b"\xff"
    return line.decode() if line.isascii() else json.dumps(fields, ensure_ascii=True, default=str)


class ConsoleFormatter(logging.Formatter):
    """A record as one line of plain text."""

    def format(self, record: logging.LogRecord) -> str:
        told = " ".join(f"{key}={value}" for key, value in _fields(record).items() if value != [])
        text = f"{record.levelname:<7} {record.name}: {_message(record)} {told}".rstrip()
        if record.exc_info:
            text += " | " + _traceback(self, record)
        return _BREAKS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def logging_config(level: str, style: str) -> dict[str, Any]:
    """The dictConfig of the process, for the application and for the servers around it.

    gunicorn and uvicorn give their loggers handlers of their own; here they get ours, so that their records too
    are one line each and masked.
    """
    # What no line of ours tells is not looked up for each of them.
    logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False
    logging.logAsyncioTasks = False  # type: ignore[attr-defined] # from Python 3.12 on
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
