"""Client keys: made, kept as a hash, recognised in either header."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_api.errors import AuthenticationFailed
from bridge_api.keys import ClientKey, Limits, allowed, fault_in, for_upstream, hashed, new_key, patterns, recognised
from bridge_api.rules import normalise, wildcard

KEY = new_key()
KEYS = {hashed(KEY): ClientKey(1, "mine")}
NOW = 1_800_000_000.0


def refused(headers: dict[str, str], keys: Any = KEYS) -> AuthenticationFailed:
    with pytest.raises(AuthenticationFailed) as caught:
        recognised(headers, keys, NOW)
    return caught.value


@pytest.mark.parametrize(
    "headers", [{}, {"x-api-key": " "}, {"authorization": "Basic abc"}, {"authorization": "Bearer"}]
)
def test_without_a_key_a_request_is_refused(headers: dict[str, str]) -> None:
    assert refused(headers).message == "x-api-key header is required"


@pytest.mark.parametrize(
    "value",
    ["wrong", KEY[:-1], KEY + "x", KEY.upper(), "' OR 1=1 --", "\x00", "k" * 70_000, "é\udcff", "brk_\r\nx: y"],
)
def test_a_wrong_key_is_refused_without_a_word_of_it(value: str) -> None:
    for headers in ({"x-api-key": value}, {"authorization": f"Bearer {value}"}):
        failure = refused(headers)
        assert failure.status == 401
        assert value not in failure.message


def test_a_revoked_or_expired_key_is_told_so() -> None:
    assert "revoked" in refused({"x-api-key": KEY}, {hashed(KEY): ClientKey(1, "a", revoked=True)}).message
    assert "expired" in refused({"x-api-key": KEY}, {hashed(KEY): ClientKey(1, "a", expires=NOW)}).message
    assert recognised({"x-api-key": KEY}, {hashed(KEY): ClientKey(1, "a", expires=NOW + 1)}, NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": KEY},
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {KEY} "},
        {"x-api-key": "something else", "authorization": f"Bearer {KEY}"},
        {"x-api-key": KEY, "authorization": "Bearer something-else"},
    ],
)
def test_a_key_is_recognised_in_either_header(headers: dict[str, str]) -> None:
    assert recognised(headers, KEYS, NOW).label == "mine"


TOKEN = "eyJ" + "x" * 3_000


@pytest.mark.parametrize(
    ("first", "bearer", "passed"),
    [
        ("sk-mine", "", "sk-mine"),
        ("", "sk-mine", "sk-mine"),
        ("placeholder", "sk-mine", "sk-mine"),
        ("sk-mine", "placeholder", "sk-mine"),
        ("placeholder", "0123456789abcdef", "0123456789abcdef"),
        ("sk-ant-api03-x", "sk-mine", "sk-mine"),
        (KEY, "sk-mine", "sk-mine"),
        ("", TOKEN, TOKEN),
    ],
)
def test_of_two_credentials_the_one_for_the_upstream_is_passed_on(first: str, bearer: str, passed: str) -> None:
    assert for_upstream({"x-api-key": first, "authorization": f"Bearer {bearer}"}) == passed


@pytest.mark.parametrize("value", [KEY, "sk-ant-api03-x", "é", "a b", "x" * 9_000])
def test_a_key_that_is_none_of_the_upstreams_is_not_passed_on(value: str) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        for_upstream({"x-api-key": value})
    assert caught.value.code == "key_not_for_upstream"
    assert value not in caught.value.message


def test_keys_are_long_random_and_kept_as_a_hash() -> None:
    assert KEY.startswith("brk_")
    assert len({new_key() for _ in range(100)}) == 100
    assert len(KEY) >= 47
    assert KEY not in hashed(KEY)
    assert len(hashed(KEY)) == 64


@pytest.mark.parametrize(
    ("models", "asked", "may"),
    [
        ((), "anything", True),
        (("claude-haiku-4-5",), "Claude-Haiku-4-5[1m]", True),
        (("claude-haiku-4-5",), "claude-opus-5", False),
        (("claude-*", "gpt-5.4"), "claude-opus-5", True),
        (("claude-*", "gpt-5.4"), "gpt-5.4-mini", False),
    ],
)
def test_a_key_may_ask_for_the_models_it_is_for(models: tuple[str, ...], asked: str, may: bool) -> None:
    assert ClientKey(1, "a", models=models).may_ask(asked) is may


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1m]", "suffixes"),
        ("claude-opus-5\n*[1m]", r"\*\[1m\]: suffixes"),
        ("claude-opus-5 claude-haiku-5", "no blanks"),
        (",", "no name in it"),
    ],
)
def test_a_list_of_models_that_cannot_be_meant_is_told_and_allows_nothing_of_it(text: str, words: str) -> None:
    assert re.search(words, fault_in(text) or "")
    assert allowed(text)
    assert not ClientKey(1, "a", models=allowed(text)).may_ask("gpt-5.4")


@pytest.mark.parametrize("text", ["claude-*,GPT-5.4", "claude-*\r\n gpt-5.4 \n", " claude-* , gpt-5.4,"])
def test_a_list_of_models_has_one_a_line_or_commas(text: str) -> None:
    assert fault_in(text) is None
    assert allowed(text) == ("claude-*", "gpt-5.4")


@pytest.mark.parametrize("text", ["", " \n "])
def test_an_empty_list_of_models_allows_all(text: str) -> None:
    assert fault_in(text) is None
    assert allowed(text) == ()


@given(st.text(alphabet="a*,\n []", max_size=12), st.text(max_size=12))
def test_a_list_that_is_not_empty_never_allows_what_none_of_its_names_fits(text: str, asked: str) -> None:
    key = ClientKey(1, "a", models=allowed(text))
    if text.strip() and key.may_ask(asked):
        assert any(wildcard(pattern, normalise(asked)) for pattern in patterns(text))


def test_limits_are_none_until_one_is_set() -> None:
    assert not Limits()
    assert Limits(tokens_per_day=1)


@given(st.dictionaries(st.sampled_from(["x-api-key", "authorization", "other"]), st.text(max_size=60)))
def test_whatever_the_headers_hold_the_answer_is_a_401(headers: dict[str, str]) -> None:
    assert refused(headers).status == 401
