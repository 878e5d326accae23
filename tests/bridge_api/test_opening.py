"""One exchange from inside: opening, pings, ends, and what is held meanwhile. Handler and upstream share a loop."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bridge_api import exchange as exchange_module
from bridge_api import views
from bridge_api.exchange import Exchange, Service
from bridge_api.guard import arrival_from
from bridge_api.schemas.stream import PING
from bridge_api.signals import ExchangeFinished, exchange_finished, exchange_opened
from bridge_api.upstream.client import Upstream
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
    service_for,
    wired,
)
from tests.simulator.script import Reasoning, Text, Turn

EVENTS = answer_events()
DECISIVE = next(at for at, event in enumerate(EVENTS) if event.startswith(b"event: response.output_text.delta")) + 1
STREAM = {**BODY, "stream": True}
QUOTA = plain(429, b'{"error":{"message":"m","code":"rate_limit_exceeded"}}', retry_after="0")
BUSY = plain(503, b'{"error":{"message":"m","code":"server_is_overloaded"}}')


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody but the test listens: the trail has its own tests, and a database."""
    for signal in (exchange_opened, exchange_finished):
        monkeypatch.setattr(signal, "receivers", [])


@pytest.fixture
def ends() -> Iterator[list[ExchangeFinished]]:
    """What ``exchange_finished`` told."""
    told: list[ExchangeFinished] = []

    def listen(*, payload: ExchangeFinished, **kwargs: Any) -> None:
        told.append(payload)

    exchange_finished.connect(listen)
    yield told
    exchange_finished.disconnect(listen)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make the views use a service on ``upstream``."""

    def chosen(upstream: Upstream, **changed: Any) -> Service:
        service = service_for(upstream, **changed)
        monkeypatch.setattr(views, "service", lambda: service)
        return service

    return chosen


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


# -- ends -------------------------------------------------------------------------------------------------

INVALID = {**BODY, "max_tokens": "many"}


@pytest.mark.parametrize(
    ("path", "body", "key", "status", "outcome", "code"),
    [
        ("/v1/messages", BODY, True, 200, "completed", None),
        ("/v1/messages", STREAM, True, 200, "completed", None),
        ("/v1/messages/stream", BODY, True, 200, "completed", None),
        ("/v1/messages", INVALID, True, 400, "refused", "invalid_request"),
        ("/v1/messages/stream", INVALID, True, 200, "refused", "invalid_request"),
        ("/v1/messages", b"{", True, 400, "refused", "invalid_request"),
        ("/v1/messages", BODY, False, 401, "refused", "missing_api_key"),
        ("/v1/messages", STREAM, False, 401, "refused", "missing_api_key"),
        ("/v1/messages/stream", BODY, False, 200, "refused", "missing_api_key"),
        ("/v1/messages/count_tokens", INVALID, True, 400, "refused", "invalid_request"),
    ],
)
async def test_every_request_has_one_end(
    use: Any, ends: Any, path: str, body: Any, key: bool, status: int, outcome: str, code: str | None
) -> None:
    async with wired(saying(EVENTS)) as (_, upstream):
        use(upstream, has_credential=key)
        caller = await Caller(path=path, body=body).on(bridge())
    assert caller.status == status
    assert caller.whole
    assert [(one.status, one.outcome, one.error_code) for one in ends] == [(status, outcome, code)]
    assert ends[0].request_id == caller.headers["request-id"]


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/stream"])
@pytest.mark.parametrize("phase", range(12))
async def test_a_client_that_leaves_ends_the_upstream_at_any_phase(use: Any, ends: Any, path: str, phase: int) -> None:
    """R1, and R2 with the second cancel of a server that stops meanwhile."""
    wire_bytes = HEAD + b"".join(chunk(event) for event in EVENTS)
    sent = wire_bytes[: len(wire_bytes) * phase // 12]
    async with wired(sending(sent, then="silence")) as (wire, upstream):
        use(upstream)
        caller = Caller(path=path, body=STREAM if phase % 2 else BODY)
        running = asyncio.create_task(caller.on(bridge()))
        await eventually(lambda: wire.written == len(sent) and len(wire.requests) == 1)
        caller.leave()
        await asyncio.sleep(0)
        if phase % 3 == 0:
            running.cancel()
        await asyncio.wait([running])
        await eventually(lambda: upstream.open_flows == 0 and wire.open == 0)
    assert [(one.status, one.outcome) for one in ends] == [(499, "client_disconnected")]
    assert len(ends[0].attempts) == 1


async def test_a_client_that_leaves_between_two_tries_ends_the_wait(use: Any, ends: Any) -> None:
    wait = plain(429, b'{"error":{"message":"m","code":"rate_limit_exceeded"}}', retry_after="20")
    async with wired(sending(wait)) as (_, upstream):
        use(upstream, retry=RetryPolicy(5, 30))
        caller = Caller(body=STREAM)
        running = asyncio.create_task(caller.on(bridge()))
        await eventually(lambda: upstream.open_flows == 0 and running.done() is False and bool(upstream._urls))
        caller.leave()
        await asyncio.wait_for(running, 10)
    assert [one.outcome for one in ends] == ["client_disconnected"]


async def test_a_stream_that_nobody_begins_to_read_is_ended_when_it_is_closed(use: Any, ends: Any) -> None:
    async with wired(sending(HEAD + b"".join(map(chunk, EVENTS[:DECISIVE])), then="silence")) as (wire, upstream):
        service = use(upstream)
        exchange = Exchange(service, arrival_from({}, json.dumps(STREAM).encode()), "/v1/messages")
        await exchange.prepare()
        await exchange.open()
        response = views.EventStream(exchange, exchange.records(), {})
        response.close()
        assert [one.outcome for one in ends] == ["client_disconnected"]
        await eventually(lambda: wire.open == 0)


@pytest.mark.parametrize("sent", [0, DECISIVE])
async def test_a_server_that_stops_tells_its_streams(use: Any, ends: Any, sent: int) -> None:
    """R8."""
    data = HEAD + b"".join(map(chunk, EVENTS[:sent]))
    async with wired(sending(data, then="silence")) as (wire, upstream):
        use(upstream)
        caller = Caller(path="/v1/messages/stream", body=STREAM)
        running = asyncio.create_task(caller.on(bridge()))
        await eventually(lambda: wire.written == len(data))
        await asyncio.sleep(0.01)
        running.cancel("the server stops")
        await asyncio.wait([running])
        await eventually(lambda: wire.open == 0)
    assert caller.whole
    assert error_of(caller)["type"] == "overloaded_error"
    assert [(one.status, one.outcome, one.error_code) for one in ends] == [(200, "cancelled", "shutting_down")]


async def test_a_server_that_stops_answers_what_does_not_stream(use: Any, ends: Any) -> None:
    async with wired(sending(HEAD, then="silence")) as (wire, upstream):
        use(upstream)
        caller = Caller(body=BODY)
        running = asyncio.create_task(caller.on(bridge()))
        await eventually(lambda: len(wire.requests) == 1)
        running.cancel("the server stops")
        await asyncio.wait([running])
    assert (caller.status, caller.json()["error"]["type"]) == (529, "overloaded_error")
    assert [(one.status, one.outcome) for one in ends] == [(529, "cancelled")]


async def test_a_finished_answer_gives_its_connection_back(use: Any) -> None:
    async def late_end(line: Line) -> None:
        await line.write(HEAD + b"".join(map(chunk, EVENTS)))
        await asyncio.sleep(0.01)
        await line.write(END)

    async with wired(late_end) as (wire, upstream):
        use(upstream)
        for at in range(6):
            await Caller(body=STREAM if at % 2 else BODY).on(bridge())
            await eventually(lambda: upstream.open_flows == 0)
        assert wire.connections == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stop_sequence_closes_the_upstream_at_once(use: Any, stream: bool) -> None:
    said = answer_events(Turn((Text("one STOP and much more"),), step=3))
    half = HEAD + b"".join(chunk(event) for event in said if b"much" not in event and b"completed" not in event)
    async with wired(sending(half, then="silence")) as (wire, upstream):
        use(upstream)
        caller = await Caller(body={**BODY, "stream": stream, "stop_sequences": ["STOP"]}).on(bridge())
        await eventually(lambda: wire.open == 0)
    assert b'"stop_sequence":"STOP"' in caller.content


# -- faults of ours ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("/v1/messages", BODY, 500), ("/v1/messages", STREAM, 500), ("/v1/messages/stream", BODY, 200)],
)
async def test_a_fault_before_the_answer_is_an_envelope_without_its_text(
    use: Any, ends: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any, path: str, body: Any, status: int
) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("canary with a prompt in it")

    monkeypatch.setattr(exchange_module, "translate", broken)
    async with wired(saying(EVENTS)) as (_, upstream):
        use(upstream)
        with caplog.at_level(logging.INFO):
            caller = await Caller(path=path, body=body).on(bridge())
    assert caller.status == status
    assert b"Internal error of the bridge." in caller.content
    assert "unexpected RuntimeError" in caplog.text
    assert "canary" not in caplog.text + caller.content.decode()
    assert [(one.status, one.error_code) for one in ends] == [(status, "internal")]


async def test_a_fault_in_the_middle_of_a_stream_ends_it_well_formed(
    use: Any, ends: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = exchange_module.encode

    def broken(event: Any) -> bytes:
        if type(event).__name__ == "BlockStop":
            raise RuntimeError("canary")
        return real(event)

    monkeypatch.setattr(exchange_module, "encode", broken)
    async with wired(saying(EVENTS, pause=0.005)) as (_, upstream):
        use(upstream)
        caller = await Caller(body=STREAM).on(bridge())
    assert caller.whole
    assert error_of(caller) == {"type": "api_error", "message": "Internal error of the bridge."}
    assert [(one.status, one.outcome, one.error_code) for one in ends] == [(200, "failed", "internal")]


async def test_a_listener_that_raises_harms_nothing(use: Any, caplog: Any) -> None:
    def bad(**kwargs: Any) -> None:
        raise RuntimeError("canary")

    exchange_opened.connect(bad)
    exchange_finished.connect(bad)
    try:
        async with wired(saying(EVENTS)) as (_, upstream):
            use(upstream)
            caller = await Caller(body=BODY).on(bridge())
    finally:
        exchange_opened.disconnect(bad)
        exchange_finished.disconnect(bad)
    assert caller.status == 200
    assert caplog.text.count("a receiver of Exchange") == 2


# -- what is held -----------------------------------------------------------------------------------------


async def test_a_requests_bytes_are_not_held_while_its_answer_streams(use: Any) -> None:
    canary = "canary-" + "x" * 100_000
    async with wired(sending(HEAD + b"".join(map(chunk, EVENTS[:DECISIVE])), then="silence")) as (wire, upstream):
        use(upstream)
        caller = Caller(body={**STREAM, "messages": [{"role": "user", "content": canary}]})
        running = asyncio.create_task(caller.on(bridge()))
        await caller.until(lambda it: b"text_delta" in it.content)
        gc.collect()
        texts = (it for one in gc.get_objects() for it in gc.get_referents(one) if isinstance(it, str | bytes))
        large = {id(it): it for it in texts if len(it) > 100_000}
        known = {id(canary), id(wire.requests[0][2])}
        held = [it for it in large.values() if id(it) not in known and "canary-" in str(it)]
        caller.leave()
        await running
    assert len(wire.requests[0][2]) > 100_000
    assert not held


async def test_a_large_request_is_read_off_the_event_loop(use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """R10."""
    threads: list[int] = []
    real = exchange_module.parse_messages

    def parse(*args: Any, **kwargs: Any) -> Any:
        threads.append(threading.get_ident())
        return real(*args, **kwargs)

    monkeypatch.setattr(exchange_module, "parse_messages", parse)
    async with wired(saying(EVENTS)) as (_, upstream):
        use(upstream)
        for size in (10, exchange_module.LARGE_BODY):
            asked = {**BODY, "messages": [{"role": "user", "content": "x" * size}]}
            assert (await Caller(body=asked).on(bridge())).status == 200
    assert [one == threading.get_ident() for one in threads] == [True, False]


async def test_a_slow_reader_holds_back_the_upstream(use: Any) -> None:
    """R6: of a 50 MB answer at most 2 MiB are on their way."""
    opening = HEAD + b"".join(map(chunk, EVENTS[:DECISIVE]))
    piece = chunk(EVENTS[DECISIVE - 1].replace(b'"delta":"', b'"delta":"' + b"x" * 16_000))

    async def flood(line: Line) -> None:
        await line.write(opening)
        for _ in range(50_000_000 // 16_000):
            await line.write(piece)
        await line.gone()

    async with wired(flood) as (wire, upstream):
        use(upstream)
        caller = Caller(body=STREAM)
        running = asyncio.create_task(caller.on(bridge()))
        await caller.until(lambda it: b"text_delta" in it.content)
        caller.reading.clear()
        settled = (-1, -1)
        while settled != (wire.written, len(caller.chunks)):
            settled = (wire.written, len(caller.chunks))
            await asyncio.sleep(0.1)
        (task,) = upstream._flows
        flow = task.get_coro().cr_frame.f_locals["self"]  # type: ignore[union-attr]
        assert flow._size + len(caller.chunks[-1]) < 2 * 1024 * 1024
        assert wire.written < 40_000_000
        caller.leave()
        await running


# -- what goes where --------------------------------------------------------------------------------------


async def test_nothing_of_the_clients_headers_goes_upstream(use: Any) -> None:
    canary = [("authorization", "Bearer canary"), ("x-api-key", "canary"), ("cookie", "canary"), ("x-other", "canary")]
    async with wired(saying(EVENTS)) as (wire, upstream):
        use(upstream)
        caller = await Caller(body=BODY, headers=[*canary, ("x-correlation-id", "id.1")]).on(bridge())
        headers = wire.requests[0][1]
    assert "canary" not in str(headers)
    assert headers["x-client-request-id"] == caller.headers["x-correlation-id"] == "id.1"


async def test_nothing_of_the_upstreams_headers_but_its_limits_comes_back(use: Any) -> None:
    events = b"".join(EVENTS)
    given = {"set_cookie": "canary=1", "server": "canary", "x_request_id": "up-1", "x_ratelimit_limit_requests": "7"}
    async with wired(sending(plain(200, events, "text/event-stream", **given))) as (_, upstream):
        use(upstream)
        caller = await Caller(body=STREAM).on(bridge())
    assert set(caller.headers) == {
        "content-type",
        "cache-control",
        "x-accel-buffering",
        "anthropic-ratelimit-requests-limit",
        "request-id",
        "x-correlation-id",
    }


async def test_events_of_one_read_are_one_write(use: Any) -> None:
    said = answer_events(Turn((Reasoning(("Why.",)), Text("word " * 200)), step=5))
    async with wired(sending(HEAD + b"".join(map(chunk, said)) + END)) as (_, upstream):
        use(upstream)
        caller = await Caller(body=STREAM).on(bridge())
    assert len(grammar.check(caller.content)) > 200
    assert len(caller.chunks) < 10
