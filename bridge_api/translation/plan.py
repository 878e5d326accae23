"""The answer plan: what the way back must know about the request.

Invariant: plain, immutable data. Translating a request yields it beside the upstream request; the answer
machine needs nothing else to speak to the client in the client's own terms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge_api.capabilities import Capabilities
from bridge_api.translation.filler_policy import FillerPolicy


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """A tool as the client knows it. ``strict_schema``: the client's own schema where the one sent upstream
    made optional members nullable; the nulls are taken out of finished arguments again."""

    name: str
    toolset: str | None = None
    fillers: FillerPolicy | None = None
    strict_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StructuredPlan:
    """How to turn structured text back: ``schema`` is the client's own, ``wrapped`` says that a non-object
    root was sent as ``{"value": ...}``, ``nullable`` that optional members were made nullable."""

    schema: Mapping[str, Any]
    wrapped: bool = False
    nullable: bool = False

    @property
    def rebuilds(self) -> bool:
        return self.wrapped or self.nullable


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    model_asked: str
    model_served: str
    caps: Capabilities
    upstream_id: str = ""
    tools: Mapping[str, ToolInfo] = field(default_factory=dict)
    stop_sequences: tuple[str, ...] = ()
    show_thinking: bool = False
    omit_thinking_text: bool = False
    commentary_as_thinking: bool = False
    structured: StructuredPlan | None = None
    cut_tokens: int | None = None
    prefill: str = ""
    web_search: bool = False
    blocked_domains: tuple[str, ...] = ()
    diagnostics: bool = False
