"""Starts what a bench needs: the upstream, the limit and the server under measure, each a process of its own.

Invariant: what was started is ended, its children too, and nothing else is.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BRIDGE = f"{shlex.quote(sys.executable)} -m gunicorn -c config/gunicorn.conf.py"
_START = 30.0


class NotStarted(Exception):
    """A server ended or did not listen in time; the text is what it said."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(command: list[str], port: int, log: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """Run ``command`` until the block ends; gives its pid once ``port`` accepts connections."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=dict(environment), stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _await_port(process, port, log)
        yield process.pid
    finally:
        _end(process)


def _await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise NotStarted(f"{shlex.join(process.args)}\n{log.read_text(errors='replace')[-3000:]}")  # type: ignore[arg-type]


def _end(process: subprocess.Popen[bytes]) -> None:
    """A session of its own was made for it, so the group is its own and its children's."""
    for number, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


def upstream(port: int) -> list[str]:
    return [sys.executable, "-m", "tests.bench.upstream", str(port)]


def limit(port: int) -> list[str]:
    options = f"--host 127.0.0.1 --port {port} --loop uvloop --http httptools --lifespan off --ws none"
    quiet = "--no-access-log --log-level error"
    return [sys.executable, "-m", "uvicorn", "tests.bench.limit:app", *options.split(), *quiet.split()]


def bridge_environment(folder: Path, port: int, base_url: str) -> dict[str, str]:
    """The bridge as it is by default, with one worker, its own database and the bench's upstream."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ANTHROPIC_"))}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "OPENAI_BASE_URL": base_url,
        "OPENAI_API_KEY": "dummy",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "DATABASE_URL": f"sqlite:///{folder / 'bench.sqlite3'}",
        "SECRET_KEY": "only-for-the-bench-" + "x" * 50,
    }


def migrate(environment: Mapping[str, str]) -> None:
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=dict(environment), check=True)
