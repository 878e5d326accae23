"""Fixtures for all tests."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from audit.promise import Promise
from audit.sink import sink
from bridge_api import renewal

pytest_plugins = ["tests.live"]

# The application starts its threads when it is imported, which is while tests are collected. The trail's would write to
# the tests' database, and hold it; the one that renews the operators' rules reads once and then leaves it alone (SQLite
# in memory refuses a write while another thread reads), and keeps no rules for a start of whoever runs the tests.
sink.start = lambda: None  # type: ignore[method-assign]
renewal.INTERVAL = 3600.0
settings.LAST_RULES_FILE = Path(tempfile.mkdtemp(prefix="bridge-tests-")) / "last-rules.json"


@pytest.fixture(scope="session", autouse=True)
def no_trail_of_this_process() -> None:
    """What exchanges in this process tell is made into rows, and written nowhere: neither to the tests' database from
    another thread, nor to the spool of whoever runs them. Bridges that tests start have trails of their own."""

    def put(make: Any, *, urgent: bool = False, promise: Promise | None = None) -> None:
        make()
        if promise is not None:
            promise.settle(True)

    sink.put = put  # type: ignore[method-assign]
