"""Server-sent events from bytes in any split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_api.sse import Decoder, EventTooLarge

USUAL = 'event: a\ndata: {"x":"ä€😀"}\n\nevent: b\ndata: {}\n\n'.encode()
ODD = (
    b"\xef\xbb\xbf: comment\n\nid: 7\nevent: a\ndata: one\ndata: two\n\nretry: 5\n\n"
    b"data: nameless\n\nevent: c\r\ndata: crlf\r\n\r\nevent: d\rdata: cr\r\r\ndata\n\nevent:tight\ndata:  two blanks\n\n"
)
EVENTS_OF_ODD = [
    (b"a", b"one\ntwo"), (b"", b"nameless"), (b"c", b"crlf"), (b"d", b"cr"), (b"", b""), (b"tight", b" two blanks"),
]  # fmt: skip


def decoded(*chunks: bytes) -> list[tuple[bytes, bytes]]:
    decoder = Decoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def test_an_unfinished_event_is_never_given_out() -> None:
    decoder = Decoder()
    assert decoder.feed(b"event: a\ndata: {}\n") == []
    assert decoder.partial
    assert decoder.feed(b"\n") == [(b"a", b"{}")]
    assert not decoder.partial


def test_an_event_that_is_too_large_is_refused_and_forgotten() -> None:
    decoder = Decoder(max_event_bytes=100)
    with pytest.raises(EventTooLarge):
        decoder.feed(b"data: " + b"x" * 200)
    assert not decoder.partial


@pytest.mark.parametrize(("raw", "events"), [(USUAL, decoded(USUAL)), (ODD, EVENTS_OF_ODD)])
def test_every_split_gives_the_same_events(raw: bytes, events: list[tuple[bytes, bytes]]) -> None:
    assert decoded(raw) == events
    for at in range(len(raw) + 1):
        assert decoded(raw[:at], raw[at:]) == events
    assert decoded(*(raw[at : at + 1] for at in range(len(raw)))) == events


def test_the_usual_form_is_read_exactly() -> None:
    assert decoded(USUAL) == [(b"a", '{"x":"ä€😀"}'.encode()), (b"b", b"{}")]


@given(
    st.lists(
        st.tuples(
            st.text("abc._", min_size=1), st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))
        )
    )
)
def test_what_was_written_is_read(events: list[tuple[str, str]]) -> None:
    raw = "".join(f"event: {name}\ndata: {data}\n\n" for name, data in events).encode()
    assert decoded(raw) == [(name.encode(), data.encode()) for name, data in events]


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_are_survived_and_split_alike(raw: bytes, at: int) -> None:
    assert decoded(raw) == decoded(raw[:at], raw[at:])
