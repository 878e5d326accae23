"""Fixtures for all tests."""

from __future__ import annotations

import pytest

from bridge_api import renewal

pytest_plugins = ["tests.live"]


@pytest.fixture(scope="session", autouse=True)
def no_look_at_the_database_from_aside() -> None:
    """The thread that renews the snapshot of this process reads once and then leaves the tests' database alone: SQLite
    in memory refuses a write while another thread reads."""
    renewal.INTERVAL = 3600.0
