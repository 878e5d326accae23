"""The shipped tokenizer."""

from __future__ import annotations

import lzma
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiktoken_ext import openai_public

from bridge_api.tokens import encodings


@pytest.mark.parametrize("content", [b"", b"not xz", lzma.compress(b"IQ== 0\n")])
def test_a_vocabulary_that_is_not_the_published_one_is_refused(tmp_path: Path, content: bytes) -> None:
    damaged = tmp_path / "vocabulary.xz"
    damaged.write_bytes(content)
    with pytest.raises(encodings.VocabularyDamaged, match="vocabulary"):
        encodings.load(damaged)


def test_a_missing_vocabulary_is_told(tmp_path: Path) -> None:
    with pytest.raises(encodings.VocabularyDamaged, match="cannot be read"):
        encodings.load(tmp_path / "none.xz")


def test_the_pattern_and_the_special_tokens_are_the_published_ones() -> None:
    with mock.patch.object(openai_public, "load_tiktoken_bpe", return_value={}):
        published = openai_public.o200k_base()
    assert published["pat_str"] == encodings.PATTERN
    assert published["special_tokens"] == encodings.SPECIAL


def test_it_is_loaded_once() -> None:
    assert encodings.encoding() is encodings.encoding()
    assert encodings.is_loaded()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("hello world", 2), ("Hello, world!", 4), (" to=multi_tool_use.parallel", 6), ("<|endoftext|>", 7)],
)
def test_known_lengths(text: str, tokens: int) -> None:
    assert encodings.length(text) == tokens


def test_half_a_surrogate_has_a_length() -> None:
    assert encodings.length("a\ud83db") > 0


def test_a_long_text_counts_as_its_pieces_do() -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 6_000
    assert len(text) > 2 * encodings.PIECE
    assert encodings.length(text) == len(encodings.encoding().encode_ordinary(text))


@settings(max_examples=50)
@given(st.text(max_size=60), st.integers(0, 40))
def test_a_cut_is_a_beginning_of_so_many_tokens_at_most(text: str, tokens: int) -> None:
    text = text.encode("utf-8", "ignore").decode()
    begun = encodings.cut(text, tokens)
    assert text.startswith(begun)
    assert encodings.length(text) <= tokens or len(begun) < len(text)
