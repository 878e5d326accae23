"""What a finished answer tells about the next bill."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from bridge_api.tokens import counting
from bridge_api.tokens.answers import learned
from bridge_api.tokens.families import family_of
from bridge_api.tokens.reasoning import FRAME

FIRST, LATE, CHAT = family_of("gpt-5"), family_of("gpt-5.6"), family_of("gpt-4o")
SUMMER_2025, SUMMER_2026 = 1_755_000_000, 1_785_000_000
CALL = {"type": "function_call", "id": "fc_1", "name": "f", "arguments": "{}"}
TEXT = len("functions.f") + len("{}")


def ciphertext(tokens: int, made: int = SUMMER_2026) -> str:
    """A Fernet token of about the length that so many tokens of reasoning have."""
    raw = b"\x80" + made.to_bytes(8, "big") + bytes(16 + ((629 + round(4.9 * tokens)) // 16 + 1) * 16 + 32)
    return base64.urlsafe_b64encode(raw).decode()


def thought(encrypted: str) -> dict[str, Any]:
    return {"type": "reasoning", "encrypted_content": encrypted}


def told(*items: dict[str, Any], reported: Any, written: int = 0, family: Any = FIRST) -> dict[str, int]:
    usage = {"output_tokens": written, "output_tokens_details": {"reasoning_tokens": reported}}
    return learned(items, usage, family, len)


@pytest.mark.parametrize("usage", [{}, {"output_tokens": 9}, {"output_tokens_details": None, "output_tokens": 9}])
def test_an_answer_without_figures_tells_nothing(usage: dict[str, Any]) -> None:
    assert learned([thought("a"), CALL], usage, FIRST, len) == {}


def test_an_answer_without_reasoning_or_call_tells_nothing() -> None:
    assert told({"type": "message"}, reported=9) == {}


def test_the_reported_figure_counts() -> None:
    assert told(thought("a"), reported=29) == {"a": 29 + FRAME}
    assert told(thought("a"), thought("bbb"), reported=40) == {"a": 10 + FRAME, "bbb": 30 + FRAME}


def test_models_that_report_single_tokens_are_taken_at_their_word() -> None:
    assert told(thought("a"), reported=64, written=99, family=LATE) == {"a": 64 + FRAME}


def test_a_figure_in_steps_is_refined_by_what_else_was_written() -> None:
    assert told(thought("a"), CALL, reported=128, written=150 + 12 + TEXT) == {"a": 150 + FRAME}


def test_several_calls_are_written_as_one() -> None:
    use = '{"recipient_name":"functions.f","parameters":{}}'
    around = 12 + len("multi_tool_use.parallel") + len(f'{{"tool_uses":[{use},{use}]}}')
    assert told(thought("a"), CALL, CALL, reported=128, written=150 + around) == {"a": 150 + FRAME}


def test_a_figure_in_steps_is_else_refined_by_the_ciphertext() -> None:
    short, fitting, long = ciphertext(40), ciphertext(150), ciphertext(600)
    for items in ([], [CALL], [{"type": "message"}]):
        assert told(thought(short), *items, reported=128, written=999) == {short: 128 + FRAME}
        assert abs(told(thought(fitting), *items, reported=128, written=999)[fitting] - 150 - FRAME) <= 2
        assert told(thought(long), *items, reported=128, written=999) == {long: 128 + 63 + FRAME}


def test_until_2026_what_was_written_was_reported_in_steps_too() -> None:
    new, old = ciphertext(170), ciphertext(170, SUMMER_2025)
    assert told(thought(new), CALL, reported=128, written=128 + 12 + TEXT) == {new: 128 + FRAME}
    assert told(thought(old), CALL, reported=128, written=128 + 12 + TEXT)[old] > 128 + FRAME


def test_a_call_with_the_models_own_header_costs_more_when_the_server_knows_it() -> None:
    assert told(CALL, reported=0, written=7 + TEXT, family=CHAT) == {"fc_1": 3}


@pytest.mark.parametrize("written", [TEXT - 2, 23 + TEXT])
def test_a_call_that_was_forced_or_bundled_costs_nothing_more(written: int) -> None:
    assert told(CALL, reported=0, written=written, family=CHAT) == {"fc_1": 0}
    request = {"model": "gpt-4o", "input": [CALL]}
    assert counting.count(request, counting.Means(len, seen={"fc_1": 0}.get)) == counting.count(request, len) - 3


def test_calls_of_several_tell_nothing() -> None:
    assert told(CALL, {**CALL, "id": "fc_2"}, reported=0, written=99, family=CHAT) == {}
