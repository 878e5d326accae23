"""Exchanges on a live bridge: faults of the upstream, clients that leave, retries, repairs, and the trail."""

from __future__ import annotations

import json
import random
import socket
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests import grammar
from tests.live import Bridge
from tests.simulator.script import Call, Reasoning, Request, Text, Turn, error_turn
from tests.simulator.server import Simulator

BODY = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
LONG = Turn((Text("word " * 400),), step=5, delay=0.01)


def post(bridge: Bridge, path: str = "/v1/messages", **fields: Any) -> httpx.Response:
    return httpx.post(f"{bridge.base_url}{path}", json={**BODY, **fields}, timeout=30)


def row(bridge: Bridge, answer: httpx.Response) -> dict[str, Any]:
    """The audit row of an answer."""
    return rows(bridge, "request_id = ?", answer.headers["request-id"])[0]


def rows(bridge: Bridge, where: str, *values: Any, number: int = 1) -> list[dict[str, Any]]:
    """Rows of exchanges that have ended, at least ``number`` of them where they come in time."""
    found: list[dict[str, Any]] = []
    where = f"{where} AND finished_at IS NOT NULL"
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with sqlite3.connect(bridge.database) as database:
            database.row_factory = sqlite3.Row
            found = [dict(one) for one in database.execute(f"SELECT * FROM audit_auditrecord WHERE {where}", values)]
        if len(found) >= number:
            return found
        time.sleep(0.05)
    return found


def until(condition: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


# -- faults of the upstream -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("html", 502, "api_error"),
        ("silent_headers", 504, "timeout_error"),
        ("gzip_bomb", 502, "api_error"),
        ("silent_stream", 504, "timeout_error"),
        ("reset", 502, "api_error"),
        ("cut_chunk", 502, "api_error"),
        ("half_character", 502, "api_error"),
        ("garbage_event", 502, "api_error"),
        ("huge_event", 502, "api_error"),
    ],
)
def test_a_broken_answer_is_a_true_error_for_a_client_that_does_not_stream(
    live_bridge: Bridge, simulator: Simulator, fault: Any, status: int, kind: str
) -> None:
    simulator.brain = lambda request: Turn((Text("Some words to begin with."),), fault=fault, fault_after=6)
    answer = post(live_bridge)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert answer.json()["request_id"] == answer.headers["request-id"]
    kept = row(live_bridge, answer)
    assert (kept["status"], kept["error_type"]) == (status, kind)


@pytest.mark.parametrize(
    "fault", ["silent_stream", "reset", "cut_chunk", "half_character", "garbage_event", "huge_event"]
)
def test_a_stream_that_breaks_in_the_middle_ends_in_an_error_event(
    live_bridge: Bridge, simulator: Simulator, fault: Any
) -> None:
    simulator.queue(Turn((Text("Some words to begin with."),), fault=fault, fault_after=6, delay=0.02))
    answer = post(live_bridge, stream=True)
    assert answer.status_code == 200
    seen = grammar.check(answer.content)
    assert seen[-1][0] == "error"
    assert seen[-1][1]["request_id"] == answer.headers["request-id"]
    assert len(simulator.requests) == 1, "nothing is tried again after the first byte"


def test_an_upstream_that_answers_in_json_is_understood(live_bridge: Bridge, simulator: Simulator) -> None:
    simulator.queue(Turn((Text("Whole."),), fault="json"), Turn((Text("Whole."),), fault="json"))
    assert post(live_bridge).json()["content"][0]["text"] == "Whole."
    grammar.check(post(live_bridge, stream=True).content)


def test_a_silent_upstream_is_covered_by_pings(live_bridge: Bridge, simulator: Simulator) -> None:
    simulator.queue(Turn((Text("ab"),), step=1, delay=0.1))
    simulator.queue(Turn((Reasoning(("Slow.",)), Text("Done.")), step=50, delay=1.3))
    seen = [name for name, _ in grammar.check(post(live_bridge, stream=True, thinking={"type": "adaptive"}).content)]
    assert "ping" not in seen
    seen = [name for name, _ in grammar.check(post(live_bridge, stream=True, thinking={"type": "adaptive"}).content)]
    assert "ping" in seen
    assert seen[-1] == "message_stop"


def test_a_refused_connection_is_told(tmp_path: Any) -> None:
    from tests.live import free_port, start_bridge

    bridge = start_bridge(tmp_path, f"http://127.0.0.1:{free_port()}/v1", UPSTREAM_RETRIES="1")
    try:
        answer = post(bridge)
        assert (answer.status_code, answer.json()["error"]["type"]) == (502, "api_error")
        assert row(bridge, answer)["attempt_count"] == 2
    finally:
        bridge.stop()


# -- retries and repairs ----------------------------------------------------------------------------------


def test_overload_is_tried_again_before_the_first_byte(live_bridge: Bridge, simulator: Simulator) -> None:
    simulator.queue(error_turn(503, "server_is_overloaded"), Turn(ending="error_nested", pieces=()))
    answer = post(live_bridge, stream=True)
    assert grammar.check(answer.content)[-1][0] == "message_stop"
    assert len(simulator.requests) == 3
    request_id = row(live_bridge, answer)["request_id"]
    with sqlite3.connect(live_bridge.database) as database:
        query = "SELECT error_code FROM audit_upstreamattempt WHERE request_id = ? ORDER BY number"
        codes = [code for (code,) in database.execute(query, [request_id])]
    assert codes == ["server_is_overloaded", "server_is_overloaded", ""]


def test_a_lasting_overload_has_its_own_status(live_bridge: Bridge, simulator: Simulator) -> None:
    simulator.brain = lambda request: error_turn(503, "server_is_overloaded")
    answer = post(live_bridge, stream=True)
    assert (answer.status_code, answer.json()["error"]["type"]) == (529, "overloaded_error")


def test_a_long_wait_is_the_clients_to_keep(live_bridge: Bridge, simulator: Simulator) -> None:
    simulator.queue(error_turn(429, "rate_limit_exceeded", retry_after="60"))
    answer = post(live_bridge)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert len(simulator.requests) == 1
    assert answer.headers["anthropic-ratelimit-requests-limit"] == "500"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_cannot_heal_is_not_tried_again(live_bridge: Bridge, simulator: Simulator, status: int) -> None:
    simulator.queue(error_turn(status, "some_code"))
    assert post(live_bridge).status_code == status
    assert len(simulator.requests) == 1


def test_reasoning_that_the_upstream_cannot_read_any_more_is_left_out(
    live_bridge: Bridge, simulator: Simulator
) -> None:
    simulator.queue(Turn((Reasoning(("Why.",)), Text("First."))))
    first = post(live_bridge, thinking={"type": "adaptive"}).json()
    simulator.queue(error_turn(400, "invalid_encrypted_content", "The encrypted content could not be verified."))
    messages = [
        *BODY["messages"],
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": "And?"},
    ]  # type: ignore[misc]
    answer = post(live_bridge, messages=messages, thinking={"type": "adaptive"})
    assert answer.status_code == 200
    kinds = [[item["type"] for item in request["input"]] for request in simulator.requests[1:]]
    assert kinds == [["message", "reasoning", "message", "message"], ["message"] * 3]
    assert "dropped.reasoning_retry" in row(live_bridge, answer)["notes"]


# -- the alias, credentials, correlation ------------------------------------------------------------------


def test_the_streaming_alias_always_answers_with_a_stream(live_bridge: Bridge, simulator: Simulator) -> None:
    simulator.queue(error_turn(404, "model_not_found"))
    failed = post(live_bridge, "/v1/messages/stream")
    assert failed.status_code == 200
    assert failed.headers["content-type"].startswith("text/event-stream")
    assert [name for name, _ in grammar.check(failed.content)] == ["error"]
    bad = httpx.post(f"{live_bridge.base_url}/v1/messages/stream", content=b"{", timeout=10)
    assert (bad.status_code, next(grammar.records(bad.content))[1]["error"]["type"]) == (200, "invalid_request_error")
    assert grammar.check(post(live_bridge, "/v1/messages/stream", stream=False).content)[-1][0] == "message_stop"


def test_a_missing_key_is_an_envelope_on_both_paths(tmp_path: Any, simulator: Simulator) -> None:
    from tests.live import start_bridge

    bridge = start_bridge(tmp_path, simulator.base_url, OPENAI_API_KEY="")
    try:
        answer = post(bridge)
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "authentication_error"
        assert answer.json()["error"]["openai"]["error"]["message"] == "OPENAI_API_KEY is required"
        assert post(bridge, stream=True).status_code == 401
        streamed = post(bridge, "/v1/messages/stream")
        assert streamed.status_code == 200
        name, data = next(grammar.records(streamed.content))
        assert (name, data["error"]["openai"]["error"]["message"]) == ("error", "OPENAI_API_KEY is required")
        assert row(bridge, answer)["error_code"] == "missing_api_key"
        assert httpx.get(f"{bridge.base_url}/readyz").status_code == 503
    finally:
        bridge.stop()


def test_a_correlation_id_goes_all_the_way(live_bridge: Bridge, simulator: Simulator) -> None:
    headers = {"X-Correlation-ID": "trace.me-1", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "cookie": "secret=1"}
    answer = httpx.post(f"{live_bridge.base_url}/v1/messages?beta=true", json=BODY, headers=headers, timeout=10)
    assert answer.headers["x-correlation-id"] == "trace.me-1"
    sent = simulator.headers[0]
    assert sent["x-client-request-id"] == "trace.me-1"
    assert sent["traceparent"].startswith(f"00-{'a' * 32}-")
    assert "b" * 16 not in sent["traceparent"]
    assert "cookie" not in sent
    assert row(live_bridge, answer)["correlation_id"] == "trace.me-1"
    assert '"correlation_id":"trace.me-1"' in live_bridge.logs()
    unsafe = httpx.post(
        f"{live_bridge.base_url}/v1/messages", json=BODY, headers={"X-Correlation-ID": "a b/<x>"}, timeout=10
    )
    assert unsafe.headers["x-correlation-id"] != "a b/<x>"


def test_neither_rows_nor_logs_hold_what_was_said(live_bridge: Bridge, simulator: Simulator) -> None:
    canary = "canary-7f3a"
    simulator.queue(
        Turn((Text(f"answer {canary}"), Call("f", json.dumps({"a": canary})))), error_turn(400, "x", f"bad {canary}")
    )
    tools = [
        {
            "name": "f",
            "description": canary,
            "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}},
        }
    ]
    messages = [{"role": "user", "content": f"my {canary}"}]
    for _ in range(2):
        answer = post(live_bridge, messages=messages, tools=tools, system=canary)
        row(live_bridge, answer)
    httpx.post(
        f"{live_bridge.base_url}/v1/messages",
        json={**BODY, "messages": [{"role": canary, "content": canary}]},
        timeout=10,
    )
    httpx.post(f"{live_bridge.base_url}/v1/messages", content=b'{"canary-7f3a', timeout=10)
    dump = "\n".join(line for line in sqlite3.connect(live_bridge.database).iterdump())
    assert canary not in dump
    assert canary not in live_bridge.logs()
    assert "sk-simulator" not in dump + live_bridge.logs()


# -- clients that leave -----------------------------------------------------------------------------------


def test_two_hundred_clients_that_leave_end_their_upstreams_and_leave_their_rows(
    live_bridge: Bridge, simulator: Simulator
) -> None:
    simulator.brain = lambda request: LONG
    draw = random.Random(5)
    before = len(rows(live_bridge, "outcome = 'client_disconnected'", number=0))
    port = int(live_bridge.base_url.rpartition(":")[2])
    for start in range(0, 200, 40):
        sockets = []
        for at in range(start, start + 40):
            body = json.dumps({**BODY, "stream": at % 4 != 0}).encode()
            raw = socket.create_connection(("127.0.0.1", port))
            raw.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            sockets.append(raw)
        for raw in sockets:
            time.sleep(draw.random() * 0.01)
            raw.close()
    assert until(lambda: simulator.open_connections == 0 or simulator.aborted >= 195, 10)
    found = rows(live_bridge, "outcome = 'client_disconnected'", number=before + 200)
    assert len(found) == before + 200
    assert {one["status"] for one in found} == {499}
    simulator.reset()
    assert post(live_bridge).status_code == 200


def test_a_stop_sequence_closes_the_upstream_at_once(live_bridge: Bridge, simulator: Simulator) -> None:
    simulator.queue(Turn((Text("one STOP " + "more " * 500),), step=4, delay=0.01))
    answer = post(live_bridge, stop_sequences=["STOP"])
    assert answer.json()["stop_reason"] == "stop_sequence"
    assert until(lambda: simulator.aborted == 1)


# -- the server -------------------------------------------------------------------------------------------


def test_streams_that_run_when_the_server_stops_come_to_an_end(tmp_path: Any, simulator: Simulator) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from tests.live import start_bridge

    simulator.brain = lambda request: Turn((Text("word " * 60),), step=5, delay=0.02)
    bridge = start_bridge(tmp_path, simulator.base_url)
    with ThreadPoolExecutor(50) as pool:
        running = [pool.submit(post, bridge, stream=True) for _ in range(50)]
        until(lambda: len(simulator.requests) == 50, 10)
        assert bridge.stop(30) == 0
        for one in running:
            assert grammar.check(one.result().content)[-1][0] in ("message_stop", "error")
    assert len(rows(bridge, "endpoint = '/v1/messages'", number=50)) == 50


def test_thirty_counts_at_once_are_answered(live_bridge: Bridge) -> None:
    from concurrent.futures import ThreadPoolExecutor

    tool = {
        "name": "t",
        "description": "d " * 900,
        "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}},
    }

    def one(at: int) -> int:
        body = {
            "model": "claude-opus-5-5",
            "messages": [{"role": "user", "content": "foo"}],
            "tools": [{**tool, "name": f"t{at}"}],
        }
        answer = httpx.post(
            f"{live_bridge.base_url}/v1/messages/{'count_tokens' if at % 2 else 'token_count'}?beta=true",
            json=body,
            timeout=20,
        )
        return int(answer.json()["input_tokens"])

    with ThreadPoolExecutor(30) as pool:
        assert all(count > 900 for count in pool.map(one, range(30)))


def test_what_claude_code_asks_at_its_start_is_answered(live_bridge: Bridge) -> None:
    base = live_bridge.base_url
    assert httpx.head(f"{base}/").status_code == 204
    assert httpx.head(f"{base}/api/hello").status_code == 204
    assert httpx.post(f"{base}/api/event_logging/batch", json={"events": []}).status_code == 204
    assert httpx.get(f"{base}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{base}/readyz").json()["status"] == "ready"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/messages", 405), ("POST", "/v1/files", 404), ("POST", "/v1/messages/", 404)],
)
def test_other_paths_and_methods_are_refused_in_the_envelope(
    live_bridge: Bridge, method: str, path: str, status: int
) -> None:
    answer = httpx.request(method, f"{live_bridge.base_url}{path}", follow_redirects=False)
    assert answer.status_code == status
    assert answer.json()["type"] == "error"
    assert answer.json()["request_id"] == answer.headers["request-id"]


def test_nothing_in_a_body_changes_where_the_request_goes(live_bridge: Bridge, simulator: Simulator) -> None:
    answer = post(
        live_bridge, base_url="http://127.0.0.1:1", headers={"authorization": "x"}, extra={"url": "http://127.0.0.1:1"}
    )
    assert answer.status_code == 200
    assert len(simulator.requests) == 1


def test_the_brain_sees_one_request(live_bridge: Bridge, simulator: Simulator) -> None:
    seen: list[Request] = []

    def brain(request: Request) -> Turn:
        seen.append(request)
        return Turn()

    simulator.brain = brain
    post(live_bridge)
    assert seen[0]["store"] is False
