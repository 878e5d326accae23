"""The bench's client: keep-alive connections over a bare protocol, with a check of every answer."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import httptools
import uvloop


class _Client(asyncio.Protocol):
    def __init__(self) -> None:
        self._done: asyncio.Future[bytes] | None = None
        self.first = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

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
        if not self.first and (b"text_delta" in body or b"output_text.delta" in body or b"input_json" in body):
            self.first = time.perf_counter() - self._asked
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(b"".join(self._body))


async def drive(port: int, path: str, body: bytes, requests: int, connections: int, ending: bytes) -> float:
    """Send ``requests`` over ``connections``; returns the median time to the first delta in seconds."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: any\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    request = head.encode() + body
    left = requests
    firsts: list[float] = []

    async def one() -> None:
        nonlocal left
        _, client = await asyncio.get_running_loop().create_connection(_Client, "127.0.0.1", port)
        while left > 0:
            left -= 1
            answer = await asyncio.wait_for(client.ask(request), 60)
            if ending not in answer[-300:]:
                raise RuntimeError(f"a wrong answer: {answer[-300:]!r}")
            firsts.append(client.first)
        client.transport.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return sorted(firsts)[len(firsts) // 2]


def main() -> None:
    port, path, requests, connections, ending = sys.argv[1:6]
    body = sys.stdin.buffer.read()
    print(uvloop.run(drive(int(port), path, body, int(requests), int(connections), ending.encode())))


if __name__ == "__main__":
    main()
