"""What an operator is told before the first request."""

from __future__ import annotations

from typing import Any

import pytest

from bridge_api.checks import check_clients, check_exposure, is_loopback

LOOPBACK = ["127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST", "::1", "[::1]", "::ffff:127.0.0.1"]
BEYOND = [
    "0.0.0.0",
    "::",
    "[::]",
    "",
    "10.0.0.1",
    "127.0.0.1.example.org",
    "bridge.localhost.example",
    "::ffff:10.0.0.1",
]


@pytest.mark.parametrize("host", LOOPBACK)
def test_an_open_bridge_may_listen_on_loopback(settings: Any, host: str) -> None:
    settings.HOST, settings.BRIDGE_CLIENT_AUTH = host, "open"
    assert is_loopback(host)
    assert check_clients(None) == []


@pytest.mark.parametrize("host", BEYOND)
def test_an_open_bridge_may_listen_nowhere_else(settings: Any, host: str) -> None:
    settings.HOST, settings.BRIDGE_CLIENT_AUTH = host, "open"
    assert [found.id for found in check_clients(None)] == ["bridge.E003"]
    settings.BRIDGE_CLIENT_AUTH = "keys"
    assert check_clients(None) == []


@pytest.mark.parametrize(
    ("host", "allowed", "ids"),
    [
        ("0.0.0.0", ["127.0.0.1", "localhost"], ["bridge.W003"]),
        ("0.0.0.0", ["bridge.example.org"], []),
        ("127.0.0.2", ["localhost"], []),
    ],
)
def test_an_admin_that_no_browser_could_reach_is_told(
    settings: Any, host: str, allowed: list[str], ids: list[str]
) -> None:
    settings.HOST, settings.ALLOWED_HOSTS = host, allowed
    assert [found.id for found in check_exposure(None)] == ids
