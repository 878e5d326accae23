"""What an exchange tells of itself: its signals, its attempts and its one log line.

Invariants: ``finish`` is synchronous and does something only once, so that no second cancellation can lose the
end of a request and none is told twice; a receiver that raises is logged and harms nothing; the log line tells names,
codes, counts and times, never content and never a secret.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bridge_api import correlation, errors
from bridge_api.guard import CLIENT_GONE, STREAM_PATH, Arrival
from bridge_api.mapping import Route
from bridge_api.schemas.anthropic import MessagesRequest
from bridge_api.schemas.blocks import Document, Image, ToolResult
from bridge_api.signals import (
    Attempt,
    ExchangeFinished,
    ExchangeOpened,
    Kept,
    Outcome,
    exchange_finished,
    exchange_opened,
)
from bridge_api.translation.notes import Note
from bridge_api.translation.stream import Outcome as Told
from bridge_api.upstream.client import Head

log = logging.getLogger("bridge.exchange")
API = "/v1/"
MODELS, OTHER = "/v1/models", "other"
ENDPOINTS = frozenset(("/v1/messages", STREAM_PATH, "/v1/messages/count_tokens", "/v1/messages/token_count", MODELS))
# Failures upstream that are the client's matter; the others are for an operator to see.
_CLIENTS_OWN = frozenset({"invalid_request_error", "not_found_error", "request_too_large", "rate_limit_error"})


@dataclass(slots=True)
class Story:
    """One request's story. ``times`` are Unix seconds by name; ``key`` is the label of the client's key."""

    arrival: Arrival
    endpoint: str
    opened: ExchangeOpened | None = None
    attempts: list[Attempt] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    finished: bool = False
    trying_since: float | None = None
    key: str = ""
    announced: bool = False
    promises: tuple[Kept, ...] = ()

    def __post_init__(self) -> None:
        self.times["received"] = self.arrival.received_at

    def passed(self, name: str) -> None:
        """Keep the time of ``name``, the first time that it happens."""
        if name not in self.times:
            self.times[name] = time.time()

    def open(
        self,
        route: Route,
        payload: Mapping[str, Any],
        notes: tuple[Note, ...],
        *,
        stream: bool,
        counts: dict[str, int],
        announce: bool = True,
    ) -> None:
        """The request was understood: send ``exchange_opened`` where it goes upstream (``announce``). ``payload`` is
        the Responses request, ``notes`` are those of its translation."""
        arrival = self.arrival
        self.notes += notes
        self.opened = ExchangeOpened(
            correlation_id=arrival.correlation_id,
            request_id=arrival.request_id,
            endpoint=self.endpoint,
            stream=stream,
            model_asked=route.asked[:128],
            model_served=route.served,
            rule=route.rule,
            received_at=arrival.received_at,
            session_id=payload.get("prompt_cache_key"),
            client=arrival.headers.get("user-agent", "")[:128],
            effort=(payload.get("reasoning") or {}).get("effort"),
            counts=counts,
            notes=notes,
            key=self.key,
            request=arrival.body,
            headers=arrival.headers,
        )
        self.announced = announce
        if announce:
            self.promises = _send(exchange_opened, self.opened)
            # Its bytes are not held while the answer streams.
            self.opened = replace(self.opened, request=b"")

    @property
    def kept_first(self) -> bool:
        """Whether somebody wants to have kept this exchange before anything is asked upstream."""
        return any(promise.first for promise in self.promises)

    async def kept(self) -> bool:
        """Wait until all who keep exchanges have kept this one, its beginning or else its end. False where one of
        them says that no answer may go out without that."""
        promises, self.promises = self.promises, ()
        kept = True
        for promise in promises:
            kept = await promise.wait() and kept
        return kept

    def attempt_begins(self) -> None:
        self.trying_since = time.time()

    def attempt_ends(self, head: Head | None, failure: errors.BridgeError | None) -> None:
        """Keep the attempt that is under way; without one this does nothing."""
        if self.trying_since is None:
            return
        attempt = Attempt(
            number=len(self.attempts) + 1,
            started_at=self.trying_since,
            seconds=max(0.0, time.time() - self.trying_since),
            status=head.status if head else None,
            error_code=failure.code if failure else None,
            upstream_request_id=correlation.accept(head.headers.get("x-request-id")) if head else None,
        )
        self.attempts.append(attempt)
        self.trying_since = None

    def finish(
        self,
        status: int,
        failure: errors.BridgeError | None,
        told: Told | None,
        answer: Callable[[], list[dict[str, Any]]] | None = None,
    ) -> None:
        """The end, told once. ``status`` is what the client saw; ``told`` is None when nothing was asked upstream."""
        if self.finished:
            return
        self.finished = True
        self.times["finished"] = time.time()
        done = ExchangeFinished(
            correlation_id=self.arrival.correlation_id,
            request_id=self.arrival.request_id,
            endpoint=self.endpoint,
            status=status,
            outcome=_outcome(failure, told),
            opened=self.opened,
            error_type=failure.type if failure else None,
            error_code=failure.code if failure else None,
            stop_reason=told.stop_reason if told else None,
            usage=told.usage if told else {},
            usage_estimated=told.estimated if told else False,
            tool_calls=told.tool_calls if told else (),
            notes=(*self.notes, *(told.notes if told else ())),
            attempts=tuple(self.attempts),
            times=dict(self.times),
            upstream_response_id=told.upstream_response_id if told else None,
            upstream_model=told.upstream_model if told else None,
            key=self.key,
            error_message=failure.message if failure else "",
            error_details=failure.openai if failure else None,
            answer=answer,
            request=b"" if self.opened else self.arrival.body,
            headers=self.arrival.headers,
        )
        promises = _send(exchange_finished, done)
        if not self.announced:
            self.promises = promises
        _log_line(done)


async def refused(path: str, arrival: Arrival, failure: errors.BridgeError) -> None:
    """The whole story of a request to the API that got no further: turned away by the guard, no such path, or its
    client left meanwhile. A path that anybody may invent is told as ``OTHER``."""
    if path.startswith(API):
        status = 200 if path == STREAM_PATH and not isinstance(failure, errors.ClientGone) else failure.status
        story = Story(arrival, path if path in ENDPOINTS else OTHER)
        story.finish(status, failure, None)
        await story.kept()


def client_gone() -> errors.ClientGone:
    return errors.ClientGone("The client closed the connection.")


def ended_by(cancelled: asyncio.CancelledError) -> errors.BridgeError:
    """Why a request was cancelled: its client went, or the server stops (an error the client may retry)."""
    if CLIENT_GONE in cancelled.args:
        return client_gone()
    return errors.shutting_down()


def unexpected(error: Exception) -> errors.ApiError:
    """A fault of ours: told without its text, which may hold content; the log has its place."""
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}")
        trace = trace.tb_next
    log.error("unexpected %s at %s", type(error).__name__, " > ".join(frames[-6:]))
    return errors.ApiError("Internal error of the bridge.", code="internal")


def _outcome(failure: errors.BridgeError | None, told: Told | None) -> Outcome:
    if failure is None:
        return "completed"
    if isinstance(failure, errors.ClientGone):
        return "client_disconnected"
    if failure.code == errors.SHUTTING_DOWN:
        return "cancelled"
    return "failed" if told is not None else "refused"


def _send(signal: Any, payload: Any) -> tuple[Kept, ...]:
    """Tell ``payload``; the promises of those who keep it."""
    promises: list[Kept] = []
    for receiver, result in signal.send_robust(sender=type(payload), payload=payload):
        if isinstance(result, Exception):
            log.error(
                "a receiver of %s failed: %s in %s",
                type(payload).__name__,
                type(result).__name__,
                getattr(receiver, "__qualname__", "?"),
            )
        elif result is not None:
            promises.append(result)
    return tuple(promises)


def _log_line(done: ExchangeFinished) -> None:
    loud = done.outcome == "failed" and done.error_type not in _CLIENTS_OWN
    level = logging.WARNING if loud or done.status >= 500 else logging.INFO
    if not log.isEnabledFor(level):
        return
    opened, times = done.opened, done.times
    first = times.get("first_byte")
    fields = {
        "correlation_id": done.correlation_id,
        "request_id": done.request_id,
        "endpoint": done.endpoint,
        "stream": opened.stream if opened else None,
        "key": done.key or None,
        "model_asked": opened.model_asked if opened else None,
        "model_served": opened.model_served if opened else None,
        "status": done.status,
        "outcome": done.outcome,
        "error_type": done.error_type,
        "error_code": done.error_code,
        "stop_reason": done.stop_reason,
        "input_tokens": done.usage.get("input_tokens"),
        "output_tokens": done.usage.get("output_tokens"),
        "attempts": len(done.attempts),
        "duration_ms": round((times["finished"] - times["received"]) * 1000),
        "first_byte_ms": round((first - times["received"]) * 1000) if first else None,
        "notes": sorted({note.code for note in done.notes}),
    }
    log.log(level, "exchange finished", extra={"fields": fields})


def counts_of(request: MessagesRequest) -> dict[str, int]:
    """How much was asked: messages, tools, images, documents."""
    counts = {"messages": len(request.messages), "tools": len(request.tools or ()), "images": 0, "documents": 0}
    for message in request.messages:
        for block in message.content if isinstance(message.content, list) else ():
            if isinstance(block, ToolResult) and isinstance(block.content, list):
                for part in block.content:
                    counts["images"] += isinstance(part, Image)
                    counts["documents"] += isinstance(part, Document)
            elif isinstance(block, Image):
                counts["images"] += 1
            elif isinstance(block, Document):
                counts["documents"] += 1
    return counts
