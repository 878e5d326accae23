"""``make bench-trail``: what the trail adds to a request's time, 64 at a time.

Two bridges, one without the audit app, are asked in turn; the medians of their medians are compared. The upstream takes
each request's own time, which is not counted: with one time for all, requests come in bursts and each waits for those
before it. Wall time means little on a machine that does other things: the two are read within the same seconds. With an
upstream that is so quick that the processors are full (``--upstream 100`` on two of them), what is added is the
processors' queue: see ``make bench`` for what the trail costs them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.bench import payloads
from tests.bench.servers import BRIDGE, bridge_environment, free_port, migrate, server

CONNECTIONS = 64
_WAIT = re.compile(rb"\((\d+) ms\)")
ANSWER = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "gpt-6.1-sol",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hello.", "annotations": []}],
        }
    ],
    "usage": {
        "input_tokens": 10,
        "output_tokens": 2,
        "total_tokens": 12,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}


async def _answer(request: web.Request) -> web.Response:
    told = _WAIT.search(await request.read())
    await asyncio.sleep(int(told[1] if told else request.match_info["milliseconds"]) / 1000)
    return web.json_response(ANSWER)


def serve(port: int) -> None:
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{milliseconds}/{path:.*}", _answer)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


async def added(port: int, waits: Sequence[int]) -> list[float]:
    """Milliseconds that each request took beyond its wait for the upstream, sorted."""
    body, left, taken = payloads.small(stream=False), iter(waits), list[float]()
    headers = {"content-type": "application/json"}
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def worker(pause: float) -> None:
            await asyncio.sleep(pause)  # all at once would be a burst, and a long way to its end
            for wait in left:
                data = body.replace(payloads.NONCE, b"%d ms" % wait)
                began = time.perf_counter()
                async with session.post(f"http://127.0.0.1:{port}/v1/messages", data=data) as answer:
                    await answer.read()
                    answer.raise_for_status()
                taken.append((time.perf_counter() - began) * 1000 - wait)

        between = waits[0] / 1000 / CONNECTIONS
        await asyncio.gather(*(worker(number * between) for number in range(CONNECTIONS)))
    return sorted(taken)


def read(ports: Mapping[str, int], upstream: int, requests: int, repeat: int) -> dict[str, list[list[float]]]:
    """The two in turn, each before the other half the time, with the same waits."""
    chance = random.Random(1)
    asked: dict[str, list[list[float]]] = {name: [] for name in ports}
    for turn in range(repeat):
        waits = [chance.randint(upstream * 3 // 4, upstream * 5 // 4) for _ in range(requests)]
        for name in sorted(ports, reverse=bool(turn % 2)):
            asked[name].append(asyncio.run(added(ports[name], waits)))
    return asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=960)
    parser.add_argument("--repeat", type=int, default=30)
    parser.add_argument("--upstream", type=int, default=200, help="milliseconds that the upstream takes, on average")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = free_port()
        command = [sys.executable, "-m", "tests.bench.trail", "--serve", str(upstream)]
        stack.enter_context(server(command, upstream, folder / "upstream.log", os.environ))
        ports: dict[str, int] = {}
        for name, settings in (("with", "config.settings"), ("without", "tests.bench.without_audit")):
            ports[name] = free_port()
            (folder / name).mkdir()
            environment = bridge_environment(
                folder / name, ports[name], f"http://127.0.0.1:{upstream}/{given.upstream}"
            )
            environment |= {"DJANGO_SETTINGS_MODULE": "config.settings"}
            migrate(environment)
            environment |= {"DJANGO_SETTINGS_MODULE": settings}
            stack.enter_context(server(BRIDGE.split(), ports[name], folder / f"{name}.log", environment))
        read(ports, given.upstream, 640, 1)
        asked = read(ports, given.upstream, given.requests, given.repeat)
    print(
        f"{CONNECTIONS} connections, upstream {given.upstream} ms and up to a quarter more or less, "
        f"{given.requests} requests, {given.repeat} times; beyond the upstream:"
    )
    p50 = {name: [_share(one, 50) for one in times] for name, times in asked.items()}
    for name in ("without", "with"):
        p99 = statistics.median(_share(one, 99) for one in asked[name])
        print(f"{name:<8} the trail: p50 {statistics.median(p50[name]):6.2f} ms   p99 {p99:6.2f} ms")
    pairs = sorted(a - b for a, b in zip(p50["with"], p50["without"], strict=True))
    quarter = len(pairs) // 4
    print(
        f"the trail adds {statistics.median(pairs):.2f} ms to the median "
        f"(half of the pairs within {pairs[quarter]:.2f} and {pairs[-1 - quarter]:.2f})"
    )


def _share(times: Sequence[float], percent: int) -> float:
    return times[len(times) * percent // 100]


if __name__ == "__main__":
    main()
