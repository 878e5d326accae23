"""The size of reasoning that comes back encrypted.

Why: the upstream bills the reasoning that it reads again, and only it can read it. What a stateless counter
has is the length of the ciphertext, and what a bridge has seen pass: the usage of the answer that made it.

Invariants: pure; a figure from a seen answer always wins over one from a length; never negative.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bridge_api.tokens.families import Family

FRAME = 2
"""Start and end of the reasoning message, beside its tokens."""
_CALL_HEADER = 12
"""What the model writes around a call of its own, beside name and arguments."""
_FERNET, _PADDING = 57, 8
_ENVELOPE, _ENVELOPE_SINCE = 567, 629
_GREW = 1_775_000_000
"""1 April 2026, between the last small envelope seen (4 March) and the first large one (27 April)."""
_STEP = 64
"""First-generation gpt-5 models report reasoning in whole steps of 64."""


def estimate(encrypted: str, family: Family) -> int:
    """Tokens by ciphertext length: what is left beside the envelope, at the
    family's bytes a token.

    The items are Fernet tokens: base64 of version, time, vector, padded ciphertext and signature. The envelope
    inside has grown; the time, which stands in clear, tells which one it is. Within 3 tokens for most items of
    less than a hundred tokens, about 8 % off for longer ones.
    """
    if not encrypted:
        return 0
    text = len(encrypted) * 3 // 4 - _FERNET - _PADDING
    envelope = _ENVELOPE if _made(encrypted) < _GREW else _ENVELOPE_SINCE
    return max(0, round((text - envelope) / family.reasoning_bytes)) + FRAME


def _made(encrypted: str) -> int:
    """When a Fernet token was made, in seconds; a distant day for what is not one."""
    try:
        head = base64.urlsafe_b64decode(encrypted[:12])
    except (binascii.Error, ValueError):
        return _GREW
    return int.from_bytes(head[1:9], "big") if len(head) == 9 and head[0] == 0x80 else _GREW


def sizes_in_answer(
    output: Sequence[Mapping[str, Any]], usage: Mapping[str, Any], family: Family, encode_len: Callable[[str], int]
) -> dict[str, int]:
    """Tokens of each encrypted reasoning item of a finished answer, by its ciphertext.

    The reported figure is exact except where it is a multiple of 64: then it is the beginning of a step, and where
    in the step is told by what else was written, taken from ``output_tokens``, or else by the ciphertexts.
    Several items share by their ciphertexts' lengths.
    """
    items = [str(item["encrypted_content"]) for item in output if item.get("encrypted_content")]
    details = usage.get("output_tokens_details") or {}
    reported = details.get("reasoning_tokens")
    if not items or not isinstance(reported, int):
        return {}
    total = reported
    if reported % _STEP == 0 and not family.keeps_reasoning:
        total = sum(estimate(item, family) - FRAME for item in items)
        visible, written = _visible(output, encode_len), usage.get("output_tokens")
        if visible is not None and isinstance(written, int) and reported <= written - visible < reported + _STEP:
            total = written - visible
    total = min(max(reported, total), reported + _STEP - 1)
    weight = sum(map(len, items))
    return {item: round(total * len(item) / weight) + FRAME for item in items}


def _visible(output: Sequence[Mapping[str, Any]], encode_len: Callable[[str], int]) -> int | None:
    """Tokens of a lone call; None for an answer whose frames are not known to the token."""
    others = [item for item in output if item.get("type") != "reasoning"]
    if len(others) != 1 or others[0].get("type") != "function_call":
        return None
    name, arguments = str(others[0].get("name") or ""), str(others[0].get("arguments") or "")
    return _CALL_HEADER + encode_len("functions." + name) + encode_len(arguments)
