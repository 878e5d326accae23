"""The bench's upstream: canned bytes over a bare protocol, so that it costs nearly nothing.

``python -m tests.bench.upstream PORT``. The path tells the scenario for the pass-through; for the bridge the
body does (a request with tools of the tool scenario gets a call).
"""

from __future__ import annotations

import asyncio
import sys

import httptools
import uvloop

from tests.bench import payloads

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n"
READ = 16 * 1024


def _chunked(records: list[bytes]) -> bytes:
    """One answer as chunked bytes, several events to a chunk as a network would bring them."""
    body, pending = [], b""
    for record in records:
        pending += record
        if len(pending) > 2_000:
            body.append(b"%x\r\n%s\r\n" % (len(pending), pending))
            pending = b""
    if pending:
        body.append(b"%x\r\n%s\r\n" % (len(pending), pending))
    return _HEAD % b"text/event-stream" + b"transfer-encoding: chunked\r\n\r\n" + b"".join(body) + b"0\r\n\r\n"


TEXT = _chunked(payloads.events("text"))
TOOL = _chunked(payloads.events("tool"))
JSON = _HEAD % b"application/json" + b"content-length: %d\r\n\r\n" % len(payloads.whole()) + payloads.whole()
PACED_HEAD = _HEAD % b"text/event-stream" + b"transfer-encoding: chunked\r\n\r\n"
PACED = [b"%x\r\n%s\r\n" % (len(record), record) for record in payloads.events("text")[:4]]
PACED += [b"%x\r\n%s\r\n" % (len(record), record) for record in payloads.events("text")[4:104]]
PACED_END = b"".join(b"%x\r\n%s\r\n" % (len(record), record) for record in payloads.events("text")[204:]) + b"0\r\n\r\n"


class Protocol(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []
        self._url = b""

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body = []

    def on_url(self, url: bytes) -> None:
        self._url = url

    def on_body(self, body: bytes) -> None:
        if len(self._body) < 1:
            self._body.append(body[-4096:])

    def on_message_complete(self) -> None:
        write = self._transport.write  # type: ignore[attr-defined]
        if self._url.startswith(b"/raw/json"):
            write(JSON)
        elif self._url.startswith(b"/raw/tool") or self._url.startswith(b"/tool"):
            write(TOOL)
        elif b"paced" in self._url:
            asyncio.get_running_loop().create_task(self._paced())
        else:
            write(TEXT)

    async def _paced(self) -> None:
        write = self._transport.write  # type: ignore[attr-defined]
        write(PACED_HEAD + b"".join(PACED[:4]))
        for record in PACED[4:]:
            await asyncio.sleep(0.02)
            write(record)
        write(PACED_END)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Protocol, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
