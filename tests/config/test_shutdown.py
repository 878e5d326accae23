"""R8: a server that is stopped while answers last longer than its grace."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests import grammar
from tests.bridge_api.edge import BODY
from tests.live import start_bridge
from tests.simulator.script import Text, Turn
from tests.simulator.server import Simulator


def test_answers_that_outlast_the_grace_end_well_formed_and_have_their_rows(
    tmp_path: Any, simulator: Simulator
) -> None:
    simulator.brain = lambda request: Turn((Text("word " * 3000),), step=5, delay=0.02)
    bridge = start_bridge(tmp_path, simulator.base_url, GRACEFUL_TIMEOUT="1")

    def ask(stream: bool) -> httpx.Response:
        return httpx.post(f"{bridge.base_url}/v1/messages", json={**BODY, "stream": stream}, timeout=60)

    with ThreadPoolExecutor(20) as pool:
        running = [pool.submit(ask, at % 4 != 0) for at in range(20)]
        while len(simulator.requests) < 20:
            time.sleep(0.02)
        assert bridge.stop(30) == 0
        for one in running:
            answer = one.result()
            error = answer.json() if answer.status_code != 200 else grammar.check(answer.content)[-1][1]
            assert error["error"]["type"] == "overloaded_error"
    with sqlite3.connect(bridge.database) as database:
        rows = database.execute("SELECT outcome, status, count(*) FROM audit_auditrecord GROUP BY 1, 2").fetchall()
    assert sorted(rows) == [("cancelled", 200, 15), ("cancelled", 529, 5)]


def test_a_server_that_is_stopped_leaves_no_connection_open_and_nothing_unmasked(
    tmp_path: Any, simulator: Simulator
) -> None:
    bridge = start_bridge(tmp_path, simulator.base_url)
    assert httpx.post(f"{bridge.base_url}/v1/messages", json=BODY, timeout=30).status_code == 200
    assert bridge.stop() == 0
    assert "could not be masked" not in bridge.logs()
    assert "ERROR" not in bridge.logs()
