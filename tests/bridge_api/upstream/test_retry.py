"""Whether and when the upstream is asked again."""

from __future__ import annotations

import pytest

from bridge_api import errors
from bridge_api.errors import BridgeError
from bridge_api.translation.errors import cut_stream, from_http, from_network
from bridge_api.upstream.retry import FIRST_DELAY, LONGEST_DELAY, RetryPolicy

POLICY = RetryPolicy(retries=2, deadline=30)
OVERLOADED = errors.Overloaded("x", retryable=True)


def delay(failure: BridgeError, *, attempt: int = 1, elapsed: float = 0.0, draw: float = 0.5) -> float | None:
    return POLICY.delay(failure, attempt=attempt, elapsed=elapsed, random=lambda: draw)


def http(status: int, code: str = "", **headers: str) -> BridgeError:
    body = f'{{"error":{{"message":"m","code":"{code}","type":""}}}}'.encode()
    return from_http(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    "failure",
    [
        http(400),
        http(401),
        http(403),
        http(404),
        http(413),
        http(422),
        http(429, "insufficient_quota"),
        http(429, "credit_balance_exhausted"),
        from_network("tls"),
        from_network("protocol"),
        errors.missing_credential(),
    ],
    ids=lambda failure: failure.code,
)
def test_what_cannot_heal_is_not_asked_again(failure: BridgeError) -> None:
    assert delay(failure) is None


@pytest.mark.parametrize(
    "failure",
    [
        http(408),
        http(409),
        http(429, "rate_limit_exceeded"),
        http(500),
        http(502),
        http(503),
        http(504),
        from_network("connect"),
        from_network("dns"),
        from_network("connect_timeout"),
        from_network("read"),
        cut_stream(),
    ],
    ids=lambda failure: f"{failure.status} {failure.code}",
)
def test_what_may_heal_is_asked_again(failure: BridgeError) -> None:
    assert delay(failure) is not None


@pytest.mark.parametrize(("attempt", "again"), [(1, True), (2, True), (3, False), (4, False)])
def test_no_more_tries_than_allowed(attempt: int, again: bool) -> None:
    assert (delay(OVERLOADED, attempt=attempt) is not None) is again


@pytest.mark.parametrize("draw", [0.0, 0.5, 0.999])
@pytest.mark.parametrize(("attempt", "most"), [(1, FIRST_DELAY), (2, FIRST_DELAY * 2), (9, LONGEST_DELAY)])
def test_the_wait_is_a_random_part_of_a_doubling_one(attempt: int, most: float, draw: float) -> None:
    policy = RetryPolicy(retries=10, deadline=30)
    wait = policy.delay(OVERLOADED, attempt=attempt, elapsed=0, random=lambda: draw)
    assert wait == most * draw


@pytest.mark.parametrize(
    ("asked", "elapsed", "expected"),
    [("5", 0.0, 5.0), ("29", 0.0, 29.0), ("30", 0.0, None), ("5", 26.0, None), ("3600", 0.0, None)],
)
def test_the_upstreams_own_wait_is_kept_or_passed_on(asked: str, elapsed: float, expected: float | None) -> None:
    failure = http(429, "rate_limit_exceeded", retry_after=asked)
    assert delay(failure, elapsed=elapsed) == expected
    if expected is None:
        assert int(failure.headers["retry-after"]) <= 3600


def test_nothing_begins_after_the_deadline() -> None:
    assert delay(OVERLOADED, elapsed=29.99) is None
    assert delay(OVERLOADED, elapsed=31) is None


def test_no_retries_means_none() -> None:
    assert RetryPolicy(0, 30).delay(OVERLOADED, attempt=1, elapsed=0, random=lambda: 0.0) is None
