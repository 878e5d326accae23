"""Several workers on one database: a change reaches them all, and a limit holds over all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import postgres
from tests.live import ROOT, Bridge, start_bridge
from tests.simulator.script import Text, Turn
from tests.simulator.server import Simulator, default_brain

WORKERS = 2
BODY = {"model": "claude-opus-5-5", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}


class Running:
    """A bridge of two workers on one database, in front of a simulator."""

    def __init__(self, database: str, bridge: Bridge, simulator: Simulator) -> None:
        self.database, self.bridge, self.simulator = database, bridge, simulator

    def manage(self, *args: str) -> str:
        environment = {**os.environ, "DATABASE_URL": self.database}
        command = [sys.executable, "manage.py", *args]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout

    def new_key(self, label: str, *options: str) -> str:
        shown = self.manage("create_client_key", label, *options, "--quiet")
        time.sleep(2)  # in force in every worker
        return shown.strip().splitlines()[-1]

    def ask(self, key: str, **body: Any) -> httpx.Response:
        # A connection of its own: the kernel gives it to one worker or the other.
        with httpx.Client(timeout=30) as client:
            url = f"{self.bridge.base_url}/v1/messages"
            return client.post(url, json={**BODY, **body}, headers={"x-api-key": key})

    def ask_often(self, key: str, times: int, **body: Any) -> list[httpx.Response]:
        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(lambda _: self.ask(key, **body), range(times)))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("workers")
    with ExitStack() as stack:
        if request.param == "sqlite":
            database = f"sqlite:///{folder / 'bridge.sqlite3'}"
        else:
            reason = postgres.unavailable()
            if reason:
                pytest.skip(reason)
            database = stack.enter_context(postgres.postgres())
        simulator = stack.enter_context(Simulator())
        settings = {"DATABASE_URL": database, "WEB_CONCURRENCY": "2", "BRIDGE_CLIENT_AUTH": "keys"}
        bridge = start_bridge(folder, simulator.base_url, **settings)
        stack.callback(bridge.stop)
        yield Running(database, bridge, simulator)


def test_a_change_is_in_force_in_every_worker_within_two_seconds(running: Running, tmp_path: Path) -> None:
    key = running.new_key("mapping")
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps([{"kind": "exact", "pattern": "claude-new", "served": "gpt-5.6-luna"}]))
    assert running.ask(key, model="claude-new").status_code == 200
    running.manage("import_mappings", str(rules), "--yes")
    time.sleep(2)
    before = len(running.simulator.requests)
    assert {answer.status_code for answer in running.ask_often(key, 24, model="claude-new")} == {200}
    assert {request["model"] for request in running.simulator.requests[before:]} == {"gpt-5.6-luna"}


def test_a_limit_holds_over_all_workers(running: Running) -> None:
    key = running.new_key("limited", "--requests-per-minute", "10")
    before = len(running.simulator.requests)
    seconds = time.time() % 60
    if seconds > 45:
        time.sleep(61 - seconds)  # the whole test in one minute of the clock
    answers = running.ask_often(key, 40)
    assert Counter(answer.status_code for answer in answers) == {200: 10, 429: 30}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert len(running.simulator.requests) == before + 10


def test_no_more_requests_run_at_once_than_a_key_may_have(running: Running) -> None:
    key = running.new_key("slow", "--concurrent-streams", "3")
    running.simulator.brain = lambda request: Turn((Text("word " * 20),), step=10, delay=0.1)
    try:
        answers = running.ask_often(key, 12, stream=True)
    finally:
        running.simulator.brain = default_brain
    counted = Counter(answer.status_code for answer in answers)
    assert 1 <= counted[200] <= 3 + WORKERS
    assert counted[200] + counted[429] == 12
    assert running.ask(key).status_code == 200, "what has ended is free again"


def test_a_revoked_key_is_refused_by_every_worker(running: Running) -> None:
    key = running.new_key("gone")
    assert running.ask(key).status_code == 200
    running.manage("revoke_client_key", "gone")
    time.sleep(2)
    answers = running.ask_often(key, 16)
    assert {answer.status_code for answer in answers} == {401}
    assert "revoked" in answers[0].json()["error"]["message"]
