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
        self._pieces: dict[str, list[str]] = {}

    def add(self, events: Iterable[StreamEvent]) -> None:
        for event in events:
            if isinstance(event, BlockDelta):
                self._delta(event.delta)
            elif isinstance(event, BlockStart):
                self._content.append(dict(event.content_block))
                self._pieces = {}
            elif isinstance(event, BlockStop):
                self._close(event.dropped)
            elif isinstance(event, MessageStart):
                self._message = dict(event.message)
            elif isinstance(event, MessageDelta):
                self._message.update(event.delta)

    def _delta(self, delta: Any) -> None:
        if isinstance(delta, TextDelta):
            self._pieces.setdefault("text", []).append(delta.text)
        elif isinstance(delta, InputJsonDelta):
            self._pieces.setdefault("input", []).append(delta.partial_json)
        elif isinstance(delta, ThinkingDelta):
            self._pieces.setdefault("thinking", []).append(delta.thinking)
        elif isinstance(delta, SignatureDelta):
            self._pieces["signature"] = [delta.signature]
        elif isinstance(delta, CitationsDelta):
            block = self._content[-1]
            block["citations"] = [*(block.get("citations") or []), delta.citation]

    def _close(self, dropped: bool) -> None:
        if dropped:
            self._content.pop()
            return
        block = self._content[-1]
        for name, pieces in self._pieces.items():
            text = "".join(pieces)
            block[name] = msgspec.Raw(text.encode()) if name == "input" else text
        if block["type"] == "text":
            block["citations"] = block.get("citations") or None
        self._pieces = {}

    def message(self, machine: AnswerMachine) -> dict[str, Any]:
        """The Message as JSON-able data (``input`` of tools is raw JSON text): encode it with msgspec."""
        message = {**self._message, "content": self._content}
        message["usage"] = machine.outcome.usage
        message["container"] = None
        return message


def encode(message: dict[str, Any]) -> bytes:
    return msgspec.json.encode(message)
