"""Anthropic's thinking and effort as the upstream's ``reasoning``.

Invariants: the effort sent is always one the model accepts; a model that does not reason gets no
``reasoning`` object; whether the client sees thinking blocks is decided here and nowhere else.

Source: Anthropic's pages on extended and adaptive thinking and on effort; OpenAI's reasoning guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge_api import capabilities
from bridge_api.capabilities import Capabilities
from bridge_api.rules import UNCHANGED, Adjustments
from bridge_api.schemas.anthropic import MessagesRequest
from bridge_api.schemas.wording import invalid
from bridge_api.translation.notes import Notes

# Budgets of ``thinking.enabled`` (tokens), as efforts.
BUDGETS = ((2_048, "low"), (8_192, "medium"), (24_000, "high"))
BUDGET_ABOVE = "xhigh"
MINIMUM_BUDGET = 1_024
ADAPTIVE_DEFAULT = "high"


@dataclass(frozen=True, slots=True)
class ThinkingPlan:
    """``reasoning``: the object to send or None; ``effort``: what was asked of the model, None for its
    default; ``show``: thinking blocks reach the client; ``omit_text``: they have no text."""

    reasoning: dict[str, Any] | None
    effort: str | None
    show: bool
    omit_text: bool


def plan_thinking(
    request: MessagesRequest, caps: Capabilities, notes: Notes, rule: Adjustments = UNCHANGED
) -> ThinkingPlan:
    """Decide effort, summary and display; ``rule`` is what the mapping's rule says of effort.

    Raises InvalidRequest for a budget that Anthropic refuses.
    """
    thinking = request.thinking
    kind = thinking.type if thinking else None
    asked = _asked_effort(request)
    if kind == "enabled":
        asked = asked or _budget_effort(request)
    elif kind == "adaptive":
        asked = asked or ADAPTIVE_DEFAULT
    elif kind in ("disabled", "between_tools"):
        asked = "none"
    wanted = rule.effort_for(asked)
    if wanted != asked:
        notes.add("changed.effort_by_rule")
        asked = wanted
    if request.max_tokens is not None and 0 < request.max_tokens < 16:
        asked = "none"
    display = thinking.display if thinking else None
    show = kind in ("adaptive", "enabled") or (
        kind is None and capabilities.thinks_by_default(request.model.strip().lower())
    )
    if not caps.reasons:
        return ThinkingPlan(None, None, show, display == "omitted")
    effort = caps.clamp_effort(asked) if asked else None
    if asked and effort != asked and asked != "none":
        notes.add("changed.effort")
    reasoning: dict[str, Any] = {}
    if effort:
        reasoning["effort"] = effort
    if kind in ("adaptive", "enabled") and display != "omitted":
        reasoning["summary"] = "concise" if display == "updates" else "auto"
    return ThinkingPlan(reasoning or None, effort, show, display == "omitted")


def _asked_effort(request: MessagesRequest) -> str | None:
    """The effort of the request; one on a system message after the last user turn overrides it."""
    effort = request.output_config.effort if request.output_config else None
    for message in reversed(request.messages):
        if message.role == "user":
            break
        if message.role == "system" and message.output_config and message.output_config.effort:
            return message.output_config.effort
    return effort


def _budget_effort(request: MessagesRequest) -> str:
    budget = request.thinking.budget_tokens if request.thinking else None
    if budget is None:
        raise invalid("thinking.enabled.budget_tokens", "Field required")
    if budget < MINIMUM_BUDGET:
        raise invalid("thinking.enabled.budget_tokens", f"Input should be greater than or equal to {MINIMUM_BUDGET}")
    if request.max_tokens is not None and budget >= request.max_tokens:
        raise invalid("max_tokens", "`max_tokens` must be greater than `thinking.budget_tokens`")
    for limit, effort in BUDGETS:
        if budget <= limit:
            return effort
    return BUDGET_ABOVE
