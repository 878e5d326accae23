"""What a finished answer tells about the bill of the next turn.

Why: the next request brings the answer back as items. Of these, the size of the reasoning is hidden in its
ciphertext, and how a call was written is known to the server alone; the answer's usage tells both.

Invariants: pure; what the usage does not tell is absent, never guessed; a figure from here wins over an estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bridge_api.tokens.families import Family
from bridge_api.tokens.functions import render_calls
from bridge_api.tokens.reasoning import FRAME, estimate, made

Item = Mapping[str, Any]
_STEP = 64
"""First-generation gpt-5 models report reasoning in whole steps of 64."""
_SINGLE = 1_767_225_600
"""1 January 2026: until then these models reported ``output_tokens`` in the same steps (7 answers of September to
November 2025), since then to the token (62 answers from 29 January on)."""


def learned(
    output: Sequence[Item], usage: Mapping[str, Any], family: Family, encode_len: Callable[[str], int]
) -> dict[str, int]:
    """What ``counting.Means.seen`` answers later: tokens of reasoning by ciphertext, what a call costs more by id.

    ``output``: the answer's items in the upstream's shape; ``usage``: the upstream's.
    """
    details = usage.get("output_tokens_details")
    reported = details.get("reasoning_tokens") if isinstance(details, Mapping) else None
    written = usage.get("output_tokens")
    if not isinstance(reported, int) or not isinstance(written, int):
        return {}
    thoughts = [str(item["encrypted_content"]) for item in output if item.get("encrypted_content")]
    if thoughts and (reported % _STEP or family.keeps_reasoning):
        return _shared(reported, thoughts)
    calls = _calls(output, family, encode_len)
    if thoughts:
        return _shared(_within_step(reported, written, calls, thoughts, family), thoughts)
    lone = [item for item in output if item.get("type") == "function_call"]
    if calls is None or len(lone) != 1 or not lone[0].get("id") or not family.sampled:
        return {}
    # A call that was forced, or written as a bundle of one, is rendered anew by the server when it comes back.
    return {str(lone[0]["id"]): family.sampled if written - reported == calls else 0}


def _within_step(reported: int, written: int, calls: int | None, thoughts: Sequence[str], family: Family) -> int:
    """The tokens of all reasoning of an answer whose figure may be one in steps of 64, rounded down.

    Where in the step it lies is told by ``output_tokens`` less what else was written, or else by the ciphertexts.
    """
    beside = None if calls is None else written - calls - FRAME
    stepped = beside == reported and made(thoughts[0]) < _SINGLE
    if beside is not None and reported <= beside < reported + _STEP and not stepped:
        return beside
    guess = sum(estimate(encrypted, family) - FRAME for encrypted in thoughts)
    return min(max(reported, guess), reported + _STEP - 1)


def _shared(total: int, thoughts: Sequence[str]) -> dict[str, int]:
    """Several items share by the lengths of their ciphertexts."""
    weight = sum(map(len, thoughts))
    return {encrypted: round(total * len(encrypted) / weight) + FRAME for encrypted in thoughts}


def _calls(output: Sequence[Item], family: Family, encode_len: Callable[[str], int]) -> int | None:
    """Tokens that the model wrote for the calls of an answer; None when it wrote something else, too."""
    others = [item for item in output if item.get("type") != "reasoning"]
    if not others or any(item.get("type") != "function_call" for item in others):
        return None
    return family.written + sum(map(encode_len, render_calls(others)))
