"""Spans and figures for OpenTelemetry, an extra: only where its packages are installed and an endpoint is set.

Invariants: nothing that was said is told, and names as the trail tells them (``audit.naming``); spans are made when an exchange has ended, with its own times, and leave in
a thread of OpenTelemetry's; a receiver never raises. The GenAI conventions are still in development: their names stand
in one table.

Source: OpenTelemetry's semantic conventions for generative AI (in development), HTTP error.type, W3C trace context.
"""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from typing import Any

from django.conf import settings

from audit.naming import code, named
from bridge_api.signals import ExchangeFinished, exchange_finished

log = logging.getLogger("bridge.audit")
ENDPOINT = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
NAMES = {
    "operation": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "asked": "bridge.model_asked",
    "model": "gen_ai.request.model",
    "answered": "gen_ai.response.model",
    "response": "gen_ai.response.id",
    "finish": "gen_ai.response.finish_reasons",
    "input": "gen_ai.usage.input_tokens",
    "cached": "gen_ai.usage.cache_read.input_tokens",
    "written": "gen_ai.usage.cache_creation.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "error": "error.type",
    "correlation": "bridge.correlation_id",
    "request": "bridge.request_id",
    "outcome": "bridge.outcome",
    "status": "http.response.status_code",
    "attempt": "bridge.attempt",
}


def connect() -> None:
    """Listen where an endpoint is set and the packages are there."""
    if not any(os.environ.get(name) for name in ENDPOINT):
        return
    try:
        import opentelemetry.sdk.trace  # noqa: F401
    except ImportError:
        log.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, but opentelemetry is not installed (requirements-otel.txt)")
        return
    exchange_finished.connect(on_finished, dispatch_uid="audit.telemetry.finished")


def on_finished(*, payload: ExchangeFinished, **kwargs: Any) -> None:
    try:
        tell(payload, _tracer(os.getpid()))
    except Exception as error:  # noqa: BLE001 - a span is not worth an answer
        log.error("a span could not be made: %s", type(error).__name__)


@lru_cache(1)
def _tracer(process: int) -> Any:
    """The tracer of this process; a forked one makes its own."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "bridge")}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer("bridge")


def tell(done: ExchangeFinished, tracer: Any) -> None:
    """One span for the request, and one below it for each try."""
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    # Not ``tracestate``, in which a client may write what it likes.
    trace_ids = {name: value for name, value in done.headers.items() if name == "traceparent"}
    parent = TraceContextTextMapPropagator().extract(trace_ids)
    model = _named(done.opened.model_served) if done.opened else ""
    name = f"{_operation(done)} {model}".strip()
    span = tracer.start_span(
        name,
        context=parent,
        kind=trace.SpanKind.SERVER,
        start_time=_ns(done.times["received"]),
        attributes=_attributes(done, model),
    )
    if done.error_type and not _left(done):
        span.set_status(trace.Status(trace.StatusCode.ERROR, code(done.error_code or done.error_type)))
    below = trace.set_span_in_context(span)
    for attempt in done.attempts:
        one = tracer.start_span(
            f"POST {model}".strip(),
            context=below,
            kind=trace.SpanKind.CLIENT,
            start_time=_ns(attempt.started_at),
            attributes=_present(
                {"attempt": attempt.number, "status": attempt.status, "error": _code(attempt.error_code)}
            ),
        )
        one.end(_ns(attempt.started_at + attempt.seconds))
    span.end(_ns(done.times["finished"]))


def _attributes(done: ExchangeFinished, model: str) -> dict[str, Any]:
    usage = done.usage
    read, written = (usage.get(f"cache_{kind}_input_tokens") or 0 for kind in ("read", "creation"))
    known = bool(usage)
    return _present(
        {
            "operation": _operation(done),
            "provider": "openai",
            "asked": _named(done.opened.model_asked) if done.opened else None,
            "model": model or None,
            "answered": _named(done.upstream_model) if done.upstream_model else None,
            "response": _named(done.upstream_response_id) if done.upstream_response_id else None,
            "finish": (done.stop_reason,) if done.stop_reason else None,
            # The conventions count what was cached as input, too.
            "input": (usage.get("input_tokens") or 0) + read + written if known else None,
            "cached": read if known else None,
            "written": written if known else None,
            "output": usage.get("output_tokens") if known else None,
            "error": None if _left(done) else done.error_type,
            "correlation": done.correlation_id,
            "request": done.request_id,
            "outcome": done.outcome,
            "status": done.status,
        }
    )


def _named(text: str) -> str:
    return named(text[:128], str(settings.SECRET_KEY).encode())


def _code(text: str | None) -> str | None:
    return code(text) if text else None


def _operation(done: ExchangeFinished) -> str:
    """The conventions have no name for counting; they let a system use its own."""
    return "count_tokens" if done.endpoint.endswith(("/count_tokens", "/token_count")) else "chat"


def _left(done: ExchangeFinished) -> bool:
    """Whether its client went away, which is no error."""
    return done.outcome == "client_disconnected"


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {NAMES[name]: value for name, value in values.items() if value is not None}


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
