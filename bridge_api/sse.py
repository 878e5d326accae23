"""Server-sent events, decoded as bytes arrive.

Invariants: the events are the same however the bytes were split; an unterminated event is never given out;
an event larger than the limit raises and nothing is kept of it. Line ends may be LF, CRLF or CR.

Source: the event-stream format of the HTML standard. Recorded upstream streams use LF, an ``event:`` line and
one ``data:`` line; that form takes a short path.
"""

from __future__ import annotations

import re

MAX_EVENT_BYTES = 16 * 1024 * 1024
# A record of the usual form has three line ends; when all line ends are accounted for, nothing was missed.
_USUAL = re.compile(rb"event: ([^\n]*)\ndata: ([^\n]*)\n\n")
_LINES_OF_USUAL = 3


class EventTooLarge(ValueError):
    """An event outgrew the decoder's limit."""


class Decoder:
    """Feed it chunks; it returns ``(event name or b"", data)`` for each event that is complete."""

    __slots__ = ("_buffer", "_limit", "_plain", "_started")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._buffer = b""
        self._limit = max_event_bytes
        self._plain = True
        self._started = False

    @property
    def partial(self) -> bool:
        """Whether bytes of an unfinished event are held."""
        return bool(self._buffer.strip(b"\r\n"))

    def feed(self, chunk: bytes) -> list[tuple[bytes, bytes]]:
        """The events that ``chunk`` completes. Raises EventTooLarge."""
        data = self._buffer + chunk if self._buffer else chunk
        if not self._started and data:
            if len(data) < 3 and b"\xef\xbb\xbf".startswith(data):
                self._buffer = data
                return []
            data = data.removeprefix(b"\xef\xbb\xbf")
            self._started = True
        if self._plain and b"\r" in data:
            self._plain = False
        if not self._plain:
            return self._feed_any(data)
        end = data.rfind(b"\n\n") + 2
        if end == 1:
            self._hold(data)
            return []
        whole, rest = (data, b"") if end == len(data) else (data[:end], data[end:])
        self._hold(rest)
        found: list[tuple[bytes, bytes]] = _USUAL.findall(whole)
        if len(found) * _LINES_OF_USUAL == whole.count(b"\n"):
            return found
        return [event for record in whole.split(b"\n\n") if (event := _record(record)) is not None]

    def _hold(self, rest: bytes) -> None:
        self._buffer = rest
        if len(rest) > self._limit:
            self._buffer = b""
            raise EventTooLarge(f"an event is larger than {self._limit} bytes")

    def _feed_any(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Any line ends: they become LF, but for a CR at the end of the chunk, which may be half of one."""
        held = b"\r" if data.endswith(b"\r") else b""
        body = data[: len(data) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        records = body.split(b"\n\n")
        rest = records.pop()
        self._hold(rest + held)
        return [event for record in records if (event := _record(record)) is not None]


def _record(record: bytes) -> tuple[bytes, bytes] | None:
    """One record of any form: several data lines, other fields, comments."""
    name, data, seen = b"", [], False
    for line in record.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value
        elif field == b"data":
            data.append(value)
            seen = True
    return (name, b"\n".join(data)) if seen else None
