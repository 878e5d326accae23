"""What happened, told to whoever listens: the audit, metrics, a plug-in.

Invariants: payloads are plain, frozen data; ``exchange_finished`` is sent exactly once for each request, whatever
became of it, and ``exchange_opened`` before it where the request went upstream; a receiver that raises never harms
the answer (senders use ``send_robust``). What was said stands in ``request``, ``headers``, ``answer`` and
``error_message`` only, as it came: whoever keeps them redacts them first.

A receiver may return a ``Kept``: the first byte of the answer waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from django.dispatch import Signal

Outcome = Literal["completed", "refused", "failed", "client_disconnected", "cancelled"]


class Kept(Protocol):
    """What a receiver promises: the payload will be kept. ``first``: nothing may be asked upstream before it is."""

    first: bool

    async def wait(self) -> bool:
        """True once the answer may go on; False when it must not, because the payload cannot be kept."""
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try upstream. ``started_at`` is a Unix time in seconds, ``seconds`` how long it took."""

    number: int
    started_at: float
    seconds: float
    status: int | None = None
    error_code: str | None = None
    upstream_request_id: str | None = None


@dataclass(frozen=True, slots=True)
class ExchangeOpened:
    """A request was understood and is about to be sent upstream. Times are Unix seconds; ``key`` is the label of the
    client's key; ``request`` is the body as the client sent it, ``headers`` are its headers, in lower case."""

    correlation_id: str
    request_id: str
    endpoint: str
    stream: bool
    model_asked: str
    model_served: str
    rule: str
    received_at: float
    session_id: str | None = None
    client: str = ""
    effort: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[Any, ...] = ()
    key: str = ""
    request: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExchangeFinished:
    """The end of a request. ``opened`` is None when it was refused before it could be sent upstream.

    ``status`` is what the client saw (499 when it had gone); ``outcome`` "cancelled": the server was stopped.
    ``times`` are Unix seconds by name (received, upstream_connected, first_byte, first_token, finished); ``usage`` is
    Anthropic's usage object; ``key`` is the label of the client's key, also of a request that was refused;
    ``answer`` makes the content that the client was given, as blocks of a Message (it takes time: call it aside);
    ``error_details`` is the upstream's own error object; ``upstream_model`` is the model that it says it used.
    ``request`` is the body of a request that was not understood, else ``opened`` has it; ``headers`` are the client's.
    """

    correlation_id: str
    request_id: str
    endpoint: str
    status: int
    outcome: Outcome
    opened: ExchangeOpened | None = None
    error_type: str | None = None
    error_code: str | None = None
    stop_reason: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    usage_estimated: bool = False
    tool_calls: tuple[str, ...] = ()
    notes: tuple[Any, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    times: Mapping[str, float] = field(default_factory=dict)
    upstream_response_id: str | None = None
    upstream_model: str | None = None
    key: str = ""
    error_message: str = ""
    error_details: Mapping[str, Any] | None = None
    answer: Callable[[], list[dict[str, Any]]] | None = None
    request: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


exchange_opened = Signal()
exchange_finished = Signal()
rules_used = Signal()
"""A question: how often was each rule used since ``since`` (a datetime)? Who keeps a trail answers with a dict of
``Route.rule`` -> number."""
