"""The seal that carries reasoning across turns."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_api.translation.reasoning import open_seal, seal


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "oai1.",
        "oai1.@@@@",
        "oai1.aGVsbG8",
        "ErUBCkYIBxgCIkD7",
        "oai1." + base64.urlsafe_b64encode(b'{"id":5}').decode(),
        "oai1." + base64.urlsafe_b64encode(b'{"id":"rs_1"}').decode(),
        "oai1." + base64.urlsafe_b64encode(b'{"id":"fc_1","enc":"x"}').decode(),
        "oai1." + base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        "oai1.\ud800",
    ],
)
def test_a_signature_that_is_not_ours_opens_to_nothing(signature: str) -> None:
    assert open_seal(signature) is None


@given(st.text())
def test_no_text_can_make_opening_fail(text: str) -> None:
    open_seal(text)
    open_seal("oai1." + text)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_what_was_sealed_comes_back_whole(encrypted: str, texts: list[str]) -> None:
    signature = seal(item_id="rs_1", encrypted="e" + encrypted, texts=texts, family="gpt-6", upstream="u")
    opened = open_seal(signature)
    assert opened is not None
    assert opened.item() == {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": text} for text in texts],
        "encrypted_content": "e" + encrypted,
    }
    assert (opened.family, opened.upstream, opened.kind) == ("gpt-6", "u", "reasoning")


def test_a_seal_holds_ascii_only_and_no_blank() -> None:
    signature = seal(item_id="rs_1", encrypted="ä", texts=["\n"], family="f", upstream="u")
    assert signature.isascii()
    assert not any(sign.isspace() for sign in signature)
    assert json.dumps(signature) == f'"{signature}"'
