"""What an exchange tells of itself: once, and nothing of what was said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from bridge_api import errors, story
from bridge_api.guard import CLIENT_GONE, arrival_from
from bridge_api.signals import ExchangeFinished, exchange_finished
from bridge_api.story import Story
from bridge_api.translation.stream import Outcome as Told
from bridge_api.upstream.client import Head


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ExchangeFinished]]:
    told: list[ExchangeFinished] = []
    monkeypatch.setattr(exchange_finished, "receivers", [])

    def listen(*, payload: ExchangeFinished, **kwargs: Any) -> None:
        told.append(payload)

    exchange_finished.connect(listen)
    yield told


def new() -> Story:
    return Story(arrival_from({"x-correlation-id": "id-1"}), "/v1/messages")


STOPPED = errors.Overloaded("x", code=errors.SHUTTING_DOWN)


@pytest.mark.parametrize(
    ("failure", "told", "outcome"),
    [
        (None, Told(), "completed"),
        (None, None, "completed"),
        (errors.InvalidRequest("x"), None, "refused"),
        (errors.ApiError("x"), Told(), "failed"),
        (story.client_gone(), None, "client_disconnected"),
        (story.client_gone(), Told(), "client_disconnected"),
        (STOPPED, Told(), "cancelled"),
        (STOPPED, None, "cancelled"),
    ],
)
def test_the_outcome_follows_from_the_failure_and_whether_the_upstream_was_asked(
    ends: list[ExchangeFinished], failure: Any, told: Any, outcome: str
) -> None:
    new().finish(200, failure, told)
    assert [one.outcome for one in ends] == [outcome]


def test_only_the_first_end_is_told(ends: list[ExchangeFinished]) -> None:
    one = new()
    one.finish(200, None, None)
    one.finish(499, story.client_gone(), None)
    assert [(end.status, end.outcome, end.correlation_id) for end in ends] == [(200, "completed", "id-1")]


def test_attempts_are_numbered_and_end_once(ends: list[ExchangeFinished]) -> None:
    one = new()
    one.attempt_ends(None, None)
    for head, failure in (
        (None, errors.UpstreamUnavailable("x", code="upstream_connect")),
        (Head(503, {"x-request-id": "up-1"}), errors.Overloaded("x")),
        (Head(200, {"x-request-id": "<unsafe>"}), None),
    ):
        one.attempt_begins()
        one.attempt_ends(head, failure)
        one.attempt_ends(head, failure)
    one.finish(200, None, Told())
    told = [(it.number, it.status, it.error_code, it.upstream_request_id) for it in ends[0].attempts]
    assert told == [(1, None, "upstream_connect", None), (2, 503, "overloaded", "up-1"), (3, 200, None, None)]
    assert all(it.seconds >= 0 for it in ends[0].attempts)


def test_a_time_is_kept_the_first_time_only() -> None:
    one = new()
    one.times["first_byte"] = 1.0
    one.passed("first_byte")
    assert one.times["first_byte"] == 1.0


@pytest.mark.parametrize(("reason", "gone"), [((CLIENT_GONE,), True), ((), False), (("the server stops",), False)])
def test_a_cancellation_says_who_ended_the_request(reason: tuple[str, ...], gone: bool) -> None:
    assert isinstance(story.ended_by(asyncio.CancelledError(*reason)), errors.ClientGone) is gone


@pytest.mark.parametrize(
    ("path", "failure", "told"),
    [
        ("/v1/messages", errors.RequestTooLarge("x"), [(413, "refused")]),
        ("/v1/messages/count_tokens", errors.RequestTimedOut("x"), [(408, "refused")]),
        ("/v1/messages/stream", errors.RequestTooLarge("x"), [(200, "refused")]),
        ("/v1/messages/stream", story.client_gone(), [(499, "client_disconnected")]),
        ("/admin/", errors.RequestTooLarge("x"), []),
        ("/v1/jane.roe@example.org", errors.RequestTooLarge("x"), [(413, "refused")]),
    ],
)
async def test_a_request_that_got_no_further_has_its_story_under_a_path_of_ours(
    ends: list[ExchangeFinished], path: str, failure: Any, told: Any
) -> None:
    await story.refused(path, arrival_from({}), failure)
    assert [(one.status, one.outcome) for one in ends] == told
    assert {one.endpoint for one in ends} <= {path if path in story.ENDPOINTS else "other"}


@pytest.mark.parametrize(
    ("status", "failure", "level"),
    [
        (200, None, logging.INFO),
        (400, errors.InvalidRequest("x"), logging.INFO),
        (499, story.client_gone(), logging.INFO),
        (429, errors.RateLimited("x"), logging.INFO),
        (401, errors.AuthenticationFailed("x"), logging.WARNING),
        (200, errors.ApiError("x"), logging.WARNING),
        (502, errors.UpstreamUnavailable("x"), logging.WARNING),
    ],
)
def test_one_line_is_logged_and_louder_when_something_failed(
    ends: Any, caplog: Any, status: int, failure: Any, level: int
) -> None:
    with caplog.at_level(logging.INFO, logger="bridge.exchange"):
        new().finish(status, failure, Told())
    (line,) = (record for record in caplog.records if record.name == "bridge.exchange")
    assert (line.levelno, line.getMessage()) == (level, "exchange finished")
    assert line.fields["correlation_id"] == "id-1"
    assert line.fields["status"] == status


def test_an_unexpected_fault_is_told_by_its_place(caplog: Any) -> None:
    try:
        raise ValueError("canary")
    except ValueError as error:
        failure = story.unexpected(error)
    assert (failure.status, failure.code) == (500, "internal")
    assert __name__ in caplog.text
    assert "canary" not in caplog.text + failure.message
