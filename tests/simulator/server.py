"""The simulator's HTTP server: asyncio streams by hand, so that it can break the wire in every way."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import struct
import threading
from collections import deque
from typing import Any

from tests.simulator.render import Renderer, record
from tests.simulator.script import Brain, Turn, default_brain
from tests.simulator.strict import ApiError, validate

KEY = "sk-simulator-key-0000"
RATE_HEADERS = {
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-remaining-requests": "499",
    "x-ratelimit-reset-requests": "120ms",
    "x-ratelimit-limit-tokens": "30000",
    "x-ratelimit-remaining-tokens": "29000",
    "x-ratelimit-reset-tokens": "1s",
}


class Simulator:
    """A server on loopback in a thread of its own. Use as a context manager.

    ``queue`` gives turns for the next requests; when it is empty ``brain`` decides. ``requests`` holds the
    parsed bodies, ``headers`` their headers, ``refused`` the errors that strictness raised.
    """

    def __init__(self, *, port: int = 0, brain: Brain = default_brain, own_reasoning: bool = True) -> None:
        self.brain = brain
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.raw: list[bytes] = []
        self.refused: list[ApiError] = []
        self.open_connections = 0
        self.aborted = 0
        self._own_reasoning = own_reasoning
        self._turns: deque[Turn] = deque()
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._number = 0

    # -- control --------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def queue(self, *turns: Turn) -> None:
        self._turns.extend(turns)

    def reset(self) -> None:
        self._turns.clear()
        self.brain = default_brain
        for kept in (self.requests, self.headers, self.raw, self.refused):
            kept.clear()
        self.aborted = 0

    def __enter__(self) -> Simulator:
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)
        if self._thread is not None:
            self._thread.join(5)

    def _run(self) -> None:
        loop = self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(asyncio.start_server(self._connection, "127.0.0.1", self._port))
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()

    # -- the wire -------------------------------------------------------------------------------------

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_connections += 1
        try:
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.aborted += 1
        except asyncio.CancelledError:
            return
        finally:
            self.open_connections -= 1
            with contextlib.suppress(Exception):
                writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
        if not head:
            return False
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length") or 0))
        return await self._route(method, path.split("?")[0], headers, body, reader, writer)

    async def _route(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        if path == "/v1/models":
            return await _plain(writer, 200, json.dumps({"object": "list", "data": []}).encode())
        if path == "/v1/responses/input_tokens":
            count = {"object": "response.input_tokens", "input_tokens": max(1, len(body) // 4)}
            return await _plain(writer, 200, json.dumps(count).encode())
        if method != "POST" or path != "/v1/responses":
            return await _plain(writer, 404, ApiError("Not found", status=404).body())
        try:
            if headers.get("authorization") != f"Bearer {KEY}":
                given = headers.get("authorization", "").removeprefix("Bearer ")
                raise ApiError(f"Incorrect API key provided: {given}.", None, "invalid_api_key", status=401)
            request = validate(body, own_reasoning=self._own_reasoning)
        except ApiError as error:
            self.refused.append(error)
            return await _plain(writer, error.status, error.body())
        self.requests.append(request)
        self.headers.append(headers)
        self.raw.append(body)
        turn = self._turns.popleft() if self._turns else self.brain(request)
        self._number += 1
        return await self._answer(request, turn, reader, writer)

    async def _answer(
        self, request: dict[str, Any], turn: Turn, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if turn.fault == "silent_headers":
            await reader.read(1)
            return False
        if turn.status != 200:
            return await _plain(writer, turn.status, json.dumps({"error": turn.error}).encode(), turn.headers)
        renderer = Renderer(request, turn, self._number)
        if turn.fault == "html":
            return await _plain(writer, 200, b"<html>gateway</html>", {"content-type": "text/html"})
        if turn.fault == "json" or not request.get("stream"):
            events = list(renderer.events())
            final = events[-1].get("response") or {"error": events[-1]}
            return await _plain(writer, 200, json.dumps(final).encode())
        return await self._stream(renderer, turn, reader, writer)

    async def _stream(
        self, renderer: Renderer, turn: Turn, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        headers = {"content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_sim", **RATE_HEADERS}
        if turn.fault == "gzip_bomb":
            return await self._bomb(writer, headers)
        writer.write(_head(200, {**headers, **turn.headers, "transfer-encoding": "chunked"}))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            for at, event in enumerate(renderer.events()):
                if turn.fault and at >= turn.fault_after:
                    return await self._strike(turn, event, reader, writer, gone)
                writer.write(_chunk(record(event)))
                if turn.delay:
                    await writer.drain()
                    done, _ = await asyncio.wait({gone}, timeout=turn.delay)
                    if done:
                        self.aborted += 1
                        return False
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        finally:
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await gone
        return not (gone.done() and not gone.cancelled())

    async def _strike(
        self, turn: Turn, event: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gone: Any
    ) -> bool:
        data = record(event)
        if turn.fault == "silent_stream":
            await writer.drain()
            await gone
            self.aborted += 1
        elif turn.fault == "reset":
            writer.write(_chunk(data[: len(data) // 2]))
            await writer.drain()
            raw: socket.socket = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        elif turn.fault == "cut_chunk":
            writer.write(f"{len(data):x}\r\n".encode() + data[: len(data) // 2])
            await writer.drain()
        elif turn.fault == "half_character":
            writer.write(_chunk(b'event: response.output_text.delta\ndata: {"delta":"\xc3'))
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        elif turn.fault == "garbage_event":
            writer.write(_chunk(b"event: response.output_text.delta\ndata: {nonsense\n\n") + b"0\r\n\r\n")
            await writer.drain()
        elif turn.fault == "huge_event":
            huge = {**event, "delta": "x" * (1024 * 1024)}
            writer.write(_chunk(record(huge)) + b"0\r\n\r\n")
            await writer.drain()
        return False

    async def _bomb(self, writer: asyncio.StreamWriter, headers: dict[str, str]) -> bool:
        bomb = gzip.compress(b"\0" * 50_000_000)
        writer.write(_head(200, {**headers, "content-encoding": "gzip", "content-length": str(len(bomb))}) + bomb)
        await writer.drain()
        return False


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Simulated", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def _plain(writer: asyncio.StreamWriter, status: int, body: bytes, headers: dict[str, str] | None = None) -> bool:
    named = {"content-type": "application/json", "content-length": str(len(body)), **RATE_HEADERS, **(headers or {})}
    writer.write(_head(status, named) + body)
    await writer.drain()
    return True
