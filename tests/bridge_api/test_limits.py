"""The limits of a key: what is let in, what is refused, what is given back."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import OperationalError

from bridge_api import limits as limits_module
from bridge_api.auth import Auth
from bridge_api.errors import RateLimited
from bridge_api.keys import ClientKey, Limits, hashed, new_key
from bridge_api.limits import DAY, LEASE, MINUTE, Admission, Books, Limiter
from bridge_api.mapping import ModelMap
from bridge_api.models import ClientKey as Row
from bridge_api.models import KeyLease, KeyUsage
from bridge_api.signals import ExchangeFinished
from bridge_api.snapshot import Snapshot
from tests.bridge_api.edge import BODY, Caller, answer_events, bridge, saying, sending, wired
from tests.bridge_api.tokens.test_media import png
from tests.simulator.script import Text, Turn

NOON = 1_800_000_000 // DAY * DAY + DAY // 2
KEY = new_key()


@pytest.fixture
def row(db: None) -> Row:
    return Row.objects.create(label="team a", shown=KEY[:12], hash=hashed(KEY))


@pytest.fixture
def books(row: Row) -> Iterator[Any]:
    """Opens the books at a time."""
    with transaction.atomic(), connection.cursor() as cursor:
        yield lambda now=NOON, worker="w1": Books(cursor, now, worker)


def key(row: Row, **limits: int) -> ClientKey:
    return ClientKey(row.pk, row.label, limits=Limits(**limits))


def refused(answer: Any, words: str, seconds: int) -> None:
    assert isinstance(answer, RateLimited)
    assert (answer.status, answer.type, answer.code) == (429, "rate_limit_error", "key_limit")
    assert words in answer.message
    assert answer.headers["retry-after"] == str(seconds)


def test_requests_beyond_a_minute_are_refused_until_the_next(row: Row, books: Any) -> None:
    mine = key(row, requests_per_minute=2)
    assert [isinstance(books(NOON + 10).admit(mine, f"r{at}", 0), Admission) for at in range(2)] == [True, True]
    third = books(NOON + 10).admit(mine, "r3", 0)
    refused(third, "2 requests per minute", 50)
    assert third.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert third.headers["anthropic-ratelimit-requests-reset"].endswith("T12:01:00Z")
    assert isinstance(books(NOON + MINUTE).admit(mine, "r4", 0), Admission)


def test_tokens_are_reserved_when_a_request_begins_and_put_right_when_it_ends(row: Row, books: Any) -> None:
    mine = key(row, tokens_per_minute=1000)
    first = books().admit(mine, "r1", 900)
    refused(books().admit(mine, "r2", 101), "1,000 tokens per minute", 60)
    books(NOON + 5).settle(first, 300)
    assert isinstance(books(NOON + 5).admit(mine, "r3", 700), Admission)
    refused(books(NOON + 6).admit(mine, "r4", 1), "tokens per minute", 54)


def test_a_request_that_ends_in_another_minute_is_booked_where_it_began(row: Row, books: Any) -> None:
    mine = key(row, tokens_per_minute=1000, tokens_per_day=10_000)
    first = books(NOON).admit(mine, "r1", 10)
    books(NOON + 3 * MINUTE).settle(first, 500)
    amounts = {(usage.kind, usage.window): usage.amount for usage in KeyUsage.objects.all()}
    assert amounts == {("tokens", NOON): 500, ("daily", NOON // DAY * DAY): 500}


def test_a_day_ends_at_midnight(row: Row, books: Any) -> None:
    mine = key(row, tokens_per_day=100)
    books().settle(books().admit(mine, "r1", 0), 100)
    refused(books(NOON + 60).admit(mine, "r2", 1), "100 tokens per day", DAY // 2 - 60)
    assert isinstance(books(NOON + DAY // 2).admit(mine, "r3", 1), Admission)


def test_requests_that_run_are_counted_until_they_end(row: Row, books: Any) -> None:
    mine = key(row, concurrent=1)
    first = books().admit(mine, "r1", 0)
    refused(books().admit(mine, "r2", 0), "1 concurrent requests", 1)
    books().settle(first, 0)
    assert isinstance(books().admit(mine, "r3", 0), Admission)


def test_a_worker_that_died_frees_its_requests_and_one_that_lives_keeps_them(row: Row, books: Any) -> None:
    mine = key(row, concurrent=1)
    books(NOON, "dead").admit(mine, "r1", 0)
    refused(books(NOON + LEASE - 1).admit(mine, "r2", 0), "concurrent", 1)
    assert isinstance(books(NOON + LEASE, "alive").admit(mine, "r3", 0), Admission)
    books(NOON + LEASE + 30, "alive").renew()
    refused(books(NOON + 2 * LEASE + 20).admit(mine, "r4", 0), "concurrent", 1)


def test_what_is_left_is_told(row: Row, books: Any) -> None:
    mine = key(row, requests_per_minute=5, tokens_per_minute=1000)
    told = books().admit(mine, "r1", 100).headers
    assert told["anthropic-ratelimit-requests-limit"] == "5"
    assert told["anthropic-ratelimit-requests-remaining"] == "4"
    assert told["anthropic-ratelimit-tokens-remaining"] == "900"
    assert told["anthropic-ratelimit-tokens-reset"].endswith("T12:01:00Z")


ALL = {"requests_per_minute": 9, "tokens_per_minute": 1000, "concurrent": 1, "tokens_per_day": 5000}


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({**ALL, "concurrent": 0}, "0 concurrent requests"),
        ({**ALL, "concurrent": 2, "tokens_per_day": 750}, "750 tokens per day"),
        ({**ALL, "concurrent": 2, "tokens_per_minute": 600}, "600 tokens per minute"),
        ({**ALL, "concurrent": 2, "requests_per_minute": 1}, "1 requests per minute"),
    ],
)
def test_whatever_limit_refuses_all_limits_of_the_key_are_told(
    row: Row, books: Any, limits: dict[str, int], words: str
) -> None:
    books().admit(key(row, **{**ALL, "concurrent": 5}), "r1", 500)
    answer = books().admit(key(row, **limits), "r2", 300)
    assert isinstance(answer, RateLimited)
    assert words in answer.message
    told = answer.headers
    assert told["anthropic-ratelimit-requests-limit"] == str(limits["requests_per_minute"])
    assert told["anthropic-ratelimit-requests-remaining"] == str(limits["requests_per_minute"] - 1)
    assert int(told["anthropic-ratelimit-tokens-remaining"]) <= 500
    assert int(told["retry-after"]) >= 1
    assert ("x-should-retry" in told) is ("day" in words)


def test_of_two_limits_of_tokens_the_one_with_less_left_is_told(row: Row, books: Any) -> None:
    mine = key(row, tokens_per_minute=1000, tokens_per_day=1200)
    assert books().admit(mine, "r1", 700).headers["anthropic-ratelimit-tokens-limit"] == "1000"
    later = books(NOON + MINUTE).admit(mine, "r2", 100).headers
    assert (later["anthropic-ratelimit-tokens-limit"], later["anthropic-ratelimit-tokens-remaining"]) == ("1200", "400")
    assert later["anthropic-ratelimit-tokens-reset"].endswith("T00:00:00Z")


@pytest.mark.parametrize(
    ("limits", "words"),
    [({"tokens_per_minute": 1000}, "whole minute (1,000)"), ({"tokens_per_day": 900}, "whole day (900)")],
)
def test_a_request_that_will_never_fit_is_told_so_and_not_tried_again(
    row: Row, books: Any, limits: dict[str, int], words: str
) -> None:
    answer = books().admit(key(row, **limits), "r1", 26_000)
    assert isinstance(answer, RateLimited)
    assert (answer.status, answer.headers["x-should-retry"]) == (429, "false")
    assert words in answer.message
    assert "26,000 tokens of input" in answer.message
    assert "retry-after" not in answer.headers


def test_one_second_is_no_seconds(row: Row, books: Any) -> None:
    assert "Try again in 1 second." in books().admit(key(row, concurrent=0), "r1", 0).message


def test_a_refused_request_uses_nothing(row: Row, books: Any) -> None:
    mine = key(row, requests_per_minute=1, tokens_per_minute=10, concurrent=5)
    assert isinstance(books().admit(mine, "r1", 11), RateLimited)
    assert not KeyUsage.objects.filter(amount__gt=0).exists()
    assert not KeyLease.objects.exists()


def test_keys_do_not_share_their_limits(row: Row, books: Any) -> None:
    other = Row.objects.create(label="team b", shown="x", hash="y")
    for one in (row, other):
        assert isinstance(books().admit(key(one, requests_per_minute=1), f"r{one.pk}", 0), Admission)


def test_old_books_are_thrown_away(row: Row, books: Any) -> None:
    mine = key(row, requests_per_minute=5, tokens_per_day=1000)
    books(NOON - 2 * DAY).admit(mine, "old", 5)
    books(NOON).renew()
    assert [usage.kind for usage in KeyUsage.objects.all()] == ["daily"]


async def test_while_the_database_is_away_requests_go_on(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def away(self: Any, group: Any) -> None:
        raise OperationalError("canary")

    monkeypatch.setattr(Limiter, "_serve", away)
    monkeypatch.setattr(limits_module, "RETRY", 0.0)
    limiter = Limiter()
    found = await limiter.admit(ClientKey(1, "a", limits=Limits(concurrent=1)), "r1", 5)
    assert not found.checked
    limiter.settle(found, 9)
    assert "canary" not in caplog.text


async def test_a_request_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Limiter, "_serve", lambda self, group: None)
    monkeypatch.setattr(limits_module, "WAIT", 0.01)
    assert not (await Limiter().admit(ClientKey(1, "a", limits=Limits(concurrent=1)), "r1", 5)).checked


class Counting(Limiter):
    """A limiter that lets everything in, and keeps what it is told."""

    def __init__(self, answer: Any = None) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[tuple[str, int]] = []
        self.used: list[int] = []

    async def admit(self, key: ClientKey, request_id: str, tokens: int) -> Admission:
        self.asked.append((key.label, tokens))
        if isinstance(self.answer, Exception):
            raise self.answer
        return Admission(key, request_id, NOON, tokens, {"anthropic-ratelimit-requests-remaining": "3"})

    def settle(self, admission: Admission, used: int) -> None:
        self.used.append(used)


def limited() -> Snapshot:
    known = {hashed(KEY): ClientKey(7, "team a", limits=Limits(requests_per_minute=9, tokens_per_minute=100_000))}
    return Snapshot(ModelMap.parse("", "gpt-6.1-sol"), keys=known)


async def ask(use: Any, upstream: Any, limiter: Limiter, **body: Any) -> Caller:
    use(upstream, auth=Auth("keys"), snapshot=limited, limiter=limiter, estimate=lambda payload, model: 12)
    caller = Caller(body={**BODY, **body}, headers=(("x-api-key", KEY),))
    return await caller.on(bridge())


@pytest.mark.parametrize("stream", [False, True])
async def test_what_was_billed_is_booked_and_what_is_left_is_told(use: Any, alone: None, stream: bool) -> None:
    limiter = Counting()
    async with wired(saying(answer_events())) as (_, upstream):
        caller = await ask(use, upstream, limiter, stream=stream)
    assert caller.status == 200
    assert caller.headers["anthropic-ratelimit-requests-remaining"] == "3"
    assert limiter.asked == [("team a", 12)]
    assert len(limiter.used) == 1
    assert limiter.used[0] > 0


async def test_a_request_that_the_upstream_refused_is_given_back(use: Any, alone: None) -> None:
    limiter = Counting()
    answer = b"HTTP/1.1 400 X\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}"
    async with wired(sending(answer)) as (_, upstream):
        caller = await ask(use, upstream, limiter)
    assert caller.status == 400
    assert limiter.used == [0]


async def test_a_refused_request_is_answered_at_once_and_asks_nobody(use: Any, ends: Any) -> None:
    limiter = Counting(RateLimited("limit", code="key_limit", headers={"retry-after": "7"}))
    async with wired(saying(answer_events())) as (wire, upstream):
        caller = await ask(use, upstream, limiter, stream=True)
        assert wire.connections == 0
    assert (caller.status, caller.headers["retry-after"]) == (429, "7")
    assert limiter.used == []
    assert (ends[0].status, ends[0].outcome, ends[0].opened.key) == (429, "refused", "team a")


LONG = Turn((Text("word " * 800),), step=40)


@pytest.mark.parametrize("guess", [12, None])
async def test_a_client_that_leaves_is_booked_with_what_it_was_told(
    use: Any, ends: list[ExchangeFinished], guess: int | None
) -> None:
    limiter = Counting()
    async with wired(saying(answer_events(LONG), pause=0.002)) as (_, upstream):
        use(upstream, auth=Auth("keys"), snapshot=limited, limiter=limiter, estimate=lambda payload, model: guess)
        caller = Caller(body={**BODY, "stream": True}, headers=(("x-api-key", KEY),))
        task = asyncio.create_task(caller.on(bridge()))
        await caller.until(lambda one: b"".join(one.chunks).count(b"text_delta") >= 60)
        caller.leave()
        await task
    told = b"".join(caller.chunks).count(b"text_delta")
    reserved = limiter.asked[0][1]
    assert reserved > 0
    assert limiter.used[0] >= reserved + told * 10
    assert (ends[0].outcome, ends[0].usage_estimated) == ("client_disconnected", True)
    assert ends[0].usage["output_tokens"] >= told * 10


async def test_a_picture_is_reserved_as_a_picture_and_not_as_text(use: Any, alone: None) -> None:
    picture = base64.b64encode(png(800, 600) + b"\0" * 150_000).decode()
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}}
    limiter = Counting()
    async with wired(saying(answer_events())) as (_, upstream):
        use(upstream, auth=Auth("keys"), snapshot=limited, limiter=limiter)
        content = [{"type": "text", "text": "What is it? " * 400}, block]
        body = {**BODY, "messages": [{"role": "user", "content": content}]}
        caller = await Caller(body=body, headers=(("x-api-key", KEY),)).on(bridge())
    assert caller.status == 200
    assert 500 < limiter.asked[0][1] < 5_000


async def test_a_client_that_leaves_is_booked_with_what_was_reserved(use: Any, alone: None) -> None:
    limiter = Counting()
    async with wired(saying(answer_events(), pause=0.05)) as (_, upstream):
        use(upstream, auth=Auth("keys"), snapshot=limited, limiter=limiter, estimate=lambda payload, model: 12)
        caller = Caller(body={**BODY, "stream": True}, headers=(("x-api-key", KEY),))
        task = asyncio.create_task(caller.on(bridge()))
        await caller.until(lambda one: bool(one.chunks))
        caller.leave()
        await task
    assert limiter.used == [12]


@pytest.mark.parametrize(("longest", "status"), [(11, 400), (12, 200)])
async def test_a_prompt_beyond_the_rules_limit_is_too_long(use: Any, alone: None, longest: int, status: int) -> None:
    from bridge_api.rules import Adjustments, Rule

    rule = Rule(1, "prefix", "claude", "gpt-6.1-sol", adjustments=Adjustments(max_input_tokens=longest))
    models = ModelMap.parse("", None).with_rules([rule])
    async with wired(saying(answer_events())) as (_, upstream):
        use(upstream, snapshot=lambda: Snapshot(models), estimate=lambda payload, model: 12)
        caller = await Caller(body=BODY).on(bridge())
    assert caller.status == status
    if status == 400:
        assert caller.json()["error"]["message"] == "prompt is too long: 12 tokens > 11 maximum"
