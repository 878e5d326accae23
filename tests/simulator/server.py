"""The simulator's HTTP server: asyncio streams by hand, so that it can break the wire in every way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from tests.simulator import models
from tests.simulator.render import Renderer, record, rough_count
from tests.simulator.script import Chooser, Turn, default_brain
from tests.simulator.strict import ApiError, validate
from tests.simulator.wire import END, RATE_HEADERS, Connection, Gone, Incoming, chunk, head

KEY = "sk-simulator-key-0000"


def counted(request: dict[str, Any]) -> int:
    """What is answered to a question for a count, unless a test sets ``counting``."""
    return rough_count(*(request.get(name) for name in ("instructions", "input", "tools", "text")))


class Simulator:
    """A server on loopback in a thread of its own. Use as a context manager.

    ``queue`` gives turns for the next requests; when it is empty ``brain`` decides. ``requests`` holds the parsed
    bodies that were accepted, ``headers`` and ``raw`` the same requests' headers and bytes, ``counts`` the bodies of
    token counts, ``refused`` the errors that strictness raised. ``open_connections`` and ``active`` (answers under
    way) are of now, ``aborted`` counts clients that went away before the end of their answer.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        brain: Chooser = default_brain,
        own_reasoning: bool = True,
        keys: tuple[str, ...] = (KEY,),
    ) -> None:
        self.brain = brain
        self.counting: Callable[[dict[str, Any]], int] = counted
        self.keys = keys
        self.own_reasoning = own_reasoning
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.raw: list[bytes] = []
        self.counts: list[dict[str, Any]] = []
        self.refused: list[ApiError] = []
        self.open_connections = 0
        self.active = 0
        self.aborted = 0
        self._turns: deque[Turn] = deque()
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._number = 0

    # -- control --------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def queue(self, *turns: Turn) -> None:
        self._turns.extend(turns)

    def reset(self) -> None:
        """Forget what was queued and seen. Connections stay."""
        self._turns.clear()
        self.brain = default_brain
        self.counting = counted
        for kept in (self.requests, self.headers, self.raw, self.counts, self.refused):
            kept.clear()
        self.aborted = 0

    def idle(self, seconds: float = 5) -> bool:
        """Wait until no answer is under way; False if one still is."""
        end = time.monotonic() + seconds
        while self.active and time.monotonic() < end:
            time.sleep(0.01)
        return not self.active

    def __enter__(self) -> Simulator:
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._thread.start()
        self._ready.wait(10)
        if self._failure is not None:
            raise self._failure
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
        try:
            server = loop.run_until_complete(asyncio.start_server(self._connection, "127.0.0.1", self._port))
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()

    # -- requests -------------------------------------------------------------------------------------

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_connections += 1
        connection = Connection(reader, writer)
        try:
            while (incoming := await connection.receive()) is not None:
                self.active += 1
                try:
                    stays = await self._route(incoming, connection)
                finally:
                    self.active -= 1
                if not stays:
                    break
        except (ConnectionError, asyncio.IncompleteReadError, Gone):
            self.aborted += 1
        except asyncio.CancelledError:
            return
        finally:
            self.open_connections -= 1
            with contextlib.suppress(Exception):
                writer.close()

    async def _route(self, incoming: Incoming, connection: Connection) -> bool:
        """Answer; whether the connection stays open."""
        self._number += 1
        headers = {"x-request-id": f"req_sim{self._number:08}", "openai-processing-ms": "12", **RATE_HEADERS}
        try:
            self._authenticate(incoming.headers)
            wanted = (incoming.method, incoming.path)
            if wanted == ("GET", "/v1/models"):
                names = [{"id": name, "object": "model", "owned_by": "openai"} for name in models.LISTED]
                await connection.plain(200, json.dumps({"object": "list", "data": names}).encode(), headers)
                return True
            if wanted == ("POST", "/v1/responses/input_tokens"):
                await connection.plain(200, self._count(incoming.body), headers)
                return True
            if wanted != ("POST", "/v1/responses"):
                words = f"Invalid URL ({incoming.method} {incoming.path})"
                raise ApiError(words, status=405 if incoming.path == "/v1/responses" else 404)
            request = validate(incoming.body, own_reasoning=self.own_reasoning)
        except ApiError as error:
            self.refused.append(error)
            await connection.plain(error.status, error.body(), headers)
            return True
        turn = self._next(request, incoming)
        return await self._answer(Renderer(request, turn, self._number), request, turn, connection, headers)

    def _next(self, request: dict[str, Any], incoming: Incoming) -> Turn:
        self.raw.append(incoming.body)
        self.headers.append(incoming.headers)
        self.requests.append(request)
        return self._turns.popleft() if self._turns else self.brain(request)

    def _authenticate(self, headers: dict[str, str]) -> None:
        """Recorded: words and code for a wrong key."""
        kind, _, key = headers.get("authorization", "").partition(" ")
        if not key or kind.lower() != "bearer":
            raise ApiError("You didn't provide an API key in an Authorization header using Bearer auth.", status=401)
        if key not in self.keys:
            shown = f"{key[:8]}***{key[-4:]}" if len(key) > 16 else key
            raise ApiError(f"Incorrect API key provided: {shown}.", None, "invalid_api_key", status=401)

    def _count(self, body: bytes) -> bytes:
        request = validate(body, endpoint="input_tokens", own_reasoning=self.own_reasoning)
        self.counts.append(request)
        return json.dumps({"object": "response.input_tokens", "input_tokens": self.counting(request)}).encode()

    # -- answers --------------------------------------------------------------------------------------

    async def _answer(
        self,
        renderer: Renderer,
        request: dict[str, Any],
        turn: Turn,
        connection: Connection,
        headers: dict[str, str],
    ) -> bool:
        if turn.fault == "hang_up":
            return False
        if turn.fault == "silent_headers":
            await connection.pause(None)
            return False
        if turn.status != 200:
            body = turn.body if turn.body is not None else json.dumps({"error": turn.error}).encode()
            await connection.plain(turn.status, body, {**headers, **turn.headers})
            return True
        if turn.fault == "html":
            await connection.plain(200, b"<html>gateway</html>", {**headers, "content-type": "text/html"})
            return True
        headers = {**headers, **turn.headers}
        streamed = bool(request.get("stream")) or turn.fault == "sse"
        if turn.fault == "json" or not streamed:
            if turn.delay:
                await connection.pause(turn.delay)
            if turn.ending == "eof":
                return False
            answer = renderer.answer()
            await connection.plain(200 if "object" in answer else 500, json.dumps(answer).encode(), headers)
            return True
        headers["content-type"] = "text/event-stream; charset=utf-8"
        if turn.fault == "gzip_bomb":
            await connection.bomb(headers)
            return False
        if turn.fault == "empty":
            await connection.plain(200, b"", headers)
            return True
        await connection.send(head(200, {**headers, "transfer-encoding": "chunked"}))
        return await self._stream(renderer, turn, connection)

    async def _stream(self, renderer: Renderer, turn: Turn, connection: Connection) -> bool:
        for at, event in enumerate(renderer.events()):
            if at == turn.fault_after and turn.gate is not None:
                while not turn.gate.is_set():
                    await connection.pause(0.005)
            if at >= turn.fault_after and turn.fault not in ("", "sse"):
                await connection.strike(turn.fault, event)
                return False
            await connection.stream(record(event, turn.wire), turn.wire)
            if turn.delay:
                await connection.pause(turn.delay)
        if turn.wire.done:
            await connection.send(chunk(b"data: [DONE]\n\n"))
        await connection.send(END)
        return True
