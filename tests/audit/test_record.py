"""A row's values: nothing that was said, nothing longer than its column."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import models

from audit import receivers
from audit.models import AuditRecord
from audit.record import row_values, session_hash
from bridge_api.signals import ExchangeFinished, ExchangeOpened

LONG = "x" * 10_000
TIMES = {"received": 1.0, "finished": 2.0}


def finished(**opened: object) -> ExchangeFinished:
    values = {"endpoint": "/v1/messages", "stream": False, "model_asked": "a", "model_served": "b", "rule": "exact"}
    beginning = ExchangeOpened("corr", "req_1", received_at=1.0, **{**values, **opened})  # type: ignore[arg-type]
    return ExchangeFinished("corr", "req_1", "/v1/messages", 200, "completed", opened=beginning, times=TIMES)


def test_a_request_that_was_refused_before_it_was_understood_has_a_row() -> None:
    values = row_values(ExchangeFinished("corr", "req_1", "/v1/messages", 400, "refused", times=TIMES))
    assert (values["status"], values["model_asked"], values["session"]) == (400, "", "")


def test_every_column_is_given_a_value_and_no_other_name() -> None:
    columns = {field.name for field in AuditRecord._meta.concrete_fields if not field.primary_key}
    assert row_values(finished()).keys() == columns


@pytest.mark.parametrize("name", ["model_asked", "model_served", "client"])
def test_what_a_client_sends_is_cut_to_its_column(name: str) -> None:
    field = AuditRecord._meta.get_field(name)
    assert isinstance(field, models.CharField)
    assert len(row_values(finished(**{name: LONG}))[name]) == field.max_length


def test_a_session_is_recognised_and_not_told() -> None:
    first, again, other = (session_hash(one, b"key") for one in ("session-1", "session-1", "session-2"))
    assert first == again != other
    assert "session-1" not in first
    assert session_hash("session-1", b"another key") != first
    assert len(first) == AuditRecord._meta.get_field("session").max_length


def test_the_hash_is_made_with_the_secret_of_the_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[dict[str, object]] = []
    monkeypatch.setattr(receivers.sink, "put", put.append)
    receivers.on_finished(payload=finished(session_id="session-1"))
    assert [row["session"] for row in put] == [session_hash("session-1", settings.SECRET_KEY.encode())]
