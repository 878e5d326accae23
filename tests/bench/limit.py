"""The limit: a raw ASGI pass-through with a bare upstream client. Nothing that translates can cost less.

It checks nothing and survives no fault of the upstream: it is the yardstick, not a proxy. What it does per read of
the upstream is one parse, one join and one send.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import httptools

UPSTREAM = int(os.environ.get("BENCH_UPSTREAM", "0"))


class _Connection(asyncio.Protocol):
    """A kept connection to the upstream, used by one request at a time."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._waiter: asyncio.Future[None] | None = None

    def begin(self) -> None:
        self.parts: list[bytes] = []
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = self.head_done = False
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ConnectionError("the upstream has gone"))

    def on_header(self, name: bytes, value: bytes) -> None:
        if name in (b"content-type", b"content-length"):
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.head_done = True

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)

    def on_message_complete(self) -> None:
        self.complete = True

    async def more(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


_idle: list[_Connection] = []


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Pass the body on to the same path and its answer back, unchanged."""
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    if _idle:
        connection = _idle.pop()
    else:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, "127.0.0.1", UPSTREAM)
    connection.begin()
    head = b"POST %s HTTP/1.1\r\nhost: upstream\r\ncontent-length: %d\r\n\r\n" % (scope["raw_path"], len(body))
    connection.transport.write(head + body)
    while not connection.head_done:
        await connection.more()
    await send({"type": "http.response.start", "status": 200, "headers": connection.headers})
    while True:
        chunk, connection.parts = b"".join(connection.parts), []
        done = connection.complete
        await send({"type": "http.response.body", "body": chunk, "more_body": not done})
        if done:
            break
        if not connection.parts and not connection.complete:
            await connection.more()
    _idle.append(connection)
