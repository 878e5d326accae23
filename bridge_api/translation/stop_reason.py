"""How an answer ended: the terminal matrix, as data.

Invariants: a stream that was cut is never a success; ``tool_use`` is said only where a tool call reached the
client whole; the first matching rule of ``decide`` wins.

    terminal \\ content      text        tool        thinking    nothing
    completed               end_turn    tool_use    end_turn    end_turn
    incomplete: tokens      max_tokens  max_tokens  max_tokens  max_tokens
    incomplete: filter      refusal     refusal     refusal     refusal
    incomplete: paused      pause_turn  pause_turn  pause_turn  pause_turn
    failed: policy          refusal     refusal     refusal     refusal
    failed, error, eof      error       error       error       error
    cancelled               error       error       error       error

Beside the matrix: a stop sequence ends an answer as ``stop_sequence``, a refusal part as ``refusal``, a hosted
call left open in a completed answer as ``pause_turn``, and running out of the model's window (not of the
asked limit) as ``model_context_window_exceeded``.

Source: Anthropic's page on stop reasons; ``Response.status`` and ``incomplete_details`` of the ``openai``
package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Terminal = Literal[
    "completed", "max_output_tokens", "content_filter", "paused", "policy", "failed", "error", "eof", "cancelled"
]
Content = Literal["text", "tool", "thinking", "nothing"]
ERROR = "error"

CONTENTS: tuple[Content, ...] = ("text", "tool", "thinking", "nothing")


def _row(reason: str, **other: str) -> dict[str, str]:
    return {content: other.get(content, reason) for content in CONTENTS}


MATRIX: dict[Terminal, dict[str, str]] = {
    "completed": _row("end_turn", tool="tool_use"),
    "max_output_tokens": _row("max_tokens"),
    "content_filter": _row("refusal"),
    "paused": _row("pause_turn"),
    "policy": _row("refusal"),
    "failed": _row(ERROR),
    "error": _row(ERROR),
    "eof": _row(ERROR),
    "cancelled": _row(ERROR),
}

# ``incomplete_details.reason``; one that is not known is treated as a limit, so that clients continue.
INCOMPLETE: dict[str, Terminal] = {
    "max_output_tokens": "max_output_tokens",
    "content_filter": "content_filter",
    "max_messages": "paused",
    "steered": "paused",
}
# Error codes of a failed response that are the model's provider declining, and the category to report.
POLICY_CODES: dict[str, str | None] = {
    "bio_policy": "bio",
    "misalignment_policy_violation": None,
    "image_content_policy_violation": None,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known at the end of an answer. ``tokens_used`` is input plus output."""

    terminal: Terminal
    content: Content
    stop_sequence: str | None = None
    refused: bool = False
    hosted_call_open: bool = False
    cut_to_length: bool = False
    window_full: bool = False


def decide(ending: Ending) -> str:
    """The ``stop_reason``, or ``ERROR`` when the answer must end as a failure."""
    if ending.stop_sequence is not None:
        return "stop_sequence"
    reason = MATRIX[ending.terminal][ending.content]
    if reason == ERROR:
        return reason
    if ending.refused:
        return "refusal"
    if ending.cut_to_length:
        return "max_tokens"
    if reason == "max_tokens" and ending.window_full:
        return "model_context_window_exceeded"
    if ending.terminal == "completed" and ending.hosted_call_open and reason != "tool_use":
        return "pause_turn"
    return reason
