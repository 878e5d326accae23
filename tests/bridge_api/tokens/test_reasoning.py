"""The size of encrypted reasoning, by its ciphertext."""

from __future__ import annotations

import base64

import pytest

from bridge_api.tokens.families import family_of
from bridge_api.tokens.reasoning import FRAME, estimate

LATE = family_of("gpt-5.6")
SPRING, SUMMER = 1_770_000_000, 1_785_000_000


def ciphertext(plain: int, made: int = SUMMER) -> str:
    """A Fernet token around ``plain`` bytes."""
    raw = b"\x80" + made.to_bytes(8, "big") + bytes(16 + (plain // 16 + 1) * 16 + 32)
    return base64.urlsafe_b64encode(raw).decode()


def test_nothing_and_noise_cost_little() -> None:
    assert estimate("", LATE) == 0
    assert estimate("x", LATE) == FRAME
    assert estimate("not base64 at all!", LATE) == FRAME


@pytest.mark.parametrize("tokens", [20, 80, 400])
def test_the_estimate_follows_the_length(tokens: int) -> None:
    assert abs(estimate(ciphertext(629 + round(5.05 * tokens)), LATE) - tokens - FRAME) <= 2


def test_older_items_have_a_smaller_envelope() -> None:
    assert estimate(ciphertext(1000, SPRING), LATE) > estimate(ciphertext(1000, SUMMER), LATE)
