"""The stream events of the Responses API, decoded only as far as each is needed.

Invariants: all fields have defaults, because streams of compatible servers leave some out; unknown fields are
skipped without being built. The terminal response keeps its items raw until one of them is missing.

Source: ``ResponseStreamEvent`` of the ``openai`` package 3.54.0 and recorded streams.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw


class TextDelta(msgspec.Struct):
    """``response.output_text.delta`` and ``response.refusal.delta``."""

    delta: str | None = None
    output_index: int = 0
    content_index: int = 0


class TextDone(msgspec.Struct):
    """``response.output_text.done`` (``text``) and ``response.refusal.done`` (``refusal``)."""

    text: str | None = None
    refusal: str | None = None
    output_index: int = 0
    content_index: int = 0


class PartDone(msgspec.Struct):
    part: dict[str, Any] | None = None
    output_index: int = 0
    content_index: int = 0


class AnnotationAdded(msgspec.Struct):
    annotation: dict[str, Any] | None = None
    output_index: int = 0
    content_index: int = 0


class SummaryDelta(msgspec.Struct):
    """``response.reasoning_summary_text.delta``, and ``response.reasoning_text.delta`` by content_index."""

    delta: str | None = None
    output_index: int = 0
    summary_index: int = 0
    content_index: int = 0


class SummaryDone(msgspec.Struct):
    text: str | None = None
    output_index: int = 0
    summary_index: int = 0
    content_index: int = 0


class ArgumentsDelta(msgspec.Struct):
    delta: str | None = None
    output_index: int = 0


class ArgumentsDone(msgspec.Struct):
    arguments: str | None = None
    output_index: int = 0


class ItemEvent(msgspec.Struct):
    """``response.output_item.added`` and ``.done``."""

    item: dict[str, Any] | None = None
    output_index: int = 0


class Error(msgspec.Struct):
    code: str | None = None
    message: str | None = None
    type: str | None = None
    param: str | None = None


class IncompleteDetails(msgspec.Struct):
    reason: str | None = None


class Response(msgspec.Struct):
    """The response object of a terminal event, or of an answer in JSON."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    incomplete_details: IncompleteDetails | None = None
    error: Error | None = None
    output: list[Raw] | None = None
    usage: dict[str, Any] | None = None
    service_tier: str | None = None
    max_output_tokens: int | None = None
    tool_usage: dict[str, Any] | None = None


class Created(msgspec.Struct):
    id: str | None = None
    model: str | None = None


class CreatedEvent(msgspec.Struct):
    response: Created | None = None


class TerminalEvent(msgspec.Struct):
    response: Response | None = None


class ErrorEvent(msgspec.Struct):
    """Documented flat, seen nested in real streams: both are read."""

    code: str | None = None
    message: str | None = None
    param: str | None = None
    error: Error | None = None


class TypeOnly(msgspec.Struct):
    type: str = ""
