"""Counting by the operator's mode: what is asked of the upstream, and what stands in when it does not answer."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from bridge_api import counter as counter_module
from bridge_api import intake
from bridge_api.auth import Auth
from bridge_api.counter import COUNTED, Counted, Counter, Recent, countable, key_of
from bridge_api.guard import arrival_from
from bridge_api.mapping import Route
from bridge_api.signals import ExchangeFinished
from bridge_api.story import Story
from bridge_api.tokens import counting
from bridge_api.tokens import service as tokens
from bridge_api.tokens.counting import Rough
from bridge_api.tokens.reasoning import FRAME
from bridge_api.translation.notes import Note
from tests.bridge_api.edge import BODY, Caller, Line, Play, bridge, eventually, plain, saying, sending, wired
from tests.simulator.render import Renderer, record
from tests.simulator.script import Reasoning, Text, Turn
from tests.simulator.strict import validate

SIMPLE: dict[str, Any] = {"model": "gpt-6.1-sol", "input": [{"role": "user", "content": "Hi"}]}
BY_URL: dict[str, Any] = {
    "model": "gpt-6.1-sol",
    "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://example.org/a.png"}]}],
}
LOCAL, TOLD = 11, 4242
COUNT = "/v1/messages/count_tokens"
ADAPTIVE = {"type": "adaptive"}
SECRET = 10**30
DEEP: Any = "x"
for _ in range(300):
    DEEP = [DEEP]
RIGHT = sending(plain(200, json.dumps({"object": "response.input_tokens", "input_tokens": TOLD}).encode()))


pytestmark = pytest.mark.usefixtures("alone")


async def local(payload: dict[str, Any], model: str, large: bool) -> int:
    return LOCAL


def schema(value: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {"type": "array", "default": value}}}


def story() -> Story:
    return Story(arrival_from({}, b""), "/v1/messages/count_tokens")


def codes(told: Story) -> list[str]:
    return [note.code for note in told.notes]


def silent(seconds: float = 60) -> Play:
    async def play(line: Line) -> None:
        await asyncio.sleep(seconds)

    return play


@pytest.mark.parametrize(
    ("play", "code"),
    [
        (sending(b"", then="reset"), "upstream_read"),
        (sending(plain(500, b"oops")), None),
        (sending(plain(404, b'{"error": {"message": "Invalid URL"}}')), None),
        (sending(plain(200, b"<html>")), "upstream_protocol"),
        (sending(plain(200, b'{"input_tokens": "many"}')), "upstream_protocol"),
        (sending(plain(200, b'{"input_tokens": -1}')), "upstream_protocol"),
        (sending(plain(200, b'{"input_tokens": true}')), "upstream_protocol"),
        (sending(plain(200, b'{"input_tokens": 9007199254740993000}')), "upstream_protocol"),
        (sending(plain(200, b"[" * 100_000)), "upstream_protocol"),
        (sending(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{", then="silence"), "upstream_idle_timeout"),
        (silent(), "upstream_headers_timeout"),
    ],
    ids=["reset", "500", "404", "html", "text", "negative", "truth", "huge", "endless", "half", "silent"],
)
async def test_when_the_upstream_fails_the_bridge_counts_and_says_so(play: Play, code: str | None) -> None:
    told = story()
    async with wired(play) as (_, upstream):
        counter = Counter("upstream", lambda: upstream, 0.2, local)
        assert await counter.count(SIMPLE, {}, told) == LOCAL
        await asyncio.sleep(0)
    assert codes(told) == ["count.upstream_failed"]
    (attempt,) = told.attempts
    assert attempt.error_code == code if code else attempt.error_code


async def test_a_failure_is_not_remembered() -> None:
    async with wired(sending(plain(503, b"")), RIGHT) as (wire, upstream):
        counter = Counter("upstream", lambda: upstream, 5, local)
        assert await counter.count(SIMPLE, {}, story()) == LOCAL
        assert await counter.count(SIMPLE, {}, story()) == TOLD
        assert len(wire.requests) == 2


async def test_a_client_that_leaves_ends_the_question() -> None:
    async with wired(silent()) as (wire, upstream):
        counter = Counter("upstream", lambda: upstream, 60, local)
        task = asyncio.ensure_future(counter.count(SIMPLE, {}, story()))
        while not wire.requests:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            while upstream.open_flows:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.005)


async def test_the_upstream_is_asked_once_however_many_want_the_same_count() -> None:
    async with wired(RIGHT) as (wire, upstream):
        counter = Counter("upstream", lambda: upstream, 5, local)
        told = [story() for _ in range(30)]
        assert await asyncio.gather(*(counter.count(SIMPLE, {}, one) for one in told)) == [TOLD] * 30
        assert len(wire.requests) == 1
        assert sum(len(one.attempts) for one in told) == 1
        assert await counter.count(SIMPLE, {}, story(), key="sk-another") == TOLD
        assert len(wire.requests) == 2, "what one client is told is not for another"
    assert not counter._asking


async def test_a_failure_is_shared_by_those_who_wait_for_it_and_not_kept() -> None:
    async with wired(sending(plain(503, b"")), RIGHT) as (wire, upstream):
        counter = Counter("upstream", lambda: upstream, 5, local)
        told = [story() for _ in range(5)]
        assert await asyncio.gather(*(counter.count(SIMPLE, {}, one) for one in told)) == [LOCAL] * 5
        assert [codes(one) for one in told] == [["count.upstream_failed"]] * 5
        assert len(wire.requests) == 1
        assert await counter.count(SIMPLE, {}, story()) == TOLD
    assert not counter._asking


@pytest.mark.parametrize("leaving", [0, 2], ids=["who asked", "who waits"])
async def test_one_that_leaves_harms_no_other(leaving: int) -> None:
    answer = asyncio.Event()

    async def play(line: Line) -> None:
        if leaving == 0 and len(line.wire.requests) == 1:
            await line.gone()
        else:
            await answer.wait()
        await RIGHT(line)

    async with wired(play) as (wire, upstream):
        counter = Counter("upstream", lambda: upstream, 20, local)
        tasks = [asyncio.ensure_future(counter.count(SIMPLE, {}, story())) for _ in range(4)]
        await eventually(lambda: len(wire.requests) == 1)
        tasks.pop(leaving).cancel()
        await eventually(lambda: len(wire.requests) == (2 if leaving == 0 else 1))
        answer.set()
        assert await asyncio.gather(*tasks) == [TOLD] * 3
        await eventually(lambda: not upstream.open_flows)
    assert not counter._asking


async def test_who_waits_for_another_waits_no_longer_than_for_itself() -> None:
    async with wired(silent()) as (wire, upstream):
        counter = Counter("upstream", lambda: upstream, 0.2, local)
        first = asyncio.ensure_future(counter.count(SIMPLE, {}, story()))
        await eventually(lambda: len(wire.requests) == 1)
        counter._seconds = 0.01
        assert await counter.count(SIMPLE, {}, story()) == LOCAL
        assert not first.done()
        assert await first == LOCAL
        assert len(wire.requests) == 1


@pytest.mark.parametrize("value", [10**30, DEEP], ids=["number", "depth"])
async def test_what_cannot_be_written_is_counted_here(value: Any) -> None:
    told = story()
    tool = {"type": "function", "name": "f", "parameters": {"maximum": value}}
    async with wired(RIGHT) as (wire, upstream):
        counter = Counter("upstream", lambda: upstream, 5, local)
        assert await counter.count({**SIMPLE, "tools": [tool]}, {}, told) == LOCAL
        assert not wire.requests
    assert codes(told) == ["count.upstream_failed"]


async def test_a_count_that_is_an_estimate_says_so_or_is_asked_for() -> None:
    async def rough(payload: dict[str, Any], model: str, large: bool) -> int:
        return Rough(LOCAL)

    told = story()
    found = await Counter("local", None, 5, rough).count(SIMPLE, {}, told)
    assert (found, type(found)) == (LOCAL, int)
    assert codes(told) == ["count.estimated"]
    told = story()
    async with wired(RIGHT) as (_, upstream):
        assert await Counter("auto", lambda: upstream, 5, rough).count(SIMPLE, {}, told) == TOLD
    assert codes(told) == []


@pytest.mark.parametrize(
    ("mode", "payload", "counted", "asked", "said"),
    [
        ("local", SIMPLE, LOCAL, 0, []),
        ("local", BY_URL, LOCAL, 0, ["count.estimated"]),
        ("auto", SIMPLE, LOCAL, 0, []),
        ("auto", BY_URL, TOLD, 1, []),
        ("upstream", SIMPLE, TOLD, 1, []),
        ("upstream", BY_URL, TOLD, 1, []),
    ],
)
async def test_the_mode_decides_who_counts(
    mode: Any, payload: dict[str, Any], counted: int, asked: int, said: list[str]
) -> None:
    told = story()
    async with wired(RIGHT) as (wire, upstream):
        counter = Counter(mode, lambda: upstream, 5, local)
        assert await counter.count(payload, {"X-Client-Request-Id": "c-1"}, told) == counted
        assert await counter.count(payload, {}, story()) == counted
        assert len(wire.requests) == asked, "the same request is asked about once"
        assert len(told.attempts) == asked
        for line, headers, _ in wire.requests:
            assert line == "POST /responses/input_tokens HTTP/1.1"
            assert headers["x-client-request-id"] == "c-1"
    assert codes(told) == said


async def test_without_a_credential_nobody_is_asked() -> None:
    told = story()
    assert await Counter("upstream", None, 5, local).count(BY_URL, {}, told) == LOCAL
    assert codes(told) == ["count.estimated"]


def test_only_what_the_upstream_counts_is_sent() -> None:
    payload = {**SIMPLE, "stream": True, "store": False, "include": [], "prompt_cache_key": "k", "instructions": None}
    body = countable(payload)
    assert json.loads(body) == SIMPLE
    assert validate(body, endpoint="input_tokens")
    assert set(COUNTED) >= set(json.loads(body))


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/v1/messages/token_count"])
async def test_a_count_is_answered_and_told(use: Any, ends: list[ExchangeFinished], path: str) -> None:
    async with wired(RIGHT) as (wire, upstream):
        use(upstream, counter=Counter("upstream", lambda: upstream, 5))
        body = {name: value for name, value in BODY.items() if name != "max_tokens"}
        caller = await Caller(path=path, body=body).on(bridge())
        assert (caller.status, caller.json()) == (200, {"input_tokens": TOLD})
        assert validate(wire.requests[0][2], endpoint="input_tokens")
    (done,) = ends
    assert (done.status, done.outcome, len(done.attempts)) == (200, "completed", 1)


async def test_the_reasoning_of_an_answer_that_was_seen_is_counted_as_it_was_reported(use: Any) -> None:
    asked = {"model": "gpt-6.1-sol", "stream": True, "include": ["reasoning.encrypted_content"], "reasoning": {}}
    turn = Turn((Reasoning(tokens=37), Text("Hello.")))
    events = [record(event) for event in Renderer(asked, turn, 1).events()]
    async with wired(saying(events)) as (_, upstream):
        use(upstream, remember=tokens.remember_answer)

        async def count(content: list[dict[str, Any]]) -> int:
            messages = [*body["messages"], {"role": "assistant", "content": content}, *body["messages"]]
            caller = await Caller(path="/v1/messages/count_tokens", body={**body, "messages": messages}).on(bridge())
            return int(caller.json()["input_tokens"])

        body = {**BODY, "thinking": ADAPTIVE}
        content = (await Caller(body=body).on(bridge())).json()["content"]
        assert [block["type"] for block in content] == ["thinking", "text"]
        without = await count(content[1:])
        async with asyncio.timeout(5):
            while await count(content) - without != 37 + FRAME:  # noqa: ASYNC110 - learned by a thread
                await asyncio.sleep(0.01)


def counted(number: int = 1, *, items: Sequence[Any] = (), said: tuple[Note, ...] = ()) -> Counted:
    return Counted(number, Route("a", "b", "exact"), {"input": list(items), "reasoning": {}}, (), {}, said)


def test_a_count_that_may_change_is_not_kept() -> None:
    recent, key = Recent(), key_of(arrival_from({}, b"x"))
    recent.keep(key, counted(items=[{"type": "reasoning"}]))
    recent.keep(key, counted(said=(Note("count.upstream_failed"),)))
    assert recent.get(key) is None


def test_the_oldest_count_is_forgotten_and_no_content_is_kept() -> None:
    recent = Recent(limit=2)
    keys = [key_of(arrival_from({}, body)) for body in (b"a", b"b", b"c")]
    for number, key in enumerate(keys):
        recent.keep(key, counted(number, items=[{"content": "secret"}]))
    assert [found and found.tokens for found in map(recent.get, keys)] == [None, 1, 2]
    assert all("secret" not in repr(recent.get(key)) for key in keys)


def test_what_changes_the_meaning_of_a_body_changes_its_key() -> None:
    one = key_of(arrival_from({"anthropic-version": "2023-06-01"}, b"x"))
    assert one == key_of(arrival_from({"anthropic-version": "2023-06-01", "user-agent": "b"}, b"x"))
    assert one != key_of(arrival_from({"anthropic-version": "2023-01-01"}, b"x"))
    assert one != key_of(arrival_from({"anthropic-version": "2023-06-01", "anthropic-beta": "b"}, b"x"))
    assert one != key_of(arrival_from({"anthropic-version": "2023-06-01"}, b"y"))
    assert one != key_of(arrival_from({"anthropic-version": "2023-06-01"}, b"x"), upstream="another")
    assert all(type(part) is int for part in one), "nothing that a client sent is kept"


async def test_what_one_clients_upstream_says_is_not_for_another_client(use: Any) -> None:
    async def by_length(payload: dict[str, Any], model: str, large: bool) -> int:
        return len(payload["input"])

    async with wired(RIGHT) as (_, upstream):
        counter = Counter("local", None, 5, by_length)
        use(upstream, counter=counter, auth=Auth("passthrough"), upstream_id=lambda key: f"of {key}")
        for key in ("sk-AAAAAAAAAAAAAAAAAAAA", "sk-BBBBBBBBBBBBBBBBBBBB", "sk-AAAAAAAAAAAAAAAAAAAA"):
            caller = await Caller(path=COUNT, body=BODY, headers=[("x-api-key", key)]).on(bridge())
            assert caller.status == 200
    assert len(counter.recent) == 2


@pytest.mark.parametrize("path", [COUNT, "/v1/messages"])
@pytest.mark.parametrize(
    ("field", "changed", "what"),
    [
        ("tools", {"tools": [{"name": "f", "input_schema": schema(SECRET)}]}, "Integers should have at most 64 bits"),
        ("tools", {"tools": [{"name": "f", "input_schema": schema(DEEP)}]}, "Input is nested too deeply"),
        (
            "output_config",
            {"output_config": {"format": {"type": "json_schema", "schema": schema(SECRET)}}},
            "Integers should have at most 64 bits",
        ),
        ("model", {"model": "m" * 257}, "Input should have at most 256 characters"),
    ],
    ids=["number", "depth", "answer", "model"],
)
async def test_what_could_never_be_sent_is_refused(
    use: Any, path: str, field: str, changed: dict[str, Any], what: str
) -> None:
    async with wired(RIGHT) as (wire, upstream):
        use(upstream)
        caller = await Caller(path=path, body={**BODY, **changed}).on(bridge())
        assert not wire.requests
    error = caller.json()["error"]
    assert (caller.status, error["type"]) == (400, "invalid_request_error")
    assert error["message"] == f"{field}: {what}"


@pytest.mark.parametrize(
    "large",
    [[{"role": "user", "content": "a"}] * (intake.MANY_OBJECTS + 1), [{"role": "user", "content": "a" * 600_000}]],
    ids=["very many parts", "a long text"],
)
async def test_what_is_large_is_understood_and_counted_beside_the_event_loop(
    use: Any, monkeypatch: pytest.MonkeyPatch, large: list[Any]
) -> None:
    beside: list[bool] = []

    def watched(name: str, module: Any) -> None:
        real = getattr(module, name)

        def watch(*args: Any, **more: Any) -> Any:
            beside.append(threading.current_thread() is not threading.main_thread())
            return real(*args, **more)

        monkeypatch.setattr(module, name, watch)

    watched("translate", intake)
    watched("unknowable", counter_module)
    watched("count", counting)
    async with wired(RIGHT) as (_, upstream):
        use(upstream)
        for messages in ([{"role": "user", "content": "a"}], large):
            caller = await Caller(path=COUNT, body={**BODY, "messages": messages}).on(bridge())
            assert caller.status == 200
    assert beside == [False] * 3 + [True] * 3


async def test_the_same_body_is_understood_once_and_told_as_before(use: Any, ends: list[ExchangeFinished]) -> None:
    body = {"model": "claude-opus-5-5", "messages": BODY["messages"], "temperature": 0.5, "thinking": ADAPTIVE}
    async with wired(RIGHT) as (_, upstream):
        service = use(upstream, counter=Counter("local", None, 5, local))
        for _ in range(2):
            caller = await Caller(path="/v1/messages/count_tokens", body=body).on(bridge())
            assert caller.json() == {"input_tokens": LOCAL}
        assert len(service.counter.recent) == 1
    first, second = ends
    assert first.notes
    for name in ("notes", "status", "outcome"):
        assert getattr(first, name) == getattr(second, name)
    for name in ("model_served", "rule", "effort", "counts", "session_id", "notes"):
        assert getattr(first.opened, name) == getattr(second.opened, name)


async def test_a_broken_body_is_refused_as_for_a_message(use: Any) -> None:
    async with wired(RIGHT) as (_, upstream):
        use(upstream)
        caller = await Caller(path="/v1/messages/count_tokens", body={**BODY, "messages": "secret"}).on(bridge())
    error = caller.json()["error"]
    assert (caller.status, error["type"]) == (400, "invalid_request_error")
    assert "messages" in error["message"]
    assert "secret" not in error["message"]
