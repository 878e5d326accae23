"""The answer machine: how answers end, what becomes of odd streams, and that its output is always a stream."""

from __future__ import annotations

import json
import os
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_api import capabilities
from bridge_api.schemas.stream import encode
from bridge_api.sse import Decoder
from bridge_api.translation import response
from bridge_api.translation.filler_policy import FillerPolicy
from bridge_api.translation.plan import AnswerPlan, StructuredPlan, ToolInfo
from bridge_api.translation.stop_reason import CONTENTS, ERROR, MATRIX, Ending, decide
from bridge_api.translation.stream import AnswerMachine
from tests import grammar
from tests.recordings.check import accumulated
from tests.simulator.render import Renderer, record
from tests.simulator.script import Call, Piece, Reasoning, Refusal, Search, Text, Turn

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"]}
REQUEST = {
    "model": "gpt-6.1-sol",
    "stream": True,
    "reasoning": {"summary": "auto"},
    "include": ["reasoning.encrypted_content", "web_search_call.action.sources"],
}


def plan(**fields: Any) -> AnswerPlan:
    base: dict[str, Any] = {
        "model_asked": "claude-opus-5-5",
        "model_served": "gpt-6.1-sol",
        "caps": capabilities.of("gpt-6.1-sol"),
        "tools": {"f": ToolInfo("f", None, FillerPolicy.from_schema(SCHEMA))},
        "show_thinking": True,
    }
    return AnswerPlan(**{**base, **fields})


class Run:
    """The machine over a list of upstream events; ``stream`` its bytes, ``message`` the whole Message."""

    def __init__(self, events: list[dict[str, Any]], made: AnswerPlan | None = None, *, whole: bool = False) -> None:
        self.machine = AnswerMachine(made or plan(), message_id="msg_1", input_tokens=9, whole=whole)
        fold, out = response.Fold(), []
        decoder = Decoder()
        for event in events:
            emitted = self.machine.receive(decoder.feed(record(event)))
            fold.add(emitted)
            out += [encode(one) for one in emitted]
        out += [encode(one) for one in self.machine.close("eof")]
        self.stream = b"".join(out)
        if self.machine.failure is None:
            self.message = json.loads(response.encode(fold.message(self.machine)))

    @property
    def kinds(self) -> list[str]:
        return [block["type"] for block in self.message["content"]]


def turn(*pieces: Piece, **fields: Any) -> list[dict[str, Any]]:
    return list(Renderer(REQUEST, Turn(pieces, **fields), 1).events())


# -- the terminal matrix ----------------------------------------------------------------------------------

PIECES: dict[str, tuple[Piece, ...]] = {
    "text": (Text("Some text."),),
    "tool": (Call("f", '{"a":1}'),),
    "thinking": (Reasoning(("Hm.",)),),
    "nothing": (),
}
ENDINGS = {
    "completed": "completed",
    "max_output_tokens": "max_output_tokens",
    "content_filter": "content_filter",
    "failed": "failed",
    "error": "error",
    "eof": "eof",
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("terminal", sorted(ENDINGS))
@pytest.mark.parametrize("whole", [False, True])
def test_each_cell_of_the_terminal_matrix_from_real_events(terminal: str, content: str, whole: bool) -> None:
    tail: tuple[Piece, ...] = (Text("never whole"),) if terminal in ("failed", "error", "eof") else ()
    if terminal in ("max_output_tokens", "content_filter") and content == "tool":
        tail = (Text("and"),)
    ran = Run(turn(*PIECES[content], *tail, ending=ENDINGS[terminal]), whole=whole)
    expected = MATRIX[terminal][content]  # type: ignore[index]
    if expected == ERROR:
        assert ran.machine.failure is not None
        assert b"message_stop" not in ran.stream
        return
    grammar.check(ran.stream)
    assert ran.message["stop_reason"] == expected
    assert ran.message["content"], "an answer is never empty"


@pytest.mark.parametrize("terminal", ["failed", "error", "eof"])
def test_an_answer_that_breaks_has_its_cost(terminal: str) -> None:
    """The upstream bills what it has said: an operator who looks for the cost must not read 0."""
    broken = Run(turn(Text("one two three"), ending=terminal, step=3))
    outcome = broken.machine.outcome
    assert broken.machine.failure is not None
    assert outcome.estimated
    assert outcome.usage["output_tokens"] >= 1
    assert "answer.usage_estimated" in {note.code for note in outcome.notes}
    assert not Run(turn(ending=terminal)).machine.outcome.usage


def test_an_answer_that_breaks_and_says_what_it_cost_is_believed() -> None:
    events = turn(Text("one two three"), ending="failed", step=3)
    events[-1]["response"]["usage"] = {
        "input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 70, "output_tokens_details": {"reasoning_tokens": 60}, "total_tokens": 79,
    }  # fmt: skip
    outcome = Run(events).machine.outcome
    assert not outcome.estimated
    assert (outcome.usage["input_tokens"], outcome.usage["output_tokens"]) == (5, 70)


@pytest.mark.parametrize("content", CONTENTS)
def test_a_cut_stream_is_never_a_success(content: Any) -> None:
    for terminal in ("failed", "error", "eof", "cancelled"):
        assert decide(Ending(terminal, content)) == ERROR  # type: ignore[arg-type]


def test_special_endings() -> None:
    assert decide(Ending("completed", "text", stop_sequence="X")) == "stop_sequence"
    assert decide(Ending("completed", "text", refused=True)) == "refusal"
    assert decide(Ending("completed", "text", hosted_call_open=True)) == "pause_turn"
    assert decide(Ending("paused", "text")) == "pause_turn"
    assert decide(Ending("max_output_tokens", "text", window_full=True)) == "model_context_window_exceeded"
    assert decide(Ending("completed", "text", cut_to_length=True)) == "max_tokens"
    assert decide(Ending("policy", "nothing")) == "refusal"


def test_a_full_window_is_told_apart_from_the_asked_limit() -> None:
    events = turn(Text("x"), ending="max_output_tokens", input_tokens=1_049_999)
    assert Run(events).message["stop_reason"] == "model_context_window_exceeded"
    events[-1]["response"]["max_output_tokens"] = 1
    assert Run(events).message["stop_reason"] == "max_tokens"


def test_a_policy_stop_is_a_refusal_with_its_category() -> None:
    ran = Run(turn(Text("x"), ending="failed", error={"code": "bio_policy", "message": "no"}))
    assert ran.message["stop_reason"] == "refusal"
    assert ran.message["stop_details"]["category"] == "bio"


def test_errors_are_read_flat_and_nested() -> None:
    assert Run(turn(ending="error")).machine.failure.type == "api_error"  # type: ignore[union-attr]
    nested = Run(turn(ending="error_nested")).machine.failure
    assert nested is not None
    assert (nested.type, nested.retryable) == ("overloaded_error", True)
    overflow = Run(
        turn(ending="failed", error={"code": "context_length_exceeded", "message": "too long"})
    ).machine.failure
    assert overflow is not None
    assert overflow.message.startswith("prompt is too long: ")


# -- blocks -----------------------------------------------------------------------------------------------


def test_blocks_come_in_order_and_signatures_once() -> None:
    ran = Run(turn(Reasoning(("One.", "Two.")), Text("Now."), Call("f", '{"a":1,"b":""}'), Text("Then.")))
    grammar.check(ran.stream)
    assert ran.kinds == ["thinking", "text", "tool_use", "text"]
    assert ran.message["content"][0]["thinking"] == "One.\n\nTwo."
    assert ran.message["content"][2]["input"] == {"a": 1}
    assert accumulated(ran.stream)["content"][2]["input"] == {"a": 1}


def test_hidden_thinking_leaves_its_signature() -> None:
    ran = Run(turn(Reasoning(("One.",)), Text("x")), plan(omit_thinking_text=True))
    assert ran.message["content"][0]["thinking"] == ""
    assert ran.message["content"][0]["signature"].startswith("oai1.")


def test_thinking_that_nobody_asked_for_is_dropped_and_noted() -> None:
    ran = Run(turn(Reasoning(("One.",)), Text("x")), plan(show_thinking=False))
    assert ran.kinds == ["text"]
    assert "dropped.reasoning_output" in {note.code for note in ran.machine.outcome.notes}


def test_arguments_that_come_only_at_the_end_arrive() -> None:
    ran = Run(turn(Call("f", '{"a":5}', only_done=True)))
    assert accumulated(ran.stream)["content"][0]["input"] == {"a": 5}


def test_a_call_that_was_cut_off_is_not_in_a_whole_message() -> None:
    ran = Run(turn(Text("x"), Call("f", '{"a":12345,"b":"zzzzzzzz"}'), ending="max_output_tokens"))
    grammar.check(ran.stream)
    assert ran.kinds == ["text"]
    assert ran.message["stop_reason"] == "max_tokens"


def test_a_toolset_member_comes_back_under_its_own_name() -> None:
    tools = {"computer__left_click": ToolInfo("left_click", "computer")}
    ran = Run(turn(Call("computer__left_click", '{"coordinate":[1,2]}')), plan(tools=tools))
    assert ran.message["content"][0]["name"] == "left_click"
    assert ran.message["content"][0]["toolset_name"] == "computer"


def test_a_strict_tools_added_nulls_are_taken_out() -> None:
    tools = {"f": ToolInfo("f", None, None, SCHEMA)}
    ran = Run(turn(Call("f", '{"a":1,"b":null}')), plan(tools=tools))
    assert ran.message["content"][0]["input"] == {"a": 1}


def test_structured_output_is_put_back_in_one_text_block() -> None:
    wrapped = StructuredPlan({"type": "array"}, wrapped=True)
    ran = Run(
        turn(Text("Let me.", "commentary"), Text('{"value":[1,2]}')),
        plan(structured=wrapped, commentary_as_thinking=True),
    )
    assert ran.kinds == ["thinking", "text"]
    assert json.loads(ran.message["content"][1]["text"]) == [1, 2]
    nullable = StructuredPlan(SCHEMA, nullable=True)
    assert Run(turn(Text('{"a":1,"b":null}')), plan(structured=nullable)).message["content"][0]["text"] == '{"a":1}'


def test_a_refusal_is_shown_but_never_in_structured_output() -> None:
    assert Run(turn(Refusal("No."))).message["content"][0]["text"] == "No."
    structured = Run(turn(Refusal("No.")), plan(structured=StructuredPlan(SCHEMA)))
    assert structured.message["content"] == []
    assert structured.message["stop_details"] == {"type": "refusal", "category": None, "explanation": "No."}


def test_a_repeated_prefill_is_taken_off() -> None:
    for step in (1, 3, 50):
        assert (
            Run(turn(Text("It is fine."), step=step), plan(prefill="It is")).message["content"][0]["text"] == " fine."
        )
        assert Run(turn(Text("fine"), step=step), plan(prefill="It is")).message["content"][0]["text"] == "fine"


def test_the_asked_length_is_kept_where_the_upstream_has_a_longer_minimum() -> None:
    ran = Run(turn(Text("one two three four")), plan(cut_tokens=2))
    assert ran.message["content"][0]["text"] == "one two"
    assert ran.message["stop_reason"] == "max_tokens"
    assert Run(turn(Text("one")), plan(cut_tokens=2)).message["stop_reason"] == "end_turn"


@pytest.mark.parametrize("step", [1, 2, 5, 100])
@pytest.mark.parametrize("whole", [False, True])
def test_a_stop_sequence_ends_text_and_nothing_else(step: int, whole: bool) -> None:
    made = plan(stop_sequences=("END", "zzz"))
    ran = Run(
        turn(Reasoning(("END",)), Call("f", '{"a":1,"b":"END"}'), Text("before END after"), Text("never"), step=step),
        made,
        whole=whole,
    )
    grammar.check(ran.stream)
    assert ran.kinds == ["thinking", "tool_use", "text"]
    assert ran.message["content"][1]["input"]["b"] == "END"
    assert ran.message["content"][2]["text"] == "before "
    assert (ran.message["stop_reason"], ran.message["stop_sequence"]) == ("stop_sequence", "END")
    assert ran.machine.outcome.estimated


def test_a_search_becomes_a_pair_and_its_citations_follow_the_text() -> None:
    events = turn(
        Search("q", ("https://a.example/x", "https://no.example/y")),
        Text("Found it.", citations=(("https://a.example/x", "A"), ("https://no.example", "N"))),
    )
    for whole in (False, True):
        ran = Run(events, plan(web_search=True, blocked_domains=("no.example",)), whole=whole)
        grammar.check(ran.stream)
        assert ran.kinds == ["server_tool_use", "web_search_tool_result", "text"]
        assert [one["url"] for one in ran.message["content"][1]["content"]] == ["https://a.example/x"]
        assert [one["url"] for one in ran.message["content"][2]["citations"]] == ["https://a.example/x"]
        assert ran.message["usage"]["server_tool_use"] == {"web_search_requests": 1, "web_fetch_requests": 0}


def test_items_that_overlap_are_put_one_after_another() -> None:
    events = turn(Call("f", '{"a":1}'), Call("f", '{"a":2}'), Text("end"))
    head, tail = events[:2], events[-1:]
    middle = events[2:-1]
    by_item: dict[int, list[dict[str, Any]]] = {}
    for event in middle:
        by_item.setdefault(event["output_index"], []).append(event)
    mixed = [
        event for group in zip(*(by_item[at] + [None] * 40 for at in by_item), strict=False) for event in group if event
    ]
    ran = Run(head + mixed + tail)
    grammar.check(ran.stream)
    assert [block.get("input") or block.get("text") for block in ran.message["content"]] == [{"a": 1}, {"a": 2}, "end"]


def test_a_terminal_event_alone_is_enough() -> None:
    events = turn(Text("all"), Call("f", '{"a":1}'))
    ran = Run([events[0], events[-1]])
    assert ran.kinds == ["text", "tool_use"]
    body = json.dumps(events[-1]["response"]).encode()
    machine, fold = AnswerMachine(plan(), message_id="m"), response.Fold()
    fold.add(machine.receive_json(body))
    assert [block["type"] for block in fold.message(machine)["content"]] == ["text", "tool_use"]


def test_json_that_is_no_response_is_a_failure() -> None:
    for body in (b"", b"[]", b"{}", b'{"error":{"message":"x","code":"server_error"}}', b"\xff"):
        machine = AnswerMachine(plan(), message_id="m")
        machine.receive_json(body)
        assert machine.failure is not None


def test_usage_is_split_into_disjoint_parts() -> None:
    events = turn(Text("x"))
    events[-1]["response"]["usage"].update(
        input_tokens=100, input_tokens_details={"cached_tokens": 60, "cache_write_tokens": 30}
    )
    usage = Run(events).message["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (
        10,
        60,
        30,
    )


# -- whatever comes ---------------------------------------------------------------------------------------

ALL = turn(
    Reasoning(("One.", "Two.")),
    Text("Some text", citations=(("https://a", "A"),)),
    Call("f", '{"a":1,"b":null}'),
    Search("q", ("https://a",)),
    Call("unknown", "not json"),
    Refusal("No"),
    Text("end"),
)
ODD: list[dict[str, Any]] = [
    {"type": "keepalive"}, {"type": "response.output_item.added", "item": {"type": "mcp_call", "id": "m"}, "output_index": 9},
    {"type": "response.output_text.delta", "delta": None, "output_index": 1}, {"type": "response.output_item.done", "item": None},
    {"type": "response.output_text.delta", "delta": "x"}, {"type": "response.function_call_arguments.delta", "delta": "}{", "output_index": 2},
    {"type": "response.reasoning_text.delta", "delta": "r", "output_index": 0}, {"type": "response.completed", "response": None},
    {"type": "response.incomplete", "response": {"status": "incomplete"}}, {"type": "response.content_part.done", "part": {"type": "refusal"}},
    {"type": "error", "message": "x"}, {"type": "response.output_item.done", "item": {"type": "function_call"}, "output_index": 1},
]  # fmt: skip


@settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", "300")), deadline=None)
@given(st.randoms(use_true_random=False), st.booleans())
def test_whatever_events_come_the_output_is_a_stream(draw: random.Random, shuffled: bool) -> None:
    events = [dict(event) for event in ALL]
    for _ in range(draw.randrange(12)):
        at = draw.randrange(len(events) + 1)
        change = draw.choice(("drop", "double", "swap", "odd", "cut"))
        if change == "odd":
            events.insert(at, draw.choice(ODD))
        elif at < len(events) and change == "drop":
            del events[at]
        elif at < len(events) and change == "double":
            events.insert(at, events[at])
        elif at + 1 < len(events) and change == "swap":
            events[at], events[at + 1] = events[at + 1], events[at]
        elif change == "cut" and draw.random() < 0.2:
            del events[at:]
    if shuffled and draw.random() < 0.3:
        draw.shuffle(events)
    for made in (
        plan(),
        plan(stop_sequences=("text",), web_search=True),
        plan(structured=StructuredPlan(SCHEMA, nullable=True)),
    ):
        ran = Run(events, made)
        failed = ran.machine.failure is not None
        seen = grammar.check(ran.stream, ended=not failed)
        if not failed:
            assert seen[-1][0] == "message_stop"
            accumulated(ran.stream)


def test_splitting_the_bytes_changes_nothing() -> None:
    raw = b"".join(record(event) for event in ALL)
    expected = Run(ALL).stream
    for at in range(0, len(raw), 7):
        machine, decoder, out = AnswerMachine(plan(), message_id="msg_1", input_tokens=9), Decoder(), []
        for chunk in (raw[:at], raw[at:]):
            out += [encode(one) for one in machine.receive(decoder.feed(chunk))]
        assert b"".join(out) == expected
