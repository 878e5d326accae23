"""Ids: which are accepted, how new ones look."""

from __future__ import annotations

import re

import pytest

from bridge_api import correlation


@pytest.mark.parametrize("value", [None, "", " ", "a b", "x" * 65, "a\n", "a\r\nb: c", "é", "\u2028", "a/b", "a;b"])
def test_what_could_do_harm_in_a_header_or_a_log_is_not_accepted(value: str | None) -> None:
    assert correlation.accept(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "sk-ant-api03-abcdef",
        "ghp_abcdef012345",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "brk_abcdef012345",
    ],
)
def test_a_key_that_was_sent_for_an_id_is_not_accepted(value: str) -> None:
    assert correlation.accept(value) is None


@pytest.mark.parametrize(
    "value", ["a", "A.b-c_9", "x" * 64, "skate-1", "task-sk-1", "pk.1", "ASIA-PACIFIC-17", "npm-build-42", "SG.prod.1"]
)
def test_safe_ids_are_accepted_as_they_are(value: str) -> None:
    assert correlation.accept(value) == value


def test_made_ids_have_their_shape_and_differ() -> None:
    for make, shape in (
        (correlation.new_request_id, r"req_[A-Za-z0-9]{24}"),
        (correlation.new_message_id, r"msg_[A-Za-z0-9]{24}"),
        (correlation.new_correlation_id, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ):
        made = {make() for _ in range(100)}
        assert len(made) == 100
        assert all(re.fullmatch(shape, one) for one in made)
        assert all(correlation.accept(one) for one in made)


TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "00",
        TRACE.upper(),
        TRACE + "x",
        f"01-{'a' * 32}-{'b' * 16}-01",
        f"00-{'0' * 32}-{'b' * 16}-01",
        f"00-{'a' * 32}-{'0' * 16}-01",
    ],
)
def test_a_traceparent_that_is_none_has_no_child(value: str | None) -> None:
    assert correlation.child_traceparent(value) is None


def test_a_child_keeps_trace_and_flags_and_has_a_span_of_its_own() -> None:
    child = correlation.child_traceparent(TRACE) or ""
    version, trace, span, flags = child.split("-")
    assert (version, trace, flags) == ("00", "a" * 32, "01")
    assert re.fullmatch(r"[0-9a-f]{16}", span)
    assert span != "b" * 16
