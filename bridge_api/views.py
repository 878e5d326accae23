"""The endpoints: bytes in, an exchange, an answer out.

Invariants: a view never touches the body but through the schemas; every failure leaves as Anthropic's envelope
with its true status, but on ``/v1/messages/stream``, which always answers with a stream (milestone v1.0, phase
5); every exchange that was begun is finished, whatever happens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from bridge_api import errors
from bridge_api.exchange import Exchange
from bridge_api.guard import Arrival, arrival_from
from bridge_api.schemas.stream import error_record
from bridge_api.service import service
from bridge_api.tokens import service as tokens

log = logging.getLogger("bridge.views")
SSE_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}


def arrival_of(request: HttpRequest) -> Arrival:
    """What the guard knows of ``request``; made here when it came without passing the guard (tests)."""
    arrival = getattr(request, "bridge_arrival", None)
    if isinstance(arrival, Arrival):
        return arrival
    headers = {name.lower(): value for name, value in request.headers.items()}
    return arrival_from(headers, request.body)


async def create_message(request: HttpRequest) -> HttpResponseBase:
    """``POST /v1/messages``: a Message, or a stream when the body asks for one."""
    exchange = Exchange(service(), arrival_of(request), "/v1/messages")
    try:
        exchange.prepare()
        local = exchange.local_message()
        if local is not None:
            return _json(200, local)
        await exchange.open()
        if exchange.stream:
            return _sse(exchange.records(), exchange.headers)
        return _json(200, await exchange.message(), exchange.headers)
    except errors.BridgeError as failure:
        exchange.finish(failure.status, failure)
        return failed(failure, arrival_of(request), exchange.headers)
    except asyncio.CancelledError:
        exchange.finish(499, errors.ClientGone("The client closed the connection."))
        raise
    except Exception as error:  # noqa: BLE001 - the last boundary of the request
        fault = _unexpected(error)
        exchange.finish(fault.status, fault)
        return failed(fault, arrival_of(request), {})


async def stream_message(request: HttpRequest) -> HttpResponseBase:
    """``POST /v1/messages/stream``: always a stream; a failure is its ``error`` event."""
    arrival = arrival_of(request)
    return _sse(_stream(Exchange(service(), arrival, "/v1/messages/stream", forced=True), arrival), {})


async def _stream(exchange: Exchange, arrival: Arrival) -> AsyncIterator[bytes]:
    try:
        try:
            exchange.prepare()
            await exchange.open()
        except errors.BridgeError as failure:
            exchange.finish(failure.status, failure)
            yield error_record(failure, arrival.request_id)
            return
        async for record in exchange.records():
            yield record
    except (asyncio.CancelledError, GeneratorExit):
        raise
    except Exception as error:  # noqa: BLE001 - the last boundary of the request
        fault = _unexpected(error)
        exchange.finish(fault.status, fault)
        yield error_record(fault, arrival.request_id)
    finally:
        exchange.finish(499, errors.ClientGone("The client closed the connection."))


async def count_tokens(request: HttpRequest) -> HttpResponseBase:
    """``POST /v1/messages/count_tokens``: ``{"input_tokens": n}`` for the request as it would be sent."""
    exchange = Exchange(service(), arrival_of(request), "/v1/messages/count_tokens")
    try:
        payload, model = exchange.prepare_count()
        counted = await tokens.count(payload, model)
        exchange.finish(200, None)
        return _json(200, orjson.dumps({"input_tokens": counted}))
    except errors.BridgeError as failure:
        exchange.finish(failure.status, failure)
        return failed(failure, arrival_of(request), {})
    except asyncio.CancelledError:
        exchange.finish(499, errors.ClientGone("The client closed the connection."))
        raise
    except Exception as error:  # noqa: BLE001 - the last boundary of the request
        fault = _unexpected(error)
        exchange.finish(fault.status, fault)
        return failed(fault, arrival_of(request), {})


async def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return _json(200, b'{"status":"ok"}')


async def readyz(request: HttpRequest) -> HttpResponse:
    """The process can serve: its database answers and it has a credential for the upstream."""
    checks = {"database": await sync_to_async(_database_answers)(), "credential": bool(settings.OPENAI_API_KEY)}
    ready = all(checks.values())
    body = {"status": "ready" if ready else "not ready", "checks": checks}
    return _json(200 if ready else 503, orjson.dumps(body))


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:  # noqa: BLE001 - any failure means not ready
        return False
    return True


async def quiet(request: HttpRequest) -> HttpResponse:
    """Probes and telemetry of Claude Code: nothing is kept, nothing is said."""
    return HttpResponse(status=204)


# -- answers ----------------------------------------------------------------------------------------------


def failed(failure: errors.BridgeError, arrival: Arrival, headers: dict[str, str]) -> HttpResponse:
    """The envelope of ``failure`` with its status and headers."""
    body = orjson.dumps(errors.envelope(failure, arrival.request_id))
    return _json(failure.status, body, {**headers, **failure.headers})


def _json(status: int, body: bytes, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(body, status=status, content_type="application/json", headers=headers)


def _sse(records: AsyncIterator[bytes], headers: dict[str, str]) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        records, content_type="text/event-stream; charset=utf-8", headers={**SSE_HEADERS, **headers}
    )


def _unexpected(error: Exception) -> errors.ApiError:
    """A fault of ours: told without its text, which may hold content; the log has its place."""
    frames: list[Any] = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}")
        trace = trace.tb_next
    log.error("unexpected %s at %s", type(error).__name__, " > ".join(frames[-6:]))
    return errors.ApiError("Internal error of the bridge.", code="internal")
