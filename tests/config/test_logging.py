"""Logs: one line a record, no secret on it."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from bridge_api import correlation
from config.logging import ConsoleFormatter, JsonFormatter


def made(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    record = logging.LogRecord("some.library", logging.ERROR, "x.py", 1, message, arguments, None)
    for name, value in extra.items():
        setattr(record, name, value)
    return record


@pytest.mark.parametrize("formatter", [JsonFormatter(), ConsoleFormatter()])
@pytest.mark.parametrize(
    "text", ["two\nlines", "\x1b[31mred", "para\u2029graph", "line\u2028sep", "nel\x85", "cr\rlf\n"]
)
def test_a_record_is_one_line_whatever_it_holds(formatter: logging.Formatter, text: str) -> None:
    line = formatter.format(
        made("said %s", text, fields={"path": text}) if isinstance(formatter, JsonFormatter) else made("said %s", text)
    )
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefgh12345678",
        "Bearer abcdefghijk",
        "brk_0123456789abcdef",
        "eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbmF0dXJl",
    ],
)
@pytest.mark.parametrize("formatter", [JsonFormatter(), ConsoleFormatter()])
def test_secrets_are_masked_in_messages_and_tracebacks(formatter: logging.Formatter, secret: str) -> None:
    try:
        raise ValueError(f"bad key {secret}")
    except ValueError:
        record = made("failed with %s", secret)
        record.exc_info = sys.exc_info()
    assert secret not in formatter.format(record)


def test_fields_stand_beside_the_message() -> None:
    line = json.loads(JsonFormatter().format(made("done", fields={"status": 200, "nothing": None})))
    assert (line["message"], line["status"], line["level"]) == ("done", 200, "ERROR")
    assert "nothing" not in line


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("claude-opus-4-5[1m]", "claude-opus-4-5[1m]"),
        ("jane.roe@example.org", "(no name)"),
        ("ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8", "(no name)"),
        ("what was said", "(no name)"),
    ],
)
def test_the_model_that_a_client_asks_for_is_told_where_it_is_a_name(asked: str, told: str) -> None:
    """Also the one that is served, where the client's name is passed on, and an upstream's code."""
    for name in ("model_asked", "model_served", "error_code"):
        assert json.loads(JsonFormatter().format(made("done", fields={name: asked})))[name] == told


@pytest.mark.parametrize("formatter", [JsonFormatter(), ConsoleFormatter()])
def test_personal_data_is_masked_in_what_other_libraries_write(formatter: logging.Formatter) -> None:
    assert "anna@example.org" not in formatter.format(made("mail of %s", "anna@example.org"))
    try:
        raise ValueError("sent to anna@example.org")
    except ValueError:
        broken = logging.LogRecord("bridge.x", logging.ERROR, "x.py", 1, "broken", (), sys.exc_info())
    assert "anna@example.org" not in formatter.format(broken)


def test_a_record_carries_the_id_of_the_request_that_it_belongs_to() -> None:
    late = made("late")
    token = correlation.current.set("id-7")
    try:
        assert json.loads(JsonFormatter().format(late))["correlation_id"] == "id-7"
        late.fields = {"correlation_id": "own"}
        assert json.loads(JsonFormatter().format(late))["correlation_id"] == "own"
    finally:
        correlation.current.reset(token)
    assert "correlation_id" not in json.loads(JsonFormatter().format(logging.makeLogRecord({"name": "x"})))


@pytest.mark.parametrize("value", [2**70, "lone \ud800", "Grüße\u2028", float("nan"), {1: "x"}, object, "a\x7f"])
def test_a_field_that_json_cannot_hold_as_it_is_still_makes_a_line(value: object) -> None:
    text = JsonFormatter().format(made("odd", fields={"value": value, "status": 200}))
    assert text.isascii()
    assert json.loads(text)["status"] == 200


@pytest.mark.parametrize("formatter", [JsonFormatter(), ConsoleFormatter()])
def test_words_that_can_no_longer_be_masked_are_left_out(
    monkeypatch: pytest.MonkeyPatch, formatter: logging.Formatter
) -> None:
    """As at the end of a process, when nothing can be loaded any more."""
    monkeypatch.setitem(sys.modules, "audit.redaction", None)
    text = formatter.format(made("mail anna@example.org"))
    assert "anna@example.org" not in text
    assert "left out" in text
