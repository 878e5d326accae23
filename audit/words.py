"""The trail's codes in words, for those who read it.

Invariant: ``NOTES`` says what ``bridge_api.translation.notes.CODES`` says (a test holds them equal); the audit may not
import it. A code that is not known is shown as it stands.
"""

from __future__ import annotations

from audit.models import Outcome

OUTCOMES: dict[str, str] = {
    Outcome.RUNNING: "Under way",
    Outcome.COMPLETED: "Answered in full",
    Outcome.REFUSED: "Refused before anything was asked upstream",
    Outcome.FAILED: "The upstream failed, or its answer broke off",
    Outcome.CLIENT_DISCONNECTED: "The client went away before the end",
    Outcome.CANCELLED: "The server was stopped meanwhile",
    Outcome.INTERRUPTED: "Its process ended without a word; the answer may have been whole",
}
COLOURS: dict[str, str] = {
    Outcome.RUNNING: "info",
    Outcome.COMPLETED: "success",
    Outcome.REFUSED: "warning",
    Outcome.FAILED: "danger",
    Outcome.CLIENT_DISCONNECTED: "default",
    Outcome.CANCELLED: "default",
    Outcome.INTERRUPTED: "danger",
}
ERRORS: dict[str, str] = {
    "invalid_request_error": "The request is not one that can be answered.",
    "authentication_error": "The key is missing, unknown, expired or revoked.",
    "billing_error": "The upstream's account has no funds.",
    "permission_error": "The key may not do this.",
    "not_found_error": "There is no such model or address.",
    "conflict_error": "The request is in conflict with another one.",
    "request_too_large": "The request is larger than is taken.",
    "rate_limit_error": "More was asked than a limit allows.",
    "api_error": "Something failed inside, or upstream.",
    "timeout_error": "Somebody was too slow.",
    "overloaded_error": "The upstream, or the bridge, has too much to do.",
}
RULES: dict[str, str] = {
    "exact": "an exact entry of MODEL_MAP_JSON",
    "prefix": "a prefix of MODEL_MAP_JSON",
    "passthrough": "the name is an upstream model's",
    "family": "the built-in model of the name's family",
    "default": "OPENAI_DEFAULT_MODEL",
}
REDACTION: dict[str, str] = {
    "full": "The shape of the content was kept, none of its text.",
    "partial": "The text was kept, without what the redaction rules find.",
    "none": "The content was kept as it came.",
    "": "No content was kept.",
}
NOTES: dict[str, str] = {
    "dropped.temperature": "The model takes no temperature.",
    "dropped.top_p": "The model takes no top_p.",
    "dropped.top_k": "The Responses API has no top_k.",
    "dropped.task_budget": "The Responses API has no token budget for a task.",
    "dropped.citations": "The Responses API cannot cite supplied documents; the answer has no citations for them.",
    "dropped.citation_history": "Citations on earlier text are not sent back; the text is.",
    "dropped.document_title_context": "Nothing was lost: title and context stand as text before the file.",
    "dropped.image_transformations": "The rule for oversized images is not applied upstream.",
    "dropped.allowed_callers": "The tool is offered for direct calls only.",
    "dropped.container": "No code container is in use.",
    "dropped.mcp_servers": "MCP servers are not connected by the bridge; their tools are not offered.",
    "dropped.server_tool": "A server tool without a counterpart is not offered.",
    "dropped.web_fetch": "web_fetch is offered as web search, which can open pages.",
    "dropped.blocked_domains": "Blocked domains are filtered from results; the upstream may still read them.",
    "dropped.domain_paths": "Domain filters are sent without their paths.",
    "dropped.max_uses": "The limit of searches cannot be set beside other hosted tools.",
    "dropped.foreign_reasoning": "A thinking block of another provider, model or upstream is not sent back.",
    "dropped.orphan_reasoning": "A thinking block with nothing after it in its turn is not sent back.",
    "dropped.reasoning_retry": "The upstream refused the reasoning items; the request was sent without them.",
    "dropped.summary_retry": "The upstream refused reasoning summaries; the request was sent without them.",
    "dropped.server_tool_history": "A server tool's earlier use is told as text.",
    "dropped.fallback_block": "A fallback marker is not shown to the model.",
    "dropped.compaction_history": "Messages before a compaction block are not sent.",
    "dropped.context_management": "Context edits are not applied; the whole history is sent.",
    "dropped.empty_text": "An empty text block is not sent.",
    "dropped.output_item": "The upstream sent an output item that Anthropic's API has no block for.",
    "dropped.annotation": "An annotation of the answer has no citation type.",
    "dropped.commentary": "Commentary beside structured output is not shown.",
    "dropped.reasoning_output": "Reasoning was not shown, because the client asked for none.",
    "dropped.image": "The model takes no pictures; a note to it stands in the place of one.",
    "dropped.file": "The model takes no files; a note to it stands in the place of one.",
    "dropped.verbosity": "The mapping asks for a verbosity, which the model does not take.",
    "dropped.upstream_parameter": "The server behind OPENAI_BASE_URL does not take this parameter (UPSTREAM_PROFILE).",
    "dropped.upstream_tool": "The server behind OPENAI_BASE_URL does not have this hosted tool (UPSTREAM_PROFILE).",
    "dropped.upstream_reasoning": "The server behind OPENAI_BASE_URL takes no reasoning items (UPSTREAM_PROFILE).",
    "ignored.unknown_field": "A field that this version does not know.",
    "ignored.metadata": "Only user_id of the metadata is used.",
    "ignored.inference_geo": "The region is the upstream deployment's.",
    "ignored.diagnostics": "Prompt-cache diagnostics are answered as unavailable.",
    "ignored.safeguards": "The client's own safety mode is not known upstream.",
    "ignored.fallbacks": "Fallback models are chosen by the bridge's own mapping.",
    "ignored.fallback_credit": "Fallback credit does not exist upstream.",
    "ignored.billing_policy": "Billing is the bridge's own.",
    "ignored.cache_control": "The upstream caches by itself; the mark has no place there.",
    "ignored.cache_ttl": "The upstream's cache lives as long as its own setting says.",
    "ignored.billing_header": "The client's attribution line is not sent, so that caching works.",
    "ignored.anthropic_version": "An unknown API version was read as the newest known one.",
    "changed.max_tokens_missing": "No max_tokens was given; no cap is sent.",
    "changed.max_tokens_minimum": "The upstream's smallest cap is 16; the answer is cut to the asked length here.",
    "changed.max_tokens_maximum": "max_tokens was above the model's maximum and was lowered to it.",
    "changed.effort": "The model takes another reasoning effort than the asked one.",
    "changed.tool_name": "A tool name was mapped to fit the upstream's rules.",
    "changed.tool_id": "A tool use id was mapped to fit the upstream's rules.",
    "changed.tool_schema": "A tool's schema was rewritten to be accepted upstream.",
    "changed.tool_strict": "A strict tool's schema is outside the upstream's strict subset; it is sent non-strict.",
    "changed.input_examples": "Examples of input stand in the tool's description.",
    "changed.is_error": "A failed tool result is marked in its text.",
    "changed.empty_tool_result": "An empty tool result is sent as a placeholder.",
    "changed.orphan_tool_use": "A tool call without a result was given a placeholder result.",
    "changed.orphan_tool_result": "A tool result without its call is sent as text.",
    "changed.prefill": "The start of the answer given by the client is sent as a turn with an instruction.",
    "changed.framed_text": "A block without a counterpart is sent as framed text.",
    "changed.structured_output": "The output schema was rewritten for the upstream and the answer is put back.",
    "changed.structured_output_loose": "The output schema cannot be enforced upstream; it is sent as non-strict.",
    "changed.structured_output_words": "The model takes no output schema; it is asked for in words.",
    "changed.upstream_role": "Developer messages are sent as system messages (UPSTREAM_PROFILE).",
    "changed.effort_by_rule": "The mapping asks for another reasoning effort than the client.",
    "changed.max_tokens_by_rule": "The mapping allows fewer output tokens than were asked for.",
    "changed.service_tier_by_rule": "The mapping asks for another service tier than the client.",
    "changed.system_order": "A system message between a tool call and its result was moved after the result.",
    "changed.prewarm": "max_tokens 0: the cache is not filled ahead; an empty answer is given.",
    "changed.speed": "Fast mode is asked for as the upstream's fast tier.",
    "count.estimated": "The request holds what only the upstream can count, or too much to count in full; the figure is an estimate.",
    "count.upstream_failed": "The upstream's own count was not to be had; the bridge counted instead.",
    "limits.unchecked": "The key's limits could not be checked, because the database did not answer; the request went on.",
    "answer.filler_dropped": "An empty optional argument that the model filled in was dropped.",
    "answer.arguments_repaired": "Tool arguments were not a JSON object and were wrapped.",
    "answer.arguments_mismatch": "The upstream's final tool arguments differ from those it streamed.",
    "answer.text_mismatch": "The upstream's final text differs from what it streamed.",
    "answer.refusal_text": "The model's refusal is shown as text.",
    "answer.usage_estimated": "The upstream sent no usage; the figures are estimates.",
    "answer.cut": "Output after a stop sequence or the asked length was discarded.",
}


def note(code: str) -> str:
    """What a note says; nothing for a code that is not known."""
    return NOTES.get(code, "")


def rule(name: str) -> str:
    """Why a model was chosen."""
    kind, _, number = name.partition(":")
    return f"mapping {number}" if kind == "database" else RULES.get(name, name)
