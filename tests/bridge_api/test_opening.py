"""One exchange from inside: opening, pings, ends, and what is held meanwhile. Handler and upstream share a loop."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bridge_api import exchange as exchange_module
from bridge_api.schemas.stream import PING
from bridge_api.signals import exchange_opened
from bridge_api.upstream.retry import RetryPolicy
from tests import grammar
from tests.bridge_api.edge import (
    BODY,
    END,
    HEAD,
    Caller,
    Line,
    answer_events,
    bridge,
    chunk,
    eventually,
    plain,
    saying,
    sending,
    wired,
)

pytestmark = pytest.mark.usefixtures("alone")
EVENTS = answer_events()
DECISIVE = next(at for at, event in enumerate(EVENTS) if event.startswith(b"event: response.output_text.delta")) + 1
STREAM = {**BODY, "stream": True}
QUOTA = plain(429, b'{"error":{"message":"m","code":"rate_limit_exceeded"}}', retry_after="0")
BUSY = plain(503, b'{"error":{"message":"m","code":"server_is_overloaded"}}')


def names(caller: Caller) -> list[str]:
    return [name for name, _ in grammar.check(caller.content)]


def error_of(caller: Caller) -> dict[str, Any]:
    return dict(grammar.check(caller.content)[-1][1]["error"])


# -- silence ----------------------------------------------------------------------------------------------


async def test_a_stream_has_its_status_and_pings_before_the_upstream_has_answered(use: Any, ends: Any) -> None:
    released = asyncio.Event()

    async def slow(line: Line) -> None:
        await released.wait()
        await saying(EVENTS)(line)

    async with wired(slow) as (_, upstream):
        use(upstream, ping_interval=0.02)
        caller = Caller(body=STREAM)
        running = asyncio.create_task(caller.on(bridge()))
        await caller.until(lambda it: it.content.count(PING) >= 3)
        assert caller.status == 200
        released.set()
        await running
    assert names(caller)[-1] == "message_stop"
    assert [one.outcome for one in ends] == ["completed"]


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("body", [BODY, STREAM], ids=["whole", "stream"])
async def test_who_must_keep_an_exchange_first_is_waited_for_before_anything_is_asked(
    use: Any, ends: Any, kept: bool, body: dict[str, Any]
) -> None:
    """What is refused for want of a trail costs nothing upstream."""

    class First:
        first = True

        async def wait(self) -> bool:
            assert not wire.requests
            return kept

    def listen(**told: Any) -> First:
        return First()

    exchange_opened.connect(listen)
    async with wired(saying(EVENTS)) as (wire, upstream):
        use(upstream)
        caller = await Caller(body=body).on(bridge())
        assert len(wire.requests) == kept
    assert caller.status == (200 if kept else 529)
    assert [(one.outcome, one.error_code) for one in ends] == [
        ("completed", None) if kept else ("refused", "audit_unavailable")
    ]


async def test_after_a_ping_a_failure_is_an_event_and_nothing_is_asked_again(use: Any, ends: Any) -> None:
    released = asyncio.Event()

    async def slow(line: Line) -> None:
        await released.wait()
        await line.write(BUSY)

    async with wired(slow) as (wire, upstream):
        use(upstream, ping_interval=0.02, retry=RetryPolicy(5, 30))
        caller = Caller(body=STREAM)
        running = asyncio.create_task(caller.on(bridge()))
        await caller.until(lambda it: PING in it.content)
        released.set()
        await running
        assert len(wire.requests) == 1
    assert (caller.status, error_of(caller)["type"]) == (200, "overloaded_error")
    assert [(one.status, one.outcome, one.error_type) for one in ends] == [(200, "failed", "overloaded_error")]
    assert [attempt.status for attempt in ends[0].attempts] == [503]


async def test_events_that_a_client_does_not_see_are_covered_by_pings(use: Any) -> None:
    hidden = b'event: response.in_progress\ndata: {"type":"response.in_progress"}\n\n'

    async def busy(line: Line) -> None:
        await line.write(HEAD + b"".join(chunk(event) for event in EVENTS[:DECISIVE]))
        for _ in range(60):
            await line.write(chunk(hidden))
            await asyncio.sleep(0.005)
        await line.write(b"".join(chunk(event) for event in EVENTS[DECISIVE:]) + END)

    async with wired(busy) as (_, upstream):
        use(upstream, ping_interval=0.03)
        caller = await Caller(body=STREAM).on(bridge())
    assert names(caller).count("ping") >= 3
    assert names(caller)[-1] == "message_stop"


async def test_a_lively_stream_has_no_pings(use: Any) -> None:
    async with wired(saying(EVENTS, pause=0.001)) as (_, upstream):
        use(upstream)
        assert "ping" not in names(await Caller(body=STREAM).on(bridge()))


@pytest.mark.parametrize("sent", [0, 1, DECISIVE], ids=["no event", "created only", "in the text"])
async def test_pings_do_not_hide_that_the_upstream_is_silent(use: Any, ends: Any, sent: int) -> None:
    silent = HEAD + b"".join(chunk(event) for event in EVENTS[:sent])
    async with wired(sending(silent, then="silence")) as (wire, upstream):
        use(upstream, ping_interval=0.03, idle_timeout=0.1)
        caller = await Caller(body=STREAM).on(bridge())
        await eventually(lambda: wire.open == 0)
    assert "ping" in names(caller)
    assert error_of(caller)["type"] == "timeout_error"
    assert ends[0].error_code == "upstream_idle_timeout"


async def test_an_idle_upstream_is_given_up_though_no_ping_is_due(use: Any) -> None:
    async with wired(sending(HEAD, then="silence")) as (_, upstream):
        use(upstream, ping_interval=20, idle_timeout=0.02)
        assert (await Caller(body=STREAM).on(bridge())).status == 504
        assert (await Caller(body=BODY).on(bridge())).status == 504


@pytest.mark.parametrize("body", [BODY, STREAM])
async def test_headers_that_do_not_come_are_a_timeout(use: Any, body: Any) -> None:
    async with wired(sending(b"", then="silence")) as (_, upstream):
        use(upstream, response_timeout=0.02)
        caller = await Caller(body=body).on(bridge())
    assert (caller.status, caller.json()["error"]["type"]) == (504, "timeout_error")


# -- tries ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [BODY, STREAM])
async def test_a_failure_before_the_first_byte_is_asked_again(use: Any, ends: Any, body: Any) -> None:
    lost = sending(HEAD + chunk(EVENTS[0]), then="reset")
    async with wired(sending(QUOTA), lost, saying(EVENTS)) as (wire, upstream):
        use(upstream, retry=RetryPolicy(2, 30))
        caller = await Caller(body=body).on(bridge())
        assert (caller.status, len(wire.requests)) == (200, 3)
        assert len({request[2] for request in wire.requests}) == 1, "the same bytes each time"
    told = [(attempt.number, attempt.status, attempt.error_code) for attempt in ends[0].attempts]
    assert told == [(1, 429, "rate_limit_exceeded"), (2, 200, "upstream_read"), (3, 200, None)]
    assert [one.outcome for one in ends] == ["completed"]


async def test_a_whole_answer_that_was_cut_is_asked_for_again_because_no_byte_has_left(use: Any) -> None:
    cut = sending(HEAD + b"".join(chunk(event) for event in EVENTS[:-1]), then="close")
    async with wired(cut, saying(EVENTS)) as (wire, upstream):
        use(upstream, retry=RetryPolicy(1, 30))
        caller = await Caller(body=BODY).on(bridge())
        assert len(wire.requests) == 2
    assert caller.json()["content"] == [{"type": "text", "text": "Hello there, world.", "citations": None}]


async def test_a_stream_that_was_cut_after_its_first_byte_is_not(use: Any, ends: Any) -> None:
    cut = asyncio.Event()

    async def breaking(line: Line) -> None:
        await line.write(HEAD + b"".join(chunk(event) for event in EVENTS[:DECISIVE]))
        await cut.wait()
        line.abort()

    async with wired(breaking) as (wire, upstream):
        use(upstream, retry=RetryPolicy(5, 30))
        caller = Caller(body=STREAM)
        running = asyncio.create_task(caller.on(bridge()))
        await caller.until(lambda it: b"text_delta" in it.content)
        cut.set()
        await running
        assert len(wire.requests) == 1
    assert error_of(caller)["type"] == "api_error"
    assert (ends[0].status, ends[0].outcome) == (200, "failed")


@pytest.mark.parametrize("body", [BODY, STREAM])
async def test_a_repair_is_tried_once(use: Any, ends: Any, body: Any) -> None:
    refusal = plain(400, b'{"error":{"message":"m","param":"reasoning.summary","code":"unsupported_value"}}')
    async with wired(sending(refusal)) as (wire, upstream):
        use(upstream, retry=RetryPolicy(5, 30))
        asked = {**body, "thinking": {"type": "adaptive", "display": "summarized"}}
        caller = await Caller(body=asked).on(bridge())
        sent = [json.loads(request[2])["reasoning"] for request in wire.requests]
    assert caller.status == 400
    assert ["summary" in reasoning for reasoning in sent] == [True, False]
    assert [note.code for note in ends[0].notes].count("dropped.summary_retry") == 1


# -- answers that are none --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        plain(200, b"<html>hello</html>", "text/html"),
        plain(200, b"nonsense"),
        plain(200, b"", "application/json"),
        plain(200, b"", "text/event-stream"),
        plain(200, b"\x1f\x8b\x08" + b"\0" * 99, "text/event-stream", content_encoding="gzip"),
        plain(302, b"", location="http://127.0.0.1:1/"),
    ],
    ids=["html", "no json", "empty json", "no events", "compressed", "redirect"],
)
@pytest.mark.parametrize("body", [BODY, STREAM])
async def test_an_answer_that_is_none_is_an_error_with_a_status(use: Any, answer: bytes, body: Any) -> None:
    async with wired(sending(answer)) as (_, upstream):
        use(upstream)
        caller = await Caller(body=body).on(bridge())
    assert caller.status in (500, 502)
    assert caller.json()["error"]["type"] == "api_error"


async def test_an_error_body_without_end_is_cut_off(use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_module, "MAX_ERROR_BODY", 100_000)
    head = b"HTTP/1.1 400 Bad\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"

    async def endless(line: Line) -> None:
        await line.write(head)
        while True:
            await line.write(chunk(b"x" * 10_000))

    async with wired(endless) as (wire, upstream):
        use(upstream)
        assert (await Caller(body=BODY).on(bridge())).status == 400
        await eventually(lambda: wire.open == 0)


async def test_an_error_body_that_dribbles_is_not_waited_for(use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_module, "ERROR_BODY_SECONDS", 0.02)
    head = b"HTTP/1.1 429 No\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"
    async with wired(sending(head, then="silence")) as (_, upstream):
        use(upstream)
        assert (await Caller(body=BODY).on(bridge())).status == 429
