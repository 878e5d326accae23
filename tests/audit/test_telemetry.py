"""Spans of exchanges: their own times, the conventions' names, and nothing that was said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit import telemetry
from bridge_api.signals import Attempt
from tests.audit.payloads import RECEIVED, finished, opened

sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="OpenTelemetry is an extra")


@pytest.fixture
def told() -> Any:
    """A tracer, and what it exported."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("test"), exporter.get_finished_spans


def test_without_an_endpoint_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in telemetry.ENDPOINT:
        monkeypatch.delenv(name, raising=False)
    heard: list[Any] = []
    monkeypatch.setattr(telemetry.exchange_finished, "connect", lambda *args, **kwargs: heard.append(args))
    telemetry.connect()
    assert heard == []
    monkeypatch.setenv(telemetry.ENDPOINT[0], "http://127.0.0.1:1")
    telemetry.connect()
    assert len(heard) == 1


def test_a_span_that_cannot_be_made_harms_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(telemetry, "_tracer", lambda process: None)
    telemetry.on_finished(payload=finished())
    assert "a span could not be made: AttributeError" in caplog.text


def test_a_request_is_a_span_with_one_below_it_for_each_try(told: Any) -> None:
    tracer, spans = told
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    tries = (Attempt(1, RECEIVED + 0.1, 0.2, 503, "overloaded"), Attempt(2, RECEIVED + 0.5, 0.4, 200))
    telemetry.tell(finished(headers={"traceparent": trace}, attempts=tries, upstream_model="gpt-6.1-sol-2026"), tracer)
    first, second, whole = spans()
    assert f"{whole.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{whole.parent.span_id:016x}" == "b7ad6b7169203331"
    assert first.parent.span_id == second.parent.span_id == whole.context.span_id
    assert (whole.name, whole.end_time - whole.start_time) == ("chat gpt-6.1-sol", 10**9)
    found = dict(whole.attributes)
    assert found["gen_ai.operation.name"] == "chat"
    assert found["gen_ai.usage.input_tokens"] == 8
    assert found["gen_ai.usage.output_tokens"] == 7
    assert found["gen_ai.response.finish_reasons"] == ("end_turn",)
    assert found["gen_ai.response.model"] == "gpt-6.1-sol-2026"
    assert dict(first.attributes) == {"bridge.attempt": 1, "http.response.status_code": 503, "error.type": "overloaded"}


def test_a_failure_is_told_by_its_code(told: Any) -> None:
    tracer, spans = told
    telemetry.tell(
        finished(outcome="failed", error_type="api_error", error_code="internal", opened=None, attempts=()), tracer
    )
    (span,) = spans()
    assert (span.name, span.status.description) == ("chat", "internal")
    assert span.attributes["error.type"] == "api_error"


def test_a_client_that_leaves_is_no_error_and_counting_is_no_chat(told: Any) -> None:
    tracer, spans = told
    left = {"outcome": "client_disconnected", "status": 499, "error_type": "api_error", "attempts": ()}
    telemetry.tell(finished(endpoint="/v1/messages/count_tokens", **left), tracer)
    (span,) = spans()
    assert (span.name, span.status.is_unset) == ("count_tokens gpt-6.1-sol", True)
    assert span.attributes["gen_ai.operation.name"] == "count_tokens"
    assert span.attributes["bridge.outcome"] == "client_disconnected"
    assert "error.type" not in span.attributes


def test_nothing_that_was_said_is_told(told: Any) -> None:
    tracer, spans = told
    canary = "canary-51"
    telemetry.tell(
        finished(error_message=canary, answer=lambda: [{"type": "text", "text": canary}], request=canary.encode()),
        tracer,
    )
    assert canary not in json.dumps([one.to_json() for one in spans()])


def test_what_stands_where_a_name_belongs_is_told_as_the_trail_tells_it(told: Any) -> None:
    tracer, spans = told
    said = "what I said to jane.roe@example.org"
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=jane.roe"}
    telemetry.tell(
        finished(
            opened=opened(model_asked=said, model_served=said),
            upstream_model=said,
            upstream_response_id=said,
            outcome="failed",
            error_type="api_error",
            error_code=said,
            attempts=(Attempt(1, RECEIVED, 0.2, 503, said),),
            headers=trace,
        ),
        tracer,
    )
    assert "jane" not in json.dumps([one.to_json() for one in spans()])
    assert all(not one.context.trace_state for one in spans())
