"""What is kept of what was said: its shape, and in the other modes what is not secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.content import LARGEST, LIMIT, Redactor

CANARY = "zq-canary-81"
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGFsbG8gaGFsbG8="}}


def body(**changed: Any) -> bytes:
    messages = [
        {"role": "user", "content": f"one {CANARY}"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Read", "input": {"p": CANARY}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": CANARY}, PICTURE]},
    ]
    tools = [{"name": "Read", "description": CANARY, "input_schema": {"type": "object"}}]
    values = {"model": "claude-opus-5-5", "max_tokens": 9, "system": CANARY, "messages": messages, "tools": tools}
    return json.dumps({**values, **changed}).encode()


def kept(mode: str, content: bytes | None = None, **headers: str) -> str:
    return json.dumps(Redactor(mode, b"key").request(content or body(), headers))


def test_a_request_that_was_not_understood_is_its_size_and_a_hash() -> None:
    document = Redactor("none", b"key").request(b'{"a": "zq', {}, keep="hash")
    assert document.keys() == {"bytes", "headers", "hash"}
    assert Redactor("none", b"key").request(b"", {}, keep="hash").keys() == {"bytes", "headers"}


def test_a_request_that_is_too_large_is_its_size_and_a_hash() -> None:
    document = Redactor("none", b"key").request(body(system="x" * LARGEST), {})
    assert "body" not in document
    assert document["bytes"] > LARGEST


def test_full_keeps_nothing_that_was_said() -> None:
    document = kept("full")
    assert CANARY not in document
    assert "aGFsbG8" not in document
    read = json.loads(document)["body"]
    assert read["tools"].startswith("1 tool: Read, ")
    assert read["messages"][1].startswith("assistant: tool_use, ")
    assert [block["type"] for block in read["messages"][2]["content"]] == ["tool_result", "image"]
    assert read["max_tokens"] == 9


def test_a_name_that_is_not_the_protocols_is_content() -> None:
    assert CANARY not in kept("full", body(**{CANARY: 1}))


def test_equal_content_has_equal_hashes_with_one_key_only() -> None:
    assert kept("full") == kept("full")
    assert kept("full") != json.dumps(Redactor("full", b"other").request(body(), {}))


def test_partial_keeps_the_words_and_masks_secrets() -> None:
    content = body(system=f"{CANARY} mail anna@example.org key sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD")
    document = kept("partial", content)
    assert CANARY in document
    assert "anna@example.org" not in document
    assert "sk-proj-abc" not in document
    assert "aGFsbG8" not in document
    assert json.loads(document)["masked"]


def test_none_keeps_all_but_what_is_binary() -> None:
    document = kept("none")
    assert CANARY in document
    assert "aGFsbG8" not in document


def test_no_header_with_a_credential_is_kept() -> None:
    document = kept("none", **{"x-api-key": "brk_k", "authorization": "Bearer k", "anthropic-version": "2023-06-01"})
    assert json.loads(document)["headers"] == {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize("mode", ["full", "partial", "none"])
def test_a_long_conversation_is_kept_within_bounds(mode: str) -> None:
    messages = [{"role": ("user", "assistant")[at % 2], "content": f"word {at} " * 200} for at in range(1000)]
    document = json.loads(kept(mode, body(messages=messages, system="s" * 500_000)))
    assert len(json.dumps(document)) < 3 * LIMIT
    assert document["body"]["messages"][0] == "800 earlier messages"
    assert document["body"]["messages"][1].startswith("user: text, ")


@pytest.mark.parametrize("mode", ["full", "partial", "none"])
def test_an_answer_is_kept_block_by_block(mode: str) -> None:
    blocks = [
        {"type": "thinking", "thinking": CANARY, "signature": "c2lnbmF0dXJl"},
        {"type": "text", "text": CANARY, "citations": None},
        {"type": "tool_use", "id": "t", "name": "Read", "input": {"path": CANARY}},
    ]
    document = Redactor(mode, b"key").answer(blocks)
    assert [block["type"] for block in document["content"]] == ["thinking", "text", "tool_use"]
    assert (CANARY in json.dumps(document)) == (mode != "full")
    assert "c2lnbmF0dXJl" not in json.dumps(document)


def test_a_long_answer_is_cut() -> None:
    document = Redactor("none", b"key").answer([{"type": "text", "text": "x" * 30_000}] * 50)
    assert document["content"][-1].startswith("and ")
    assert len(json.dumps(document)) < 2 * LIMIT


@pytest.mark.parametrize("at", range(1_985, 2_001))
def test_what_stands_across_the_end_of_an_errors_words_is_masked(at: int) -> None:
    masked: dict[str, int] = {}
    told = Redactor("partial", b"").words("x" * (at - 1) + " jane@example.org is not known", masked)
    assert "jane" not in told
    assert masked == ({"email": 1} if at < 2_000 else {})


def test_what_stands_across_the_end_of_a_header_is_masked() -> None:
    headers = {"user-agent": "x" * 490 + " jane@example.org"}
    document = Redactor("partial", b"").request(b"", headers)
    assert "jane" not in document["headers"]["user-agent"]
    assert document["masked"] == {"email": 1}


def test_an_error_keeps_its_own_words() -> None:
    text = f"Invalid value: '{CANARY}', mail anna@example.org"
    assert Redactor("full", b"").words(text).startswith("Invalid value: '…")
    assert CANARY in Redactor("partial", b"").words(text)
    assert "anna@example.org" not in Redactor("partial", b"").words(text)
    assert Redactor("none", b"").words(text) == text


@pytest.mark.parametrize("mode", ["full", "partial", "none"])
def test_an_errors_words_hold_nothing_that_no_database_takes(mode: str) -> None:
    told = Redactor(mode, b"").words("Invalid value: a\x00b \ud83d")
    assert told.startswith("Invalid value: ")
    assert told.encode()
    assert "\x00" not in told


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("mode", ["full", "partial", "none"])
@given(value=st.dictionaries(st.sampled_from(["messages", "system", "tools", "model", "x"]), json_values))
def test_no_body_is_too_odd(mode: str, value: Any) -> None:
    document = Redactor(mode, b"key").request(json.dumps(value).encode(), {})
    assert json.dumps(document)
