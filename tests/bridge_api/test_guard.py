"""The first room: size, time, encoding and ids of a request."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import tracemalloc
from typing import Any

import pytest

from bridge_api.errors import BridgeError, ClientGone
from bridge_api.guard import Arrival, Guard, gunzip
from tests.bridge_api.edge import Caller

LIMIT = 300_000


class Recorder:
    """An application that keeps what reaches it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.arrivals: list[Arrival] = []
        self.told: list[tuple[str, str]] = []

    async def api(self, scope: Any, receive: Any, send: Any) -> None:
        self.arrivals.append(scope["bridge"])
        self.bodies.append(scope["bridge"].body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"api"})

    async def site(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        assert message["more_body"] is False
        self.bodies.append(message["body"])
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"site"})

    async def tell(self, path: str, arrival: Arrival, error: BridgeError) -> None:
        self.told.append((path, error.code))

    def guard(self, **changed: Any) -> Guard:
        values: dict[str, Any] = {"max_body": LIMIT, "read_timeout": 20.0, "told": self.tell}
        return Guard(self.api, self.site, is_api=lambda scope: scope["path"].startswith("/v1"), **{**values, **changed})


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def envelope(caller: Caller) -> dict[str, Any]:
    body = caller.json()
    assert body["type"] == "error"
    assert body["request_id"] == caller.headers["request-id"]
    assert caller.headers["connection"] == "close"
    return dict(body["error"])


# -- size -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", [str(LIMIT + 1), "9" * 5000, "²", "-1", "1e3", ""])
async def test_a_length_over_the_limit_or_out_of_sense_is_refused_before_a_byte_is_read(
    recorder: Recorder, declared: str
) -> None:
    caller = await Caller(pieces=[b"x"], headers=[("content-length", declared)]).on(recorder.guard())
    assert (caller.status, envelope(caller)["type"]) == (413, "request_too_large")
    assert caller.receives == 0
    assert recorder.bodies == []
    assert recorder.told == [("/v1/messages", "request_too_large")]


async def test_a_body_without_a_length_is_cut_off_at_the_limit(recorder: Recorder) -> None:
    pieces = [b"x" * 60_000] * 100
    caller = await Caller(pieces=pieces).on(recorder.guard())
    assert caller.status == 413
    assert caller.receives == LIMIT // 60_000 + 1, "one read beyond the limit, not more"


async def test_one_large_piece_is_refused_too(recorder: Recorder) -> None:
    caller = await Caller(body=b"x" * (LIMIT + 1)).on(recorder.guard())
    assert caller.status == 413
    assert recorder.bodies == []


async def test_a_body_at_the_limit_arrives_whole(recorder: Recorder) -> None:
    await Caller(pieces=[b"x" * (LIMIT - 5), b"y" * 5]).on(recorder.guard())
    assert recorder.bodies == [b"x" * (LIMIT - 5) + b"y" * 5]


# -- time -------------------------------------------------------------------------------------------------


async def test_a_body_that_does_not_come_is_answered_with_408(recorder: Recorder) -> None:
    caller = await Caller(pieces=[b"{"], endless=True).on(recorder.guard(read_timeout=0.02))
    assert (caller.status, envelope(caller)["type"]) == (408, "timeout_error")
    assert recorder.told == [("/v1/messages", "request_timeout")]


async def test_a_request_that_is_not_whole_when_the_server_stops_is_told_of(recorder: Recorder) -> None:
    async def never() -> dict[str, Any]:
        await asyncio.sleep(60)
        raise AssertionError

    async def send(message: Any) -> None:
        raise AssertionError("nobody is answered")

    scope = {"type": "http", "path": "/v1/messages", "method": "POST", "headers": [(b"content-length", b"10")]}
    request = asyncio.create_task(recorder.guard()(scope, never, send))
    await asyncio.sleep(0.01)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert recorder.told == [("/v1/messages", "shutting_down")]


async def test_a_client_that_leaves_meanwhile_gets_no_answer_and_is_told_of(recorder: Recorder) -> None:
    caller = Caller(pieces=[b"{"], endless=True)
    caller.leave()
    await caller.on(recorder.guard())
    assert caller.status == 0
    assert recorder.told == [("/v1/messages", ClientGone.default_code)]


# -- encoding ---------------------------------------------------------------------------------------------


def zipped(data: bytes) -> Caller:
    return Caller(body=data, headers=[("content-encoding", "gzip")])


async def test_a_bomb_stops_at_the_limit(recorder: Recorder) -> None:
    bomb = gzip.compress(b"\0" * 200_000_000)
    tracemalloc.start()
    try:
        caller = await zipped(bomb).on(recorder.guard())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caller.status == 413
    assert envelope(caller)["details"] == {"error_code": "request_body_too_large_after_decoding"}
    assert peak < 8_000_000


@pytest.mark.parametrize(
    "data",
    [b"", b"plain", gzip.compress(b"{}")[:-1], gzip.compress(b"{}") + b"tail", b"\x1f\x8b" + b"\0" * 30],
    ids=["empty", "not gzip", "cut", "followed by more", "broken"],
)
async def test_what_cannot_be_decoded_is_refused(recorder: Recorder, data: bytes) -> None:
    caller = await zipped(data).on(recorder.guard())
    assert caller.status == 400
    assert envelope(caller)["details"] == {"error_code": "request_body_encoding_invalid"}


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "GZIP2"])
async def test_other_encodings_are_refused(recorder: Recorder, encoding: str) -> None:
    caller = await Caller(body=b"{}", headers=[("content-encoding", encoding)]).on(recorder.guard())
    assert caller.status == 400
    assert envelope(caller)["details"] == {"error_code": "request_body_encoding_unsupported"}


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1, 3 * 1024 * 1024])
async def test_a_gzip_body_is_decoded_whatever_its_size(size: int) -> None:
    data = bytes(at % 251 for at in range(size))
    assert await gunzip(gzip.compress(data, 1), 3 * 1024 * 1024) == data


async def test_decoding_lets_others_run() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    await gunzip(gzip.compress(b"\0" * 20_000_000), 32_000_000)
    beside.cancel()
    assert turns >= 19, "once for each MiB"


# -- ambiguity --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        [("host", "a"), ("host", "b")],
        [("content-length", "2"), ("content-length", "2")],
        [("content-length", "2"), ("transfer-encoding", "chunked")],
        [("transfer-encoding", "chunked"), ("transfer-encoding", "identity")],
    ],
)
async def test_a_request_that_can_be_read_in_two_ways_is_refused(
    recorder: Recorder, headers: list[tuple[str, str]]
) -> None:
    caller = await Caller(body=b"{}", headers=headers).on(recorder.guard())
    assert (caller.status, envelope(caller)["details"]) == (400, {"error_code": "ambiguous_request"})
    assert recorder.bodies == []


async def test_other_repeated_headers_are_lists(recorder: Recorder) -> None:
    await Caller(body=b"{}", headers=[("anthropic-beta", "a,b"), ("anthropic-beta", "c")]).on(recorder.guard())
    assert recorder.arrivals[0].headers["anthropic-beta"] == "a,b, c"


# -- answers ----------------------------------------------------------------------------------------------


async def test_the_path_that_always_streams_does_so_here_too(recorder: Recorder) -> None:
    caller = await Caller(path="/v1/messages/stream", headers=[("content-length", str(LIMIT + 1))]).on(recorder.guard())
    assert caller.status == 200
    assert caller.headers["content-type"] == "text/event-stream; charset=utf-8"
    name, data = caller.content.decode().strip().split("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["error"]["type"] == "request_too_large"


@pytest.mark.parametrize("path", ["/v1/messages", "/admin/"])
async def test_every_answer_carries_its_ids(recorder: Recorder, path: str) -> None:
    caller = await Caller(path=path, headers=[("x-correlation-id", "a.B-9_")]).on(recorder.guard())
    assert re.fullmatch(r"req_[A-Za-z0-9]{24}", caller.headers["request-id"])
    assert caller.headers["x-correlation-id"] == "a.B-9_"


@pytest.mark.parametrize("unsafe", ["", "a b", "x" * 65, "a\nb", "ä", "<x>", "a/b"])
async def test_an_unsafe_correlation_id_is_replaced(recorder: Recorder, unsafe: str) -> None:
    caller = await Caller(headers=[("x-correlation-id", unsafe)]).on(recorder.guard())
    assert re.fullmatch(r"[0-9a-f-]{36}", caller.headers["x-correlation-id"])


async def test_the_site_reads_the_body_from_the_start(recorder: Recorder) -> None:
    caller = await Caller(path="/admin/login/", pieces=[b"user=", b"me"]).on(recorder.guard())
    assert (caller.status, recorder.bodies) == (404, [b"user=me"])
