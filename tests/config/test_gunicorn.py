"""gunicorn's configuration: bad settings stop it with one line, good ones are told to the operator."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from types import SimpleNamespace

import pytest

from config.settings_table import SETTINGS
from tests.live import ROOT, free_port

SHOWN = "import runpy; it = runpy.run_path('config/gunicorn.conf.py'); print(it['bind'][0]); it['when_ready'](None)"


def started(*arguments: str, seconds: float = 20, **environment: str) -> subprocess.CompletedProcess[str]:
    """gunicorn with these arguments, until it stops by itself."""
    clean = {name: value for name, value in os.environ.items() if name not in {one.name for one in SETTINGS}}
    return subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py", *arguments],
        cwd=ROOT,
        env={**clean, "SECRET_KEY": "only-for-tests-" + "x" * 50, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


def configured(**environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in {one.name for one in SETTINGS}}
    return subprocess.run(
        [sys.executable, "-c", SHOWN],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODEL_MAP_JSON", "{"),
        ("MODEL_MAP_JSON", '{"claude": 1}'),
        ("HOST", "0.0.0.0"),
        ("OPENAI_BASE_URL", "ftp://x"),
        ("PORT", "many"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("AUDIT_REDACTION", "none"),
        ("AUDIT_REDACTION", "some"),
        ("METRICS", "public"),
    ],
)
def test_a_bad_setting_stops_the_server_with_one_line(name: str, value: str) -> None:
    done = configured(**{name: value})
    assert done.returncode == 1
    assert done.stderr.startswith("Configuration error: ")
    assert name in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["-b", "0.0.0.0:{port}"], {}),
        (["-b", ":{port}"], {}),
        (["-b", "[::]:{port}"], {}),
        (["-b", "127.0.0.1:{port}", "-b", "0.0.0.0:{port}"], {}),
        ([], {"GUNICORN_CMD_ARGS": "--bind=0.0.0.0:{port}"}),
    ],
)
def test_a_bind_beyond_loopback_is_refused_wherever_it_was_given(
    arguments: list[str], environment: dict[str, str]
) -> None:
    port = str(free_port())
    done = started(
        *(one.format(port=port) for one in arguments),
        BRIDGE_CLIENT_AUTH="open",
        **{name: value.format(port=port) for name, value in environment.items()},
    )
    assert done.returncode == 1
    assert "Configuration error: " in done.stderr
    assert "not a loopback address" in done.stderr


def test_the_banner_says_the_address_that_the_server_was_told_to_bind() -> None:
    it = runpy.run_path(str(ROOT / "config" / "gunicorn.conf.py"))
    server = SimpleNamespace(cfg=SimpleNamespace(address=["/run/bridge.sock", ("127.0.0.2", 9123)]))
    assert it["_shown"](server) == "http://127.0.0.2:9123"


@pytest.mark.parametrize(
    ("host", "bound", "shown"),
    [
        ("127.0.0.1", "127.0.0.1:9009", "http://127.0.0.1:9009"),
        ("0.0.0.0", "0.0.0.0:9009", "http://127.0.0.1:9009"),
        ("::1", "[::1]:9009", "http://[::1]:9009"),
        ("[::]", "[::]:9009", "http://[::1]:9009"),
    ],
)
def test_the_banner_says_how_to_point_claude_code_at_it(host: str, bound: str, shown: str) -> None:
    said = configured(HOST=host, PORT="9009", OPENAI_API_KEY="sk-only-a-test", BRIDGE_CLIENT_AUTH="keys").stdout
    assert said.splitlines()[0] == bound
    assert f"ANTHROPIC_BASE_URL={shown}\n" in said
    assert "sk-only-a-test" not in said
    assert "OPENAI_API_KEY is not set" not in said


def test_a_missing_key_is_told_at_the_start() -> None:
    assert "OPENAI_API_KEY is not set" in configured(OPENAI_API_KEY="").stdout
    assert "OPENAI_API_KEY is not set" not in configured(OPENAI_API_KEY="", BRIDGE_CLIENT_AUTH="passthrough").stdout


@pytest.mark.parametrize(
    ("auth", "shown"), [("open", "anything"), ("keys", "create_client_key"), ("passthrough", "own")]
)
def test_the_banner_says_which_key_is_needed(auth: str, shown: str) -> None:
    line = next(one for one in configured(BRIDGE_CLIENT_AUTH=auth).stdout.splitlines() if "AUTH_TOKEN" in one)
    assert shown in line


def test_the_servers_log_as_the_bridge_does() -> None:
    loggers = runpy.run_path(str(ROOT / "config" / "gunicorn.conf.py"))["logconfig_dict"]["loggers"]
    assert all(loggers[name]["handlers"] == ["out"] for name in ("gunicorn.error", "gunicorn.access", "uvicorn.error"))
