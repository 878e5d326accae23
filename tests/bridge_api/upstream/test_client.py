"""The wire to the upstream: faults have names, connections come back, nothing leaks."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import aiohttp
import httpx
import pytest

from bridge_api.upstream import client
from bridge_api.upstream.client import Flow, Upstream, UpstreamConfig, fault_of
from tests.bridge_api.edge import END, HEAD, Line, Wire, chunk, eventually, plain, saying, sending, wired


def later(seconds: float = 20.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def read_all(flow: Flow) -> bytes:
    parts = []
    while await flow.wait(later()):
        data = flow.take()
        if not data and flow.ended:
            return b"".join(parts)
        parts.append(data)
    raise AssertionError("the flow did not end")


# -- faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "fault"), [("http://name.invalid", "dns"), ("http://127.0.0.1:1", "connect"), ("http://[::1]:1", "connect")]
)
async def test_an_upstream_that_is_not_there(url: str, fault: str) -> None:
    upstream = Upstream(UpstreamConfig(url, "key"))
    flow = upstream.open("/responses", b"{}", {})
    assert await flow.wait_head(later())
    assert (flow.head, flow.fault, flow.ended) == (None, fault, True)
    await upstream.aclose()


async def test_an_upstream_that_does_not_speak_tls() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    upstream = Upstream(UpstreamConfig(f"https://127.0.0.1:{port}", "key"))
    flow = upstream.open("/responses", b"{}", {})
    await flow.wait_head(later())
    assert flow.fault == "tls"
    await upstream.aclose()
    server.close()


async def test_an_upstream_that_accepts_and_then_is_silent_while_connecting() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    upstream = Upstream(UpstreamConfig(f"https://127.0.0.1:{port}", "key", connect_timeout=0.05))
    flow = upstream.open("/responses", b"{}", {})
    await flow.wait_head(later())
    assert flow.fault == "connect_timeout"
    await upstream.aclose()
    server.close()


@pytest.mark.parametrize(
    ("data", "then", "fault"),
    [
        (b"", "close", "read"),
        (b"", "reset", "read"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "close", "protocol"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "close", "protocol"),
    ],
)
async def test_an_answer_that_never_begins(data: bytes, then: str, fault: str) -> None:
    async with wired(sending(data, then=then)) as (_, upstream):
        flow = upstream.open("/responses", b"{}", {})
        await flow.wait_head(later())
        assert (flow.head, flow.fault) == (None, fault)


@pytest.mark.parametrize(
    ("data", "then"),
    [
        (HEAD + chunk(b"data: half")[:-8], "close"),
        (HEAD + chunk(b"data: half"), "close"),
        (HEAD + chunk(b"data: half"), "reset"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\ndata: half", "close"),
    ],
    ids=["in a chunk", "between chunks", "reset", "before its length"],
)
async def test_an_answer_that_breaks_off_is_a_fault_after_what_came(data: bytes, then: str) -> None:
    async with wired(sending(data, then=then)) as (_, upstream):
        flow = upstream.open("/responses", b"{}", {})
        assert b"data: half".startswith(await read_all(flow))
        assert flow.head is not None
        assert flow.fault == "read"


async def test_silence_is_told_and_goes_on() -> None:
    async with wired(sending(HEAD, then="silence")) as (_, upstream):
        flow = upstream.open("/responses", b"{}", {})
        assert await flow.wait_head(later())
        assert not await flow.wait(later(0.01))
        assert not await flow.wait(later(0.01))
        assert not flow.ended
        flow.cancel()


async def test_headers_that_do_not_come_are_waited_for_no_longer_than_asked() -> None:
    async with wired(sending(b"", then="silence")) as (_, upstream):
        flow = upstream.open("/responses", b"{}", {})
        assert not await flow.wait_head(later(0.02))
        flow.cancel()


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (httpx.ReadError("x"), "protocol"),
        (aiohttp.ServerDisconnectedError(), "read"),
        (aiohttp.ClientPayloadError(), "read"),
        (aiohttp.ServerTimeoutError(), "headers_timeout"),
        (aiohttp.ConnectionTimeoutError(), "connect_timeout"),
        (ConnectionResetError(), "read"),
        (ValueError(), "protocol"),
        (KeyError(), "protocol"),
    ],
)
def test_every_fault_has_a_name(error: Exception, fault: str) -> None:
    assert fault_of(error, headers_seen=False) == fault


# -- where requests go ------------------------------------------------------------------------------------


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with wired(sending(b"")) as (elsewhere, _):
        moved = plain(302, b"", location=f"{elsewhere.base_url}/evil")
        async with wired(sending(moved)) as (wire, upstream):
            flow = upstream.open("/responses", b"{}", {})
            await read_all(flow)
            assert flow.head is not None
            assert flow.head.status == 302
            assert len(wire.requests) == 1
        assert elsewhere.connections == 0


async def test_a_server_may_want_the_key_in_a_header_of_its_own() -> None:
    async with wired(sending(plain(200, b"{}")), key_header="api-key", organization="org-1") as (wire, upstream):
        for key in (None, "a-clients-own"):
            flow = upstream.open("/responses", b"{}", {}, key)
            await flow.read(100, 5)
            flow.release()
        ours, theirs = (headers for _, headers, _ in wire.requests)
    assert (ours["api-key"], theirs["api-key"]) == ("sk-test-key-000000", "a-clients-own")
    assert "authorization" not in ours
    assert "openai-organization" in ours
    assert "openai-organization" not in theirs


async def test_proxies_and_credentials_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    async with wired(sending(b"")) as (proxy, _), wired(saying([b"data: x\n\n"])) as (wire, upstream):
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login me password secret\n")
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setitem(os.environ, name, proxy.base_url)
        monkeypatch.setitem(os.environ, "NETRC", str(netrc))
        await read_all(upstream.open("/responses", b"{}", {}))
        assert proxy.connections == 0
        assert wire.requests[0][1]["authorization"] == "Bearer sk-test-key-000000"


async def test_a_request_has_these_headers_and_no_others() -> None:
    play = saying([b"data: x\n\n"])
    async with wired(play, organization="org-1", project="proj_1") as (wire, upstream):
        await read_all(upstream.open("/responses", b'{"a":1}', {"X-Client-Request-Id": "id-1"}))
        line, headers, body = wire.requests[0]
        assert (line, body) == ("POST /responses HTTP/1.1", b'{"a":1}')
        assert headers == {
            "host": wire.base_url.removeprefix("http://"),
            "authorization": "Bearer sk-test-key-000000",
            "openai-organization": "org-1",
            "openai-project": "proj_1",
            "content-type": "application/json",
            "content-length": "7",
            "accept": "text/event-stream, application/json",
            "accept-encoding": "identity",
            "user-agent": client.USER_AGENT,
            "x-client-request-id": "id-1",
        }


async def test_cookies_are_not_kept() -> None:
    first = plain(200, b"{}", set_cookie="session=1; Path=/")
    async with wired(sending(first)) as (wire, upstream):
        for _ in range(2):
            await read_all(upstream.open("/responses", b"{}", {}))
        assert "cookie" not in wire.requests[1][1]


async def test_a_compressed_answer_is_seen_and_left_as_it_is() -> None:
    async with wired(sending(plain(200, b"\x1f\x8bxx", content_encoding="gzip"))) as (_, upstream):
        flow = upstream.open("/responses", b"{}", {})
        assert await read_all(flow) == b"\x1f\x8bxx"
        assert flow.head is not None
        assert flow.head.encoded


# -- the mailbox ------------------------------------------------------------------------------------------


async def test_what_arrived_is_taken_as_one() -> None:
    pieces = [b"%d," % at for at in range(300)]
    async with wired(saying(pieces)) as (_, upstream):
        flow = upstream.open("/responses", b"{}", {})
        await eventually(lambda: flow.ended)
        assert flow.take() == b"".join(pieces)
        assert flow.take() == b""


async def test_a_reader_that_does_not_take_holds_back_the_upstream() -> None:
    async def flood(line: Line) -> None:
        await line.write(HEAD)
        for _ in range(800):
            await line.write(chunk(b"x" * 65_536))

    async with wired(flood) as (wire, upstream):
        flow = upstream.open("/responses", b"{}", {})
        await flow.wait_head(later())
        settled = -1
        while settled != wire.written:
            settled = wire.written
            await asyncio.sleep(0.1)
        held = flow._size
        assert client.HIGH_WATER < held < client.HIGH_WATER + 256 * 1024
        assert settled < 50_000_000
        assert len(flow.take()) == held
        await eventually(lambda: bool(flow.take()) and wire.written > settled)
        flow.cancel()


async def test_one_timer_serves_the_waits_of_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [b"x"] * 200
    async with wired(saying(pieces, pause=0.001)) as (_, upstream):
        flow = upstream.open("/responses", b"{}", {})
        armed = 0
        arm = Flow._arm

        def counted(self: Flow, until: float) -> None:
            nonlocal armed
            armed += 1
            arm(self, until)

        monkeypatch.setattr(Flow, "_arm", counted)
        assert await read_all(flow) == b"x" * 200
        assert armed == 1


async def test_a_shorter_wait_is_not_held_up_by_a_longer_one() -> None:
    async def slow(line: Line) -> None:
        await line.write(HEAD + chunk(b"x"))
        await line.gone()

    async with wired(slow) as (_, upstream):
        flow = upstream.open("/responses", b"{}", {})
        assert await flow.wait_head(later(20))
        assert await flow.wait(later(20))
        flow.take()
        assert not await flow.wait(later(0.02))
        flow.cancel()


# -- ends -------------------------------------------------------------------------------------------------


async def late_end(line: Line) -> None:
    await line.write(HEAD + chunk(b"all"))
    await asyncio.sleep(0.01)
    await line.write(END)


async def test_a_released_flow_gives_its_connection_back_when_the_end_comes_late() -> None:
    async with wired(late_end) as (wire, upstream):
        for _ in range(5):
            flow = upstream.open("/responses", b"{}", {})
            await flow.wait(later())
            assert flow.take() == b"all"
            flow.release()
            await eventually(lambda: upstream.open_flows == 0)
        assert wire.connections == 1


async def test_a_released_flow_whose_end_never_comes_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LINGER", 0.02)
    async with wired(sending(HEAD + chunk(b"all"), then="silence")) as (wire, upstream):
        flow = upstream.open("/responses", b"{}", {})
        await flow.wait(later())
        flow.release()
        await eventually(lambda: upstream.open_flows == 0 and wire.open == 0)


async def test_a_released_flow_drops_what_still_comes_and_does_not_wait_for_a_reader() -> None:
    async def flood(line: Line) -> None:
        await line.write(HEAD)
        for _ in range(100):
            await line.write(chunk(b"x" * 65_536))
        await line.write(END)

    async with wired(flood) as (wire, upstream):
        flow = upstream.open("/responses", b"{}", {})
        await eventually(lambda: flow._room is not None)
        flow.release()
        await eventually(lambda: upstream.open_flows == 0)
        assert flow.take() == b""
        assert wire.open == 1


async def test_a_cancelled_flow_closes_its_connection() -> None:
    async with wired(sending(HEAD + chunk(b"x"), then="silence")) as (wire, upstream):
        flow = upstream.open("/responses", b"{}", {})
        await flow.wait(later())
        for _ in range(3):
            flow.cancel()
        await eventually(lambda: upstream.open_flows == 0 and wire.open == 0)


async def test_closing_the_client_ends_what_is_open() -> None:
    async with Wire(sending(HEAD, then="silence")) as wire:
        upstream = wire.upstream()
        flows = [upstream.open("/responses", b"{}", {}) for _ in range(5)]
        for flow in flows:
            await flow.wait_head(later())
        await upstream.aclose()
        await eventually(lambda: wire.open == 0)
        assert upstream.open_flows == 0


ANSWER = HEAD + b"".join(chunk(b"data: %d\n\n" % at) for at in range(12)) + END


@pytest.mark.parametrize("phase", range(20))
async def test_two_cancels_at_any_phase_leak_no_connection(phase: int) -> None:
    """R2. Phase 0: nothing was accepted yet; 1: connected, no answer; then after ever more of the answer's bytes."""
    sent = ANSWER[: len(ANSWER) * (phase - 1) // 18] if phase > 1 else b""

    async with wired(sending(sent, then="silence" if phase < 19 else "stay")) as (wire, upstream):

        async def request() -> None:
            flow = upstream.open("/responses", b"{}", {})
            try:
                await read_all(flow)
                await asyncio.sleep(20)
            finally:
                flow.cancel()
                await asyncio.sleep(20)

        task = asyncio.create_task(request())
        if phase > 0:
            await eventually(lambda: wire.written == len(sent) and len(wire.requests) == 1)
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: upstream.open_flows == 0)
        transport: Any = upstream._transport
        assert not transport.client.connector._acquired
        if phase < 19:
            await eventually(lambda: wire.open == 0)
        # The house is not full: the next request is served.
        flow = upstream.open("/responses", b"{}", {})
        await eventually(lambda: len(wire.requests) == (1 if phase == 0 else 2))
        flow.cancel()
