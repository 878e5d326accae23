"""What a request asks for, before anything is sent: who asks, what it means, whether it may go on.

Invariants: one snapshot of the operators' decisions holds for the whole request; what is large, or has very many
parts, is parsed off the event loop; what could never be sent upstream is refused, also where it is only to be
counted; every refusal is one of ``errors``, and names fields, never what a client sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from bridge_api import correlation, errors
from bridge_api.auth import ANYBODY, Auth, Caller
from bridge_api.counter import Counter
from bridge_api.guard import Arrival
from bridge_api.keys import Limits
from bridge_api.limits import Admission, Limiter
from bridge_api.mapping import Route
from bridge_api.profiles import OPENAI, Profile, fit
from bridge_api.schemas.anthropic import VERSION_2023, MessagesRequest, parse_messages
from bridge_api.schemas.wording import invalid
from bridge_api.snapshot import Snapshot
from bridge_api.story import counts_of
from bridge_api.translation.notes import Note
from bridge_api.translation.request import RequestContext, Translated, translate
from bridge_api.upstream.client import Upstream
from bridge_api.upstream.retry import RetryPolicy

LARGE_BODY = 512 * 1024
MANY_OBJECTS = 4_000
# Where a Responses request has what is not text: data URLs, and reasoning as the upstream sealed it.
_NO_TEXT = (b'"data:', b'"encrypted_content":"')
# The client's fields that become the upstream's.
_SENT_AS = {
    "messages": "input",
    "system": "instructions",
    "tools": "tools",
    "output_format": "text",
    "output_config": "text",
}


@dataclass(frozen=True, slots=True)
class Service:
    """What exchanges share: the operators' decisions, the upstream and the settings that matter here (seconds).

    ``upstream_id`` names the upstream and the credential for it (by default the bridge's own) without telling them.
    """

    snapshot: Callable[[], Snapshot]
    upstream: Callable[[], Upstream]
    retry: RetryPolicy
    identity_key: bytes
    upstream_id: Callable[[str | None], str]
    has_credential: bool
    response_timeout: float
    idle_timeout: float
    ping_interval: float
    profile: Profile = OPENAI
    auth: Auth = field(default_factory=Auth)
    limiter: Limiter = field(default_factory=Limiter)
    counter: Counter = field(default_factory=Counter)
    estimate: Callable[[dict[str, Any], str], int | None] = lambda payload, model: None
    remember: Callable[[Sequence[dict[str, Any]], dict[str, Any], str], None] = lambda output, usage, model: None
    cut: Callable[[str, int], str] | None = None


@dataclass(slots=True)
class Asked:
    """What was understood of a request; ``body`` is what goes upstream, ``tokens`` its input as far as known; what is
    ``large`` is not looked through on the event loop."""

    route: Route
    translated: Translated
    payload: dict[str, Any]
    notes: tuple[Note, ...]
    counts: dict[str, int]
    like: str = ""
    tokens: int = 0
    body: bytes = b""
    large: bool = False


class Intake:
    """The way of one request up to the upstream. ``forced``: its path itself asks for a stream."""

    def __init__(self, service: Service, arrival: Arrival, *, forced: bool) -> None:
        self._service = service
        self._arrival = arrival
        self._forced = forced
        self.snapshot = service.snapshot()
        self.caller: Caller = ANYBODY
        self.admission: Admission | None = None
        self.stream = forced

    @property
    def has_credential(self) -> bool:
        return self._service.has_credential or self.caller.upstream_key is not None

    async def identify(self) -> Caller:
        """Who asks. Raises AuthenticationFailed."""
        service = self._service
        self.caller = await service.auth.caller(self._arrival.headers, service.snapshot)
        self.snapshot = service.snapshot()
        return self.caller

    async def understand(self, *, count: bool) -> Asked:
        """Parse, resolve and translate. Raises BridgeError."""
        body = self._arrival.body
        if len(body) <= LARGE_BODY and body.count(b"{") <= MANY_OBJECTS:
            return self._understand(count)
        asked = await asyncio.to_thread(self._understand, count)
        asked.large = True
        return asked

    async def admit(self, asked: Asked) -> Admission | None:
        """Hold the request against the limits of its rule and its key. Raises InvalidRequest and RateLimited."""
        longest = asked.route.adjustments.max_input_tokens
        if longest is not None:
            tokens = asked.tokens or await self._service.counter.local(asked.payload, asked.like, asked.large)
            if tokens > longest:
                text = f"prompt is too long: {tokens} tokens > {longest} maximum"
                raise errors.InvalidRequest(text, code="max_input_tokens")
            asked.tokens = tokens
        key = self.caller.key
        if key is not None and key.limits:
            estimate = await self._estimate(asked, key.limits)
            self.admission = await self._service.limiter.admit(key, self._arrival.request_id, estimate)
        return self.admission

    async def _estimate(self, asked: Asked, limits: Limits) -> int:
        """The input tokens to reserve: counted where a guess by length would be far off (pictures, files and sealed
        reasoning are no text), or would refuse the request for good."""
        if limits.tokens is None or asked.tokens:
            return asked.tokens
        guess = len(asked.body) // 4
        if guess <= limits.tokens and not any(mark in asked.body for mark in _NO_TEXT):
            return guess
        return await self._service.counter.local(asked.payload, asked.like, asked.large)

    @property
    def reserved(self) -> int:
        """The input tokens that were reserved for the request, while it runs."""
        return self.admission.reserved if self.admission is not None else 0

    def settle(self, used: int) -> None:
        """The request has ended and was billed ``used`` tokens. Only the first call counts; never waits."""
        admission, self.admission = self.admission, None
        if admission is not None:
            self._service.limiter.settle(admission, used)

    def _understand(self, count: bool) -> Asked:
        headers, service, snapshot = self._arrival.headers, self._service, self.snapshot
        version = headers.get("anthropic-version", VERSION_2023)
        request = parse_messages(self._arrival.body, version=version, count=count)
        key = self.caller.key
        if key is not None and not key.may_ask(request.model):
            raise errors.PermissionDenied("This API key may not ask for this model.", code="model_not_allowed")
        route = snapshot.models.resolve(request.model)
        if self._forced:
            request.stream = True
        self.stream = bool(request.stream) and not count
        caps = snapshot.capabilities.of(route.served)
        context = RequestContext(
            route=route,
            caps=caps,
            version=version,
            betas=frozenset(flag.strip() for flag in headers.get("anthropic-beta", "").split(",") if flag.strip()),
            session_id=correlation.accept(headers.get("x-claude-code-session-id")),
            identity_key=service.identity_key,
            upstream_id=service.upstream_id(self.caller.upstream_key),
        )
        translated = translate(request, context, count=count)
        payload, notes = fit(translated.payload, service.profile)
        asked = Asked(route, translated, payload, (*translated.notes, *notes), counts_of(request), caps.like)
        if count:
            _written(asked.payload, request)
        elif self.has_credential:
            asked.tokens = service.estimate(asked.payload, caps.like) or 0
            if translated.local_answer is None:
                asked.body = _written(asked.payload, request)
        return asked


def _written(payload: dict[str, Any], request: MessagesRequest) -> bytes:
    """What goes upstream. Raises InvalidRequest for what cannot be written: numbers of more than 64 bits, and what is
    nested deeper than some 250 levels."""
    try:
        return orjson.dumps(payload)
    except TypeError as error:
        what = "Integers should have at most 64 bits" if "64-bit" in str(error) else "Input is nested too deeply"
    for name, place in _SENT_AS.items():
        if getattr(request, name) is not None and not _is_writable(payload.get(place)):
            raise invalid(name, what)
    raise invalid("", f"The request body cannot be sent on: {what}")


def _is_writable(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True
