"""S1: what was said goes through every path of a running bridge, and is looked for wherever a trace could be left."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live import ROOT, Bridge, start_bridge
from tests.simulator.script import Call, Text, Turn, error_turn
from tests.simulator.server import KEY, Simulator

WORDS = "zqcanary prompt 8171"
EMAIL = "zq.canary.8172@example.org"
CARD = "4111 1111 1111 1111"
SECRET = "sk-proj-zqCanary8173abcdefghijklmnopqrstuvwxyz0123"
PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"zqcanary-8174" * 20).decode()
SAID = f"{WORDS} {EMAIL} {CARD} {SECRET}"
TOOL = {
    "name": "look",
    "description": SAID,
    "input_schema": {"type": "object", "properties": {"q": {"type": "string", "description": SAID}}},
}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}
MESSAGES = [
    {"role": "user", "content": [{"type": "text", "text": SAID}, IMAGE]},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"q": SAID}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": SAID, "is_error": True}]},
]
BODY: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 200,
    "system": [{"type": "text", "text": SAID}],
    "messages": MESSAGES,
    "tools": [TOOL],
    "metadata": {"user_id": SAID},
    "stop_sequences": ["zqcanary stop 8176"],
}
ANSWER = Turn((Text(f"told {SAID}"), Call("look", json.dumps({"q": SAID}))))


class Trail:
    """A running bridge whose clients need keys, and all places where it may leave a trace."""

    def __init__(self, bridge: Bridge, environment: dict[str, str], folder: Path) -> None:
        self.bridge, self._environment, self._folder = bridge, environment, folder
        self.key = self.manage("create_client_key", "tester", "--quiet").strip().splitlines()[-1]
        self.manage("createsuperuser", "--noinput", "--username", "admin", "--email", "a@b.org")
        time.sleep(2)  # the key is in force in every worker

    def manage(self, *args: str) -> str:
        command = [sys.executable, "manage.py", *args]
        told = subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=True)
        return told.stdout

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.bridge.base_url}{path}", headers={"x-api-key": self.key}, timeout=30)

    def post(
        self,
        path: str = "/v1/messages",
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
        **changed: Any,
    ) -> httpx.Response:
        headers = {"x-api-key": self.key, "x-claude-code-session-id": "zqcanary-session-8175", **(headers or {})}
        data = content if content is not None else json.dumps({**BODY, **changed}).encode()
        return httpx.post(f"{self.bridge.base_url}{path}", content=data, headers=headers, timeout=30)

    def leave(self, **changed: Any) -> None:
        """Ask for a stream and go away in its middle."""
        body = json.dumps({**BODY, "stream": True, **changed}).encode()
        with closing(socket.create_connection(("127.0.0.1", int(self.bridge.base_url.rpartition(":")[2])))) as raw:
            head = (
                f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {self.key}\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            raw.sendall(head.encode() + body)
            raw.recv(100)

    def traces(self) -> Iterator[tuple[str, str]]:
        """Each place with its text."""
        with closing(sqlite3.connect(self.bridge.database)) as database:
            yield "the database", "\n".join(database.iterdump())
        yield "the log", self.bridge.logs()
        for path in self._folder.rglob("*"):
            if path.is_file() and path != self.bridge.log and not path.name.startswith("bridge.sqlite3"):
                yield f"the file {path.name}", path.read_bytes().decode("latin-1")
        for fmt in ("csv", "jsonl"):
            yield f"the export as {fmt}", self.manage("audit_export", f"--format={fmt}", "--with-content")
        yield "the figures", httpx.get(f"{self.bridge.base_url}/metrics", timeout=20).text
        yield from self._pages()

    def _pages(self) -> Iterator[tuple[str, str]]:
        with httpx.Client(base_url=self.bridge.base_url, timeout=30, follow_redirects=True) as client:
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get("/admin/login/").text)
            assert token is not None
            form = {"username": "admin", "password": "zq-pass-word", "csrfmiddlewaretoken": token[1], "next": "/admin/"}
            shown = client.post("/admin/login/", data=form, headers={"referer": f"{self.bridge.base_url}/admin/login/"})
            assert "/login" not in str(shown.url)
            yield "the dashboard", shown.text
            listing = client.get("/admin/audit/auditrecord/?range=all")
            yield "the list", listing.text
            found = set(re.findall(r"/admin/audit/auditrecord/\d+/change/", listing.text))
            assert len(found) >= 8
            for path in found:
                page = client.get(path)
                assert page.status_code == 200
                yield f"the page {path}", page.text


@pytest.fixture(params=["full", "partial"])
def trail(request: pytest.FixtureRequest, tmp_path: Path, simulator: Simulator) -> Iterator[tuple[str, Trail]]:
    bridge = start_bridge(
        tmp_path, simulator.base_url, AUDIT_REDACTION=request.param, BRIDGE_CLIENT_AUTH="keys", UPSTREAM_RETRIES="0"
    )
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{bridge.database}",
        "SECRET_KEY": "only-for-tests-" + "x" * 50,
        "DJANGO_SUPERUSER_PASSWORD": "zq-pass-word",
    }
    try:
        yield request.param, Trail(bridge, environment, tmp_path)
    finally:
        bridge.stop()


def speak(trail: Trail, simulator: Simulator) -> None:
    """Say it on every path, those that succeed and those that fail."""
    simulator.brain = lambda request: ANSWER
    assert trail.post().status_code == 200
    assert trail.post(stream=True).status_code == 200
    assert trail.post("/v1/messages/stream").status_code == 200
    assert trail.post("/v1/messages/count_tokens").status_code == 200
    trail.post(max_tokens=SAID)
    trail.post(**{WORDS: SAID})
    trail.post(messages=[{"role": WORDS, "content": SAID}])
    trail.post(content=b'{"model": "' + SAID.encode())
    trail.post(content=SAID.encode() * 10)
    # What a client may write where names and ids belong.
    trail.post(tools=[{**TOOL, "name": SECRET}])
    for canary in (EMAIL, CARD, SECRET, f"zqcanary {CARD}"):
        trail.post(model=canary)
        trail.get(f"/v1/models/{canary}")
        trail.get(f"/v1/{canary}")
        trail.post(f"/v1/messages/{canary}")
        trail.post(
            headers={"user-agent": canary, "x-app": canary, "anthropic-beta": canary, "x-correlation-id": SECRET}
        )
    for turn in (
        error_turn(400, "invalid_prompt", f"bad: {SAID}"),
        error_turn(401, "invalid_api_key", f"Incorrect API key provided: {SECRET}"),
        error_turn(500, "server_error", SAID),
        Turn((Text(f"told {SAID}"),), ending="error_nested"),
        Turn((Text(f"told {SAID}"),), ending="eof"),
    ):
        for stream in (False, True):
            simulator.brain = lambda request, turn=turn: turn  # type: ignore[misc]
            trail.post(stream=stream)
    simulator.brain = lambda request: Turn((Text(f"{SAID} " * 50),), step=20, delay=0.01)
    trail.leave()
    time.sleep(1)


def test_nothing_that_was_said_leaves_a_trace(trail: tuple[str, Trail], simulator: Simulator) -> None:
    mode, running = trail
    speak(running, simulator)
    hidden = {
        "e-mail": EMAIL,
        "card": CARD,
        "secret": SECRET,
        "picture": PICTURE[:40],
        "client key": running.key,
        "upstream key": KEY,
        "session": "zqcanary-session-8175",
    }
    if mode == "full":
        hidden |= {"words": WORDS, "canary": "zqcanary"}
    found = [(what, place) for place, text in running.traces() for what, value in hidden.items() if value in text]
    assert not found, found


def test_in_partial_mode_the_words_are_there_to_read(tmp_path: Path, simulator: Simulator) -> None:
    bridge = start_bridge(tmp_path, simulator.base_url, AUDIT_REDACTION="partial")
    try:
        simulator.brain = lambda request: ANSWER
        answer = httpx.post(f"{bridge.base_url}/v1/messages", json=BODY, timeout=30)
        assert answer.status_code == 200
        query, found = "SELECT request, response FROM audit_auditrecord WHERE finished_at IS NOT NULL", None
        end = time.monotonic() + 10
        while found is None and time.monotonic() < end:
            with closing(sqlite3.connect(bridge.database)) as database:
                found = database.execute(query).fetchone()
        assert found is not None
        request, response = found
    finally:
        bridge.stop()
    assert WORDS in request
    assert WORDS in response
    masked = json.loads(request)["masked"]
    assert masked["email"] >= 1
    assert masked["card"] >= 1
