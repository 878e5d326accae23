"""Every failure the bridge can answer with, as Anthropic's clients expect to read it.

The tree (status, ``error.type`` on the wire):

    BridgeError
    ├── InvalidRequest        400  invalid_request_error
    ├── AuthenticationFailed  401  authentication_error
    ├── Billing               402  billing_error
    ├── PermissionDenied      403  permission_error
    ├── NotFound              404  not_found_error
    ├── MethodNotAllowed      405  invalid_request_error
    ├── RequestTimedOut       408  timeout_error           (the client sent too slowly)
    ├── Conflict              409  conflict_error
    ├── RequestTooLarge       413  request_too_large
    ├── RateLimited           429  rate_limit_error
    ├── ClientGone            499  api_error               (never reaches a client; for the audit)
    ├── ApiError              500  api_error
    │   └── UpstreamUnavailable  502  api_error
    ├── TimedOut              504  timeout_error           (the upstream was too slow)
    └── Overloaded            529  overloaded_error

Invariants: a message names fields, never the values a client sent; ``openai`` holds the upstream's own
error object, with key-like strings masked; ``code`` is stable and is what logs and audit rows carry.

Source of the status and type table: Anthropic's "Errors" documentation and the error classes of its SDKs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class BridgeError(Exception):
    """A failure with all that the client's envelope, our retry and the audit need to know.

    ``headers`` go onto the answer (``retry-after``, ``x-should-retry`` ...). ``retryable`` says whether a
    second try upstream could succeed before anything was sent to the client, ``retry_after`` how many
    seconds the upstream asked to wait. ``repair`` names a rewrite of the request that may heal it:
    ``"reasoning"`` (send it without reasoning items) or ``"summary"`` (ask for no summaries).
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    default_code: ClassVar[str] = "api_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        openai: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        repair: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details = dict(details) if details else None
        self.openai = dict(openai) if openai else None
        self.headers = dict(headers or {})
        self.retryable = retryable
        self.retry_after = retry_after
        self.repair = repair


class InvalidRequest(BridgeError):
    status, type, default_code = 400, "invalid_request_error", "invalid_request"


class AuthenticationFailed(BridgeError):
    status, type, default_code = 401, "authentication_error", "authentication"


class Billing(BridgeError):
    status, type, default_code = 402, "billing_error", "billing"


class PermissionDenied(BridgeError):
    status, type, default_code = 403, "permission_error", "permission"


class NotFound(BridgeError):
    status, type, default_code = 404, "not_found_error", "not_found"


class MethodNotAllowed(BridgeError):
    status, type, default_code = 405, "invalid_request_error", "method_not_allowed"


class RequestTimedOut(BridgeError):
    status, type, default_code = 408, "timeout_error", "request_timeout"


class Conflict(BridgeError):
    status, type, default_code = 409, "conflict_error", "conflict"


class RequestTooLarge(BridgeError):
    status, type, default_code = 413, "request_too_large", "request_too_large"


class RateLimited(BridgeError):
    status, type, default_code = 429, "rate_limit_error", "rate_limit"


class ClientGone(BridgeError):
    status, type, default_code = 499, "api_error", "client_disconnected"


class ApiError(BridgeError):
    status, type, default_code = 500, "api_error", "api_error"


class UpstreamUnavailable(ApiError):
    status, default_code = 502, "upstream_unavailable"


class TimedOut(BridgeError):
    status, type, default_code = 504, "timeout_error", "upstream_timeout"


class Overloaded(BridgeError):
    status, type, default_code = 529, "overloaded_error", "overloaded"


NO_RETRY: Mapping[str, str] = {"x-should-retry": "false"}
"""Header that stops the retries of the SDKs and of Claude Code when no retry can help."""


def envelope(error: BridgeError, request_id: str) -> dict[str, Any]:
    """The JSON body of a failed request: Anthropic's envelope, the upstream's error beside it."""
    body: dict[str, Any] = {"type": error.type, "message": error.message}
    if error.details:
        body["details"] = error.details
    if error.openai:
        body["openai"] = error.openai
    return {"type": "error", "error": body, "request_id": request_id}


SHUTTING_DOWN = "shutting_down"


def shutting_down() -> Overloaded:
    """The server stops in the middle of a request, which its client may send again."""
    return Overloaded("The bridge is shutting down.", code=SHUTTING_DOWN)


def missing_credential() -> AuthenticationFailed:
    """The bridge itself has no upstream key: an operator's task, told to the client as a 401."""
    text = "OPENAI_API_KEY is required"
    return AuthenticationFailed(
        f"The bridge has no credential for its upstream: {text}. Set it in the bridge's environment.",
        code="missing_api_key",
        openai={
            "error": {
                "message": text,
                "type": "invalid_request_error",
                "param": None,
                "code": "missing_api_key",
            }
        },
        headers=NO_RETRY,
    )
