"""The bridge for tests, in front of the simulator: the real server (gunicorn with its worker), or in the process.

Only the real server streams as it goes, closes connections and keeps a trail; the one in the process is for quick
tests of what is asked upstream and what is answered.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.simulator.server import KEY, Simulator

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Bridge:
    """A running bridge. ``log`` is the file of its output."""

    base_url: str
    process: subprocess.Popen[bytes]
    log: Path
    database: Path

    def logs(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, seconds: float = 20) -> int:
        self.process.terminate()
        return self.process.wait(seconds)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_bridge(folder: Path, upstream: str, **settings: str) -> Bridge:
    """Start a bridge whose files are in ``folder``; ``settings`` are added to its environment."""
    port = free_port()
    database = folder / "bridge.sqlite3"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ANTHROPIC_"))},
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "OPENAI_BASE_URL": upstream,
        "OPENAI_API_KEY": KEY,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "DATABASE_URL": f"sqlite:///{database}",
        "SECRET_KEY": "only-for-tests-" + "x" * 50,
        **settings,
    }
    log = folder / "bridge.log"
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py"],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    bridge = Bridge(f"http://127.0.0.1:{port}", process, log, database)
    _wait_until_healthy(bridge)
    return bridge


def _wait_until_healthy(bridge: Bridge) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{bridge.base_url}/healthz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if bridge.process.poll() is not None:
                break
            time.sleep(0.05)
    raise RuntimeError(f"the bridge did not start:\n{bridge.logs()}")


@pytest.fixture(scope="session")
def simulator_server() -> Iterator[Simulator]:
    with Simulator() as server:
        yield server


@pytest.fixture
def simulator(simulator_server: Simulator) -> Iterator[Simulator]:
    """The scripted upstream, empty at the start; what strictness refused is shown when a test fails."""
    simulator_server.reset()
    yield simulator_server


@pytest.fixture(scope="session")
def live_bridge(simulator_server: Simulator) -> Iterator[Bridge]:
    """A bridge for the whole run, with short times so that tests of silence are quick."""
    with tempfile.TemporaryDirectory() as folder:
        bridge = start_bridge(
            Path(folder),
            simulator_server.base_url,
            PING_INTERVAL="1",
            UPSTREAM_IDLE_TIMEOUT="3",
            UPSTREAM_RESPONSE_TIMEOUT="3",
            UPSTREAM_RETRY_DEADLINE="5",
        )
        yield bridge
        bridge.stop()


@pytest.fixture
async def bridge_in_process(simulator: Simulator, settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the ASGI application in this process and event loop. Answers come whole, streams too."""
    from bridge_api import service
    from config.asgi import application

    settings.OPENAI_BASE_URL = simulator.base_url
    settings.OPENAI_API_KEY = KEY
    service.reset()
    # A test without a database has no rules either: what is built in serves.
    service.renewer().loaded.set()
    transport = httpx.ASGITransport(app=application)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://bridge", timeout=20) as client:
            yield client
    finally:
        await service.close()
        service.reset()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """What the bridge logged and the simulator refused goes beside the report of a failed test."""
    outcome: Any = yield
    report = outcome.get_result()
    if not report.failed:
        return
    given = getattr(item, "funcargs", {})
    bridge, simulator = given.get("live_bridge"), given.get("simulator")
    if isinstance(bridge, Bridge):
        report.sections.append(("the bridge's log (its end)", bridge.logs()[-4000:]))
    if isinstance(simulator, Simulator) and simulator.refused:
        told = "\n".join(f"{error.status} {error.code}: {error.message}" for error in simulator.refused)
        report.sections.append(("refused by the simulator", told))
