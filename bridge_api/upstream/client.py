"""The one place that speaks HTTP to the upstream.

Theory. A connection to the upstream is owned by a task of its own (a ``Flow``); the request that needs it reads
from a small mailbox. Ending a flow is one synchronous ``cancel``, so that a second cancellation of the request
can interrupt nothing: the owner alone closes what it opened. The owner stops reading while the mailbox is full,
so that a slow client holds back the upstream and not our memory.

Invariants: requests go to the configured base URL and nowhere else, redirects are not followed, cookies are not
kept, proxies and credentials of the environment (``HTTPS_PROXY``, ``.netrc``) are not used; every flow that was
opened is closed exactly once; a fault of the network has one of the names in ``NetworkFault``.

httpx's interface over aiohttp's connections: httpx's own transport costs several times the CPU and leaks its
pool when a request is cancelled while it opens. The transport is called without the client layer, which would
build cookies, authentication and redirects for each request.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
from aiohttp.client_proto import ResponseHandler
from httpx_aiohttp import AiohttpTransport

from bridge_api.translation.errors import NetworkFault

HIGH_WATER = 512 * 1024
LINGER = 1.0
USER_AGENT = "anthropic-openai-bridge"


@dataclass(frozen=True, slots=True)
class UpstreamConfig:
    """``base_url`` without a trailing slash; times in seconds. ``key_header``: ``authorization`` carries the key as a
    bearer token, another one (Azure's ``api-key``) carries it bare."""

    base_url: str
    api_key: str
    key_header: str = "authorization"
    organization: str = ""
    project: str = ""
    connect_timeout: float = 10.0
    max_connections: int = 1000


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers (lower-case names) of an upstream answer."""

    status: int
    headers: Mapping[str, str]

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def encoded(self) -> bool:
        """Whether the body is compressed, which was not asked for and is not read."""
        return self.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")


class Flow:
    """One upstream answer, read from a mailbox.

    The request's side calls ``wait``, ``take`` and, at the end, ``release`` or ``cancel`` (any number of times).
    Times to wait until are those of the event loop's clock.
    """

    __slots__ = (
        "_chunks",
        "_draining",
        "_loop",
        "_room",
        "_size",
        "_task",
        "_timer",
        "_until",
        "_waiter",
        "ended",
        "fault",
        "head",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._waiter: asyncio.Future[bool] | None = None
        self._room: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._until = 0.0
        self._draining = False
        self.head: Head | None = None
        self.ended = False
        self.fault: NetworkFault | None = None

    # -- the request's side ---------------------------------------------------------------------------

    async def wait(self, until: float) -> bool:
        """Until there is something to take, or the end; False when the time has come first."""
        if self._chunks or self.ended:
            return True
        return await self._sleep(until)

    async def wait_head(self, until: float) -> bool:
        """Until the status is known or the flow has ended; False when the time has come first."""
        while self.head is None and not self.ended:
            if not await self._sleep(until):
                return self.head is not None or self.ended
        return True

    async def _sleep(self, until: float) -> bool:
        waiter = self._waiter = self._loop.create_future()
        self._until = until
        timer = self._timer
        if timer is None or timer.when() > until:
            self._arm(until)
        try:
            arrived: bool = await waiter
            return arrived
        finally:
            self._waiter = None

    def _arm(self, until: float) -> None:
        """One timer serves all waits of the flow: a later wait finds it armed and lets it run out."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(until, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() >= self._until:
            self._waiter.set_result(False)
        else:
            self._arm(self._until)

    def take(self) -> bytes:
        """All bytes that have arrived since the last call, as one."""
        chunks = self._chunks
        if not chunks:
            return b""
        data = chunks.popleft() if len(chunks) == 1 else b"".join(chunks)
        self._empty()
        return data

    async def read(self, limit: int, patience: float, *, renewed: bool = False) -> bytes:
        """The body of an answer that is no stream: at most ``limit`` bytes, and what came within ``patience`` seconds
        (``renewed``: of silence). Whether it is whole, ``ended`` and ``fault`` tell."""
        until = self._loop.time() + patience
        parts: list[bytes] = []
        size = 0
        while size < limit and await self.wait(until):
            data = self.take()
            if not data and self.ended:
                break
            parts.append(data)
            size += len(data)
            if renewed:
                until = self._loop.time() + patience
        return b"".join(parts)[:limit]

    def release(self) -> None:
        """The answer is complete, only its end on the wire may be missing: the owner reads on to it, so that
        the connection can serve again, but not for long."""
        task = self._task
        if task is None or task.done():
            self._disarm()
            return
        self._draining = True
        self._empty()
        self._disarm()
        self._timer = self._loop.call_later(LINGER, self.cancel)

    def cancel(self) -> None:
        """Give the answer up; its owner closes the connection."""
        task = self._task
        if task is not None and not task.done() and not task.cancelling():
            task.cancel()
        self._disarm()

    def _empty(self) -> None:
        self._chunks.clear()
        self._size = 0
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- the owner's side -----------------------------------------------------------------------------

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)

    async def _own(self, transport: AiohttpTransport, request: httpx.Request) -> None:
        stream: Any = None
        try:
            response = await transport.handle_async_request(request)
            self.head, stream = Head(response.status_code, dict(_lowered(response))), response.stream
            del request, response  # they hold the request's bytes, and a stream may last long
            self._wake()
            async for chunk in stream:
                if self._draining:
                    continue
                self._chunks.append(chunk)
                self._size += len(chunk)
                self._wake()
                if self._size > HIGH_WATER:
                    await self._until_room()
        except Exception as error:  # noqa: BLE001 - whatever the wire does gets a name
            self.fault = fault_of(error, headers_seen=self.head is not None)
        finally:
            self.ended = True
            self._wake()
            if self._draining:
                self._disarm()
            if stream is not None:
                await _close(stream)

    async def _until_room(self) -> None:
        self._room = self._loop.create_future()
        try:
            await self._room
        finally:
            self._room = None


def _lowered(response: httpx.Response) -> Iterator[tuple[str, str]]:
    for name, value in response.headers.raw:
        yield name.decode("latin-1").lower(), value.decode("latin-1")


async def _close(stream: httpx.AsyncByteStream) -> None:
    try:
        await stream.aclose()
    except Exception:  # noqa: BLE001 - the connection is gone either way, and nobody is left to tell
        return


class Upstream:
    """The connections of one event loop to the upstream. ``open_flows`` are those not yet closed."""

    def __init__(self, config: UpstreamConfig) -> None:
        self.config = config
        self._flows: set[asyncio.Task[None]] = set()
        self._transport: AiohttpTransport | None = None
        self._urls: dict[str, httpx.URL] = {}
        self._headers = self._fixed_headers()
        # "pool" bounds what "connect" does not: a name server that is silent, and a full house of connections.
        self._extensions = {
            "timeout": {"connect": config.connect_timeout, "read": None, "pool": 3 * config.connect_timeout}
        }

    @property
    def open_flows(self) -> int:
        return len(self._flows)

    def _fixed_headers(self, key: str | None = None) -> list[tuple[bytes, bytes]]:
        """With ``key`` those of a client that brings its own: organisation and project are not its."""
        config = self.config
        own = key is None
        credential = config.api_key if key is None else key
        named = {
            config.key_header: f"Bearer {credential}" if config.key_header == "authorization" else credential,
            "content-type": "application/json",
            "accept": "text/event-stream, application/json",
            "accept-encoding": "identity",
            "user-agent": USER_AGENT,
            "openai-organization": config.organization if own else "",
            "openai-project": config.project if own else "",
        }
        return [(name.encode(), value.encode("latin-1", "replace")) for name, value in named.items() if value]

    def _url(self, path: str) -> httpx.URL:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = httpx.URL(self.config.base_url + path)
        return url

    def open(self, path: str, body: bytes, headers: Mapping[str, str], key: str | None = None) -> Flow:
        """POST ``body`` (JSON) to ``path`` below the base URL; the flow begins at once. ``key`` stands in for the
        configured one."""
        loop = asyncio.get_running_loop()
        if self._transport is None:
            self._transport = _make_transport(self.config)
        url = self._url(path)
        fixed = self._headers if key is None else self._fixed_headers(key)
        named = [*fixed, *((name.encode(), value.encode("ascii")) for name, value in headers.items())]
        request = httpx.Request(
            "POST",
            url,
            headers=named,
            content=body,
            extensions=self._extensions,
        )
        flow = Flow(loop)
        task = flow._task = loop.create_task(flow._own(self._transport, request))
        self._flows.add(task)
        task.add_done_callback(self._flows.discard)
        return flow

    async def aclose(self) -> None:
        """End all flows and close the connections."""
        flows = list(self._flows)
        for task in flows:
            if not task.cancelling():
                task.cancel()
        await asyncio.gather(*flows, return_exceptions=True)
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None


class Connection(ResponseHandler):
    """A connection that resumes only what was paused.

    aiohttp 3.14 resumes a connection, its parser included, with each chunk that is read from it. A stream of
    small events is hundreds of chunks, and that was a third of the bridge's CPU.
    """

    _paused = False

    def pause_reading(self) -> None:
        self._paused = True
        super().pause_reading()

    def resume_reading(self, resume_parser: bool = True) -> None:
        if self._paused:
            self._paused = False
            super().resume_reading(resume_parser)


def _make_transport(config: UpstreamConfig) -> AiohttpTransport:
    context = httpx.create_ssl_context() if config.base_url.startswith("https:") else None

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=config.max_connections,
            keepalive_timeout=60,
            ttl_dns_cache=60,
            ssl=context if context is not None else True,
        )
        # aiohttp has no public way to say which class its connections are of; a test holds that this one is used.
        connector._factory = functools.partial(Connection, loop=asyncio.get_running_loop())  # type: ignore[assignment]
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept"),
        )

    return AiohttpTransport(verify=context if context is not None else False, client=session)


_FAULTS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], NetworkFault], ...] = (
    (aiohttp.ClientConnectorDNSError, "dns"),
    ((aiohttp.ClientSSLError, ssl.SSLError), "tls"),
    (aiohttp.ConnectionTimeoutError, "connect_timeout"),
    (aiohttp.ServerTimeoutError, "headers_timeout"),
    (aiohttp.ClientConnectorError, "connect"),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, aiohttp.ClientOSError), "read"),
    ((aiohttp.ClientError, ValueError), "protocol"),
    (OSError, "read"),
)


def fault_of(error: BaseException, *, headers_seen: bool) -> NetworkFault:
    """The name of a network fault; httpx's exceptions are looked through to what caused them."""
    cause: Any = error
    while isinstance(cause, httpx.HTTPError) and cause.__cause__ is not None:
        cause = cause.__cause__
    for kinds, fault in _FAULTS:
        if isinstance(cause, kinds):
            return fault
    return "read" if headers_seen else "protocol"
