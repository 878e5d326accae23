"""Fields beside a log message are as safe as the message."""

from __future__ import annotations

import json
import logging

import pytest

from config.logging import ConsoleFormatter, JsonFormatter, logging_config

KEY = "sk-proj-abcdefgh12345678"


def record(message: str, *arguments: object, fields: object = None) -> logging.LogRecord:
    made = logging.LogRecord("some.library", logging.ERROR, "x.py", 1, message, arguments, None)
    made.fields = fields
    return made


@pytest.mark.parametrize("formatter", [JsonFormatter(), ConsoleFormatter()])
@pytest.mark.parametrize(
    "fields",
    [
        {"client": KEY},
        {"attempts": [{"error": f"bad {KEY}"}]},
        {"deep": {KEY: 1}},
        {"raw": KEY.encode()},
        {"kind": ValueError(KEY)},
    ],
)
def test_secrets_are_masked_in_fields(formatter: logging.Formatter, fields: dict[str, object]) -> None:
    line = formatter.format(record("done", fields=fields))
    assert KEY not in line
    assert "[masked]" in line


def test_a_field_does_not_replace_what_every_record_has() -> None:
    line = json.loads(JsonFormatter().format(record("done", fields={"message": "other", "level": "INFO", "status": 1})))
    assert (line["message"], line["level"], line["status"]) == ("done", "ERROR", 1)


@pytest.mark.parametrize("formatter", [JsonFormatter(), ConsoleFormatter()])
def test_arguments_that_do_not_fit_are_left_out(formatter: logging.Formatter) -> None:
    line = formatter.format(record("one %s two %s", KEY))
    assert "do not fit" in line
    assert KEY not in line


def test_the_level_is_that_of_the_bridge_and_not_of_its_libraries() -> None:
    made = logging_config("INFO", "json")
    assert made["loggers"]["bridge"]["level"] == "INFO"
    assert made["root"]["level"] == "WARNING"
