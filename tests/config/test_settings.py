"""Settings: one table, one document, clear errors."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings

from config.settings_table import SETTINGS, markdown
from tests.live import ROOT


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in {one.name for one in SETTINGS}}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("WEB_CONCURRENCY", "0"),
        ("UPSTREAM_IDLE_TIMEOUT", "-1"),
        ("DATABASE_URL", "nonsense"),
        ("MODEL_MAP_JSON", "{"),
        ("OPENAI_BASE_URL", "ftp://x"),
    ],
)
def test_a_bad_value_stops_the_start_and_names_the_setting(name: str, value: str) -> None:
    done = manage("check", **{name: value})
    assert done.returncode != 0
    assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_every_setting_is_read_and_documented() -> None:
    inside = {"DATABASE_URL", "LOG_LEVEL", "LOG_FORMAT", "BEHIND_HTTPS"}  # read into Django's own settings
    for one in SETTINGS:
        assert one.name in inside or hasattr(settings, one.name), one.name
    assert (ROOT / "docs" / "settings.md").read_text() == markdown(), "run `make docs`"


def test_a_bridge_that_is_open_to_everybody_does_not_start() -> None:
    for command in ("check", "migrate"):
        refused = manage(command, HOST="0.0.0.0", DATABASE_URL="sqlite:///:memory:")
        assert refused.returncode != 0
        assert "bridge.E003" in refused.stderr
    assert manage("check", HOST="0.0.0.0", BRIDGE_CLIENT_AUTH="keys").returncode == 0


def test_exposure_is_warned_about() -> None:
    assert "bridge.W003" in manage("check", "--deploy", HOST="0.0.0.0", BRIDGE_CLIENT_AUTH="keys").stderr
    assert manage("check", "--deploy", "--fail-level", "WARNING").returncode == 0
    https = manage("check", "--deploy", "--fail-level", "WARNING", BEHIND_HTTPS="true")
    assert https.returncode == 0, https.stderr
