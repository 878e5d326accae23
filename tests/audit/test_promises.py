"""What the trail promises, held against the running server: no answered byte without a row, whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live import Bridge, start_bridge
from tests.simulator.script import Text, Turn
from tests.simulator.server import KEY, Simulator

BODY = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
SLOW = Turn((Text("word " * 400),), step=5, delay=0.02)


def rows(bridge: Bridge, columns: str = "request_id, outcome") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(bridge.database)) as database:
        return database.execute(f"SELECT {columns} FROM audit_auditrecord ORDER BY id").fetchall()


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def post(bridge: Bridge, path: str = "/v1/messages", **fields: Any) -> httpx.Response:
    return httpx.post(f"{bridge.base_url}{path}", json={**BODY, **fields}, timeout=30)


def first_bytes(bridge: Bridge) -> str:
    """The id of a stream whose answer has begun before the server was gone; nothing for one that had not."""
    request_id = ""
    try:
        with httpx.stream(
            "POST", f"{bridge.base_url}/v1/messages", json={**BODY, "stream": True}, timeout=30
        ) as answer:
            request_id = str(answer.headers["request-id"])
            for _ in answer.iter_raw():
                pass
    except httpx.HTTPError:
        pass
    return request_id


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process writes and does not end."""
    with closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


def test_a_worker_that_is_killed_leaves_a_row_for_each_answer_that_began(tmp_path: Path, simulator: Simulator) -> None:
    simulator.brain = lambda request: SLOW
    bridge = start_bridge(tmp_path, simulator.base_url)
    try:
        with ThreadPoolExecutor(30) as pool:
            running = [pool.submit(first_bytes, bridge) for _ in range(30)]
            assert until(lambda: len(rows(bridge)) == 30)
            time.sleep(0.3)
            (worker,) = children(bridge.process.pid)
            os.kill(worker, signal.SIGKILL)
            began = {one.result() for one in running} - {""}
        # The next worker of the same server settles what the killed one left.
        assert until(lambda: {outcome for _, outcome in rows(bridge)} == {"interrupted"}, 20)
        assert began
        assert began <= {request_id for request_id, _ in rows(bridge)}
        simulator.reset()
        assert post(bridge).status_code == 200
    finally:
        bridge.stop()


def test_a_server_that_is_killed_is_settled_by_the_next_one(tmp_path: Path, simulator: Simulator) -> None:
    simulator.brain = lambda request: SLOW
    bridge = start_bridge(tmp_path, simulator.base_url)
    with ThreadPoolExecutor(10) as pool:
        running = [pool.submit(first_bytes, bridge) for _ in range(10)]
        assert until(lambda: len(rows(bridge)) == 10)
        time.sleep(0.3)
        for process in [*children(bridge.process.pid), bridge.process.pid]:
            os.kill(process, signal.SIGKILL)
        began = {one.result() for one in running} - {""}
    bridge.process.wait(10)
    again = start_bridge(tmp_path, simulator.base_url)
    try:
        assert until(lambda: {outcome for _, outcome in rows(again)} == {"interrupted"})
        assert began
        assert began <= {request_id for request_id, _ in rows(again)}
    finally:
        again.stop()


def test_a_locked_database_fails_no_request_and_loses_no_row(tmp_path: Path, simulator: Simulator) -> None:
    bridge = start_bridge(tmp_path, simulator.base_url)
    try:
        assert post(bridge).status_code == 200
        with locked(bridge.database), ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(post, bridge, stream=at % 2 == 0) for at in range(60)]
            counted = [pool.submit(post, bridge, "/v1/messages/count_tokens") for _ in range(5)]
            answers = [one.result() for one in [*asked, *counted]]
            assert {one.status_code for one in answers} == {200}
            assert len(rows(bridge)) <= 1
        expected = {one.headers["request-id"] for one in answers}
        assert until(lambda: expected <= {request_id for request_id, outcome in rows(bridge) if outcome == "completed"})
        assert len(rows(bridge)) == 66
        with closing(sqlite3.connect(bridge.database)) as database:
            assert database.execute("SELECT sum(requests) FROM audit_usagehour").fetchone() == (66,)
    finally:
        bridge.stop()
    assert not list((tmp_path / "audit-spool").glob("*"))


def test_a_trail_that_is_required_refuses_requests_while_the_database_is_locked(
    tmp_path: Path, simulator: Simulator
) -> None:
    bridge = start_bridge(tmp_path, simulator.base_url, AUDIT_REQUIRED="true")
    try:
        assert post(bridge).status_code == 200
        asked = len(simulator.requests)
        with locked(bridge.database):
            answer = post(bridge)
            error = answer.json()["error"]
            assert (answer.status_code, error["type"]) == (529, "overloaded_error")
            assert error["message"] == "The audit trail cannot be written."
            assert post(bridge, stream=True).status_code == 529
            assert len(simulator.requests) == asked, "what is refused costs nothing upstream"
        assert until(lambda: post(bridge).status_code == 200)
        assert until(lambda: len([1 for _, status in rows(bridge, "request_id, status") if status == 529]) >= 2)
    finally:
        bridge.stop()


def test_rows_that_wait_on_disk_outlive_the_process(tmp_path: Path, simulator: Simulator) -> None:
    bridge = start_bridge(tmp_path, simulator.base_url)
    with locked(bridge.database):
        answers = [post(bridge) for _ in range(3)]
        for process in [*children(bridge.process.pid), bridge.process.pid]:
            os.kill(process, signal.SIGKILL)
        bridge.process.wait(10)
    again = start_bridge(tmp_path, simulator.base_url)
    try:
        expected = {one.headers["request-id"] for one in answers}
        assert until(lambda: expected == {request_id for request_id, _ in rows(again)})
    finally:
        again.stop()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="a small disk needs root and mount")
def test_a_full_disk_fails_no_request_and_is_caught_up_with(tmp_path: Path, simulator: Simulator) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        bridge = start_bridge(small, simulator.base_url, AUDIT_SPOOL_DIR=str(small / "spool"))
        filler = small / "filler"
        try:
            with filler.open("wb") as file:
                while file.write(b"x" * 4096) and not file.flush():
                    pass
        except OSError:
            pass
        try:
            answers = [post(bridge) for _ in range(5)]
            assert {one.status_code for one in answers} == {200}
            filler.unlink()
            expected = {one.headers["request-id"] for one in answers}
            assert until(lambda: expected <= {request_id for request_id, _ in rows(bridge)})
            assert "audit rows were lost" not in bridge.logs()
        finally:
            bridge.stop()
    finally:
        subprocess.run(["umount", "-l", small], check=False)


def test_what_was_refused_has_its_row_before_it_is_answered(tmp_path: Path, simulator: Simulator) -> None:
    bridge = start_bridge(tmp_path, simulator.base_url)
    try:
        for answer in (
            post(bridge, max_tokens="many"),
            post(bridge, "/v1/messages/stream", messages=[]),
            httpx.post(f"{bridge.base_url}/v1/messages", content=b"{", timeout=10),
            httpx.post(f"{bridge.base_url}/v1/messages", content=b"x", headers={"content-encoding": "br"}, timeout=10),
        ):
            assert (answer.headers["request-id"], "refused") in rows(bridge)
        count = post(bridge, "/v1/messages/count_tokens")
        assert (count.headers["request-id"], "completed") in rows(bridge)
    finally:
        bridge.stop()


def test_without_the_audit_app_the_api_still_answers(tmp_path: Path, simulator: Simulator) -> None:
    settings = tmp_path / "settings_without_audit.py"
    settings.write_text(
        "from config.settings import *\n"
        "INSTALLED_APPS = [app for app in INSTALLED_APPS if app != 'audit']\n"
        "MIGRATION_MODULES = {'bridge_api': None}\n"
    )
    script = (
        "import asyncio, httpx, django\n"
        "django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('migrate', run_syncdb=True, verbosity=0)\n"
        "from config.asgi import application\n"
        "async def main():\n"
        "    transport = httpx.ASGITransport(app=application)\n"
        "    async with httpx.AsyncClient(transport=transport, base_url='http://bridge') as client:\n"
        f"        answer = await client.post('/v1/messages', json={json.dumps(BODY)})\n"
        "        print(answer.status_code, answer.json()['content'][0]['type'])\n"
        "asyncio.run(main())\n"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "settings_without_audit",
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).resolve().parents[2]}",
        "OPENAI_BASE_URL": simulator.base_url,
        "OPENAI_API_KEY": KEY,
        "DATABASE_URL": f"sqlite:///{tmp_path}/bridge.sqlite3",
        "SECRET_KEY": "x" * 50,
    }
    told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert told.stdout.strip() == "200 text", told.stderr[-2000:]


def children(process: int) -> list[int]:
    """The processes that a process has begun."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(one) for one in found.split()]
