"""Failures of the upstream in Anthropic's words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_api import capabilities
from bridge_api.errors import BridgeError, envelope
from bridge_api.translation.errors import from_event, from_http, from_network, ratelimit_headers, scrub


def http(status: int, headers: dict[str, str] | None = None, **error: Any) -> BridgeError:
    return from_http(status, headers or {}, json.dumps({"error": error}).encode())


@pytest.mark.parametrize(
    ("status", "code", "kind", "answered", "retryable"),
    [
        (400, "unsupported_parameter", "invalid_request_error", 400, False),
        (401, "invalid_api_key", "authentication_error", 401, False),
        (403, "unsupported_country_region_territory", "permission_error", 403, False),
        (403, "misalignment_policy_violation", "permission_error", 403, False),
        (404, "model_not_found", "not_found_error", 404, False),
        (400, "model_not_found", "not_found_error", 404, False),
        (409, None, "conflict_error", 409, True),
        (413, None, "request_too_large", 413, False),
        (422, None, "invalid_request_error", 400, False),
        (429, "rate_limit_exceeded", "rate_limit_error", 429, True),
        (429, "slow_down", "rate_limit_error", 429, True),
        (429, "insufficient_quota", "billing_error", 402, False),
        (429, "credit_balance_exhausted", "billing_error", 402, False),
        (500, "server_error", "api_error", 500, True),
        (502, None, "api_error", 500, True),
        (503, "server_is_overloaded", "overloaded_error", 529, True),
        (503, None, "overloaded_error", 529, True),
        (504, None, "timeout_error", 504, True),
        (418, None, "invalid_request_error", 400, False),
        (599, None, "api_error", 500, True),
    ],
)
def test_status_and_code_become_anthropics_type_and_status(
    status: int, code: str | None, kind: str, answered: int, retryable: bool
) -> None:
    error = http(status, message="m", type="t", param=None, code=code)
    assert (error.type, error.status, error.retryable) == (kind, answered, retryable)


def test_the_upstreams_details_stand_beside_the_message() -> None:
    error = http(
        400, message="Unknown parameter", type="invalid_request_error", param="tools[0]", code="unknown_parameter"
    )
    body = envelope(error, "req_1")
    assert body["request_id"] == "req_1"
    assert body["error"]["openai"] == {
        "error": {
            "type": "invalid_request_error",
            "code": "unknown_parameter",
            "param": "tools[0]",
            "message": "Unknown parameter",
        }
    }


def test_quota_is_final_and_a_rate_limit_says_when_to_come_back() -> None:
    quota = http(429, {"retry-after": "20"}, message="m", code="insufficient_quota")
    assert quota.headers == {"x-should-retry": "false"}
    limited = http(429, {"retry-after-ms": "1500"}, message="m", code="rate_limit_exceeded")
    assert limited.headers == {"retry-after": "2"}
    assert limited.retry_after == 1.5


def test_a_huge_wait_is_not_passed_on() -> None:
    assert http(429, {"retry-after": "4000000"}, message="m").headers["retry-after"] == "120"


@pytest.mark.parametrize(
    "message", ["Incorrect API key provided: sk-proj-abc***xyz.", "bad Bearer abcdefgh", "key sk-123456"]
)
def test_no_key_passes(message: str) -> None:
    error = http(401, message=message, code="invalid_api_key")
    assert "abc" not in error.message
    assert "sk-" not in error.message
    assert "123456" not in error.message
    assert "sk-" not in json.dumps(error.openai)


def test_overflow_makes_claude_code_compact() -> None:
    caps = capabilities.of("gpt-5.6-sol")
    body = {"message": "Your input exceeds the context window of this model.", "code": "context_length_exceeded"}
    error = from_http(400, {}, json.dumps({"error": body}).encode(), caps=caps, input_tokens=950_000)
    assert error.message == "prompt is too long: 950000 tokens > 922000 maximum"
    assert error.status == 400
    assert from_event(body, caps=caps).message == "prompt is too long: 922001 tokens > 922000 maximum"


def test_the_upstreams_own_figures_are_used_where_it_gives_them() -> None:
    text = "This model's maximum context length is 8192 tokens, however you requested 9000 tokens"
    assert from_event({"message": text}).message == "prompt is too long: 9000 tokens > 8192 maximum"


@pytest.mark.parametrize(
    ("message", "code", "param", "repair"),
    [
        ("The encrypted content gAAA could not be verified.", "invalid_encrypted_content", None, "reasoning"),
        (
            "Item 'rs_1' of type 'reasoning' was provided without its required following item.",
            None,
            "input",
            "reasoning",
        ),
        ("Item with id 'rs_1' not found.", None, "input", "reasoning"),
        (
            "Your organization must be verified to generate reasoning summaries.",
            "unsupported_value",
            "reasoning.summary",
            "summary",
        ),
        ("Unknown", "unknown_parameter", "x", None),
    ],
)
def test_faults_that_a_rewrite_can_heal_are_recognised(
    message: str, code: str | None, param: str | None, repair: str | None
) -> None:
    assert http(400, message=message, code=code, param=param).repair == repair


@given(st.integers(100, 599), st.binary(max_size=200))
def test_any_status_and_any_body_make_an_error(status: int, body: bytes) -> None:
    error = from_http(status, {}, body)
    assert error.status >= 400
    json.dumps(envelope(error, "req_1"))


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_any_json_makes_an_error(value: Any) -> None:
    from_http(400, {}, json.dumps({"error": value}).encode())
    if isinstance(value, dict):
        from_event(value)


def test_network_faults_are_ours_to_name() -> None:
    assert from_network("connect").status == 502
    assert from_network("headers_timeout").type == "timeout_error"
    assert from_network("idle_timeout").retryable is False


def test_rate_limits_become_anthropics_headers() -> None:
    now = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
    made = ratelimit_headers(
        {
            "x-ratelimit-limit-requests": "500",
            "x-ratelimit-remaining-requests": "499",
            "x-ratelimit-reset-requests": "120ms",
            "x-ratelimit-limit-tokens": "30000",
            "x-ratelimit-reset-tokens": "6m0s",
            "x-ratelimit-remaining-tokens": "-1\r\nx: y",
        },
        now,
    )
    assert made == {
        "anthropic-ratelimit-requests-limit": "500",
        "anthropic-ratelimit-requests-remaining": "499",
        "anthropic-ratelimit-requests-reset": "2026-11-23T12:00:00Z",
        "anthropic-ratelimit-tokens-limit": "30000",
        "anthropic-ratelimit-tokens-reset": "2026-11-23T12:06:00Z",
    }


def test_scrubbing_is_bounded() -> None:
    assert len(scrub("x" * 100_000)) <= 2_000
