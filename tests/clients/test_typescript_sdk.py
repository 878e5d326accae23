"""The Anthropic TypeScript SDK against a live bridge."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from tests.clients.node_clients import FOLDER, needs_typescript
from tests.live import Bridge
from tests.simulator.script import Call, Reasoning, Text, Turn, error_turn
from tests.simulator.server import Simulator

pytestmark = needs_typescript


def run(bridge: Bridge, job: str) -> Any:
    done = subprocess.run(
        ["node", "typescript_sdk.mjs", job],
        cwd=FOLDER,
        env={"PATH": os.environ["PATH"], "BRIDGE": bridge.base_url},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)


def test_an_error_has_its_class(live_bridge: Bridge, simulator: Simulator) -> None:
    simulator.queue(error_turn(429, "rate_limit_exceeded", retry_after="30"))
    assert run(live_bridge, "refused") == {"name": "RateLimitError", "status": 429, "type": "rate_limit_error"}


def test_a_cut_stream_is_an_error(live_bridge: Bridge, simulator: Simulator) -> None:
    simulator.queue(Turn((Text("This will be cut."),), ending="eof"))
    assert run(live_bridge, "cut")["type"] == "api_error"


def test_create_and_stream_give_the_same_blocks(live_bridge: Bridge, simulator: Simulator) -> None:
    turn = Turn((Reasoning(("Why.",)), Text("Hello."), Call("f", '{"a":1}')))
    simulator.queue(turn, turn)
    whole, streamed = run(live_bridge, "create"), run(live_bridge, "stream")
    assert [block["type"] for block in streamed["content"]] == ["thinking", "text", "tool_use"]
    assert streamed["content"][0]["thinking"] == "Why."
    assert streamed["content"][1]["text"] == whole["content"][1]["text"] == "Hello."
    assert streamed["content"][2]["input"] == whole["content"][2]["input"] == {"a": 1}
    assert streamed["stop_reason"] == whole["stop_reason"] == "tool_use"


def test_a_stop_sequence_ends_the_stream(live_bridge: Bridge, simulator: Simulator) -> None:
    simulator.queue(Turn((Text("before STOP after"),), step=2))
    message = run(live_bridge, "stop")
    assert message["content"][0]["text"] == "before "
    assert message["stop_sequence"] == "STOP"


def test_structured_output_parses(live_bridge: Bridge, simulator: Simulator) -> None:
    assert run(live_bridge, "parse")["parsed_output"] == {"title": "text"}


def test_tokens_are_counted(live_bridge: Bridge, simulator: Simulator) -> None:
    assert run(live_bridge, "count") == {"input_tokens": 8}


def test_models_are_listed_and_retrieved(live_bridge: Bridge) -> None:
    found = run(live_bridge, "models")
    assert len(found["names"]) == len(set(found["names"])) > 5
    assert found["one"]["id"] in found["names"]
    assert found["one"]["lifecycle"] == "active"
    assert run(live_bridge, "unknown")["name"] == "NotFoundError"
