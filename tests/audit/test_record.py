"""A row's values: nothing that was said, nothing longer than its column."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import models

from audit.models import AuditRecord, UpstreamAttempt
from audit.record import MOST, attempt_values, finished_values, opened_values, session_hash
from bridge_api.signals import Attempt, ExchangeFinished
from bridge_api.translation.notes import Note
from tests.audit.payloads import RECEIVED, finished, opened

LONG = "x" * 10_000
TIMES = {"received": RECEIVED, "finished": RECEIVED + 1}
# What the writer adds: what is redacted, and who writes.
ADDED = {"worker", "redaction", "request", "response", "error_message"}


def refused() -> ExchangeFinished:
    return ExchangeFinished("corr", "req_1", "/v1/messages", 400, "refused", times=TIMES)


def test_a_request_that_was_refused_before_it_was_understood_has_a_row() -> None:
    values = finished_values(replace(refused(), headers={"user-agent": "curl/8.1"}))
    assert (values["status"], values["model_asked"], values["session"]) == (400, "", "")
    assert (values["client"], values["client_version"], values["cost"]) == ("curl", "8.1", None)


def test_a_client_that_left_made_no_error() -> None:
    left = {"outcome": "client_disconnected", "status": 499, "error_type": "api_error"}
    values = finished_values(finished(error_code="client_disconnected", **left))
    assert (values["outcome"], values["status"]) == ("client_disconnected", 499)
    assert (values["error_type"], values["error_code"]) == ("", "")


@pytest.mark.parametrize("done", [refused(), finished()])
def test_every_column_is_given_a_value_and_no_other_name(done: ExchangeFinished) -> None:
    columns = {field.name for field in AuditRecord._meta.concrete_fields if not field.primary_key}
    assert finished_values(done).keys() == columns - ADDED


@pytest.mark.parametrize("name", ["model_asked", "model_served", "client", "rule", "effort", "key", "endpoint"])
def test_what_a_client_sends_is_cut_to_its_column(name: str) -> None:
    field = AuditRecord._meta.get_field(name)
    assert isinstance(field, models.CharField)
    assert len(opened_values(opened(**{name: LONG}))[name]) <= (field.max_length or 0)


@pytest.mark.parametrize("name", ["error_type", "error_code", "stop_reason", "upstream_response_id", "key"])
def test_what_an_upstream_sends_is_cut_to_its_column(name: str) -> None:
    field = AuditRecord._meta.get_field(name)
    assert isinstance(field, models.CharField)
    assert len(finished_values(finished(**{name: LONG}))[name]) <= (field.max_length or 0)


def test_no_number_is_larger_than_its_column() -> None:
    huge = {"input_tokens": 2**70, "output_tokens": 2**40, "output_tokens_details": {"thinking_tokens": 2**70}}
    years = {"received": RECEIVED, "first_byte": RECEIVED + 1e9, "finished": RECEIVED + 1e9}
    done = finished(usage=huge, times=years, attempts=(Attempt(1, RECEIVED + 1e9, 1e9),))
    numbers = [*finished_values(done).values(), *attempt_values(done)[0].values()]
    assert max(one for one in numbers if isinstance(one, int)) == MOST < 2**31 - 1


def test_no_value_holds_what_ends_a_line_or_what_no_database_takes() -> None:
    values = opened_values(opened(rule="a\x00b\nc\ud800", key="k\x1b[0m"))
    assert values["rule"] == "a b c?"
    assert values["key"] == "k [0m"


def test_no_column_holds_a_secret_or_a_person_that_stands_where_a_name_belongs() -> None:
    said = "jane.roe@example.org"
    begun = opened(model_asked=said, model_served=said, client=said)
    notes = (Note("answer.filler_dropped", "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"), Note("dropped.top_k", said))
    values = finished_values(finished(opened=begun, tool_calls=(said,), error_code=said, notes=notes))
    assert said not in str(values)
    assert "ghp_" not in str(values)


def test_a_session_is_recognised_and_not_told() -> None:
    first, again, other = (session_hash(one, b"key") for one in ("session-1", "session-1", "session-2"))
    assert first == again != other
    assert "session-1" not in first
    assert session_hash("session-1", b"another key") != first
    assert len(first) == AuditRecord._meta.get_field("session").max_length
    assert opened_values(opened(session_id="session-1"), b"key")["session"] == first


def test_clocks_that_run_backwards_give_no_negative_times() -> None:
    values = finished_values(finished(times={"received": RECEIVED, "finished": RECEIVED - 5, "first_byte": 0.0}))
    assert (values["duration_ms"], values["first_byte_ms"]) == (0, 0)


def test_the_price_is_that_of_the_model_that_answered() -> None:
    known = finished_values(finished(upstream_model="gpt-6-luna"))["cost"]
    assert known is not None
    assert 0 < known < finished_values(finished())["cost"]
    assert finished_values(finished(upstream_model="a-local-model"))["cost"] is None
    assert finished_values(finished(usage={}))["cost"] is None


def test_each_try_has_a_row_with_every_column() -> None:
    (values,) = attempt_values(finished())
    assert values.keys() == {field.name for field in UpstreamAttempt._meta.concrete_fields if not field.primary_key}
    assert attempt_values(refused()) == []
