"""Bytes on the wire: answers, chunks, and every way to break them."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from dataclasses import dataclass
from typing import Any

from tests.simulator.render import record
from tests.simulator.turns import Fault, Wire

RATE_HEADERS = {
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-remaining-requests": "499",
    "x-ratelimit-reset-requests": "120ms",
    "x-ratelimit-limit-tokens": "30000",
    "x-ratelimit-remaining-tokens": "29000",
    "x-ratelimit-reset-tokens": "1s",
}
MAX_BODY = 128 * 1024 * 1024


class Gone(Exception):
    """The client has closed its connection."""


@dataclass
class Incoming:
    """A request as it came; ``head_size`` is not kept, names of headers are in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Connection:
    """One connection of a client. Bytes that come while an answer is on its way are kept for the next request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._early = b""

    # -- reading --------------------------------------------------------------------------------------

    async def receive(self) -> Incoming | None:
        """The next request; None if the client has closed in between."""
        try:
            head = self._early + await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial or self._early:
                raise
            return None
        self._early = b""
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        pairs = (line.partition(":") for line in lines[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        if headers.get("transfer-encoding") == "chunked":
            body = await self._chunks()
        else:
            body = await self.reader.readexactly(min(int(headers.get("content-length") or 0), MAX_BODY))
        return Incoming(method, path.split("?")[0], headers, body)

    async def _chunks(self) -> bytes:
        found = b""
        while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
            found += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readuntil(b"\r\n")
        return found

    async def pause(self, seconds: float | None) -> None:
        """Wait, as long as the client is there. Raises Gone."""
        try:
            data = await asyncio.wait_for(self.reader.read(1), seconds)
        except TimeoutError:
            return
        if not data:
            raise Gone
        self._early += data

    # -- writing --------------------------------------------------------------------------------------

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def plain(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        named = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
        await self.send(head(status, named) + body)

    async def stream(self, data: bytes, wire: Wire) -> None:
        """One event, in chunks as ``wire`` says."""
        size = wire.split or len(data)
        for at in range(0, len(data), size):
            await self.send(chunk(data[at : at + size]))
            if wire.split:
                await asyncio.sleep(0)

    async def bomb(self, headers: dict[str, str]) -> None:
        """A small body that grows to 50 MB."""
        data = gzip.compress(b"\0" * 50_000_000)
        await self.send(head(200, {**headers, "content-encoding": "gzip", "content-length": str(len(data))}) + data)

    async def strike(self, fault: Fault, event: dict[str, Any]) -> None:
        """Break the stream at ``event``. What was sent before is given time to arrive by itself."""
        await self.writer.drain()
        await asyncio.sleep(0.02)
        data = record(event)
        if fault == "silent_stream":
            await self.pause(None)
        elif fault == "reset":
            await self.send(chunk(data[: len(data) // 2]))
            raw: socket.socket = self.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        elif fault == "cut_chunk":
            await self.send(f"{len(data):x}\r\n".encode() + data[: len(data) // 2])
        else:
            await self.send(chunk(_broken(fault, event)) + END)


def _broken(fault: Fault, event: dict[str, Any]) -> bytes:
    if fault == "half_character":
        return b'event: response.output_text.delta\ndata: {"delta":"\xc3'
    if fault == "garbage_event":
        return b"event: response.output_text.delta\ndata: {nonsense\n\n"
    return record({**event, "delta": "x" * (1024 * 1024)})


END = b"0\r\n\r\n"


def head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Simulated", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
