"""Stop sequences in text that streams."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from bridge_api.translation.stop_sequences import StopScanner


def scanned(sequences: list[str], pieces: list[str]) -> tuple[str, str | None]:
    scanner = StopScanner(sequences)
    out = ""
    for piece in pieces:
        text, matched = scanner.feed(piece)
        out += text
        if matched:
            return out, matched
    out += scanner.flush()
    return out, scanner.matched


def oracle(sequences: list[str], text: str) -> tuple[str, str | None]:
    """The earliest start wins, then the shortest."""
    found = [(text.find(one), len(one), one) for one in sequences if one and one in text]
    if not found:
        return text, None
    start, _, one = min(found)
    return text[:start], one


def test_text_is_held_back_only_while_it_could_be_a_beginning() -> None:
    scanner = StopScanner(["STOP"])
    assert scanner.feed("abcS") == ("abc", None)
    assert scanner.feed("T") == ("", None)
    assert scanner.feed("x") == ("STx", None)
    assert scanner.feed("STOPPED") == ("", "STOP")
    assert scanner.feed("more") == ("", "STOP")
    assert scanner.flush() == ""


def test_an_earlier_longer_candidate_is_waited_for() -> None:
    assert scanned(["abcd", "bc"], ["abc", "d"]) == ("", "abcd")
    assert scanned(["abcd", "bc"], ["abc", "x"]) == ("a", "bc")
    assert scanned(["abcd", "bc"], ["abc"]) == ("a", "bc")


def test_code_points_count_not_bytes() -> None:
    assert scanned(["😀é"], ["a😀", "é", "b"]) == ("a", "😀é")


TEXT = st.text("ab\n é", max_size=30)


@given(
    st.lists(st.text("ab\n é", min_size=1, max_size=4), min_size=1, max_size=4),
    TEXT,
    st.lists(st.integers(0, 30), max_size=6),
)
def test_any_split_gives_what_the_whole_text_gives(sequences: list[str], text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(edges)]
    assert scanned(sequences, pieces) == oracle(sequences, text)


def test_hostile_text_costs_no_more_than_its_length() -> None:
    scanner = StopScanner(["a" * 500 + "b"])
    out = "".join(scanner.feed("a")[0] for _ in range(5_000)) + scanner.flush()
    assert out == "a" * 5_000
