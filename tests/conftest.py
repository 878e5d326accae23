"""Fixtures for all tests."""

from __future__ import annotations

from typing import Any

import pytest

from audit.promise import Promise
from audit.sink import sink
from bridge_api import renewal

pytest_plugins = ["tests.live"]

# The application starts the writer of this process when it is imported, which is while tests are collected: its thread
# would write to the tests' database, and hold it.
sink.start = lambda: None  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def no_look_at_the_database_from_aside() -> None:
    """The thread that renews the snapshot of this process reads once and then leaves the tests' database alone: SQLite
    in memory refuses a write while another thread reads."""
    renewal.INTERVAL = 3600.0


@pytest.fixture(scope="session", autouse=True)
def no_trail_of_this_process() -> None:
    """What exchanges in this process tell is made into rows, and written nowhere: neither to the tests' database from
    another thread, nor to the spool of whoever runs them. Bridges that tests start have trails of their own."""

    def put(make: Any, *, urgent: bool = False, promise: Promise | None = None) -> None:
        make()
        if promise is not None:
            promise.settle(True)

    sink.put = put  # type: ignore[method-assign]
