"""Tool arguments as they stream, without fillers."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_api.translation.filler_policy import FillerPolicy
from bridge_api.translation.fillers import ArgumentScanner, filtered

SCHEMA = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "pages": {"type": "string"},
        "limit": {"type": "integer"},
        "tags": {"type": "array"},
        "extra": {"type": "object"},
        "maybe": {"type": ["string", "null"]},
        "mode": {"type": "string", "enum": ["", "a"]},
        "note": {"type": "string", "default": ""},
        "anything": {},
        "floor": {"type": "string", "minLength": 0},
    },
    "required": ["path"],
}
POLICY = FillerPolicy.from_schema(SCHEMA)


def streamed(pieces: list[str], final: str | None, policy: FillerPolicy | None = POLICY) -> tuple[str, ArgumentScanner]:
    scanner = ArgumentScanner(policy)
    out = "".join(scanner.feed(piece) for piece in pieces)
    return out + scanner.finish(final), scanner


@pytest.mark.parametrize(
    "text",
    ["nonsense", '{"a":', '{"a" 1}', '{"a":1,}', '{"a":tru}', '{"a":01}', "{'a':1}", '{"a":"\x01"}', '{"a":"\\x"}'],
)
def test_arguments_that_are_no_json_still_end_as_an_object(text: str) -> None:
    for pieces in ([text], list(text)):
        out, scanner = streamed(pieces, text)
        assert isinstance(json.loads(out), dict)
        assert scanner.repaired or scanner.mismatch


@pytest.mark.parametrize("text", ["[1]", '"x"', "5", "null", "true"])
def test_json_that_is_no_object_is_wrapped(text: str) -> None:
    out, scanner = streamed(list(text), text)
    assert json.loads(out) == {"value": json.loads(text)}
    assert scanner.repaired == "wrapped_value"


def test_no_arguments_are_no_text() -> None:
    assert streamed([], "")[0] == ""
    assert streamed([], None)[0] == ""


def test_final_arguments_that_contradict_the_stream_close_what_was_shown() -> None:
    out, scanner = streamed(['{"path":"a', 'b"'], '{"path":"zz"}')
    assert json.loads(out) == {"path": "ab"}
    assert scanner.mismatch


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"path":"p","pages":""}', '{"path":"p"}'),
        ('{"pages":"","path":"p"}', '{"path":"p"}'),
        ('{"path":"p","pages":null,"limit":3}', '{"path":"p","limit":3}'),
        ('{"path":"","limit":null}', '{"path":""}'),
        ('{"path":null}', '{"path":null}'),
        ('{"tags":[],"extra":{},"path":"p"}', '{"path":"p"}'),
        ('{"tags":[ ],"extra":{ },"path":"p"}', '{"path":"p"}'),
        ('{"tags":[""],"extra":{"a":null}}', '{"tags":[""],"extra":{"a":null}}'),
        ('{"maybe":null,"mode":"","note":"","floor":""}', '{"maybe":null,"mode":"","note":"","floor":""}'),
        ('{"anything":null}', '{"anything":null}'),
        ('{"unknown":null,"unknown2":""}', '{"unknown":null,"unknown2":""}'),
        ('{"p\\u0061ges":""}', "{}"),
        ('{ "pages" : "" , "path" : "p" }', '{  "path" : "p" }'),
        ('{"pages":"","tags":[],"limit":null}', "{}"),
        ('{"limit":0}', '{"limit":0}'),
        ('{"limit":-1.5e3}', '{"limit":-1.5e3}'),
    ],
)
def test_only_empty_optional_members_go(text: str, kept: str) -> None:
    for pieces in ([text], list(text)):
        assert streamed(pieces, text)[0].replace(" ", "") == kept.replace(" ", "")
        assert streamed(pieces, None)[0].replace(" ", "") == kept.replace(" ", "")


def test_a_long_value_streams_and_only_a_possible_filler_is_held() -> None:
    scanner = ArgumentScanner(POLICY)
    assert scanner.feed('{"path":"ab') == '{"path":"ab'
    assert scanner.feed("cd") == "cd"
    assert scanner.feed('","pages":"') == '"'
    assert scanner.feed("1") == ',"pages":"1'
    assert scanner.feed('-2","tags":[') == '-2"'
    assert scanner.feed('"x') == ',"tags":["x'
    assert scanner.feed('"],"limit":n') == '"]'
    assert scanner.feed("ull}") == "}"
    assert scanner.finish(None) == ""
    assert scanner.dropped == ["limit"]


def test_the_missing_rest_comes_from_the_final_arguments() -> None:
    assert streamed(['{"pa'], '{"path":"p","limit":null}')[0] == '{"path":"p"}'
    assert streamed([], '{"path":"p"}')[0] == '{"path":"p"}'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*SCHEMA["properties"], "other"]) | st.text(max_size=4)  # type: ignore[misc]
OBJECTS = st.dictionaries(NAMES, JSON | st.sampled_from([None, "", [], {}]), max_size=6)


def kept_members(value: dict[str, Any]) -> dict[str, Any]:
    forms = {json.dumps(form): form for form in (None, "", [], {})}
    return {
        name: member
        for name, member in value.items()
        if not (json.dumps(member) in forms and json.dumps(member) in POLICY.fillers.get(name, ()))
    }


@settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", "400")), deadline=None)
@given(OBJECTS, st.data(), st.booleans())
def test_any_split_of_any_object_gives_the_object_without_its_fillers(
    value: dict[str, Any], data: st.DataObject, escaped: bool
) -> None:
    text = json.dumps(value, ensure_ascii=escaped, indent=data.draw(st.sampled_from([None, 1])))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    out, scanner = streamed(pieces, text)
    assert out == filtered(text, POLICY)
    assert json.loads(out or "{}") == kept_members(value)
    assert list(json.loads(out or "{}")) == list(kept_members(value))
    assert not scanner.mismatch


@settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", "400")), deadline=None)
@given(
    st.lists(st.text(alphabet='{}[]":,\\ntrue0.-e1u ab', max_size=6), max_size=8),
    st.none() | st.text(alphabet='{}":,a1', max_size=8),
)
def test_whatever_comes_the_result_is_one_object(pieces: list[str], final: str | None) -> None:
    out, _ = streamed(pieces, final)
    assert isinstance(json.loads(out or "{}"), dict)


@given(OBJECTS, st.data())
def test_a_cut_call_shows_a_prefix_of_the_whole(value: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = data.draw(st.integers(0, len(text)))
    assert filtered(text, POLICY).startswith(ArgumentScanner(POLICY).feed(text[:cut]))
