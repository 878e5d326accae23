"""The first room of every request: ids, the size of the body and the time it may take.

Invariants: a request that is too large, too slow, ambiguous or badly encoded is answered here, in Anthropic's
envelope, before Django has read a byte; never more than the limit is held, and nothing is written to disk; every
answer of the server carries ``request-id`` and ``x-correlation-id``; decoding does not hold up the event loop.

Django reads a whole body before a view runs and trusts ``content-length``; this room does neither. Sources: RFC
9112 section 6.3 (a request with two framings or two hosts is an attack on what stands in front), Anthropic's
error codes ``request_body_*``.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import msgspec

from bridge_api import correlation, errors
from bridge_api.schemas.stream import error_record
from bridge_api.schemas.wording import invalid

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CLIENT_GONE = "client disconnected"
"""The message of a cancellation that says why: the client has gone, not the server."""


@dataclass(slots=True)
class Arrival:
    """What is known of a request when it has arrived. Times: ``received_at`` Unix seconds."""

    request_id: str
    correlation_id: str
    received_at: float
    headers: dict[str, str]
    body: bytes = b""


STREAM_PATH = "/v1/messages/stream"
DECODING_STEP = 1024 * 1024
_SINGLE = frozenset({"host", "content-length", "transfer-encoding", "content-encoding"})
Told = Callable[[str, Arrival, errors.BridgeError], Awaitable[None]]


class Guard:
    """ASGI application around ``api`` (paths of the API) and ``site`` (all others).

    ``told`` hears of each request that goes no further: its path, its arrival and why.
    """

    def __init__(
        self,
        api: App,
        site: App,
        *,
        is_api: Callable[[Scope], bool],
        max_body: int,
        read_timeout: float,
        told: Told | None = None,
    ) -> None:
        self._api = api
        self._site = site
        self._is_api = is_api
        self._max_body = max_body
        self._read_timeout = read_timeout
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._site(scope, receive, send)
            return
        arrival = _arrival(scope)
        correlation.current.set(arrival.correlation_id)
        scope["bridge"] = arrival
        answer = _with_ids(send, arrival)
        try:
            _unambiguous(scope)
            arrival.body = await self._body(arrival.headers, receive)
        except errors.ClientGone as error:
            await self._tell(scope["path"], arrival, error)
            return
        except asyncio.CancelledError:
            # The server stops, and this request was not whole yet.
            await self._tell(scope["path"], arrival, errors.shutting_down())
            raise
        except errors.BridgeError as error:
            await self._tell(scope["path"], arrival, error)
            await _refuse(error, scope, arrival, answer)
            return
        if self._is_api(scope):
            await self._api(scope, receive, answer)
        else:
            await self._site(scope, _replay(arrival.body, receive), answer)

    async def _tell(self, path: str, arrival: Arrival, error: errors.BridgeError) -> None:
        if self._told is not None:
            await self._told(path, arrival, error)

    async def _body(self, headers: dict[str, str], receive: Receive) -> bytes:
        declared = headers.get("content-length", "0")
        if len(declared) > 18 or not (declared.isascii() and declared.isdigit()) or int(declared) > self._max_body:
            raise _too_large(self._max_body)
        try:
            async with asyncio.timeout(self._read_timeout):
                raw = await self._collected(receive)
        except TimeoutError:
            raise errors.RequestTimedOut("The request body did not arrive in time.") from None
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("", "identity"):
            return raw
        if encoding not in ("gzip", "x-gzip"):
            raise invalid("", "Unsupported Content-Encoding", code="request_body_encoding_unsupported")
        return await gunzip(raw, self._max_body)

    async def _collected(self, receive: Receive) -> bytes:
        first, more = await self._next(receive, 0)
        if not more:
            return first
        body = bytearray(first)
        while more:
            data, more = await self._next(receive, len(body))
            body += data
        return bytes(body)

    async def _next(self, receive: Receive, held: int) -> tuple[bytes, bool]:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise errors.ClientGone("The client closed the connection before its request was whole.")
        data: bytes = message.get("body", b"")
        if held + len(data) > self._max_body:
            raise _too_large(self._max_body)
        return data, bool(message.get("more_body"))


async def gunzip(raw: bytes, limit: int) -> bytes:
    """The decoded body; raises InvalidRequest for bad data, RequestTooLarge at the limit (a bomb stops there)."""
    stream = zlib.decompressobj(wbits=31)
    decoded = bytearray()
    rest = raw
    while True:
        try:
            piece = stream.decompress(rest, DECODING_STEP)
        except zlib.error:
            raise _bad_encoding() from None
        if len(decoded) + len(piece) > limit:
            code = "request_body_too_large_after_decoding"
            text = f"Request exceeds the maximum size of {limit} bytes after decoding"
            raise errors.RequestTooLarge(text, code=code, details={"error_code": code})
        decoded += piece
        rest = stream.unconsumed_tail
        if not rest and len(piece) < DECODING_STEP:
            break
        await asyncio.sleep(0)
    if not stream.eof or stream.unused_data:
        raise _bad_encoding()
    return bytes(decoded)


def _bad_encoding() -> errors.BridgeError:
    return invalid("", "The request body could not be decoded", code="request_body_encoding_invalid")


def _too_large(limit: int) -> errors.RequestTooLarge:
    return errors.RequestTooLarge(f"Request exceeds the maximum size of {limit} bytes")


def _arrival(scope: Scope) -> Arrival:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        # RFC 9110 section 5.3: a field that is repeated is a list.
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return arrival_from(headers)


def _unambiguous(scope: Scope) -> None:
    """Raise InvalidRequest for a request that two servers could read in two ways."""
    seen: set[str] = set()
    for raw_name, _ in scope["headers"]:
        name = raw_name.decode("latin-1")
        if name in _SINGLE:
            if name in seen:
                raise invalid("", f"Repeated header: {name}", code="ambiguous_request")
            seen.add(name)
    if {"content-length", "transfer-encoding"} <= seen:
        raise invalid("", "Both Content-Length and Transfer-Encoding", code="ambiguous_request")


def arrival_from(headers: dict[str, str], body: bytes = b"") -> Arrival:
    """An arrival with fresh ids. ``headers`` have lower-case names."""
    return Arrival(
        correlation.new_request_id(),
        correlation.accept(headers.get("x-correlation-id")) or correlation.new_correlation_id(),
        time.time(),
        headers,
        body,
    )


def _with_ids(send: Send, arrival: Arrival) -> Send:
    ids = [
        (b"request-id", arrival.request_id.encode()),
        (b"x-correlation-id", arrival.correlation_id.encode()),
    ]

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *ids]
        await send(message)

    return answer


async def _refuse(error: errors.BridgeError, scope: Scope, arrival: Arrival, send: Send) -> None:
    status, kind = error.status, b"application/json"
    if scope["path"] == STREAM_PATH and scope["method"] == "POST":
        # This path always answers with a stream (milestone v1.0, phase 5).
        status, kind = 200, b"text/event-stream; charset=utf-8"
        body = error_record(error, arrival.request_id)
    else:
        body = msgspec.json.encode(errors.envelope(error, arrival.request_id))
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *((name.encode(), value.encode()) for name, value in error.headers.items()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
