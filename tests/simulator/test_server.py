"""The simulator's server: it breaks as it is told, refuses as the API does, and counts who goes away."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.live import ROOT
from tests.simulator.script import (
    SCENARIOS,
    Call,
    Reasoning,
    Request,
    Rules,
    Steps,
    Text,
    Turn,
    Wire,
    error_turn,
    fillers,
    history_index,
    page_turn,
)
from tests.simulator.server import KEY, Simulator

BODY = {"model": "gpt-6.1-sol", "input": "Hi", "stream": True, "store": False}


@pytest.fixture
def own() -> Iterator[Simulator]:
    with Simulator() as server:
        yield server


def post(server: Simulator, path: str = "/responses", *, key: str = KEY, **fields: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.post(server.base_url + path, json={**BODY, **fields}, headers=headers, timeout=10)


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]


@pytest.mark.parametrize("key", ["sk-wrong", ""])
def test_a_wrong_or_missing_key_is_refused(own: Simulator, key: str) -> None:
    answer = post(own, key=key)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == ("invalid_api_key" if key else None)
    assert own.requests == []


def test_what_strictness_refuses_is_answered_and_kept(own: Simulator) -> None:
    answer = post(own, nonsense=1)
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "message": "Unknown parameter: 'nonsense'.",
        "type": "invalid_request_error",
        "param": "nonsense",
        "code": "unknown_parameter",
    }
    assert [error.param for error in own.refused] == ["nonsense"]


def test_other_paths_are_not_found(own: Simulator) -> None:
    assert post(own, "/chat/completions").status_code == 404


@pytest.mark.parametrize("fault", ["hang_up", "reset", "cut_chunk"])
def test_a_broken_connection_is_a_protocol_error(own: Simulator, fault: Any) -> None:
    own.queue(Turn((Text("Some words to begin with."),), fault=fault))
    with pytest.raises(httpx.TransportError):
        post(own)


@pytest.mark.parametrize(
    ("fault", "seen"),
    [("half_character", "�"), ("garbage_event", "{nonsense"), ("huge_event", "x" * 1000)],
)
def test_broken_events_arrive_after_good_ones(own: Simulator, fault: Any, seen: str) -> None:
    own.queue(Turn((Text("Some words."),), fault=fault))
    text = post(own).text
    assert text.index("response.created") < text.index(seen)
    assert "response.completed" not in text


def test_odd_answers_have_status_200(own: Simulator) -> None:
    own.queue(Turn(fault="html"), Turn(fault="json"), Turn(fault="empty"), Turn(fault="sse"))
    kinds = [post(own, stream=stream) for stream in (True, True, True, False)]
    assert [one.status_code for one in kinds] == [200] * 4
    assert [one.headers["content-type"].split(";")[0] for one in kinds] == [
        "text/html",
        "application/json",
        "text/event-stream",
        "text/event-stream",
    ]


def test_a_turn_that_breaks_has_no_answer_in_json_either(own: Simulator) -> None:
    own.queue(Turn(ending="error"), Turn(ending="failed"), Turn(ending="eof"))
    assert post(own, stream=False).status_code == 500
    failed = post(own, stream=False)
    assert (failed.status_code, failed.json()["status"]) == (200, "failed")
    with pytest.raises(httpx.TransportError):
        post(own, stream=False)


def test_a_small_body_grows(own: Simulator) -> None:
    own.queue(Turn(fault="gzip_bomb"))
    assert len(post(own).content) == 50_000_000


def test_errors_have_their_headers(own: Simulator) -> None:
    own.queue(error_turn(429, "rate_limit_exceeded", type="tokens", retry_after="7"), page_turn(502))
    limited, page = post(own), post(own)
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
    assert limited.json()["error"]["type"] == "tokens"
    assert limited.headers["x-ratelimit-reset-requests"] == "120ms"
    assert (page.status_code, page.headers["content-type"]) == (502, "text/html")
    assert limited.headers["x-request-id"] != page.headers["x-request-id"]


@pytest.mark.parametrize(
    "wire",
    [Wire(), Wire(split=1), Wire(split=7), Wire(newline="\r\n"), Wire(comments=True, done=True), Wire(named=False)],
    ids=str,
)
def test_framing_changes_no_event(own: Simulator, wire: Wire) -> None:
    turn = Turn((Text("Crème brûlée, 東京, 🙂."),), step=2, wire=wire)
    own.queue(turn)
    answer = post(own)
    said = "".join(event["delta"] for event in events(answer) if event["type"] == "response.output_text.delta")
    assert said == "Crème brûlée, 東京, 🙂."
    assert ("[DONE]" in answer.text) is wire.done
    assert ("event: " in answer.text) is wire.named


def test_a_gate_holds_the_stream_until_it_is_opened(own: Simulator) -> None:
    gate = threading.Event()
    own.queue(Turn((Text("Held."),), gate=gate, fault_after=2))
    seen: list[str] = []
    with httpx.stream(
        "POST", own.base_url + "/responses", json=BODY, headers={"authorization": f"Bearer {KEY}"}, timeout=10
    ) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                seen.append(line[7:])
                if seen[-1] == "response.in_progress":
                    assert own.active == 1
                    gate.set()
    assert seen[-1] == "response.completed"


def test_a_client_that_goes_away_is_counted_and_nothing_stays_open(own: Simulator) -> None:
    own.queue(Turn((Text("word " * 500),), delay=0.01))
    body = json.dumps(BODY).encode()
    port = int(own.base_url.split(":")[2].split("/")[0])
    raw = socket.create_connection(("127.0.0.1", port))
    raw.sendall(
        b"POST /v1/responses HTTP/1.1\r\nauthorization: Bearer %s\r\ncontent-length: %d\r\n\r\n%s"
        % (KEY.encode(), len(body), body)
    )
    assert raw.recv(10)
    raw.close()
    assert own.idle()
    assert own.aborted == 1


def test_a_client_that_closes_between_requests_has_aborted_nothing(own: Simulator) -> None:
    with httpx.Client(headers={"authorization": f"Bearer {KEY}"}) as client:
        for _ in range(2):
            assert client.post(own.base_url + "/responses", json=BODY).status_code == 200
        assert own.open_connections == 1
    assert own.aborted == 0


def test_the_openai_package_talks_to_it(own: Simulator) -> None:
    client = openai.OpenAI(base_url=own.base_url, api_key=KEY, max_retries=0)
    assert client.responses.create(model="gpt-6.1-sol", input="Hi").output_text == "You said: Hi"
    own.queue(Turn((Reasoning(("Why.",)), Text("One.", "commentary"), Call("f", '{"a":1}'))))
    with client.responses.stream(model="gpt-6.1-sol", input="Hi") as stream:
        final = stream.get_final_response()
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]
    assert client.responses.input_tokens.count(model="gpt-6.1-sol", input="Hello").input_tokens > 0
    assert "gpt-6.1-sol" in [model.id for model in client.models.list()]
    own.queue(SCENARIOS["overloaded"])  # type: ignore[arg-type]
    with pytest.raises(openai.InternalServerError):
        client.responses.create(model="gpt-6.1-sol", input="Hi")


# -- brains -----------------------------------------------------------------------------------------------

CALLED = [
    {"role": "user", "content": "Go"},
    {"type": "function_call", "call_id": "c1", "name": "Write", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "done"},
]


def test_a_queue_comes_before_the_brain(own: Simulator) -> None:
    own.brain = lambda request: Turn((Text("brain"),))
    own.queue(Turn((Text("queue"),)))
    assert "queue" in post(own).text
    assert "brain" in post(own).text


def test_a_marker_in_the_users_text_chooses_a_scenario(own: Simulator) -> None:
    assert post(own, input="Please [[scenario:quota]]").json()["error"]["code"] == "insufficient_quota"
    assert events(post(own, input="[[scenario:cut_stream]]"))[-1]["type"] != "response.completed"


def test_rules_look_at_the_call_that_was_answered() -> None:
    brain = Rules(("", Turn((Call("Write"),))), ("Write", Turn((Call("Read"),))))
    assert brain({"input": "Go"}).pieces == (Call("Write"),)
    assert brain({"input": CALLED}).pieces == (Call("Read"),)


def test_steps_follow_the_history_and_not_the_number_of_requests() -> None:
    brain = Steps(Turn((Text("one"),)), Turn((Text("two"),)))
    first: Request = {"input": CALLED[:1]}
    assert [brain(first).pieces, brain(first).pieces] == [(Text("one"),)] * 2
    assert history_index({"input": CALLED}) == 1
    assert brain({"input": CALLED}).pieces == (Text("two"),)


def test_fillers_are_what_models_add() -> None:
    assert fillers({"path": "a"}, "limit", "pages") == '{"path":"a","limit":null,"pages":null}'


def test_it_runs_by_hand() -> None:
    command = [sys.executable, "-m", "tests.simulator", "--port", "0", "--scenario", "refusal"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.readline().split()
        url = told[0].removeprefix("OPENAI_BASE_URL=")
        answer = httpx.post(f"{url}/responses", json=BODY, headers={"authorization": f"Bearer {KEY}"}, timeout=10)
        process.terminate()
    assert "response.refusal.done" in answer.text


# -- the bridge in the process ----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_the_bridge_in_the_process_answers(bridge_in_process: httpx.AsyncClient, simulator: Simulator) -> None:
    simulator.queue(Turn((Text("In here."),)))
    body = {"model": "claude-opus-5-5", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}
    answer = await bridge_in_process.post("/v1/messages", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["content"][0]["text"] == "In here."
    assert simulator.refused == []
