"""Failures of the upstream as Anthropic's errors: one table by code, then by type, then by status.

Invariants: total (any status, any body); the upstream's own error object stands beside the message under
``error.openai``; key-like strings never pass; a retry is advised only where it can help.

Source: OpenAI's error-codes page, ``ResponseError`` of the ``openai`` package, recorded and quoted errors;
Anthropic's errors page, and the texts that make Claude Code compact or lower its limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from bridge_api import errors as e
from bridge_api.capabilities import Capabilities

NetworkFault = Literal[
    "connect", "dns", "tls", "read", "connect_timeout", "headers_timeout", "idle_timeout", "protocol", "deadline"
]

MAX_RETRY_AFTER = 120.0
MAX_MESSAGE = 2_000

_OVERFLOW_CODES = ("context_length_exceeded", "string_above_max_length_context")
_BILLING = (
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "billing_not_active",
)
_OVERLOADED = ("server_is_overloaded", "service_unavailable", "service_unavailable_error", "overloaded_error")
_RATE = ("rate_limit_exceeded", "slow_down", "rate_limit_error", "tokens", "requests")
_POLICY = ("invalid_prompt", "misalignment_policy_violation", "bio_policy", "image_content_policy_violation")
_BAD_INPUT = (
    "invalid_image",
    "invalid_image_format",
    "invalid_base64_image",
    "invalid_image_url",
    "image_too_large",
    "image_too_small",
    "image_parse_error",
    "invalid_image_mode",
    "image_file_too_large",
    "unsupported_image_media_type",
    "empty_image_file",
    "failed_to_download_image",
    "image_file_not_found",
    "vector_store_timeout",
    "data_residency_mismatch",
)
_KINDS: dict[str, type[e.BridgeError]] = {
    **dict.fromkeys(_BILLING, e.Billing),
    **dict.fromkeys(_OVERLOADED, e.Overloaded),
    **dict.fromkeys(_RATE, e.RateLimited),
    **dict.fromkeys(_POLICY, e.InvalidRequest),
    **dict.fromkeys(_BAD_INPUT, e.InvalidRequest),
    "model_not_found": e.NotFound,
    "server_error": e.ApiError,
    "internal_error": e.ApiError,
}
_BY_STATUS: dict[int, type[e.BridgeError]] = {
    401: e.AuthenticationFailed,
    402: e.Billing,
    403: e.PermissionDenied,
    404: e.NotFound,
    408: e.TimedOut,
    409: e.Conflict,
    413: e.RequestTooLarge,
    429: e.RateLimited,
    500: e.ApiError,
    502: e.ApiError,
    503: e.Overloaded,
    504: e.TimedOut,
    529: e.Overloaded,
}
_RETRYABLE = (e.ApiError, e.Overloaded, e.TimedOut, e.Conflict, e.RateLimited)
_SECRET = re.compile(r"(?:sk|rk|pk|brk|sess|ek)[-_][A-Za-z0-9_*\-]{3,200}|org-[A-Za-z0-9]{6,64}|proj_[A-Za-z0-9]{6,64}")
_BEARER = re.compile(r"(?i)(bearer\s+)[^\s\"']{4,400}|(provided:\s*)\S{1,400}")
_NUMBERS = re.compile(r"maximum context length is (\d+).{0,80}?(\d+) tokens", re.DOTALL)
_REASONING_FAULTS = ("required following item", "could not be verified", "could not be decrypted")


def scrub(text: str) -> str:
    """``text`` without key-like strings and organisation ids, at most 2,000 characters."""
    masked = _BEARER.sub(lambda found: f"{found[1] or found[2]}[masked]", text[: MAX_MESSAGE * 2])
    return _SECRET.sub("[masked]", masked)[:MAX_MESSAGE]


def from_http(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    caps: Capabilities | None = None,
    input_tokens: int | None = None,
    clients_key: bool = False,
) -> e.BridgeError:
    """The error for a non-2xx answer. ``headers`` have lower-case names; ``body`` may be anything; ``clients_key``: the
    upstream was asked with the client's own key."""
    found = _error_object(body)
    failure = _without_body(status, headers) if found is None else _build(found, status, headers, caps, input_tokens)
    if isinstance(failure, e.AuthenticationFailed | e.PermissionDenied) and status in (401, 403):
        whose = "the API key that you gave" if clients_key else "the bridge's own credential"
        failure.message = f"The upstream refused {whose}: {failure.message}"
    return failure


def from_event(
    found: Mapping[str, Any], *, caps: Capabilities | None = None, input_tokens: int | None = None
) -> e.BridgeError:
    """The error for an ``error`` event or a failed response: ``found`` has code, type, message, param."""
    return _build(found, None, {}, caps, input_tokens)


_NETWORK: dict[str, tuple[type[e.BridgeError], str]] = {
    "connect": (e.UpstreamUnavailable, "The upstream refused the connection."),
    "dns": (e.UpstreamUnavailable, "The upstream's name could not be resolved."),
    "tls": (e.UpstreamUnavailable, "No secure connection to the upstream could be made."),
    "read": (e.UpstreamUnavailable, "The connection to the upstream was lost before the answer was complete."),
    "protocol": (e.UpstreamUnavailable, "The upstream's answer could not be read."),
    "connect_timeout": (e.TimedOut, "The upstream did not accept a connection in time."),
    "headers_timeout": (e.TimedOut, "The upstream did not begin to answer in time."),
    "idle_timeout": (e.TimedOut, "The upstream went silent in the middle of its answer."),
    "deadline": (e.TimedOut, "The upstream did not finish in time."),
}


def from_network(kind: NetworkFault) -> e.BridgeError:
    """The error for a fault of the network between the bridge and the upstream."""
    error_class, message = _NETWORK[kind]
    retryable = kind in ("connect", "dns", "connect_timeout", "read")
    return error_class(message, code=f"upstream_{kind}", retryable=retryable)


def cut_stream() -> e.BridgeError:
    """The upstream closed its stream without saying how the answer ended."""
    return e.UpstreamUnavailable(
        "The upstream ended its answer without finishing it.", code="upstream_eof", retryable=True
    )


# -- building ---------------------------------------------------------------------------------------------


def _error_object(body: bytes) -> dict[str, Any] | None:
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    found = parsed.get("error") if isinstance(parsed, dict) else None
    if isinstance(found, str):
        return {"message": found}
    if isinstance(found, dict):
        return found
    if isinstance(parsed, dict) and isinstance(parsed.get("message") or parsed.get("detail"), str):
        return {"message": parsed.get("message") or parsed.get("detail"), "code": parsed.get("code")}
    return None


def _without_body(status: int, headers: Mapping[str, str]) -> e.BridgeError:
    kind = _BY_STATUS.get(status) or (e.InvalidRequest if 400 <= status < 500 else e.ApiError)
    delay = _retry_after(headers)
    return kind(
        f"The upstream answered with status {status} and no readable error.",
        code=f"upstream_{status}",
        retryable=issubclass(kind, _RETRYABLE),
        retry_after=delay,
        headers=_headers(kind, delay, None),
    )


def _build(
    found: Mapping[str, Any],
    status: int | None,
    headers: Mapping[str, str],
    caps: Capabilities | None,
    input_tokens: int | None,
) -> e.BridgeError:
    code, kind_name = _word(found.get("code")), _word(found.get("type"))
    message = scrub(str(found.get("message") or "The upstream gave no reason."))
    kind = _kind(code, kind_name, status)
    openai = {
        "error": {
            "type": kind_name or None,
            "code": code or None,
            "param": scrub(str(found["param"])) if found.get("param") else None,
            "message": message,
        }
    }
    if _is_overflow(code, message):
        return e.InvalidRequest(
            _overflow_text(message, caps, input_tokens), code="context_length_exceeded", openai=openai
        )
    delay = _retry_after(headers)
    return kind(
        message,
        code=code or kind_name or kind.default_code,
        openai=openai,
        retryable=issubclass(kind, _RETRYABLE),
        retry_after=delay,
        headers=_headers(kind, delay, code),
        repair=_repair(code, message, found),
    )


def _word(value: Any) -> str:
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.\-]{1,80}", value) else ""


def _kind(code: str, kind_name: str, status: int | None) -> type[e.BridgeError]:
    if code in _KINDS:
        if code == "misalignment_policy_violation" and status == 403:
            return e.PermissionDenied
        return _KINDS[code]
    if kind_name in _KINDS and status not in (401, 403, 404):
        return _KINDS[kind_name]
    if status is None:
        return e.InvalidRequest if kind_name == "invalid_request_error" else e.ApiError
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    return e.InvalidRequest if 400 <= status < 500 else e.ApiError


def _is_overflow(code: str, message: str) -> bool:
    return code in _OVERFLOW_CODES or "exceeds the context window" in message or "maximum context length" in message


def _overflow_text(message: str, caps: Capabilities | None, input_tokens: int | None) -> str:
    """Anthropic's words for a prompt that is too long, which make Claude Code compact.

    The figures are the upstream's where it gives them, else our count and the model's input limit; the
    first is always the larger, because clients compute how much to leave out from the difference.
    """
    numbers = _NUMBERS.search(message)
    if numbers:
        maximum, actual = int(numbers[1]), int(numbers[2])
    else:
        maximum = caps.max_input if caps else 200_000
        actual = input_tokens or 0
    return f"prompt is too long: {max(actual, maximum + 1)} tokens > {maximum} maximum"


def _headers(kind: type[e.BridgeError], delay: float | None, code: str | None) -> dict[str, str]:
    headers: dict[str, str] = {}
    if issubclass(kind, (e.Billing, e.AuthenticationFailed, e.PermissionDenied, e.InvalidRequest, e.NotFound)):
        headers["x-should-retry"] = "false"
    elif (kind is e.RateLimited and delay is not None) or (kind is e.Overloaded and delay is not None):
        headers["retry-after"] = str(max(1, round(min(delay, MAX_RETRY_AFTER))))
    return headers


def _repair(code: str, message: str, found: Mapping[str, Any]) -> str | None:
    param = str(found.get("param") or "")
    lowered = message.lower()
    if code == "invalid_encrypted_content" or any(fault in lowered for fault in _REASONING_FAULTS):
        return "reasoning"
    if "item with id 'rs_" in lowered and "not found" in lowered:
        return "reasoning"
    if param.startswith("reasoning.summary") or ("must be verified" in lowered and "summar" in lowered):
        return "summary"
    return None


# -- headers ----------------------------------------------------------------------------------------------

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration_seconds(text: str) -> float | None:
    """Seconds of a Go-like duration (``6m0s``, ``120ms``) or a plain number; None for anything else."""
    parts = _DURATION.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text.strip():
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    try:
        plain = float(text)
    except ValueError:
        return None
    return plain if 0 <= plain < 1e9 else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    millis = duration_seconds(headers.get("retry-after-ms", ""))
    if millis is not None:
        return millis / 1000
    return duration_seconds(headers.get("retry-after", ""))


def ratelimit_headers(headers: Mapping[str, str], now: datetime | None = None) -> dict[str, str]:
    """``anthropic-ratelimit-*`` made from the upstream's ``x-ratelimit-*``; resets become RFC 3339 times."""
    made: dict[str, str] = {}
    for kind in ("requests", "tokens"):
        for part in ("limit", "remaining"):
            value = headers.get(f"x-ratelimit-{part}-{kind}", "")
            if value.isascii() and value.isdigit() and len(value) < 20:
                made[f"anthropic-ratelimit-{kind}-{part}"] = value
        reset = duration_seconds(headers.get(f"x-ratelimit-reset-{kind}", ""))
        if reset is not None:
            moment = (now or datetime.now(UTC)) + timedelta(seconds=reset)
            made[f"anthropic-ratelimit-{kind}-reset"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return made
