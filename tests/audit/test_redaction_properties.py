"""What holds of the redaction for any input."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from audit import shape
from audit.redaction import MODES, mask, redact, spans
from audit.redaction_report import measure, parse

_WORDS = (
    "password: token= sk-ant-api03- hunter2 ada@acme.io 4111 1111 1111 1111 +49 30 1234567 :// user:pass@ [email] [secret] key secret "
    "Bearer eyJhbGciOiJIUzI1NiJ9 .a.b DE89 3704 0044 0532 0130 00 123-45-6789 10.1.2.3 Dear Mr Smith my\\ name\\ is Jane İ ß é 中 \n \" ' = : , [ ] -----BEGIN "
    "PRIVATE\\ KEY-----"
)
PIECES = st.sampled_from(_WORDS.split(" "))
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=14).map(" ".join),
    st.lists(PIECES, max_size=14).map("".join),
)
NAMES = st.one_of(st.sampled_from(sorted(shape.NAMES)), st.text(max_size=12))
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=20,
)


@given(TREES, st.sampled_from((*MODES, "other")))
def test_no_tree_raises_and_all_results_are_json(tree: Any, mode: str) -> None:
    told, counts = redact(tree, mode, b"key")
    json.dumps(told)
    assert all(number > 0 for number in counts.values()) and "redaction_failed" not in counts


def _strings(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        return [text for name, one in tree.items() for text in (name, *_strings(one))]
    if isinstance(tree, list):
        return [text for one in tree for text in _strings(one)]
    return [tree] if isinstance(tree, str) else []


@given(
    st.recursive(
        st.text(min_size=4),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
        max_leaves=12,
    )
)
def test_full_keeps_no_text(tree: Any) -> None:
    told = set(_strings(redact(tree, "full", b"key")[0]))
    for text in _strings(tree):
        assert text not in told or text in shape.NAMES or shape._WORD.fullmatch(text)


@given(st.text(min_size=4), st.sampled_from(["text", "arguments", "input", "content", "description", "user_id", "x"]))
def test_full_keeps_no_part_of_a_content(text: str, name: str) -> None:
    marked = f"canary{text}"
    assert "canary" not in json.dumps(
        redact({"messages": [{"role": "user", name: marked}]}, "full", b"key"), ensure_ascii=False
    )


@settings(deadline=None)
@given(TEXTS)
def test_masking_twice_is_masking_once(text: str) -> None:
    once, _ = mask(text)
    assert mask(once)[0] == once


@settings(deadline=None)
@given(TEXTS)
def test_spans_are_sorted_disjoint_and_within_the_text(text: str) -> None:
    at = 0
    for start, end, _ in spans(text):
        assert at <= start < end <= len(text)
        at = end


@given(st.lists(st.tuples(st.text(min_size=3, max_size=20), st.integers(0, 1), st.integers(2, 3)), min_size=1))
def test_a_report_counts_every_span_once(lines: list[tuple[str, int, int]]) -> None:
    items = [parse(json.dumps({"text": text, "spans": [[start, end, "email"]]}), 1) for text, start, end in lines]
    report = measure(items, lambda text: [(0, len(text), "email")])
    assert report.kinds["email"].n == len(lines) and report.kinds["email"].recall == 1
