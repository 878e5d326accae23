"""The bench's client: a process of its own, keep-alive connections over a bare protocol, every answer checked.

Each answer must have status 200 and a right ending and length; the first on each connection is read in full. The
number of requests is given, and no run takes longer than ``DEADLINE`` seconds. Only this machine is spoken to.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time

import httptools
import uvloop

from tests.bench.payloads import NONCE
from tests.bench.scenarios import BY_NAME, Scenario, WrongAnswer

DEADLINE = 240.0
_DELTAS = (b"text_delta", b"input_json_delta", b"_text.delta", b"arguments.delta", b'"output_text"')
# Answers of one scenario differ in ids and numbers only.
_SLACK = 64


class _Client(asyncio.Protocol):
    """One connection, one request at a time. ``first`` is seconds from asking to the first delta."""

    transport: asyncio.Transport
    _done: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(WrongAnswer(f"the connection was closed in an answer ({exc})"))

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        self._done = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self.first = 0.0
        self._asked = time.perf_counter()
        self.transport.write(request)
        return self._done

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        if not self.first and any(mark in body for mark in _DELTAS):
            self.first = time.perf_counter() - self._asked
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._done is None or self._done.done():
            return
        body = b"".join(self._body)
        if (status := self._parser.get_status_code()) != 200:
            self._done.set_exception(WrongAnswer(f"status {status}: {body[:400]!r}"))
        else:
            self._done.set_result(body)


class _Run:
    def __init__(self, scenario: Scenario, port: int, path: str, requests: int, *, raw: bool) -> None:
        self.scenario, self.port, self.raw = scenario, port, raw
        self.left = requests
        self._base = random.randrange(10**8)  # so that no reading repeats the numbers of another
        self.firsts: list[float] = []
        head = [f"POST {path} HTTP/1.1", f"host: 127.0.0.1:{port}", "x-api-key: any", "anthropic-version: 2023-06-01"]
        head += ["user-agent: bench", "content-type: application/json", f"content-length: {len(scenario.body)}", "", ""]
        before, _, after = scenario.body.partition(NONCE)
        self._before, self._after = "\r\n".join(head).encode() + before, after

    async def connection(self) -> None:
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(_Client, "127.0.0.1", self.port)
        length, ending = 0, b""
        while self.left > 0:
            self.left -= 1
            number = 0 if self.scenario.same else (self._base + self.left) % 10**8
            answer = await client.ask(b"%s%08d%s" % (self._before, number, self._after))
            if not length:
                self.scenario.check(answer, raw=self.raw)
                length, ending = len(answer), answer[-20:]
            elif abs(len(answer) - length) > _SLACK or not answer.endswith(ending):
                raise WrongAnswer(f"{self.scenario.name}: {len(answer)} bytes, expected {length}: {answer[-300:]!r}")
            self.firsts.append(client.first)
        client.transport.close()


async def drive(scenario: Scenario, port: int, path: str, requests: int, *, raw: bool) -> dict[str, float]:
    """Send ``requests``; seconds in all, and the median and 99th percentile of the time to the first delta."""
    run = _Run(scenario, port, path, requests, raw=raw)
    began = time.perf_counter()
    async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as group:
        for _ in range(min(scenario.connections, requests)):
            group.create_task(run.connection())
    seconds = time.perf_counter() - began
    firsts = sorted(run.firsts)
    if len(firsts) != requests:
        raise WrongAnswer(f"{len(firsts)} answers to {requests} requests")
    return {"seconds": seconds, "first": firsts[len(firsts) // 2], "first_p99": firsts[len(firsts) * 99 // 100]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Sends one scenario's requests; prints what was measured as JSON.")
    parser.add_argument("scenario", choices=sorted(BY_NAME))
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("requests", type=int)
    parser.add_argument("--raw", action="store_true", help="expect the upstream's own answer")
    given = parser.parse_args()
    scenario = BY_NAME[given.scenario]
    try:
        result = uvloop.run(drive(scenario, given.port, given.path, given.requests, raw=given.raw))
    except* WrongAnswer as group:
        raise SystemExit(f"wrong answer: {group.exceptions[0]}") from None
    except* TimeoutError:
        raise SystemExit(f"no end after {DEADLINE:.0f} s") from None
    print(json.dumps(result))


if __name__ == "__main__":
    main()
