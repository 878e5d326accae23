"""A whole Message, folded from the very events that a stream would send.

Invariant: parity with the stream by construction; only a tool call that was cut off is left out, so that no
client runs half a command.

Source: ``Message`` of the ``anthropic`` package and the accumulators of its SDKs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from bridge_api.schemas.stream import (
    BlockDelta,
    BlockStart,
    BlockStop,
    CitationsDelta,
    InputJsonDelta,
    MessageDelta,
    MessageStart,
    SignatureDelta,
    StreamEvent,
    TextDelta,
    ThinkingDelta,
)
from bridge_api.translation.stream import AnswerMachine


class Fold:
    """Collects stream events; ``message`` is asked once the machine has finished."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._content: list[dict[str, Any]] = []
        self._deltas: list[Any] = []

    def add(self, events: Iterable[StreamEvent]) -> None:
        for event in events:
            kind = type(event)
            if kind is BlockDelta:
                self._deltas.append(event.delta)  # type: ignore[union-attr]
            elif isinstance(event, BlockStart):
                self._content.append(dict(event.content_block))
                self._deltas = []
            elif isinstance(event, BlockStop):
                self._close(event.dropped)
            elif isinstance(event, MessageStart):
                self._message = dict(event.message)
            elif isinstance(event, MessageDelta):
                self._message.update(event.delta)

    def _close(self, dropped: bool) -> None:
        deltas, self._deltas = self._deltas, []
        if dropped:
            self._content.pop()
            return
        block = self._content[-1]
        pieces: dict[str, list[str]] = {}
        for delta in deltas:
            if type(delta) is TextDelta:
                pieces.setdefault("text", []).append(delta.text)
            elif isinstance(delta, CitationsDelta):
                block["citations"] = [*(block.get("citations") or []), delta.citation]
            elif isinstance(delta, SignatureDelta):
                pieces["signature"] = [delta.signature]
            else:
                name, text = ("input", delta.partial_json) if isinstance(delta, InputJsonDelta) else _thought(delta)
                pieces.setdefault(name, []).append(text)
        for name, texts in pieces.items():
            text = "".join(texts)
            block[name] = msgspec.Raw(text.encode()) if name == "input" else text
        if block["type"] == "text":
            block["citations"] = block.get("citations") or None

    def content(self) -> list[dict[str, Any]]:
        """The blocks so far."""
        if self._deltas:
            self._close(dropped=False)
        return self._content

    def message(self, machine: AnswerMachine) -> dict[str, Any]:
        """The Message as JSON-able data (``input`` of tools is raw JSON text): encode it with msgspec."""
        message = {**self._message, "content": self._content}
        message["usage"] = machine.outcome.usage
        message["container"] = None
        return message


def _thought(delta: ThinkingDelta) -> tuple[str, str]:
    return "thinking", delta.thinking


def content_of(told: Iterable[Iterable[StreamEvent]]) -> list[dict[str, Any]]:
    """The content blocks of an answer as far as it was told. A block that was cut off is there as far as it went;
    a tool's ``input`` is then text."""
    fold = Fold()
    for events in told:
        fold.add(events)
    return [{name: _plain(value) for name, value in block.items()} for block in fold.content()]


def _plain(value: Any) -> Any:
    if not isinstance(value, msgspec.Raw):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return bytes(value).decode("utf-8", "replace")


def encode(message: dict[str, Any]) -> bytes:
    return msgspec.json.encode(message)
