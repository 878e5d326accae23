"""An error's own words pass; what it repeats of a client does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.wording import known_words
from bridge_api.errors import shutting_down
from bridge_api.translation.errors import _NETWORK, cut_stream


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Invalid value: 'zorro'. Supported values are: 'x1', 'y2'.", "Invalid value: '…"),
        ("prompt is too long: 250000 tokens > 200000 maximum", "prompt is too long: 250000 tokens > 200000 maximum"),
        ("Incorrect API key provided: sk-abc123def.", "Incorrect API key provided: …"),
        ("The upstream did not answer in time.", "The upstream did not answer in time."),
        ("Card 4111 1111 1111 1111 of Ms Zubrowka", "… of …"),
        ("born 24.12.1999, call 030 123456", "…, call …"),
        ("card 4111,1111,1111,1111 or 4111_1111_1111_1111", "… or …"),
        ("call (555) 123-4567 or\n555:123:4567", "call (… or"),
        ("messages[3][0] is not in [1, 20000]", "messages[3][0] is not in [1, 20000]"),
        ("mail to canary@example.com", "… to …"),
    ],
)
def test_only_the_words_of_errors_pass(text: str, kept: str) -> None:
    assert known_words(text).startswith(kept)


def test_what_the_bridge_itself_says_of_a_fault_is_told_whole() -> None:
    network = [message for _, message in _NETWORK.values()]
    own = [
        "The request body did not arrive in time.",
        "This API key has been revoked.",
        "The request body could not be decoded",
    ]
    for text in (*network, *own, cut_stream().message, shutting_down().message):
        assert known_words(text) == text


@given(st.text(alphabet=st.characters(categories=["L", "N", "S", "P"])))
def test_no_long_word_that_is_not_known_passes(text: str) -> None:
    assert f"Xq{text}Qx" not in known_words(f"the Xq{text}Qx failed")


@given(st.from_regex(r"[0-9]{8,30}", fullmatch=True))
def test_no_long_number_passes(number: str) -> None:
    assert number not in known_words(f"error {number} occurred")
