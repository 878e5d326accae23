"""A slim request handler for the API's paths.

Django's own ASGI handler gives each request a thread for synchronous code, sends signals that close database
connections in that thread, and passes every middleware; for a proxy of streams that is most of its CPU. The
API's views are asynchronous, need no middleware and open no database connection, so this handler resolves the
URL, awaits the view and sends its answer. Tests hold it against Django's handler.

Invariants: a client that disconnects cancels the request at any moment; a response is closed exactly once; a
path without a view and an unexpected fault are answered in Anthropic's envelope.
"""

from __future__ import annotations

import asyncio
import logging
from functools import lru_cache
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponseBase
from django.urls import Resolver404, get_resolver

from bridge_api import errors
from bridge_api.guard import CLIENT_GONE, Arrival, Receive, Scope, Send, arrival_from
from bridge_api.story import refused
from bridge_api.views import failed

log = logging.getLogger("bridge.slim")
_NO_BODY = BytesIO()


class ApiRequest(ASGIRequest):
    """A request whose bytes are the guard's, and are given up when the exchange gives them up."""

    bridge_arrival: Arrival

    @property
    def body(self) -> bytes:
        return self.bridge_arrival.body


class SlimHandler:
    """ASGI application for paths whose body the guard has read."""

    def __init__(self) -> None:
        self._resolve = lru_cache(maxsize=256)(get_resolver().resolve)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_task = asyncio.current_task()
        assert request_task is not None
        watch = asyncio.get_running_loop().create_task(_cancel_when_gone(receive, request_task))
        try:
            await self._answer(scope, send)
        except asyncio.CancelledError:
            # Our own watch cancelled us when the client had gone: nobody is left to answer.
            if not watch.done() or watch.cancelled():
                raise
            request_task.uncancel()
        finally:
            watch.cancel()

    async def _answer(self, scope: Scope, send: Send) -> None:
        arrival: Arrival = scope.get("bridge") or arrival_from({})
        request = ApiRequest(dict(scope), _NO_BODY)
        request.bridge_arrival = arrival
        response = await self._respond(request, arrival)
        try:
            await _send_response(response, send, head_only=scope["method"] == "HEAD")
        finally:
            _close(response)

    async def _respond(self, request: ASGIRequest, arrival: Arrival) -> HttpResponseBase:
        try:
            match = self._resolve(request.path_info)
        except Resolver404:
            return await _refused(errors.NotFound("Not found"), request, arrival, {})
        request.resolver_match = match
        try:
            response: HttpResponseBase = await match.func(request, *match.args, **match.kwargs)
        except Exception as error:  # noqa: BLE001 - the last boundary: an envelope, never a traceback
            log.error("unexpected %s outside a view", type(error).__name__)
            return failed(errors.ApiError("Internal error of the bridge.", code="internal"), arrival, {})
        if response.status_code == 405:
            _close(response)
            failure = errors.MethodNotAllowed("Method not allowed")
            return await _refused(failure, request, arrival, {"allow": response.get("Allow", "")})
        return response


async def _refused(
    failure: errors.BridgeError, request: ASGIRequest, arrival: Arrival, headers: dict[str, str]
) -> HttpResponseBase:
    await refused(request.path_info, arrival, failure)
    return failed(failure, arrival, headers)


async def _cancel_when_gone(receive: Receive, request_task: asyncio.Task[Any]) -> None:
    """The body is read, so that the next message can only be the end of the connection."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            request_task.cancel(CLIENT_GONE)
            return


def _close(response: HttpResponseBase) -> None:
    """``HttpResponseBase.close`` without its ``request_finished``, which would close database connections."""
    closers = response._resource_closers  # type: ignore[attr-defined]
    response.closed = True
    while closers:
        try:
            closers.pop()()
        except Exception as error:  # noqa: BLE001 - as Django does: one that fails does not stop the others
            log.error("unexpected %s while closing an answer", type(error).__name__)


async def _send_response(response: HttpResponseBase, send: Send, *, head_only: bool) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
    if response.streaming:
        content: Any = getattr(response, "records", None) or aiter(response)  # type: ignore[arg-type]
        begun = False
        try:
            async for chunk in content:
                if not begun:
                    # Not before there is something to say: who keeps the exchange has it by then.
                    begun = True
                    await send(start)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except asyncio.CancelledError as cancelled:
            if CLIENT_GONE not in cancelled.args and begun:
                # The server stops, and the stream has said so: its end on the wire is an end, not a cut.
                await send({"type": "http.response.body"})
            raise
        finally:
            await content.aclose()
        if not begun:
            await send(start)
        await send({"type": "http.response.body"})
        return
    body: bytes = b"" if head_only else response.content  # type: ignore[attr-defined]
    if response.status_code not in (204, 304):
        headers.append((b"content-length", str(len(response.content)).encode()))  # type: ignore[attr-defined]
    await send(start)
    await send({"type": "http.response.body", "body": body})
