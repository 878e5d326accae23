"""Ids that follow a request: accepted where they are safe, made where they are not.

Invariants: an accepted id matches ``[A-Za-z0-9._-]{1,64}`` and does not begin as keys do, so that it can stand in a
header, a log line and a row as it is; made ids are random, never counted. They name things and open nothing, so that they come from the
process's own generator (seeded by the system, anew in each worker) and not from a system call each.
"""

from __future__ import annotations

import random
import re
import uuid
from contextvars import ContextVar

current: ContextVar[str] = ContextVar("correlation_id", default="")
"""The correlation id of the request that is being answered, for every log line that its handling writes."""

_SAFE = re.compile(r"[A-Za-z0-9._-]{1,64}")
# A client that sends its key where an id belongs: the beginnings of the known providers' keys.
_KEY = re.compile(
    r"(?:sk|rk|brk|whsec|gh[a-z]|hf|npm|pypi|glpat|dop|xox[a-z]|github_pat|gsk|xai|pplx|r8)[_-][A-Za-z0-9_.-]{12}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{30}|eyJ[\w-]{15}|SG\.[\w-]{20}"
)
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


def accept(value: str | None) -> str | None:
    """``value`` when it is a safe id, else None."""
    return value if value and _SAFE.fullmatch(value) and not _KEY.match(value) else None


def new_correlation_id() -> str:
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def new_request_id() -> str:
    """The id of one answer, as Anthropic writes it: ``req_`` and 24 letters and digits."""
    return f"req_{random.getrandbits(96):024x}"


def new_message_id() -> str:
    return f"msg_{random.getrandbits(96):024x}"


def child_traceparent(value: str | None) -> str | None:
    """A W3C ``traceparent`` for the upstream call, child of the client's; None when the client sent none."""
    found = _TRACEPARENT.fullmatch(value or "")
    if found is None or set(found[1]) == {"0"} or set(found[2]) == {"0"}:
        return None
    return f"00-{found[1]}-{random.getrandbits(64):016x}-{found[3]}"
