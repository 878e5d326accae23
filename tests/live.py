"""The real server for tests: gunicorn with its worker, in front of the simulator."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
