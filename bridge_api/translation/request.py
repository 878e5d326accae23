"""A Messages request as a Responses request, with notes and the plan for the answer.

Invariants: pure; every field of the request is translated, noted or refused (a test enumerates the SDK's
types); equal requests give equal payloads, key order included; the payload is stateless (``store: false``)
and streamed, also for clients that do not stream, because failures show earlier and closing cancels.

Source: ``ResponseCreateParams`` of the ``openai`` package; Anthropic's API reference for the limits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bridge_api import capabilities
from bridge_api.capabilities import Capabilities
from bridge_api.mapping import Route
from bridge_api.rules import Adjustments
from bridge_api.schemas.anthropic import MessagesRequest, OutputFormat
from bridge_api.schemas.wording import invalid
from bridge_api.translation import frames, json_schema, strict_schema
from bridge_api.translation.content import ContentRules, input_text, mark
from bridge_api.translation.history import HistoryRules, developer_item, tool_changes, translate_history
from bridge_api.translation.identity import BILLING_HEADER, identity
from bridge_api.translation.notes import Note, Notes
from bridge_api.translation.plan import AnswerPlan, StructuredPlan
from bridge_api.translation.thinking import ThinkingPlan, plan_thinking
from bridge_api.translation.tools import ToolSet, translate_choice, translate_tools

MINIMUM_OUTPUT = 16
PREFILL_REFUSED = (
    "This model does not support assistant message prefill. The conversation must end with a user message."
)
SCHEMA_IN_WORDS = "Answer with one JSON document and nothing else. It must satisfy this JSON schema: "
CONTINUE = "Continue your last message exactly where it ends. Do not repeat any of it."
# Claude names whose API still takes a prefill; clients of other names know the refusal.
_TAKES_PREFILL = re.compile(
    r"(?!claude-)|claude-(?:[123]|instant)|claude-(?:opus|sonnet|haiku)-(?:3|4(?:-[0-5])?(?:-\d{8})?$)"
)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What is known beside the body. ``caps`` are those of the model that serves (by default the built-in ones);
    ``identity_key`` keys the hashes of users and sessions; ``upstream_id`` names upstream and credential without
    telling them."""

    route: Route
    caps: Capabilities | None = None
    version: str = "2023-06-01"
    betas: frozenset[str] = frozenset()
    session_id: str | None = None
    identity_key: bytes = b""
    upstream_id: str = ""


@dataclass(frozen=True, slots=True)
class Translated:
    """``local_answer``: a whole Message that needs no upstream call (``max_tokens: 0``), else None."""

    payload: dict[str, Any]
    notes: tuple[Note, ...]
    plan: AnswerPlan
    local_answer: dict[str, Any] | None = None


def translate(request: MessagesRequest, ctx: RequestContext, *, count: bool = False) -> Translated:
    """Translate. ``count`` is for count_tokens, whose bodies have no ``max_tokens``.

    Raises InvalidRequest naming the field for what cannot be translated and may not be ignored.
    """
    notes = Notes()
    caps = ctx.caps or capabilities.of(ctx.route.served)
    rule = ctx.route.adjustments
    _refuse(request)
    _note_ignored(request, notes)
    thinking = plan_thinking(request, caps, notes, rule)
    changes = tool_changes(request.messages)
    forced = request.tool_choice.name if request.tool_choice else None
    tools = translate_tools(request.tools or [], changes, forced, notes)
    choice, parallel = translate_choice(request.tool_choice, tools)
    text_format, structured = _structured(request, caps, notes)
    # A count asks for no answer, so that one may end with an assistant message for any model.
    prefill = "" if count else _prefill(request, notes)

    payload: dict[str, Any] = {"model": ctx.route.served}
    payload["input"] = _input(request, tools, caps, ctx, notes, prefill)
    if structured is not None and not caps.structured_output:
        payload["input"].append(developer_item([input_text(SCHEMA_IN_WORDS + frames.compact(structured.schema))]))
    if tools.upstream:
        payload["tools"] = tools.upstream
        payload["tool_choice"] = choice
        payload["parallel_tool_calls"] = parallel
    if tools.max_tool_calls is not None:
        payload["max_tool_calls"] = tools.max_tool_calls
    if thinking.reasoning:
        payload["reasoning"] = thinking.reasoning
    text = _text(text_format, rule, caps, notes)
    if text:
        payload["text"] = text
    cut = _limit_output(request, payload, caps, notes, count, rule.max_output_tokens)
    _sampling(request, payload, caps, thinking, notes)
    include = _include(caps, tools)
    if include:
        payload["include"] = include
    payload["store"] = False
    payload["stream"] = True
    payload["stream_options"] = {"include_obfuscation": False}
    _service(request, payload, notes, rule.service_tier)
    payload |= identity(request, ctx.identity_key, ctx.session_id, list(tools.info))

    plan = AnswerPlan(
        model_asked=request.model,
        model_served=ctx.route.served,
        caps=caps,
        upstream_id=ctx.upstream_id,
        tools=tools.info,
        stop_sequences=tuple(request.stop_sequences or ()),
        show_thinking=thinking.show,
        omit_thinking_text=thinking.omit_text,
        commentary_as_thinking=structured is not None
        or (request.thinking is not None and request.thinking.type == "between_tools"),
        structured=structured,
        cut_tokens=cut,
        prefill=prefill,
        web_search=tools.web_search,
        blocked_domains=tools.blocked_domains,
        diagnostics=request.diagnostics is not None,
    )
    local = _local_answer(request, plan, notes) if request.max_tokens == 0 else None
    return Translated(payload, notes.all(), plan, local)


# -- refusals and notes -----------------------------------------------------------------------------------


def _refuse(request: MessagesRequest) -> None:
    """400 where ignoring a field would give an answer to another question."""
    if request.thread is not None:
        raise invalid(
            "",
            "thread: this server keeps no conversations; send the whole history",
            code="thread_unsupported_request",
            unsupported=["thread"],
        )
    if request.compaction is not None:
        raise invalid("compaction", "compaction requests are not available through this bridge")
    if request.mcp_servers:
        raise invalid("mcp_servers", "MCP servers are not connected by this bridge")
    if isinstance(request.container, dict) and request.container.get("skills"):
        raise invalid("container.skills", "skills are not available through this bridge")
    if (request.billing_policy or {}).get("bill_to") == "user_profile":
        raise invalid("billing_policy.bill_to", "billing to a user profile is not available through this bridge")
    for at, sequence in enumerate(request.stop_sequences or ()):
        if not sequence.strip():
            raise invalid(f"stop_sequences.{at}", "each stop sequence must contain non-whitespace")
    if request.max_tokens == 0:
        _refuse_prewarm(request)


def _refuse_prewarm(request: MessagesRequest) -> None:
    """``max_tokens: 0`` fills a cache; Anthropic refuses it beside anything that asks for output."""
    asks = {
        "stream": request.stream,
        "thinking": request.thinking is not None and request.thinking.type == "enabled",
        "output_config.format": request.output_config is not None and request.output_config.format is not None,
        "tool_choice": request.tool_choice is not None and request.tool_choice.type in ("any", "tool"),
    }
    for field, present in asks.items():
        if present:
            raise invalid("max_tokens", f"`max_tokens` of 0 cannot be combined with `{field}`")


_IGNORED = {
    "inference_geo": "ignored.inference_geo",
    "diagnostics": "ignored.diagnostics",
    "safeguards": "ignored.safeguards",
    "fallbacks": "ignored.fallbacks",
    "fallback_credit_token": "ignored.fallback_credit",
    "billing_policy": "ignored.billing_policy",
    "container": "dropped.container",
    "top_k": "dropped.top_k",
}


def _note_ignored(request: MessagesRequest, notes: Notes) -> None:
    for field, code in _IGNORED.items():
        if getattr(request, field) is not None:
            notes.add(code, field)
    for name in request.unknown:
        # Only names that look like fields are repeated: a key is the client's text, too.
        notes.add("ignored.unknown_field", name if re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name) else "")
    if request.unknown_version:
        notes.add("ignored.anthropic_version")
    if request.cache_control is not None:
        notes.add("ignored.cache_control", "cache_control")
    if request.output_config is not None and request.output_config.task_budget is not None:
        notes.add("dropped.task_budget", "output_config.task_budget")
    edits = (request.context_management or {}).get("edits")
    if isinstance(edits, list) and not all(_keeps_all(edit) for edit in edits):
        notes.add("dropped.context_management", "context_management")


def _keeps_all(edit: Any) -> bool:
    """An edit that changes nothing: all thinking is kept."""
    if not isinstance(edit, dict) or edit.get("type") != "clear_thinking_20251015":
        return False
    keep = edit.get("keep")
    return keep == "all" or (isinstance(keep, dict) and keep.get("type") == "all")


# -- input ------------------------------------------------------------------------------------------------


def _input(
    request: MessagesRequest,
    tools: ToolSet,
    caps: Capabilities,
    ctx: RequestContext,
    notes: Notes,
    prefill: str,
) -> list[dict[str, Any]]:
    items = _system(request, ContentRules.of(caps, notes), notes)
    items += translate_history(request.messages, HistoryRules(tools.names, caps, ctx.upstream_id, notes))
    if prefill:
        items.append(developer_item([input_text(CONTINUE)]))
    if not items:
        raise invalid("messages", "messages must have non-empty content")
    return items


def _system(request: MessagesRequest, rules: ContentRules, notes: Notes) -> list[dict[str, Any]]:
    """The system prompt as a developer message, a part for each block.

    ``instructions`` would say the same, but parts can carry cache breakpoints. The attribution line that
    Claude Code puts first differs in each conversation and would undo the cache, so it is not sent.
    """
    if not request.system:
        return []
    if isinstance(request.system, str):
        return [developer_item([input_text(request.system)])]
    parts = []
    for at, block in enumerate(request.system):
        if block.text.lower().startswith(BILLING_HEADER):
            notes.add("ignored.billing_header", f"system.{at}")
        elif not block.text:
            notes.add("dropped.empty_text", f"system.{at}")
        else:
            part = input_text(block.text)
            mark(part, block.cache_control, rules)
            parts.append(part)
    return [developer_item(parts)] if parts else []


def _prefill(request: MessagesRequest, notes: Notes) -> str:
    """The text the client started the answer with, or "". Raises InvalidRequest where Claude would."""
    last = request.messages[-1]
    if last.role != "assistant":
        return ""
    if isinstance(last.content, list):
        final = last.content[-1] if last.content else None
        text = getattr(final, "text", "") if final is not None else ""
        if final is not None and not text:
            return ""
    else:
        text = last.content or ""
    if not text:
        return ""
    if not _TAKES_PREFILL.match(request.model.strip().lower()):
        raise invalid("", PREFILL_REFUSED)
    notes.add("changed.prefill")
    return text


# -- output -----------------------------------------------------------------------------------------------


def _structured(
    request: MessagesRequest, caps: Capabilities, notes: Notes
) -> tuple[dict[str, Any] | None, StructuredPlan | None]:
    wanted = _wanted_format(request)
    if wanted is None:
        return None, None
    schema = {key: value for key, value in wanted.schema.items() if key not in ("$schema", "$id")}
    if not caps.structured_output:
        notes.add("changed.structured_output_words", "output_config.format")
        return None, StructuredPlan(schema)
    if strict_schema.in_strict_subset(schema):
        return _json_format(schema, strict=True), StructuredPlan(schema)
    rewritten = strict_schema.to_strict(schema)
    if rewritten is not None:
        notes.add("changed.structured_output", "output_config.format")
        plan = StructuredPlan(schema, rewritten.root_wrapped, bool(rewritten.optional))
        return _json_format(rewritten.schema, strict=True), plan
    notes.add("changed.structured_output_loose", "output_config.format")
    return _json_format(json_schema.clean(schema).schema, strict=False), StructuredPlan(schema)


def _text(
    text_format: dict[str, Any] | None, rule: Adjustments, caps: Capabilities, notes: Notes
) -> dict[str, Any] | None:
    """The ``text`` object: the output format, and the verbosity that the mapping's rule asks for."""
    text = {"format": text_format} if text_format else {}
    if rule.verbosity:
        if caps.verbosity:
            text["verbosity"] = rule.verbosity  # type: ignore[assignment]
        else:
            notes.add("dropped.verbosity")
    return text or None


def _wanted_format(request: MessagesRequest) -> OutputFormat | None:
    if request.output_config is not None and request.output_config.format is not None:
        return request.output_config.format
    return request.output_format


def _json_format(schema: dict[str, Any], *, strict: bool) -> dict[str, Any]:
    return {"type": "json_schema", "name": "output", "schema": schema, "strict": strict}


def _limit_output(
    request: MessagesRequest,
    payload: dict[str, Any],
    caps: Capabilities,
    notes: Notes,
    count: bool,
    cap: int | None,
) -> int | None:
    """Set ``max_output_tokens``, at most ``cap``; returns the number of tokens to cut the text to, or None."""
    asked = request.max_tokens
    if asked is None:
        if not count:
            notes.add("changed.max_tokens_missing", "max_tokens")
        if cap is not None:
            payload["max_output_tokens"] = max(cap, MINIMUM_OUTPUT)
        return None
    if asked < MINIMUM_OUTPUT:
        payload["max_output_tokens"] = MINIMUM_OUTPUT
        notes.add("changed.max_tokens_minimum" if asked else "changed.prewarm", "max_tokens")
        return asked or None
    if caps is not capabilities.UNKNOWN and asked > caps.max_output:
        notes.add("changed.max_tokens_maximum", "max_tokens")
        asked = caps.max_output
    if cap is not None and asked > cap:
        notes.add("changed.max_tokens_by_rule", "max_tokens")
        asked = max(cap, MINIMUM_OUTPUT)
    payload["max_output_tokens"] = asked
    return None


def _sampling(
    request: MessagesRequest, payload: dict[str, Any], caps: Capabilities, thinking: ThinkingPlan, notes: Notes
) -> None:
    taken = caps.sampling == "always" or (caps.sampling == "without_reasoning" and thinking.effort == "none")
    for name in ("temperature", "top_p"):
        value = getattr(request, name)
        if value is None:
            continue
        if taken:
            payload[name] = value
        else:
            notes.add(f"dropped.{name}", name)


def _include(caps: Capabilities, tools: ToolSet) -> list[str]:
    include = ["reasoning.encrypted_content"] if caps.reasons and caps.encrypted_reasoning else []
    if tools.web_search:
        include.append("web_search_call.action.sources")
    return include


def _service(request: MessagesRequest, payload: dict[str, Any], notes: Notes, tier: str) -> None:
    """``tier`` is the mapping rule's, which wins over what was asked."""
    if tier:
        payload["service_tier"] = tier
        if request.speed == "fast" or request.service_tier is not None:
            notes.add("changed.service_tier_by_rule", "speed" if request.speed == "fast" else "service_tier")
    elif request.speed == "fast":
        payload["service_tier"] = "fast"
        notes.add("changed.speed", "speed")
    elif request.service_tier is not None:
        payload["service_tier"] = "auto" if request.service_tier == "auto" else "default"


def _local_answer(request: MessagesRequest, plan: AnswerPlan, notes: Notes) -> dict[str, Any]:
    """The Message for ``max_tokens: 0``, as Anthropic answers it: no content, stopped by the limit."""
    return {
        "type": "message",
        "role": "assistant",
        "model": plan.model_asked,
        "content": [],
        "stop_reason": "max_tokens",
        "stop_sequence": None,
        "stop_details": None,
    }


# -- repairs ----------------------------------------------------------------------------------------------


def without_reasoning(payload: dict[str, Any]) -> dict[str, Any]:
    """The same request without reasoning items, for an upstream that cannot read them any more."""
    items = [item for item in payload["input"] if item.get("type") != "reasoning"]
    return {**payload, "input": items}


def without_summary(payload: dict[str, Any]) -> dict[str, Any]:
    """The same request asking for no reasoning summaries (some organisations must be verified first)."""
    reasoning = {key: value for key, value in payload.get("reasoning", {}).items() if key != "summary"}
    rest = {key: value for key, value in payload.items() if key != "reasoning"}
    return {**rest, "reasoning": reasoning} if reasoning else rest
