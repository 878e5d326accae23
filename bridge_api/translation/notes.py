"""Notes: what a translation could not carry over exactly, said beside its result.

Invariant: a code is stable (operators filter the audit by it) and stands in ``CODES`` with its meaning; a
note never holds a value that a client sent, only where it stood.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """``code`` from CODES; ``where`` the path of the field, such as ``messages.3.content.0`` (or empty)."""

    code: str
    where: str = ""


CODES: dict[str, str] = {}


def _declare(**codes: str) -> None:
    for name, meaning in codes.items():
        CODES[name.replace("__", ".")] = meaning


_declare(
    # dropped: the upstream has no counterpart and the meaning of the answer may differ
    dropped__temperature="The model takes no temperature.",
    dropped__top_p="The model takes no top_p.",
    dropped__top_k="The Responses API has no top_k.",
    dropped__task_budget="The Responses API has no token budget for a task.",
    dropped__citations="The Responses API cannot cite supplied documents; the answer has no citations for them.",
    dropped__citation_history="Citations on earlier text are not sent back; the text is.",
    dropped__document_title_context="Nothing was lost: title and context stand as text before the file.",
    dropped__image_transformations="The rule for oversized images is not applied upstream.",
    dropped__allowed_callers="The tool is offered for direct calls only.",
    dropped__container="No code container is in use.",
    dropped__mcp_servers="MCP servers are not connected by the bridge; their tools are not offered.",
    dropped__server_tool="A server tool without a counterpart is not offered.",
    dropped__web_fetch="web_fetch is offered as web search, which can open pages.",
    dropped__blocked_domains="Blocked domains are filtered from results; the upstream may still read them.",
    dropped__domain_paths="Domain filters are sent without their paths.",
    dropped__max_uses="The limit of searches cannot be set beside other hosted tools.",
    dropped__foreign_reasoning="A thinking block of another provider, model or upstream is not sent back.",
    dropped__orphan_reasoning="A thinking block with nothing after it in its turn is not sent back.",
    dropped__reasoning_retry="The upstream refused the reasoning items; the request was sent without them.",
    dropped__summary_retry="The upstream refused reasoning summaries; the request was sent without them.",
    dropped__server_tool_history="A server tool's earlier use is told as text.",
    dropped__fallback_block="A fallback marker is not shown to the model.",
    dropped__compaction_history="Messages before a compaction block are not sent.",
    dropped__context_management="Context edits are not applied; the whole history is sent.",
    dropped__empty_text="An empty text block is not sent.",
    dropped__output_item="The upstream sent an output item that Anthropic's API has no block for.",
    dropped__annotation="An annotation of the answer has no citation type.",
    dropped__commentary="Commentary beside structured output is not shown.",
    dropped__reasoning_output="Reasoning was not shown, because the client asked for none.",
    dropped__image="The model takes no pictures; a note to it stands in the place of one.",
    dropped__file="The model takes no files; a note to it stands in the place of one.",
    dropped__verbosity="The mapping asks for a verbosity, which the model does not take.",
    dropped__upstream_parameter="The server behind OPENAI_BASE_URL does not take this parameter (UPSTREAM_PROFILE).",
    dropped__upstream_tool="The server behind OPENAI_BASE_URL does not have this hosted tool (UPSTREAM_PROFILE).",
    dropped__upstream_reasoning="The server behind OPENAI_BASE_URL takes no reasoning items (UPSTREAM_PROFILE).",
    # ignored: accepted, without an effect on the meaning
    ignored__unknown_field="A field that this version does not know.",
    ignored__metadata="Only user_id of the metadata is used.",
    ignored__inference_geo="The region is the upstream deployment's.",
    ignored__diagnostics="Prompt-cache diagnostics are answered as unavailable.",
    ignored__safeguards="The client's own safety mode is not known upstream.",
    ignored__fallbacks="Fallback models are chosen by the bridge's own mapping.",
    ignored__fallback_credit="Fallback credit does not exist upstream.",
    ignored__billing_policy="Billing is the bridge's own.",
    ignored__cache_control="The upstream caches by itself; the mark has no place there.",
    ignored__cache_ttl="The upstream's cache lives as long as its own setting says.",
    ignored__billing_header="The client's attribution line is not sent, so that caching works.",
    ignored__anthropic_version="An unknown API version was read as the newest known one.",
    # changed: the same meaning in other words
    changed__max_tokens_missing="No max_tokens was given; no cap is sent.",
    changed__max_tokens_minimum="The upstream's smallest cap is 16; the answer is cut to the asked length here.",
    changed__max_tokens_maximum="max_tokens was above the model's maximum and was lowered to it.",
    changed__effort="The model takes another reasoning effort than the asked one.",
    changed__tool_name="A tool name was mapped to fit the upstream's rules.",
    changed__tool_id="A tool use id was mapped to fit the upstream's rules.",
    changed__tool_schema="A tool's schema was rewritten to be accepted upstream.",
    changed__tool_strict="A strict tool's schema is outside the upstream's strict subset; it is sent non-strict.",
    changed__input_examples="Examples of input stand in the tool's description.",
    changed__is_error="A failed tool result is marked in its text.",
    changed__empty_tool_result="An empty tool result is sent as a placeholder.",
    changed__orphan_tool_use="A tool call without a result was given a placeholder result.",
    changed__orphan_tool_result="A tool result without its call is sent as text.",
    changed__prefill="The start of the answer given by the client is sent as a turn with an instruction.",
    changed__framed_text="A block without a counterpart is sent as framed text.",
    changed__structured_output="The output schema was rewritten for the upstream and the answer is put back.",
    changed__structured_output_loose="The output schema cannot be enforced upstream; it is sent as non-strict.",
    changed__structured_output_words="The model takes no output schema; it is asked for in words.",
    changed__upstream_role="Developer messages are sent as system messages (UPSTREAM_PROFILE).",
    changed__effort_by_rule="The mapping asks for another reasoning effort than the client.",
    changed__max_tokens_by_rule="The mapping allows fewer output tokens than were asked for.",
    changed__service_tier_by_rule="The mapping asks for another service tier than the client.",
    changed__system_order="A system message between a tool call and its result was moved after the result.",
    changed__prewarm="max_tokens 0: the cache is not filled ahead; an empty answer is given.",
    changed__speed="Fast mode is asked for as the upstream's fast tier.",
    # count_tokens
    count__estimated="The request holds what only the upstream can count, or too much to count in full; the figure is an estimate.",
    count__upstream_failed="The upstream's own count was not to be had; the bridge counted instead.",
    # the limits of a client's key
    limits__unchecked="The key's limits could not be checked, because the database did not answer; the request went on.",
    # the answer
    answer__filler_dropped="An empty optional argument that the model filled in was dropped.",
    answer__arguments_repaired="Tool arguments were not a JSON object and were wrapped.",
    answer__arguments_mismatch="The upstream's final tool arguments differ from those it streamed.",
    answer__text_mismatch="The upstream's final text differs from what it streamed.",
    answer__refusal_text="The model's refusal is shown as text.",
    answer__usage_estimated="The upstream sent no usage; the figures are estimates.",
    answer__cut="Output after a stop sequence or the asked length was discarded.",
)


class Notes:
    """A collector: a note is kept once for each code and place, and at most 200 in all."""

    __slots__ = ("_seen",)
    LIMIT = 200

    def __init__(self) -> None:
        self._seen: dict[Note, None] = {}

    def add(self, code: str, where: str = "") -> None:
        if code not in CODES:
            raise KeyError(code)
        if len(self._seen) < self.LIMIT:
            self._seen[Note(code, where)] = None

    def all(self) -> tuple[Note, ...]:
        return tuple(self._seen)
