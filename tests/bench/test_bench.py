"""The bench refuses to measure wrong answers, and what it sends and plays is what the documents promise."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import orjson
import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from bridge_api.schemas.anthropic import VERSION_2023, parse_messages
from tests.bench import payloads
from tests.bench.cpu import cpu_seconds
from tests.bench.payloads import Kind
from tests.bench.scenarios import BY_NAME, SCENARIOS, Scenario, WrongAnswer

KINDS: tuple[Kind, ...] = ("text", "tool", "paced")
SSE = BY_NAME["sse"]


def raw(kind: Kind) -> bytes:
    return b"".join(payloads.events(kind))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b'{"type":"error","error":{"type":"api_error","message":"no"}}',
        raw("text")[:-1],
        raw("text")[: len(raw("text")) // 2],
        b"".join(payloads.events("text")[:-1]),
        b"".join(record for at, record in enumerate(payloads.events("text")) if at != 50),
        raw("tool"),
    ],
    ids=["empty", "error", "last byte missing", "half", "no terminal event", "one delta missing", "another answer"],
)
def test_a_wrong_stream_is_refused(answer: bytes) -> None:
    with pytest.raises(WrongAnswer):
        SSE.check(answer, raw=True)


def test_a_message_that_was_cut_is_refused() -> None:
    content = [{"type": "text", "text": payloads.text("text")}]
    whole = {"type": "message", "stop_reason": "end_turn", "content": content}
    BY_NAME["json"].check(orjson.dumps(whole), raw=False)
    changes: tuple[dict[str, object], ...] = ({"stop_reason": "max_tokens"}, {"content": []}, {"type": "error"})
    for change in changes:
        with pytest.raises(WrongAnswer):
            BY_NAME["json"].check(orjson.dumps({**whole, **change}), raw=False)


@pytest.mark.parametrize("kind", KINDS)
def test_the_upstream_plays_events_the_official_client_accepts(kind: Kind) -> None:
    accepts = TypeAdapter(ResponseStreamEvent)
    for record in payloads.events(kind):
        accepts.validate_json(record.partition(b"data: ")[2])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_done_is_what_the_deltas_said(kind: Kind) -> None:
    data = [orjson.loads(record.partition(b"data: ")[2]) for record in payloads.events(kind)]
    said = "".join(event["delta"] for event in data if event["type"].endswith(".delta"))
    item = data[-1]["response"]["output"][0]
    assert said == (item["arguments"] if kind == "tool" else item["content"][0]["text"])
    assert [event["sequence_number"] for event in data] == list(range(len(data)))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_request_is_valid_and_has_one_place_for_its_number(scenario: Scenario) -> None:
    assert scenario.body.count(payloads.NONCE) == 1
    assert parse_messages(scenario.body, version=VERSION_2023).stream == scenario.streams


def test_the_big_request_has_the_size_that_is_promised() -> None:
    body = orjson.loads(BY_NAME["big"].body)
    assert len(BY_NAME["big"].body) == payloads.BIG_BYTES
    assert (len(body["tools"]), len(body["messages"])) == (20, 61)


def test_cpu_of_a_child_that_has_ended_still_counts() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    before, own = cpu_seconds(os.getpid()), time.process_time()
    subprocess.run([sys.executable, "-c", burn], check=True)
    # A child's time comes in ticks, so a little below what it burnt is right too.
    assert cpu_seconds(os.getpid()) - before - (time.process_time() - own) > 0.15


def test_a_process_that_is_not_there_has_used_nothing() -> None:
    assert cpu_seconds(2**22 + 1) == 0.0
