"""Fixtures of exchanges whose two ends are in the test's own event loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bridge_api import views
from bridge_api.intake import Service
from bridge_api.signals import ExchangeFinished, exchange_finished, exchange_opened
from bridge_api.upstream.client import Upstream
from tests.bridge_api.edge import service_for


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody but the test listens: the trail has its own tests, and a database."""
    for signal in (exchange_opened, exchange_finished):
        monkeypatch.setattr(signal, "receivers", [])


@pytest.fixture
def ends(alone: None) -> Iterator[list[ExchangeFinished]]:
    """What ``exchange_finished`` told."""
    told: list[ExchangeFinished] = []

    def listen(*, payload: ExchangeFinished, **kwargs: Any) -> None:
        told.append(payload)

    exchange_finished.connect(listen)
    yield told
    exchange_finished.disconnect(listen)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make the views use a service on ``upstream``."""

    def chosen(upstream: Upstream, **changed: Any) -> Service:
        service = service_for(upstream, **changed)
        monkeypatch.setattr(views, "service", lambda: service)
        return service

    return chosen
