"""The limit: a raw ASGI pass-through with a bare upstream client. Nothing that translates can cost less."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from typing import Any

import httptools

UPSTREAM = int(os.environ.get("BENCH_UPSTREAM", "0"))
_pool: deque[_Connection] = deque()


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def begin(self, queue: asyncio.Queue[bytes | None]) -> None:
        self._queue = queue
        self._parts: list[bytes] = []
        self._complete = False
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)
        self._queue.put_nowait(b"".join(self._parts))
        self._parts = []
        if self._complete:
            self._queue.put_nowait(None)

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self._complete = True


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Pass the body on to ``/raw<path>`` and its answer back, unchanged."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if _pool:
        connection = _pool.popleft()
    else:
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", UPSTREAM)
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()
    connection.begin(queue)
    path = scope["path"].encode()
    connection.transport.write(
        b"POST /raw%s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (path, len(body)) + body
    )
    kind = b"application/json" if b"json" in path else b"text/event-stream"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    while (chunk := await queue.get()) is not None:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    _pool.append(connection)
