"""The command that holds counts against the upstream itself: its own count, and what it bills."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from bridge_api import service
from bridge_api.auth import MODES
from bridge_api.tokens import counting, documents, encodings, verify
from bridge_api.tokens.cases import CASES
from tests.live import Bridge
from tests.simulator.script import Call, Reasoning, Request, Text, Turn, outputs_after_last_user
from tests.simulator.server import KEY, Simulator

pytestmark = pytest.mark.usefixtures("alone")
HI = {"model": "claude-opus-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
SECOND_TURNS = sum(bool(case.then) for case in CASES)


def exact(request: dict[str, Any]) -> int:
    """A bill by the bridge's own rules: the upstream that agrees."""
    return counting.count(request, counting.Means(encodings.length, pdf_pages=documents.pages))


def billing(count: Callable[[dict[str, Any]], int]) -> Callable[[Request], Turn]:
    def brain(request: Request) -> Turn:
        pieces = (Text("Done."),)
        if request.get("tools") and not outputs_after_last_user(request) and "include" in request:
            pieces = (Reasoning(tokens=40), Call("get_weather", "{}"))  # type: ignore[assignment]
        return Turn(pieces, input_tokens=count(dict(request)), cached_tokens=3, cache_write_tokens=2)

    return brain


@pytest.fixture(autouse=True)
def in_front_of_the_simulator(simulator: Simulator, settings: Any) -> Iterator[None]:
    settings.OPENAI_BASE_URL = simulator.base_url
    settings.OPENAI_API_KEY = KEY
    simulator.counting, simulator.brain = exact, billing(exact)
    service.reset()
    yield
    service.reset()


def requests(tmp_path: Path, *lines: dict[str, Any] | str) -> str:
    path = tmp_path / "requests.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return str(path)


@contextmanager
def answering(answer: Any) -> Iterator[str]:
    """A server whose every answer is ``answer``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def run(tmp_path: Path, *args: str) -> tuple[str, Any]:
    out, report = StringIO(), tmp_path / "report.json"
    call_command("verify_token_counts", *args, "--json", str(report), stdout=out)
    return out.getvalue(), json.loads(report.read_text())


def test_counts_that_are_off_are_told_and_fail(tmp_path: Path, simulator: Simulator) -> None:
    simulator.counting = lambda request: 2 * exact(request)
    with pytest.raises(CommandError, match=r"p95 error 50\.00% is beyond 10\.00%"):
        run(tmp_path, "--live", "--tolerance", "0.1")


@pytest.mark.parametrize("way", ["--live", "--generate"])
def test_an_upstream_that_refuses_is_told_for_each_request(tmp_path: Path, settings: Any, way: str) -> None:
    settings.OPENAI_API_KEY = "sk-wrong-0000000000000000"
    service.reset()
    out = StringIO()
    with pytest.raises(CommandError, match=f"{len(CASES)} requests have no figure"):
        call_command("verify_token_counts", way, stdout=out)
    assert out.getvalue().count("failed: ") == len(CASES)
    assert "sk-wrong" not in out.getvalue()


@pytest.mark.parametrize("line", ["no json", "[1]", "null", '{"request": null}', '{"request": [1]}', "[" * 5000])
def test_a_request_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(CommandError, match=r"line 2.* is no JSON object"):
        run(tmp_path, "--live", "--requests", requests(tmp_path, "", line))


@pytest.mark.parametrize("way", ["--live", "--generate"])
def test_a_file_without_requests_is_told(tmp_path: Path, way: str) -> None:
    with pytest.raises(CommandError, match="holds no requests"):
        run(tmp_path, way, "--requests", requests(tmp_path, "", " "))


@pytest.mark.parametrize("way", ["--live", "--generate"])
def test_requests_that_are_refused_do_not_stop_the_others(tmp_path: Path, way: str) -> None:
    deep: Any = 1
    for _ in range(400):
        deep = {"a": deep}
    odd: tuple[dict[str, Any], ...] = (
        {"request": {}},
        {"request": {**HI, "metadata": deep}},
        {**HI, "messages": 5},
        {**HI, "tools": [{"a": deep}]},
    )
    out = StringIO()
    with pytest.raises(CommandError, match="4 requests have no figure"):
        call_command("verify_token_counts", way, "--requests", requests(tmp_path, *odd, HI), stdout=out)
    assert out.getvalue().count("failed: ") == 4
    assert "all" in out.getvalue()


def test_each_kind_that_is_shipped_is_compared_with_the_upstreams_count(tmp_path: Path, simulator: Simulator) -> None:
    shown, report = run(tmp_path, "--live", "--tolerance", "0")
    classes = report["classes"]
    assert classes["all"]["n"] == len(simulator.counts) == len(CASES)
    assert classes["all"]["exact"] == 1
    assert {kind for kind, figures in classes.items() if figures["n"]} == {"all", *verify.KINDS} - {
        "hosted",
        "reasoning",
    }
    assert classes["hosted"] == {"n": 0, "exact": None, "within_3": None, "median_abs": None, "p95_rel": None}
    assert "tool_history" in shown
    assert not simulator.requests


def test_answers_are_compared_with_their_bills_the_next_turn_too(tmp_path: Path, simulator: Simulator) -> None:
    _, report = run(tmp_path, "--generate")
    assert report["classes"]["all"]["n"] == len(simulator.requests) == len(CASES) + SECOND_TURNS
    assert report["classes"]["reasoning"]["n"] == SECOND_TURNS
    assert report["classes"]["text"]["exact"] == 1
    assert not simulator.refused


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", ["--live", "--generate"])
def test_who_may_ask_the_bridge_does_not_matter_to_its_operator(
    tmp_path: Path, settings: Any, mode: str, way: str
) -> None:
    settings.BRIDGE_CLIENT_AUTH = mode
    service.reset()
    _, report = run(tmp_path, way, "--requests", requests(tmp_path, HI), "--tolerance", "0")
    assert report["classes"]["text"]["exact"] == 1


def test_own_requests_and_models_may_be_given(tmp_path: Path, simulator: Simulator) -> None:
    args = (
        "--live",
        "--requests",
        requests(tmp_path, HI, {"id": "b", "request": HI}),
        "--model",
        "gpt-5.4",
        "--model",
        "gpt-4o",
    )
    _, report = run(tmp_path, *args)
    assert report["classes"]["all"]["n"] == 4
    assert {name: figures["n"] for name, figures in report["families"].items()} == {"chat": 2, "gpt-5.4": 2}
    assert [request["model"] for request in simulator.counts] == ["gpt-5.4", "gpt-5.4", "gpt-4o", "gpt-4o"]


@pytest.mark.parametrize("way", ["--live", "--generate"])
def test_a_running_bridge_may_count(tmp_path: Path, live_bridge: Bridge, way: str) -> None:
    _, report = run(tmp_path, way, "--bridge", live_bridge.base_url)
    assert report["classes"]["all"]["n"] == len(CASES) + (SECOND_TURNS if way == "--generate" else 0)
    assert report["classes"]["text"]["exact"] == 1


USAGE = {"input_tokens": 5}


@pytest.mark.parametrize(
    "answer",
    [
        [1], None, "x", 5, {}, {"input_tokens": "5"}, {"input_tokens": True}, {"input_tokens": -1}, {"input_tokens": [5]},
        USAGE, {**USAGE, "usage": 5}, {**USAGE, "usage": {}}, {**USAGE, "usage": {"input_tokens": True}},
        {**USAGE, "usage": {**USAGE, "cache_read_input_tokens": []}},
    ],
)  # fmt: skip
def test_a_bridge_that_answers_with_what_is_none_is_told(tmp_path: Path, answer: Any) -> None:
    with answering(answer) as url, pytest.raises(CommandError, match="1 requests have no figure"):
        run(tmp_path, "--generate", "--requests", requests(tmp_path, HI), "--bridge", url)


@pytest.mark.parametrize(
    "content", [{}, {"content": 5}, {"content": [1]}, {"content": [{"type": "tool_use"}]}, {"content": [{"type": {}}]}]
)
def test_a_next_turn_of_what_is_no_answer_is_told(tmp_path: Path, content: Any) -> None:
    with answering({**USAGE, "usage": USAGE, **content}) as url, pytest.raises(CommandError) as told:
        run(tmp_path, "--generate", "--bridge", url)
    assert str(told.value) == f"{SECOND_TURNS} requests have no figure"


@pytest.mark.parametrize("url", ["nonsense", "ftp://a", "http://", "http://[::", "http://a:99999"])
def test_a_bridge_without_a_url_is_told(tmp_path: Path, url: str) -> None:
    with pytest.raises(CommandError, match="--bridge takes a URL"):
        run(tmp_path, "--live", "--bridge", url)


def test_a_bridge_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="requests have no figure"):
        run(tmp_path, "--live", "--bridge", "http://127.0.0.1:9")
