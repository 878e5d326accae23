"""The server on the wire: slow, endless and malformed requests against a running bridge."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import Bridge, start_bridge

DEADLINE = 1
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A bridge that gives a request's headers one second."""
    folder: Path = tmp_path_factory.mktemp("worker")
    started = start_bridge(folder, "http://127.0.0.1:9/v1", HEADER_READ_TIMEOUT=str(DEADLINE))
    yield started
    started.stop()


@pytest.fixture
def wire(bridge: Bridge) -> Iterator[socket.socket]:
    address = bridge.base_url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=10) as connection:
        yield connection


def trickle(wire: socket.socket, piece: bytes) -> bytes:
    """Send ``piece`` again and again until the server closes; return what it said. Fails if it never does."""
    wire.settimeout(0.1)
    said = b""
    for _ in range(100 * DEADLINE):
        try:
            if piece:
                wire.sendall(piece)
            received = wire.recv(65536)
        except TimeoutError:
            continue
        except (ConnectionResetError, BrokenPipeError):
            return said
        if not received:
            return said
        said += received
    raise AssertionError("the connection was still open ten deadlines later")


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        pytest.param(b"", b"", id="nothing at all"),
        pytest.param(b"", b"\r\n", id="blank lines before a request"),
        pytest.param(b"GET /", b"x", id="an address without end"),
        pytest.param(HEALTH, b"x-a: b\r\n", id="header after header"),
        pytest.param(HEALTH + b"x-a: ", b"b", id="a value without end"),
    ],
)
def test_a_request_whose_headers_do_not_end_is_closed(wire: socket.socket, start: bytes, piece: bytes) -> None:
    wire.sendall(start)
    assert trickle(wire, piece) == b""


def test_blank_lines_after_a_request_do_not_hold_the_connection(wire: socket.socket) -> None:
    wire.sendall(HEALTH + b"\r\n")
    assert wire.recv(65536).startswith(b"HTTP/1.1 200")
    trickle(wire, b"\r\n")


def test_a_connection_that_is_used_again_in_time_stays_open(wire: socket.socket) -> None:
    for _ in range(3):
        wire.sendall(HEALTH)
        wire.sendall(b"\r\n")
        answer = b""
        while b"ok" not in answer.partition(b"\r\n\r\n")[2]:
            received = wire.recv(65536)
            assert received, "the connection was closed"
            answer += received
        assert answer.startswith(b"HTTP/1.1 200")


def test_headers_without_end_are_refused_after_a_bounded_number_of_bytes(wire: socket.socket) -> None:
    wire.sendall(HEALTH)
    taken = 0
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        while taken < 200_000_000:
            wire.sendall(b"x-a: " + b"b" * 60_000 + b"\r\n")
            taken += 60_000
    # The kernel's buffers of both ends take some megabytes more than the server reads.
    assert taken < 20_000_000


def test_headers_of_a_usual_size_come_with_their_body_in_one_piece(wire: socket.socket) -> None:
    body = b"x" * 300_000
    wire.sendall(
        b"POST /api/event_logging/batch HTTP/1.1\r\nHost: localhost\r\nx-a: " + b"b" * 30_000 + b"\r\n"
        b"content-length: " + str(len(body)).encode() + b"\r\n\r\n" + body + HEALTH + b"\r\n"
    )
    assert wire.recv(65536).startswith(b"HTTP/1.1 204")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_ambiguous_requests_are_refused(wire: socket.socket, request_bytes: bytes) -> None:
    wire.sendall(request_bytes)
    assert wire.recv(65536).startswith(b"HTTP/1.1 400")


def test_no_header_tells_which_server_answers(wire: socket.socket) -> None:
    wire.sendall(HEALTH + b"\r\n")
    assert b"\r\nserver:" not in wire.recv(65536).lower()


def test_the_servers_own_records_are_json_lines(bridge: Bridge, wire: socket.socket) -> None:
    wire.sendall(b"nonsense\r\n\r\n")
    assert wire.recv(65536).startswith(b"HTTP/1.1 400")
    lines = [line for line in bridge.logs().splitlines() if "Invalid HTTP request" in line]
    assert lines
    assert {json.loads(line)["logger"] for line in lines} == {"uvicorn.error"}
