"""The size of reasoning that comes back encrypted, as far as its ciphertext tells.

Why: the upstream bills the reasoning that it reads again, and only it can read it. What a counter that has not
seen the answer has is the length of the ciphertext.

Invariants: pure; never negative.
"""

from __future__ import annotations

import base64
import binascii

from bridge_api.tokens.families import Family

FRAME = 2
"""Start and end of the reasoning message, beside its tokens."""
_FERNET, _PADDING = 57, 8
_ENVELOPE, _ENVELOPE_SINCE = 567, 629
_GREW = 1_775_000_000
"""1 April 2026, between the last small envelope seen (4 March) and the first large one (27 April)."""


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
    envelope = _ENVELOPE if made(encrypted) < _GREW else _ENVELOPE_SINCE
    return max(0, round((text - envelope) / family.reasoning_bytes)) + FRAME


def made(encrypted: str) -> int:
    """When a Fernet token was made, in Unix seconds; spring 2026 for what is not one."""
    try:
        head = base64.urlsafe_b64decode(encrypted[:12])
    except (binascii.Error, ValueError):
        return _GREW
    return int.from_bytes(head[1:9], "big") if len(head) == 9 and head[0] == 0x80 else _GREW
