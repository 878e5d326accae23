"""Rendered streams are the real API's: of its package's types, with the keys of recorded ones, whole in themselves."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tests.recordings.check import recordings_dir
from tests.simulator.render import Renderer, record
from tests.simulator.script import Call, Piece, Reasoning, Refusal, Request, Search, Text, Turn, Wire
from tests.simulator.sealed import opened
from tests.simulator.strict import validate

FOLDER = recordings_dir()
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ALL: tuple[Piece, ...] = (
    Reasoning(("First.", "Second.")),
    Search("q", ("https://a.example/",)),
    Text("Some text.", citations=(("https://a.example/", "A"),)),
    Reasoning(),
    Call("f", '{"a":1}'),
    Call("f", '{"a":2}', only_done=True),
    Refusal("No."),
)
REQUEST: Request = {
    "model": "gpt-5.6-sol",
    "input": "Hi",
    "stream": True,
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["reasoning.encrypted_content", "web_search_call.action.sources"],
}
ENDINGS = ["completed", "max_output_tokens", "content_filter", "failed", "error", "eof"]


def events(*pieces: Piece, request: Request = REQUEST, **fields: Any) -> list[dict[str, Any]]:
    return list(Renderer(request, Turn(pieces, **fields), 1).events())


def of(kind: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in found if event["type"] == f"response.{kind}"]


# -- against the package and the recordings ---------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_each_event_is_of_the_packages_types(ending: Any) -> None:
    for event in events(*ALL, ending=ending):
        if event["type"] == "response.output_item.added" and event["item"]["type"] == "web_search_call":
            continue  # recorded ones have no action yet, which the type demands
        assert EVENT.validate_python(event).type == event["type"]


def test_the_answer_in_json_is_of_the_packages_type() -> None:
    answer = Renderer(REQUEST, Turn(ALL), 1).answer()
    assert Response.model_validate(answer).output_text == "Some text."
    assert answer["output"] == events(*ALL)[-1]["response"]["output"]


def parts(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """An event and the objects in it, each with a name of its kind."""
    kind = event["type"]
    yield kind, event
    for key in ("item", "part", "annotation"):
        if key in event:
            yield f"{kind} {key} {event[key]['type']}", event[key]
    response = event.get("response")
    if response:
        yield f"{kind} response", response
        yield "reasoning", response["reasoning"]
        if response.get("usage"):
            yield "usage", response["usage"]
            yield "usage in", response["usage"]["input_tokens_details"]
            yield "usage out", response["usage"]["output_tokens_details"]


@cache
def recorded_keys() -> dict[str, tuple[set[str], set[str]]]:
    """For each kind: the keys that every recorded one has, and those that any has. Of the models of today."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    number: Counter[str] = Counter()
    lines = (FOLDER / "manifest.jsonl").read_text().splitlines()
    for one in map(json.loads, lines):
        new = str(one.get("model")).startswith(("gpt-5.4", "gpt-5.5", "gpt-5.6"))
        if one["kind"] != "streams" or one["provider"] != "openai" or not new:
            continue
        for line in (FOLDER / one["file"]).read_text().splitlines():
            if line.startswith("data: {"):
                for kind, found in parts(json.loads(line[6:])):
                    number[kind] += 1
                    seen[kind].update(found.keys())
    return {
        kind: ({key for key, times in keys.items() if times == number[kind]}, set(keys)) for kind, keys in seen.items()
    }


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings in {FOLDER}: set RECORDINGS_DIR to compare keys")
def test_rendered_objects_have_the_keys_of_recorded_ones() -> None:
    known, compared = recorded_keys(), set()
    for event in itertools.chain(events(*ALL), events(*ALL, ending="max_output_tokens")):
        for kind, found in parts(event):
            if kind in known:
                always, ever = known[kind]
                compared.add(kind)
                assert always <= found.keys() <= ever, kind
    assert len(compared) >= 35


# -- whole in themselves ----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 3, 100])
def test_deltas_join_to_what_is_done(step: int) -> None:
    found = events(*ALL, step=step)
    for kind, key in (
        ("output_text", "text"),
        ("refusal", "refusal"),
        ("function_call_arguments", "arguments"),
        ("reasoning_summary_text", "text"),
    ):
        for done in of(f"{kind}.done", found):
            where = [done.get(name) for name in ("output_index", "summary_index")]
            deltas = [
                event["delta"]
                for event in of(f"{kind}.delta", found)
                if [event.get(name) for name in ("output_index", "summary_index")] == where
            ]
            assert "".join(deltas) == done[key] or (not deltas and kind == "function_call_arguments")


def test_events_are_numbered_and_items_are_opened_and_closed_in_order() -> None:
    found = events(*ALL)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    assert [event["output_index"] for event in of("output_item.added", found)] == list(range(len(ALL)))
    done = of("output_item.done", found)
    assert [event["item"] for event in done] == found[-1]["response"]["output"]


def test_usage_adds_up() -> None:
    usage = events(*ALL, input_tokens=50, cached_tokens=40, cache_write_tokens=5)[-1]["response"]["usage"]
    assert usage["input_tokens_details"] == {"cached_tokens": 40, "cache_write_tokens": 5}
    assert usage["output_tokens_details"]["reasoning_tokens"] == 128
    assert usage["total_tokens"] == 50 + usage["output_tokens"]
    longer = events(request={**REQUEST, "input": "Hi " * 100})[-1]["response"]["usage"]
    assert longer["input_tokens"] > events()[-1]["response"]["usage"]["input_tokens"]


def test_a_new_model_gives_a_phase_to_each_message() -> None:
    found = events(Text("a"), Call("f"), Text("b"))
    messages = [event["item"] for event in of("output_item.done", found) if event["item"]["type"] == "message"]
    assert [item["phase"] for item in messages] == ["commentary", "final_answer"]
    old = events(Text("a"), request={"model": "gpt-4o", "input": "Hi"})
    assert "phase" not in of("output_item.done", old)[0]["item"]


# -- what was not asked is not told -----------------------------------------------------------------------


def test_only_what_was_asked_is_told() -> None:
    bare = {"model": "gpt-5.6-sol", "input": "Hi", "stream_options": {"include_obfuscation": False}}
    found = events(*ALL, request=bare)
    assert not any("obfuscation" in event for event in found)
    assert all("obfuscation" in event for event in events(*ALL) if event["type"].endswith(".delta"))
    assert not of("reasoning_summary_text.delta", found)
    items = [event["item"] for event in of("output_item.done", found)]
    assert all("encrypted_content" not in item for item in items)
    assert all("sources" not in item.get("action", {}) for item in items)


# -- odd streams ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["failed", "error", "error_nested", "eof"])
def test_a_cut_stream_leaves_its_last_item_open(ending: Any) -> None:
    found = events(Text("one"), Call("f", '{"a":1}'), ending=ending)
    assert len(of("output_item.added", found)) == 2
    assert len(of("output_item.done", found)) == 1
    assert not of("completed", found)


def test_an_incomplete_answer_says_which_item_is_not_whole() -> None:
    response = events(Text("one"), Call("f", '{"a":1}'), ending="max_output_tokens")[-1]["response"]
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert [item["status"] for item in response["output"]] == ["completed", "incomplete"]
    with pytest.raises(ValueError):
        json.loads(response["output"][1]["arguments"])


def test_items_may_be_mixed() -> None:
    indices = [event["output_index"] for event in events(Text("ab"), Call("f", '{"a":1}'), interleave=True)[2:-1]]
    assert indices[:4] == [0, 1, 0, 1]


@pytest.mark.parametrize(("output", "found"), [("empty", []), ("null", None)])
def test_the_terminal_event_may_be_bare(output: Any, found: Any) -> None:
    assert events(Text("x"), output=output)[-1]["response"]["output"] == found


def test_arguments_may_come_late() -> None:
    late = events(Call("f", '{"a":1}', only_item=True))
    assert not of("function_call_arguments.delta", late)
    assert not of("function_call_arguments.done", late)
    assert of("output_item.done", late)[0]["item"]["arguments"] == '{"a":1}'


def test_a_record_is_framed_as_the_wire_says() -> None:
    event = {"type": "x", "a": "é"}
    assert record(event) == 'event: x\ndata: {"type":"x","a":"é"}\n\n'.encode()
    assert record(event, Wire(newline="\r\n", named=False)) == 'data: {"type":"x","a":"é"}\r\n\r\n'.encode()
    assert record(event, Wire(comments=True)).startswith(b": ")


# -- reasoning that goes round ----------------------------------------------------------------------------


def test_what_is_rendered_is_accepted_when_it_comes_back() -> None:
    items = events(*ALL)[-1]["response"]["output"]
    again: list[dict[str, Any]] = []
    for item in items:
        again.append(item)
        if item["type"] == "function_call":
            again.append({"type": "function_call_output", "call_id": item["call_id"], "output": "x"})
    request = {**REQUEST, "store": False, "input": again}
    assert validate(json.dumps(request).encode()) == request
    assert [opened(item["encrypted_content"]) for item in items if item["type"] == "reasoning"] == [
        (items[0]["id"], "web_search_call"),
        (items[3]["id"], f"function_call:{items[4]['call_id']}"),
    ]


def test_the_content_of_an_unfinished_item_of_reasoning_is_not_good() -> None:
    added = of("output_item.added", events(Reasoning()))[0]["item"]
    assert opened(added["encrypted_content"]) is None
