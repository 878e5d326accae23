"""Figures for Prometheus, from the same signals as the rows.

Invariants: labels are few and come from us, from the operator or from the upstream, never from a client (a model is the
one served, at most ``MODELS`` of them, then ``other``; where that is the client's own name for it, it is a label once the
upstream has answered by it); a receiver never raises and never waits; nothing is read from the database.
Several workers count in files of their own, which are added up when somebody asks (``PROMETHEUS_MULTIPROC_DIR``).

Source: the naming rules of Prometheus; docs/metrics.md has the table.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from audit.naming import OTHER, code, named
from audit.sink import Sink, sink
from bridge_api.signals import ExchangeFinished, ExchangeOpened, exchange_finished, exchange_opened

log = logging.getLogger("bridge.audit")
MODELS = 100
SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)

registry = CollectorRegistry()
REQUESTS = Counter(
    "bridge_requests",
    "Requests that have ended.",
    ("endpoint", "outcome", "status", "model", "stream"),
    registry=registry,
)
ERRORS = Counter(
    "bridge_errors",
    "Requests that failed, were refused or were cut off by the bridge; not those that their clients left.",
    ("type", "code"),
    registry=registry,
)
DURATION = Histogram(
    "bridge_request_duration_seconds",
    "From a request's arrival to its end, of completed requests.",
    ("endpoint", "model"),
    buckets=SECONDS,
    registry=registry,
)
FIRST_TOKEN = Histogram(
    "bridge_first_token_seconds",
    "From a request's arrival to the model's first token.",
    ("model",),
    buckets=SECONDS,
    registry=registry,
)
TOKENS = Counter("bridge_tokens", "Tokens as billed by the upstream.", ("model", "kind"), registry=registry)
ATTEMPTS = Counter("bridge_upstream_attempts", "Tries upstream.", ("status", "error"), registry=registry)
RUNNING = Gauge(
    "bridge_requests_in_progress",
    "Requests that wait for the upstream.",
    registry=registry,
    multiprocess_mode="livesum",
)
QUEUE = Gauge("bridge_audit_queue", "Audit rows in memory.", registry=registry, multiprocess_mode="livesum")
SPOOL = Gauge("bridge_audit_spool", "Audit rows that wait on disk.", registry=registry, multiprocess_mode="livesum")
LOST = Gauge(
    "bridge_audit_lost", "Audit rows that could be kept nowhere.", registry=registry, multiprocess_mode="livesum"
)

_TOKENS = {
    "input": "input_tokens",
    "cached": "cache_read_input_tokens",
    "cache_write": "cache_creation_input_tokens",
    "output": "output_tokens",
}
_models: set[str] = set()


def connect() -> None:
    exchange_opened.connect(on_opened, dispatch_uid="audit.metrics.opened")
    exchange_finished.connect(on_finished, dispatch_uid="audit.metrics.finished")
    if on_beat not in sink.on_beat:
        sink.on_beat.append(on_beat)


def on_opened(*, payload: ExchangeOpened, **kwargs: Any) -> None:
    RUNNING.inc()


def on_finished(*, payload: ExchangeFinished, **kwargs: Any) -> None:
    try:
        _count(payload)
    except Exception as error:  # noqa: BLE001 - a figure is not worth an answer
        log.error("a request could not be counted: %s", type(error).__name__)


def on_beat(one: Sink) -> None:
    QUEUE.set(one.queued)
    SPOOL.set(one.spooled)
    LOST.set(one.lost)


def _count(done: ExchangeFinished) -> None:
    opened, times = done.opened, done.times
    answered = bool(done.upstream_model) or (done.outcome == "completed" and bool(done.attempts))
    model = _model(opened.model_served, sure=answered or opened.rule != "passthrough") if opened else ""
    if opened is not None and not opened.request:
        RUNNING.dec()
    stream = "true" if opened and opened.stream else "false"
    _labelled(REQUESTS, _endpoint(done.endpoint), done.outcome, str(done.status), model, stream).inc()
    if done.error_type and done.outcome != "client_disconnected":
        _labelled(ERRORS, done.error_type, _code(done.error_code)).inc()
    if done.outcome == "completed":
        _labelled(DURATION, _endpoint(done.endpoint), model).observe(max(0.0, times["finished"] - times["received"]))
    if "first_token" in times:
        _labelled(FIRST_TOKEN, model).observe(max(0.0, times["first_token"] - times["received"]))
    for kind, number in _tokens(done.usage).items():
        if number:
            _labelled(TOKENS, model, kind).inc(number)
    for attempt in done.attempts:
        _labelled(ATTEMPTS, str(attempt.status or ""), _code(attempt.error_code)).inc()


def _tokens(usage: Mapping[str, Any]) -> dict[str, int]:
    found = {kind: usage.get(name) or 0 for kind, name in _TOKENS.items()}
    found["reasoning"] = (usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0
    return found


@lru_cache(4096)
def _labelled(metric: Any, *labels: str) -> Any:
    return metric.labels(*labels)


def _model(name: str, *, sure: bool) -> str:
    if name not in _models:
        if not sure or len(_models) >= MODELS or named(name, b"") != name:
            return OTHER
        _models.add(name)
    return name


def _endpoint(path: str) -> str:
    return path if path in _ENDPOINTS else "other"


_ENDPOINTS = frozenset(
    ("/v1/messages", "/v1/messages/stream", "/v1/messages/count_tokens", "/v1/messages/token_count", "/v1/models")
)


@lru_cache(1024)
def _code(said: str | None) -> str:
    """An upstream's code may be anything: only what looks like one is a label."""
    text = code(said or "")
    return text if len(text) <= 40 and text.replace("_", "").isalnum() and text.isascii() else ("other" if text else "")


# -- who asks ---------------------------------------------------------------------------------------------


def exposition() -> bytes:
    """All figures of all workers, in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(registry)
    whole = CollectorRegistry()
    MultiProcessCollector(whole)  # type: ignore[no-untyped-call]
    return generate_latest(whole)


def may_ask(mode: str, token: str, headers: Mapping[str, str], address: str) -> bool:
    """``mode``: off, loopback or open; with ``token`` a bearer of it may ask from anywhere. A request that a proxy
    passed on is not from this machine, wherever the proxy is."""
    if mode == "off":
        return False
    if token:
        given = headers.get("authorization", "")
        return _same(given, f"Bearer {token}")
    if mode == "open":
        return True
    forwarded = any(name in headers for name in ("x-forwarded-for", "forwarded", "x-real-ip"))
    return not forwarded and _is_loopback(address)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode())


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
