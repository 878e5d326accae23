"""Endpoints beside the messages: health, probes, telemetry, counting."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.db.utils import OperationalError

from bridge_api import views
from bridge_api.signals import exchange_finished, exchange_opened
from tests.bridge_api.edge import Caller, bridge


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for signal in (exchange_opened, exchange_finished):
        monkeypatch.setattr(signal, "receivers", [])


class Broken:
    """A database connection that is gone."""

    def __init__(self) -> None:
        self.closed = 0

    def close_if_unusable_or_obsolete(self) -> None:
        pass

    def cursor(self) -> Any:
        raise OperationalError("canary")

    def close(self) -> None:
        self.closed += 1


async def test_a_database_that_does_not_answer_makes_the_process_unready_and_the_connection_new(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    broken = Broken()
    settings.OPENAI_API_KEY = "sk-x"
    monkeypatch.setattr(views, "connection", broken)
    caller = await Caller("GET", "/readyz").on(bridge())
    assert caller.status == 503
    assert caller.json() == {"status": "not ready", "checks": {"database": False, "credential": True}}
    assert broken.closed == 1


async def test_a_database_that_hangs_makes_the_process_unready(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*arguments: Any) -> bool:
        import asyncio

        await asyncio.sleep(60)
        return True

    monkeypatch.setattr(views, "READY_SECONDS", 0.01)
    monkeypatch.setattr(views, "sync_to_async", lambda function: never)
    assert (await Caller("GET", "/readyz").on(bridge())).json()["checks"]["database"] is False


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("key", "status"), [("", 503), ("sk-x", 200)])
async def test_readiness_needs_a_credential(settings: Any, key: str, status: int) -> None:
    settings.OPENAI_API_KEY = key
    caller = await Caller("GET", "/readyz").on(bridge())
    assert caller.status == status
    assert caller.json()["checks"] == {"database": True, "credential": bool(key)}
    await sync_to_async(lambda: connection.close())()


async def test_health_needs_nothing() -> None:
    caller = await Caller("GET", "/healthz").on(bridge())
    assert (caller.status, caller.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("HEAD", "/"), ("HEAD", "/api/hello"), ("GET", "/api/hello"), ("POST", "/api/event_logging/batch")],
)
async def test_probes_are_answered_quietly(method: str, path: str) -> None:
    caller = await Caller(method, path, b'{"events":[]}' if method == "POST" else b"").on(bridge())
    assert (caller.status, caller.content) == (204, b"")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v1/messages", 405, "invalid_request_error"),
        ("DELETE", "/v1/messages/stream", 405, "invalid_request_error"),
        ("POST", "/v1/nothing", 404, "not_found_error"),
        ("POST", "/v1/messages/", 404, "not_found_error"),
        ("GET", "/v1", 404, "not_found_error"),
    ],
)
async def test_what_is_not_there_is_told_in_the_envelope(method: str, path: str, status: int, kind: str) -> None:
    caller = await Caller(method, path).on(bridge())
    assert (caller.status, caller.json()["error"]["type"]) == (status, kind)
    assert "location" not in caller.headers
