"""The size of encrypted reasoning."""

from __future__ import annotations

import base64

import pytest

from bridge_api.tokens.families import family_of
from bridge_api.tokens.reasoning import FRAME, estimate, sizes_in_answer

FIRST, LATE = family_of("gpt-5"), family_of("gpt-5.6")
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


def answer(*items: dict[str, object], reported: object, written: int = 0) -> dict[str, int]:
    usage = {"output_tokens": written, "output_tokens_details": {"reasoning_tokens": reported}}
    return sizes_in_answer(list(items), usage, FIRST, len)


def thought(encrypted: str) -> dict[str, object]:
    return {"type": "reasoning", "encrypted_content": encrypted}


def test_an_answer_without_a_figure_tells_nothing() -> None:
    assert answer(thought("a"), reported=None) == {}
    assert answer({"type": "message"}, reported=9) == {}
    assert sizes_in_answer([thought("a")], {}, FIRST, len) == {}


def test_the_reported_figure_counts() -> None:
    assert answer(thought("a"), reported=29) == {"a": 29 + FRAME}
    assert answer(thought("a"), thought("bbb"), reported=40) == {"a": 10 + FRAME, "bbb": 30 + FRAME}


def test_a_figure_in_steps_is_refined_by_what_else_was_written() -> None:
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    around = 12 + len("functions.f") + len("{}")
    assert answer(thought("a"), call, reported=128, written=150 + around) == {"a": 150 + FRAME}


def test_a_figure_in_steps_is_else_refined_by_the_ciphertext() -> None:
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    short, fitting, long = (ciphertext(629 + round(4.9 * tokens)) for tokens in (40, 150, 600))
    for items in ([], [call, call], [{"type": "message"}]):
        assert answer(thought(short), *items, reported=128, written=999) == {short: 128 + FRAME}
        assert abs(answer(thought(fitting), *items, reported=128, written=999)[fitting] - 150 - FRAME) <= 2
        assert answer(thought(long), *items, reported=128, written=999) == {long: 128 + 63 + FRAME}


def test_models_that_report_single_tokens_are_taken_at_their_word() -> None:
    usage = {"output_tokens": 99, "output_tokens_details": {"reasoning_tokens": 64}}
    assert sizes_in_answer([thought("a")], usage, LATE, len) == {"a": 64 + FRAME}
