"""The guard on the running server: large bodies, and requests made to be read in two ways."""

from __future__ import annotations

import gzip
import json
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bridge_api.edge import BODY
from tests.live import Bridge
from tests.simulator.server import Simulator

LIMIT = 32 * 1024 * 1024
HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\n"


@pytest.fixture
def line(live_bridge: Bridge) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(live_bridge.base_url.rpartition(":")[2])), 20) as raw:
        yield raw


def answer(raw: socket.socket) -> bytes:
    """All that comes until the server closes."""
    parts = []
    try:
        while data := raw.recv(65_536):
            parts.append(data)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def status(data: bytes) -> int:
    return int(data.split(b" ", 2)[1]) if data else 0


def memory(bridge: Bridge) -> int:
    """The most that the worker ever held, in bytes."""
    pid = bridge.process.pid
    (worker,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    lines = Path(f"/proc/{worker}/status").read_text().splitlines()
    return int(next(one for one in lines if one.startswith("VmHWM")).split()[1]) * 1024


def open_files(bridge: Bridge) -> set[str]:
    pid = bridge.process.pid
    (worker,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {str(one.readlink()) for one in Path(f"/proc/{worker}/fd").iterdir() if one.exists()}


def test_a_declared_length_over_the_limit_is_refused_without_a_byte_of_it(line: socket.socket) -> None:
    """R5."""
    line.sendall(HEAD + b"content-length: 33554433\r\n\r\n")
    got = answer(line)
    assert status(got) == 413
    assert b"request-id: req_" in got
    assert json.loads(got.partition(b"\r\n\r\n")[2])["error"]["type"] == "request_too_large"


def test_a_client_that_waits_for_leave_to_send_gets_the_refusal(line: socket.socket) -> None:
    line.sendall(HEAD + b"content-length: 33554433\r\nexpect: 100-continue\r\n\r\n")
    assert status(answer(line)) == 413


def test_an_undeclared_body_is_refused_within_64_kib_of_the_limit(line: socket.socket, live_bridge: Bridge) -> None:
    """R5."""
    before, files = memory(live_bridge), open_files(live_bridge)
    line.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    piece = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    for _ in range(LIMIT // 65_536):
        line.sendall(piece)
    assert select.select([line], [], [], 0.2)[0] == [], "a body at the limit is not yet too large"
    new = {one for one in open_files(live_bridge) - files if one.startswith("/")}
    assert not {one for one in new if not one.startswith(str(live_bridge.database))}, "nothing is spooled to disk"
    line.sendall(piece)
    assert status(answer(line)) == 413
    assert memory(live_bridge) - before < 80 * 1024 * 1024


def test_a_bomb_costs_no_memory(line: socket.socket, live_bridge: Bridge) -> None:
    before = memory(live_bridge)
    bomb = gzip.compress(b" " * 300_000_000, 9)
    line.sendall(HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb) + bomb)
    got = answer(line)
    assert status(got) == 413
    assert b"request_body_too_large_after_decoding" in got
    assert memory(live_bridge) - before < 80 * 1024 * 1024


def test_a_gzip_body_is_understood(line: socket.socket, simulator: Simulator) -> None:
    body = gzip.compress(json.dumps(BODY).encode())
    line.sendall(HEAD + b"connection: close\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    assert status(answer(line)) == 200
    assert len(simulator.requests) == 1


SMUGGLED = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{} " + SMUGGLED,
        HEAD + b"content-length: 2, 2\r\n\r\n{}" + SMUGGLED,
        HEAD + b"content-length: +2\r\n\r\n{}" + SMUGGLED,
        HEAD + b"content-length: 0x2\r\n\r\n{}" + SMUGGLED,
        HEAD + b"content-length : 2\r\n\r\n{}" + SMUGGLED,
        HEAD + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + b"transfer-encoding: chunked\r\n\r\n-1\r\n\r\n" + SMUGGLED,
        HEAD + b"transfer-encoding: chunked\r\n\r\n2\n{}\n0\n\n" + SMUGGLED,
        HEAD + b"host: elsewhere\r\ncontent-length: 2\r\n\r\n{}" + SMUGGLED,
        HEAD + b"x-a: b\rx-c: d\r\ncontent-length: 2\r\n\r\n{}" + SMUGGLED,
        HEAD + b"x-a: b\r\n x-folded: d\r\ncontent-length: 2\r\n\r\n{}" + SMUGGLED,
        HEAD + b"x-a: \x00\r\ncontent-length: 2\r\n\r\n{}" + SMUGGLED,
        HEAD.replace(b" HTTP/1.1", b" HTTP/1.1 ") + b"content-length: 2\r\n\r\n{}" + SMUGGLED,
        HEAD.replace(b"POST ", b"POST\t") + b"content-length: 2\r\n\r\n{}" + SMUGGLED,
    ],
    ids=[
        "length then chunked",
        "chunked then length",
        "two lengths",
        "a list of lengths",
        "a signed length",
        "a hex length",
        "space before the colon",
        "unknown coding",
        "chunked not last",
        "negative chunk",
        "bare LF in chunks",
        "two hosts",
        "bare CR",
        "folded header",
        "NUL in a header",
        "space at the end of the request line",
        "tab in the request line",
    ],
)
def test_an_ambiguous_request_is_refused_and_what_follows_it_is_not_read(
    line: socket.socket, simulator: Simulator, request_bytes: bytes
) -> None:
    """S13."""
    line.sendall(request_bytes)
    got = answer(line)
    assert status(got) == 400
    assert got.count(b"HTTP/1.1 ") == 1
    assert b'"status":"ok"' not in got
    assert simulator.requests == []


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"messages":' * 100_000, b'{"max_tokens":' + b"9" * 5_000 + b"}", b'{"max_tokens":NaN}'],
    ids=["depth", "depth of objects", "digits", "NaN"],
)
def test_hostile_json_is_a_400(line: socket.socket, body: bytes) -> None:
    """S8."""
    line.sendall(HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    got = answer(line)
    assert status(got) == 400
    assert json.loads(got.partition(b"\r\n\r\n")[2])["error"]["type"] == "invalid_request_error"
