"""The endpoints: bytes in, an exchange, an answer out.

Invariants: a view never touches the body but through the schemas; every failure leaves as Anthropic's envelope
with its true status, but on ``/v1/messages/stream``, which always answers with a stream (milestone v1.0, phase
5); every exchange that was begun is finished, whatever happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from bridge_api import errors, model_list
from bridge_api.exchange import Exchange
from bridge_api.guard import Arrival, arrival_from
from bridge_api.schemas.stream import error_record
from bridge_api.service import service
from bridge_api.story import MODELS, Story, ended_by, unexpected

READY_SECONDS = 5.0
Unlisted = Callable[[str], model_list.Listed]
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
    return await _answered(request, "/v1/messages", _message)


async def _message(exchange: Exchange) -> HttpResponseBase:
    await exchange.prepare()
    local = exchange.local_message()
    if local is not None:
        await exchange.kept()
        return _json(200, local)
    await exchange.open()
    if exchange.stream:
        return EventStream(exchange, exchange.records(), exchange.headers)
    return _json(200, await exchange.message(), exchange.headers)


async def stream_message(request: HttpRequest) -> HttpResponseBase:
    """``POST /v1/messages/stream``: always a stream; a failure is its ``error`` event."""
    arrival = arrival_of(request)
    exchange = Exchange(service(), arrival, "/v1/messages/stream", forced=True)
    return EventStream(exchange, _streamed(exchange, arrival), {})


async def _streamed(exchange: Exchange, arrival: Arrival) -> AsyncIterator[bytes]:
    try:
        await exchange.prepare()
        await exchange.open()
    except errors.BridgeError as failure:
        await _ended(exchange, 200, failure)
        yield error_record(failure, arrival.request_id)
        return
    except asyncio.CancelledError as cancelled:
        exchange.finish_cancelled(cancelled)
        yield error_record(ended_by(cancelled), arrival.request_id)
        raise
    except Exception as error:  # noqa: BLE001 - the last boundary of the request
        fault = unexpected(error)
        await _ended(exchange, 200, fault)
        yield error_record(fault, arrival.request_id)
        return
    async for record in exchange.records():
        yield record


async def count_tokens(request: HttpRequest) -> HttpResponseBase:
    """``POST /v1/messages/count_tokens``: ``{"input_tokens": n}`` for the request as it would be sent."""
    return await _answered(request, "/v1/messages/count_tokens", _counted)


async def _counted(exchange: Exchange) -> HttpResponseBase:
    tokens = await exchange.count()
    await exchange.kept()
    return _json(200, orjson.dumps({"input_tokens": tokens}))


async def list_models(request: HttpRequest) -> HttpResponseBase:
    """``GET /v1/models``: the names that may be asked for, a page at a time."""

    def listed(entries: list[model_list.Listed], unlisted: Unlisted) -> dict[str, Any]:
        return model_list.page(entries, dict(request.GET.lists()))  # type: ignore[arg-type]

    return await _told(request, listed)


async def get_model(request: HttpRequest, name: str) -> HttpResponseBase:
    """``GET /v1/models/{id}``: what may be expected of one name, of the list or any other that is served."""
    return await _told(request, lambda entries, unlisted: model_list.one(entries, name, unlisted))


async def _told(
    request: HttpRequest, tell: Callable[[list[model_list.Listed], Unlisted], dict[str, Any]]
) -> HttpResponseBase:
    """What ``tell`` makes of the models that the caller may ask for. Nothing is asked upstream."""
    arrival, surroundings = arrival_of(request), service()
    story = Story(arrival, MODELS)
    try:
        caller = await surroundings.auth.caller(arrival.headers, surroundings.snapshot)
        story.key = caller.label
        snapshot = surroundings.snapshot()
        entries = model_list.offered(snapshot.models, snapshot.capabilities)
        if caller.key is not None:
            entries = [entry for entry in entries if caller.key.may_ask(entry.id)]

        def unlisted(name: str) -> model_list.Listed:
            if caller.key is not None and not caller.key.may_ask(name):
                raise model_list.unknown(name)
            return model_list.asked_for(name, snapshot.models, snapshot.capabilities)

        body = orjson.dumps(tell(entries, unlisted))
        failure = None
    except errors.BridgeError as error:
        failure = error
    except asyncio.CancelledError as cancelled:
        failure = ended_by(cancelled)
        story.finish(failure.status, failure, None)
        raise
    except Exception as error:  # noqa: BLE001 - the last boundary of the request
        failure = unexpected(error)
    story.finish(failure.status if failure else 200, failure, None)
    if not await story.kept() and failure is None:
        failure = errors.Overloaded("The audit trail cannot be written.", code="audit_unavailable")
    return failed(failure, arrival, {}) if failure else _json(200, body)


async def _answered(
    request: HttpRequest, endpoint: str, answer: Callable[[Exchange], Awaitable[HttpResponseBase]]
) -> HttpResponseBase:
    """What ``answer`` makes of an exchange; whatever goes wrong is told as its end and in its envelope."""
    arrival = arrival_of(request)
    exchange = Exchange(service(), arrival, endpoint)
    try:
        return await answer(exchange)
    except errors.BridgeError as error:
        failure = error
    except asyncio.CancelledError as cancelled:
        exchange.finish_cancelled(cancelled)
        failure = ended_by(cancelled)
        if isinstance(failure, errors.ClientGone):
            raise
    except Exception as error:  # noqa: BLE001 - the last boundary of the request
        failure = unexpected(error)
    await _ended(exchange, failure.status, failure)
    return failed(failure, arrival, exchange.headers)


async def _ended(exchange: Exchange, status: int, failure: errors.BridgeError) -> None:
    """Tell the failed end, and wait until it is kept. A failure is answered in any case: nothing is given away."""
    exchange.finish(status, failure)
    with suppress(errors.Overloaded):
        await exchange.kept()


async def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return _json(200, b'{"status":"ok"}')


async def readyz(request: HttpRequest) -> HttpResponse:
    """The process can serve: its database answers and there is a credential for the upstream."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            database = await sync_to_async(_database_answers)()
    except TimeoutError:
        database = False
    brought = settings.BRIDGE_CLIENT_AUTH == "passthrough"
    checks = {"database": database, "credential": brought or bool(settings.OPENAI_API_KEY)}
    ready = all(checks.values())
    body = {"status": "ready" if ready else "not ready", "checks": checks}
    return _json(200 if ready else 503, orjson.dumps(body))


def _database_answers() -> bool:
    # No signal of Django's ends this request, so that a connection that broke would never be made anew.
    connection.close_if_unusable_or_obsolete()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:  # noqa: BLE001 - any failure means not ready
        connection.close()
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


class EventStream(StreamingHttpResponse):
    """A stream of records. Closing it, which is synchronous, ends the exchange in every case: also that of a
    stream nobody has begun to read. ``records`` are the bytes themselves, for a server that needs no wrapping."""

    def __init__(self, exchange: Exchange, records: AsyncIterator[bytes], headers: dict[str, str]) -> None:
        super().__init__(records, content_type="text/event-stream; charset=utf-8", headers={**SSE_HEADERS, **headers})
        self.records = records
        self._resource_closers.append(exchange.abandon)  # type: ignore[attr-defined]
