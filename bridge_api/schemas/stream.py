"""The events of Anthropic's message stream, as values and as server-sent event records.

Invariants: every record names its type twice, on the ``event:`` line and in the data, because the SDKs
dispatch on the line; the order of keys is fixed, so equal events are equal bytes.

Source: the ``RawMessageStreamEvent`` union of the ``anthropic`` package and the streaming documentation.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bridge_api.errors import BridgeError, envelope


class TextDelta(msgspec.Struct, tag="text_delta", frozen=True):
    text: str


class InputJsonDelta(msgspec.Struct, tag="input_json_delta", frozen=True):
    partial_json: str


class ThinkingDelta(msgspec.Struct, tag="thinking_delta", frozen=True):
    thinking: str


class SignatureDelta(msgspec.Struct, tag="signature_delta", frozen=True):
    signature: str


class CitationsDelta(msgspec.Struct, tag="citations_delta", frozen=True):
    citation: dict[str, Any]


Delta = TextDelta | InputJsonDelta | ThinkingDelta | SignatureDelta | CitationsDelta


class MessageStart(msgspec.Struct, tag="message_start", frozen=True):
    message: dict[str, Any]


class BlockStart(msgspec.Struct, tag="content_block_start", frozen=True):
    index: int
    content_block: dict[str, Any]


class BlockDelta(msgspec.Struct, tag="content_block_delta", frozen=True):
    index: int
    delta: Delta


class BlockStop(msgspec.Struct, tag="content_block_stop", frozen=True):
    """``dropped``: a tool call that was cut off; the stream has shown its start, a whole message leaves it
    out so that no client runs half a command."""

    index: int
    dropped: bool = msgspec.field(default=False, name="_dropped")


class MessageDelta(msgspec.Struct, tag="message_delta", frozen=True):
    delta: dict[str, Any]
    usage: dict[str, Any]


class MessageStop(msgspec.Struct, tag="message_stop", frozen=True):
    pass


StreamEvent = MessageStart | BlockStart | BlockDelta | BlockStop | MessageDelta | MessageStop

_encoder = msgspec.json.Encoder()
_PREFIX: dict[type, bytes] = {
    cls: b"event: %s\ndata: " % str(cls.__struct_config__.tag).encode()
    for cls in (MessageStart, BlockStart, BlockDelta, MessageDelta)
}
_MESSAGE_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
PING = b'event: ping\ndata: {"type":"ping"}\n\n'


def encode(event: StreamEvent) -> bytes:
    """One event as a whole server-sent event record."""
    kind = type(event)
    if kind is BlockStop:
        return b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n' % event.index  # type: ignore[union-attr]
    if kind is MessageStop:
        return _MESSAGE_STOP
    return _PREFIX[kind] + _encoder.encode(event) + b"\n\n"


def characters(event: StreamEvent) -> int:
    """How much a client is told by an event of what the model said."""
    if not isinstance(event, BlockDelta):
        return 0
    delta = event.delta
    if isinstance(delta, TextDelta):
        return len(delta.text)
    if isinstance(delta, ThinkingDelta):
        return len(delta.thinking)
    return len(delta.partial_json) if isinstance(delta, InputJsonDelta) else 0


def error_record(error: BridgeError, request_id: str) -> bytes:
    """A failure after the stream began: the terminal ``error`` event."""
    return b"event: error\ndata: " + _encoder.encode(envelope(error, request_id)) + b"\n\n"
