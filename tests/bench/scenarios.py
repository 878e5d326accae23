"""The scenarios: what is asked, what the upstream plays, and what a right answer is.

A right answer carries the whole text (or the whole arguments) of the upstream's deltas. The targets are what the
project aims at, in multiples of the limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from tests.bench import payloads
from tests.bench.payloads import Kind


class WrongAnswer(Exception):
    """The server under measure did not do the work, so its CPU means nothing."""


@dataclass(frozen=True)
class Scenario:
    """``requests`` is the number in one reading; ``limit_factor`` more go to the limit, which is that much cheaper.
    ``same``: every request is the same, its number included."""

    name: str
    body: bytes
    kind: Kind
    requests: int
    connections: int = 16
    streams: bool = True
    limit_factor: int = 4
    target: float | None = None
    latency: bool = False
    path: str = "/v1/messages"
    same: bool = False

    @property
    def counts(self) -> bool:
        return self.path.endswith("/count_tokens")

    @property
    def raw_path(self) -> str:
        """What the limit is asked: the same answer, unchanged. Only there a JSON answer comes as JSON."""
        return f"/raw/{self.kind if self.streams else 'json'}"

    def check(self, answer: bytes, *, raw: bool) -> None:
        """Raises ``WrongAnswer`` unless ``answer`` is complete and says what the upstream said."""
        if self.counts and not raw:
            _must_count(answer)
            return
        try:
            said = _said(answer, raw=raw, streams=self.streams)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise WrongAnswer(f"{self.name}: not an answer ({error!r}): {answer[-300:]!r}") from None
        expected = payloads.text(self.kind)
        if self.kind == "tool" and not raw:
            # Arguments may be spaced differently; what they mean may not differ.
            said, expected = _canonical(said), _canonical(expected)
        if said != expected:
            raise WrongAnswer(f"{self.name}: {len(said)} characters, expected {len(expected)}: {answer[-300:]!r}")


def _must_count(answer: bytes) -> None:
    """The big request has about 35,000 tokens; the exact number is for the tests of counting."""
    try:
        if not 30_000 < orjson.loads(answer)["input_tokens"] < 50_000:
            raise WrongAnswer(f"count: {answer!r}")
    except (ValueError, KeyError, TypeError):
        raise WrongAnswer(f"count: not a count: {answer[-300:]!r}") from None


def _canonical(arguments: str) -> str:
    return orjson.dumps(orjson.loads(arguments), option=orjson.OPT_SORT_KEYS).decode()


def _said(answer: bytes, *, raw: bool, streams: bool) -> str:
    if not streams:
        document = orjson.loads(answer)
        if raw:
            return str(document["output"][0]["content"][0]["text"])
        if document["type"] != "message" or document["stop_reason"] != "end_turn":
            raise ValueError("not a finished message")
        return "".join(block["text"] for block in document["content"] if block["type"] == "text")
    if not answer.endswith(b"\n\n"):
        raise ValueError("the last event is cut")
    data = [orjson.loads(record.partition(b"data: ")[2]) for record in answer[:-2].split(b"\n\n")]
    if raw:
        _must_be(data[-1]["type"], "response.completed")
        return "".join(event["delta"] for event in data if event["type"].endswith(".delta"))
    _must_be(data[0]["type"], "message_start")
    _must_be(data[-1]["type"], "message_stop")
    deltas = [event["delta"] for event in data if event["type"] == "content_block_delta"]
    return "".join(delta.get("text", "") + delta.get("partial_json", "") for delta in deltas)


def _must_be(found: str, expected: str) -> None:
    if found != expected:
        raise ValueError(f"{found} where {expected} belongs")


COUNT = "/v1/messages/count_tokens"
SCENARIOS = (
    Scenario("json", payloads.small(stream=False), "text", 1000, streams=False, target=12, limit_factor=8),
    Scenario("sse", payloads.small(stream=True), "text", 800, target=12),
    Scenario("big", payloads.big(stream=True), "text", 400, target=14),
    Scenario("tool", payloads.tool(stream=True), "tool", 800),
    Scenario("count", payloads.counted(), "text", 600, streams=False, path=COUNT),
    Scenario("recount", payloads.counted(), "text", 1000, streams=False, path=COUNT, same=True),
    Scenario("paced", payloads.small(stream=True), "paced", 512, connections=256, limit_factor=1, latency=True),
    Scenario("first", payloads.small(stream=True), "text", 250, connections=1, latency=True),
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
