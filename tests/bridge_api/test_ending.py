"""One exchange from inside: how it ends, faults of ours, what is held meanwhile, what goes where."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import threading
from typing import Any

import pytest

from bridge_api import exchange as exchange_module
from bridge_api import intake as intake_module
from bridge_api import views
from bridge_api.exchange import Exchange
from bridge_api.guard import arrival_from
from bridge_api.signals import exchange_finished, exchange_opened
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
from tests.simulator.script import Reasoning, Text, Turn

pytestmark = pytest.mark.usefixtures("alone")
EVENTS = answer_events()
DECISIVE = next(at for at, event in enumerate(EVENTS) if event.startswith(b"event: response.output_text.delta")) + 1
STREAM = {**BODY, "stream": True}


def error_of(caller: Caller) -> dict[str, Any]:
    return dict(grammar.check(caller.content)[-1][1]["error"])


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

    monkeypatch.setattr(intake_module, "translate", broken)
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
        texts = (it for one in gc.get_objects() for it in gc.get_referents(one) if type(it) in (str, bytes))
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
    real = intake_module.parse_messages

    def parse(*args: Any, **kwargs: Any) -> Any:
        threads.append(threading.get_ident())
        return real(*args, **kwargs)

    monkeypatch.setattr(intake_module, "parse_messages", parse)
    async with wired(saying(EVENTS)) as (_, upstream):
        use(upstream)
        for size in (10, intake_module.LARGE_BODY):
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
