"""The first room of every request: ids, the size of the body and the time it may take.

Invariants: a request that is too large, too slow or badly encoded is answered here, in Anthropic's envelope,
before Django has read a byte; never more than the limit is held, and nothing is written to disk; every answer
of the server carries ``request-id`` and ``x-correlation-id``.

Django reads a whole body before a view runs and trusts ``content-length``; this room does neither.
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
from bridge_api.schemas.wording import invalid

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(slots=True)
class Arrival:
    """What is known of a request when it has arrived. Times: ``received_at`` Unix seconds."""

    request_id: str
    correlation_id: str
    received_at: float
    headers: dict[str, str]
    body: bytes = b""


class ClientLeft(Exception):
    """The client closed the connection before its request was whole."""


class Guard:
    """ASGI application around ``api`` (paths of the API) and ``site`` (all others)."""

    def __init__(
        self, api: App, site: App, *, is_api: Callable[[Scope], bool], max_body: int, read_timeout: float
    ) -> None:
        self._api = api
        self._site = site
        self._is_api = is_api
        self._max_body = max_body
        self._read_timeout = read_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._site(scope, receive, send)
            return
        arrival = _arrival(scope)
        scope["bridge"] = arrival
        answer = _with_ids(send, arrival)
        try:
            arrival.body = await self._body(arrival.headers, receive)
        except errors.BridgeError as error:
            await _refuse(error, arrival, answer)
            return
        except ClientLeft:
            return
        if self._is_api(scope):
            await self._api(scope, receive, answer)
        else:
            await self._site(scope, _replay(arrival.body, receive), answer)

    async def _body(self, headers: dict[str, str], receive: Receive) -> bytes:
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._max_body:
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
        return gunzip(raw, self._max_body)

    async def _collected(self, receive: Receive) -> bytes:
        message = await receive()
        first: bytes = message.get("body", b"")
        if message["type"] == "http.disconnect":
            raise ClientLeft
        if not message.get("more_body"):
            if len(first) > self._max_body:
                raise _too_large(self._max_body)
            return first
        body = bytearray(first)
        while message.get("more_body"):
            if len(body) > self._max_body:
                raise _too_large(self._max_body)
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            body += message.get("body", b"")
        if len(body) > self._max_body:
            raise _too_large(self._max_body)
        return bytes(body)


def gunzip(raw: bytes, limit: int) -> bytes:
    """The decoded body; raises InvalidRequest for bad data, RequestTooLarge at the limit (a bomb stops there)."""
    stream = zlib.decompressobj(wbits=31)
    try:
        decoded = stream.decompress(raw, limit + 1)
    except zlib.error:
        raise _bad_encoding() from None
    if len(decoded) > limit:
        code = "request_body_too_large_after_decoding"
        raise errors.RequestTooLarge(
            f"Request exceeds the maximum size of {limit} bytes after decoding", code=code, details={"error_code": code}
        )
    if not stream.eof or stream.unused_data:
        raise _bad_encoding()
    return decoded


def _bad_encoding() -> errors.BridgeError:
    return invalid("", "The request body could not be decoded", code="request_body_encoding_invalid")


def _too_large(limit: int) -> errors.RequestTooLarge:
    return errors.RequestTooLarge(f"Request exceeds the maximum size of {limit} bytes")


def _arrival(scope: Scope) -> Arrival:
    return arrival_from({name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]})


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


async def _refuse(error: errors.BridgeError, arrival: Arrival, send: Send) -> None:
    body = msgspec.json.encode(errors.envelope(error, arrival.request_id))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *((name.encode(), value.encode()) for name, value in error.headers.items()),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
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
