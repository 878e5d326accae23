"""``make bench-trail``: what the trail adds to a request's time, 64 at a time.

Two bridges, one without the audit app, are asked in turn; the medians of their medians are compared. Wall time means
little on a machine that does other things: the two are read within the same seconds. With an upstream that is so quick
that the processors are full (``--upstream 100`` on two of them), what is added is the processors' queue: see ``make
bench`` for what the trail costs them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.bench import payloads
from tests.bench.servers import BRIDGE, bridge_environment, free_port, migrate, server

CONNECTIONS = 64
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
    await request.read()
    await asyncio.sleep(int(request.match_info["milliseconds"]) / 1000)
    return web.json_response(ANSWER)


def serve(port: int) -> None:
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{milliseconds}/{path:.*}", _answer)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


async def times(port: int, requests: int) -> list[float]:
    """Seconds of each request, sorted."""
    body, seconds = payloads.small(stream=False), []
    headers = {"content-type": "application/json"}
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def worker(number: int) -> None:
            for _ in range(number):
                began = time.perf_counter()
                async with session.post(f"http://127.0.0.1:{port}/v1/messages", data=body) as answer:
                    await answer.read()
                    answer.raise_for_status()
                seconds.append(time.perf_counter() - began)

        await asyncio.gather(*(worker(requests // CONNECTIONS) for _ in range(CONNECTIONS)))
    return sorted(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1920)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--upstream", type=int, default=200, help="milliseconds that the upstream takes")
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
            asyncio.run(times(ports[name], 640))
        read: dict[str, Any] = {name: {"p50": [], "p99": []} for name in ports}
        for _ in range(given.repeat):
            for name, port in ports.items():
                seconds = asyncio.run(times(port, given.requests))
                read[name]["p50"].append(seconds[len(seconds) // 2] * 1000)
                read[name]["p99"].append(seconds[len(seconds) * 99 // 100] * 1000)
    print(f"{CONNECTIONS} connections, upstream {given.upstream} ms, {given.requests} requests, {given.repeat} times")
    for name in ("without", "with"):
        p50, p99 = (statistics.median(read[name][one]) for one in ("p50", "p99"))
        print(f"{name:<8} the trail: p50 {p50:7.2f} ms   p99 {p99:7.2f} ms")
    added = [a - b for a, b in zip(read["with"]["p50"], read["without"]["p50"], strict=True)]
    print(f"the trail adds {statistics.median(added):.2f} ms to the median ({min(added):.2f} to {max(added):.2f})")


if __name__ == "__main__":
    main()
