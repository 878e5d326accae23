"""Stand-ins for the two ends of the wire: an upstream that does what a test says, a client that can leave."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from bridge_api.guard import Guard
from bridge_api.intake import Service
from bridge_api.mapping import ModelMap
from bridge_api.snapshot import Snapshot
from bridge_api.upstream.client import Upstream, UpstreamConfig
from bridge_api.upstream.retry import RetryPolicy
from config.slim import SlimHandler
from tests.simulator.render import Renderer, record
from tests.simulator.script import Text, Turn

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
BODY: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hi"}],
}


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


GREETING = Turn((Text("Hello there, world."),))


def answer_events(turn: Turn = GREETING) -> list[bytes]:
    """A turn as upstream records."""
    return [record(event) for event in Renderer({"model": "gpt-6.1-sol", "stream": True}, turn, 1).events()]


def plain(status: int, body: bytes, kind: str = "application/json", **headers: str) -> bytes:
    """A whole HTTP answer."""
    named = {"content-type": kind, "content-length": str(len(body)), **headers}
    lines = [f"HTTP/1.1 {status} X", *(f"{name.replace('_', '-')}: {value}" for name, value in named.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


Play = Callable[["Line"], Awaitable[None]]


class Line:
    """One connection to the wire, as the test's script sees it."""

    def __init__(self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.wire, self._reader, self._writer = wire, reader, writer
        self.headers: dict[str, str] = {}
        self.body = b""

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()
        self.wire.written += len(data)

    async def gone(self) -> None:
        """Until the bridge has closed the connection."""
        await self._reader.read()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def request(self) -> bool:
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            pairs = (line.partition(":") for line in head.split("\r\n")[1:] if line)
            self.headers = {name.lower(): value.strip() for name, _, value in pairs}
            self.body = await self._reader.readexactly(int(self.headers.get("content-length") or 0))
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        self.wire.requests.append((head.split("\r\n")[0], self.headers, self.body))
        return True


class Wire:
    """An upstream in the test's own event loop: ``play`` answers each request."""

    def __init__(self, *plays: Play) -> None:
        self._plays = list(plays)
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self.open = 0
        self.written = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        line = Line(self, reader, writer)
        try:
            while await line.request():
                play = self._plays.pop(0) if len(self._plays) > 1 else self._plays[0]
                await play(line)
                if writer.is_closing():
                    return
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            self.open -= 1
            self._tasks.discard(task)
            with contextlib.suppress(Exception):
                writer.close()

    def upstream(self, **config: Any) -> Upstream:
        return Upstream(UpstreamConfig(self.base_url, "sk-test-key-000000", **config))


def saying(events: Sequence[bytes], *, pause: float = 0.0) -> Play:
    """A play that streams ``events``."""

    async def play(line: Line) -> None:
        await line.write(HEAD)
        for event in events:
            await line.write(chunk(event))
            if pause:
                await asyncio.sleep(pause)
        await line.write(END)

    return play


def sending(data: bytes, *, then: str = "stay") -> Play:
    """A play that sends bytes as they are, then stays, closes or resets."""

    async def play(line: Line) -> None:
        await line.write(data)
        if then == "silence":
            await line.gone()
        elif then == "close":
            line._writer.close()
        elif then == "reset":
            line.abort()

    return play


def service_for(upstream: Upstream, **changed: Any) -> Service:
    values: dict[str, Any] = {
        "snapshot": lambda: Snapshot(ModelMap.parse("", "gpt-6.1-sol")),
        "upstream": lambda: upstream,
        "retry": RetryPolicy(0, 30),
        "identity_key": b"k" * 32,
        "upstream_id": lambda key: "test",
        "has_credential": True,
        "response_timeout": 20.0,
        "idle_timeout": 20.0,
        "ping_interval": 20.0,
    }
    return Service(**{**values, **changed})


def bridge(**changed: Any) -> Guard:
    """Guard and slim handler as config.asgi puts them together; ``site`` answers nothing."""

    async def site(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("the request went to the site")

    values: dict[str, Any] = {"is_api": lambda scope: True, "max_body": 4_000_000, "read_timeout": 20.0}
    return Guard(SlimHandler(), site, **{**values, **changed})


class Caller:
    """A request on an ASGI application, from a client that can be slow and can leave."""

    def __init__(
        self,
        method: str = "POST",
        path: str = "/v1/messages",
        body: Any = b"",
        headers: Sequence[tuple[str, str]] = (),
        *,
        pieces: Sequence[bytes] | None = None,
        endless: bool = False,
    ) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._pieces = list(pieces) if pieces is not None else [data]
        self._endless = endless
        self._left = asyncio.Event()
        self.reading = asyncio.Event()
        self.reading.set()
        self.receives = 0
        self.status = 0
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self.whole = False
        self.arrived = asyncio.Event()
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 50000),
        }

    @property
    def content(self) -> bytes:
        return b"".join(self.chunks)

    def json(self) -> Any:
        return json.loads(self.content)

    def leave(self) -> None:
        self._left.set()

    async def receive(self) -> dict[str, Any]:
        self.receives += 1
        if self._pieces:
            data = self._pieces.pop(0)
            return {"type": "http.request", "body": data, "more_body": bool(self._pieces) or self._endless}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert self.status == 0, "two answers"
            self.status = message["status"]
            self.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            assert not self.whole, "bytes after the end"
            self.chunks.append(message.get("body", b""))
            self.whole = not message.get("more_body")
        self.arrived.set()
        await self.reading.wait()

    async def on(self, app: Any) -> Caller:
        await app(self.scope, self.receive, self.send)
        return self

    async def until(self, done: Callable[[Caller], bool]) -> None:
        """Until what has arrived satisfies ``done``."""
        async with asyncio.timeout(20):
            while not done(self):
                self.arrived.clear()
                await self.arrived.wait()


async def eventually(condition: Callable[[], bool]) -> None:
    """Until ``condition`` holds; the test fails when it never does."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def wired(*plays: Play, **config: Any) -> AsyncIterator[tuple[Wire, Upstream]]:
    """A wire and the client to it; nothing of either is left afterwards."""
    async with Wire(*plays) as wire:
        upstream = wire.upstream(**config)
        try:
            yield wire, upstream
        finally:
            await upstream.aclose()
