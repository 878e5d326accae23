"""The trail on PostgreSQL: the same statements, and a server that goes and comes back."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests import postgres
from tests.live import Bridge, start_bridge
from tests.simulator.script import Text, Turn
from tests.simulator.server import Simulator

BODY = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi \u0000 there"}]}
reason = postgres.unavailable()
pytestmark = pytest.mark.skipif(reason is not None, reason=reason or "")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres.postgres() as running:
        yield running


@pytest.fixture
def bridge(url: str, tmp_path: Path, simulator: Simulator) -> Iterator[Bridge]:
    running = start_bridge(
        tmp_path,
        simulator.base_url,
        DATABASE_URL=url,
        WEB_CONCURRENCY="2",
        AUDIT_SPOOL_DIR=str(tmp_path / "spool"),
        AUDIT_REDACTION="partial",
    )
    yield running
    running.stop()


def rows(url: str, query: str = "SELECT request_id, outcome FROM audit_auditrecord") -> list[tuple[Any, ...]]:
    with psycopg.connect(url.replace("postgres://", "postgresql://")) as connection:
        return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]


def until(condition: Callable[[], bool], seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def post(bridge: Bridge, **fields: Any) -> httpx.Response:
    with httpx.Client(timeout=30) as client:
        return client.post(f"{bridge.base_url}/v1/messages", json={**BODY, **fields})


def completed(url: str) -> set[str]:
    return {request_id for request_id, outcome in rows(url) if outcome == "completed"}


def test_rows_tries_and_sums_are_written_by_both_workers(url: str, bridge: Bridge) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda at: post(bridge, stream=at % 2 == 0), range(40)))
    assert {answer.status_code for answer in answers} == {200}
    expected = {answer.headers["request-id"] for answer in answers}
    assert until(lambda: expected <= completed(url))
    tries = {request_id for (request_id,) in rows(url, "SELECT request_id FROM audit_upstreamattempt")}
    assert expected <= tries
    ended = rows(url, "SELECT count(*) FROM audit_auditrecord WHERE finished_at IS NOT NULL")
    assert rows(url, "SELECT sum(requests) FROM audit_usagehour") == ended
    assert len(rows(url, "SELECT DISTINCT worker FROM audit_auditrecord")) == 2


def test_a_table_that_is_locked_fails_no_request(url: str, bridge: Bridge) -> None:
    with psycopg.connect(url.replace("postgres://", "postgresql://")) as holder:
        holder.execute("LOCK TABLE audit_auditrecord IN ACCESS EXCLUSIVE MODE")
        answers = [post(bridge) for _ in range(10)]
    assert {answer.status_code for answer in answers} == {200}
    assert until(lambda: {answer.headers["request-id"] for answer in answers} <= completed(url))


def test_connections_that_are_cut_fail_no_request(url: str, bridge: Bridge) -> None:
    assert post(bridge).status_code == 200
    rows(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL",
    )
    answers = [post(bridge) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert until(lambda: {answer.headers["request-id"] for answer in answers} <= completed(url))


def test_a_server_that_hangs_fails_no_request(url: str, bridge: Bridge) -> None:
    assert post(bridge).status_code == 200
    backends = [
        pid
        for (pid,) in rows(
            url, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
        )
    ]
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        answers = [post(bridge) for _ in range(6)]
        assert {answer.status_code for answer in answers} == {200}
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)
    assert until(lambda: {answer.headers["request-id"] for answer in answers} <= completed(url))


def test_workers_that_are_killed_while_the_server_hangs_leave_a_row_for_each_answer_that_began(
    url: str, bridge: Bridge, simulator: Simulator
) -> None:
    assert post(bridge).status_code == 200
    simulator.brain = lambda request: Turn((Text("word " * 600),), step=5, delay=0.05)
    began: list[str] = []

    def read() -> None:
        body = {**BODY, "stream": True}
        with (
            contextlib.suppress(httpx.HTTPError),
            httpx.stream("POST", f"{bridge.base_url}/v1/messages", json=body, timeout=30) as answer,
        ):
            began.append(answer.headers["request-id"])
            for _ in answer.iter_raw():
                pass

    backends = [pid for (pid,) in rows(url, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")]
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(8):
                pool.submit(read)
            assert until(lambda: len(began) == 8)
            workers = subprocess.run(["pgrep", "-P", str(bridge.process.pid)], capture_output=True, text=True)
            for pid in workers.stdout.split():
                os.kill(int(pid), signal.SIGKILL)
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)
    assert until(lambda: set(began) <= {one for one, outcome in rows(url) if outcome == "interrupted"}, 30)


def test_workers_that_are_killed_leave_their_rows(url: str, bridge: Bridge) -> None:
    answers = [post(bridge) for _ in range(4)]
    found = subprocess.run(["pgrep", "-P", str(bridge.process.pid)], capture_output=True, text=True, check=True)
    for pid in found.stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    expected = {answer.headers["request-id"] for answer in answers}
    ended = {"completed", "interrupted"}
    assert until(lambda: expected <= {request_id for request_id, outcome in rows(url) if outcome in ended}, 20)
