"""The bench's upstream: canned bytes over a bare protocol, so that it takes little of the machine.

``python -m tests.bench.upstream PORT``. The path's first part names the answer (``/text/responses`` for the bridge
whose base URL is ``/text``), or its second part below ``/raw``, which is what the pass-through asks. A whole answer
leaves in one write with a chunk for each event; ``paced`` writes each event by itself, 20 ms apart.
"""

from __future__ import annotations

import asyncio
import sys

import httptools
import uvloop

from tests.bench import payloads

PACE = 0.02
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\nx-request-id: req_bench\r\n"
_STREAM = _HEAD % b"text/event-stream; charset=utf-8" + b"transfer-encoding: chunked\r\n\r\n"
_END = b"0\r\n\r\n"


def _chunk(record: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(record), record)


def _streamed(kind: payloads.Kind) -> bytes:
    return _STREAM + b"".join(map(_chunk, payloads.events(kind))) + _END


def _document(body: bytes) -> bytes:
    return _HEAD % b"application/json" + b"content-length: %d\r\n\r\n%s" % (len(body), body)


ANSWERS = {
    b"text": _streamed("text"),
    b"tool": _streamed("tool"),
    b"json": _document(payloads.whole("text")),
}
_PACED = list(map(_chunk, payloads.events("paced")))
_FIRST = next(at for at, record in enumerate(_PACED) if b"output_text.delta" in record)
_LAST = _FIRST + payloads.PACED_TOKENS
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


class Protocol(asyncio.Protocol):
    """One connection. A request's body is not looked at."""

    _transport: asyncio.Transport
    _at: int
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._parser = httptools.HttpRequestParser(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        parts = url.split(b"/")
        self._name = parts[2] if parts[1] == b"raw" else parts[1]

    def on_message_complete(self) -> None:
        if self._name == b"paced":
            self._transport.write(_STREAM + b"".join(_PACED[:_FIRST]))
            self._at = _FIRST
            self._due = asyncio.get_running_loop().time()
            self._next()
        else:
            self._transport.write(ANSWERS.get(self._name, _NOT_FOUND))

    def _next(self) -> None:
        if self._at == _LAST:
            self._timer = None
            self._transport.write(b"".join(_PACED[_LAST:]) + _END)
            return
        self._transport.write(_PACED[self._at])
        self._at += 1
        self._due += PACE
        self._timer = asyncio.get_running_loop().call_at(self._due, self._next)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Protocol, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
