"""The count of a Responses request, with an encoder whose tokens are characters."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_api.tokens import media
from bridge_api.tokens.counting import Means, Pages, Rough, count, unknowable
from tests.bridge_api.tokens.test_media import jpeg, url

CHAT, HARMONY, LATE, NEWEST, O_SERIES = "gpt-4o", "gpt-5", "gpt-5.4", "gpt-5.6", "o4-mini"
MODELS = (CHAT, HARMONY, LATE, NEWEST, O_SERIES, "gpt-4", "gpt-6", "something-else")
TOOL = {"type": "function", "name": "f", "description": "d"}
RENDERED = len("namespace functions {\n\n// d\ntype f = () => any;\n\n} // namespace functions")


def counted(model: str = CHAT, means: Means | Callable[[str], int] = len, **payload: Any) -> int:
    return count({"model": model, **payload}, means)


def call(name: str = "f", arguments: str = "{}", **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "name": name, "arguments": arguments, "call_id": "c", **more}


def output(value: Any = "") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": "c", "output": value}


@pytest.mark.parametrize(
    "broken",
    [
        {"input": None},
        {"input": 5},
        {"input": [None, "text", {"type": 7}]},
        {"input": [{"role": "user", "content": [None, {"type": "input_image"}, {"type": "input_file"}]}]},
        {"input": [{"type": "function_call"}, {"type": "function_call_output"}, {"type": "reasoning"}]},
        {"input": [{"type": "unheard_of", "value": {"a": 1}}]},
        {"tools": [None, {}, {"type": "function"}, {"type": "custom", "format": {}}]},
        {"tools": [{"type": "custom", "format": "x"}, {"type": "function", "name": None, "parameters": [1]}]},
        {"tools": "none", "text": [], "instructions": 4},
        {"text": {"format": {"type": "json_schema"}}},
    ],
)
@pytest.mark.parametrize("model", MODELS)
def test_what_the_upstream_would_refuse_still_has_a_count(model: str, broken: dict[str, Any]) -> None:
    assert counted(model, **broken) > 0


@pytest.mark.parametrize(
    ("model", "frame"), [(CHAT, 3), (HARMONY, 2), (LATE, 2), (NEWEST, 2), (O_SERIES, 2), ("gpt-4", 2), ("new-1", 2)]
)
def test_each_request_and_each_message_has_a_frame(model: str, frame: int) -> None:
    assert counted(model, input="12345") == frame + 4 + 5
    assert counted(model, input="12345", instructions="123") == frame + 4 + 5 + 4 + 3
    assert counted(model, input="12345", instructions="") == frame + 4 + 5


def test_the_assistants_messages_name_their_channel_on_harmony() -> None:
    said = [{"role": "assistant", "content": [{"type": "output_text", "text": "12345"}]}]
    assert counted(CHAT, input=said) == 3 + 4 + 5
    assert counted(HARMONY, input=said) == 2 + 4 + 5 + 2


def test_the_channel_of_commentary_is_a_token_more() -> None:
    said = [{"role": "assistant", "content": "abc", "phase": phase} for phase in ("final_answer", "commentary")]
    for model, more in ((CHAT, 0), (LATE, 1), (NEWEST, 1)):
        final, commentary = (counted(model, input=[one]) for one in said)
        assert commentary - final == more


@pytest.mark.parametrize(
    ("item", "rough"),
    [
        ({"role": "user", "content": "hi"}, False),
        ({"type": "reasoning", "encrypted_content": "c" * 900}, True),
        ({"type": "reasoning", "encrypted_content": "seen"}, False),
        ({"type": "code_interpreter_call", "code": "1"}, True),
        ({"content": [{"type": "input_file", "file_id": "file-1"}]}, True),
        ({"content": [{"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0="}]}, True),
        ({"content": [{"type": "input_file", "file_data": "data:application/zip;base64,UEsDBA=="}]}, True),
        ({"content": [{"type": "input_file", "file_data": "data:text/plain;base64,aGk="}]}, False),
    ],
)
def test_a_count_with_a_part_that_can_only_be_judged_is_rough(item: dict[str, Any], rough: bool) -> None:
    kept: dict[Any, int] = {}

    def remember(kind: str, content: Any, work: Callable[[], int]) -> int:
        return kept[kind, content] if (kind, content) in kept else kept.setdefault((kind, content), work())

    means = Means(len, remember, seen={"seen": 5}.get)
    for _ in range(2):
        assert isinstance(counted(NEWEST, means, input=[item]), Rough) is rough


def test_neighbouring_texts_are_read_as_one() -> None:
    seen: list[str] = []

    def encode_len(text: str) -> int:
        seen.append(text)
        return 1

    parts = [{"type": "input_text", "text": "foot"}, {"type": "input_text", "text": "ball"}]
    assert counted(CHAT, encode_len, input=[{"role": "user", "content": parts}]) == 3 + 4 + 1
    assert seen == ["football"]


# -- tools ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "base"), [(CHAT, 3 + 3), (HARMONY, 2 + 9), (O_SERIES, 2 + 6), (LATE, 2 + 9)])
def test_functions_are_billed_as_their_text(model: str, base: int) -> None:
    assert counted(model, tools=[TOOL]) == base + RENDERED


def test_a_first_function_without_description_is_one_less_on_harmony() -> None:
    bare = {"type": "function", "name": "f"}
    shorter = len("// d\n")
    assert counted(HARMONY, tools=[bare]) == counted(HARMONY, tools=[TOOL]) - shorter - 1
    assert counted(CHAT, tools=[bare]) == counted(CHAT, tools=[TOOL]) - shorter


@pytest.mark.parametrize(
    ("choice", "others", "more"),
    [
        ("auto", 0, 0),
        ("required", 0, 6 + len("functions.f")),
        ("required", 1, 0),
        ({"type": "function", "name": "f"}, 1, 6 + len("functions.f")),
        ({"type": "allowed_tools", "mode": "required", "tools": []}, 0, 0),
        ("none", 0, 1),
    ],
)
def test_a_forced_call_has_its_header_in_the_request(choice: Any, others: int, more: int) -> None:
    tools = [TOOL] * (1 + others)
    assert counted(CHAT, tools=tools, tool_choice=choice) == counted(CHAT, tools=tools) + more
    assert counted(HARMONY, tools=tools, tool_choice=choice) == counted(HARMONY, tools=tools)


def test_a_deferred_function_is_not_shown() -> None:
    hidden = {**TOOL, "name": "other", "defer_loading": True}
    assert counted(CHAT, tools=[TOOL, hidden]) == counted(CHAT, tools=[TOOL])


def test_hosted_and_custom_tools_have_fixed_costs() -> None:
    assert counted(CHAT, tools=[{"type": "web_search"}]) == 3 + 294
    assert counted(HARMONY, tools=[{"type": "web_search_preview"}]) == 2 + 4290
    assert counted(CHAT, tools=[{"type": "image_generation"}]) == 3 + 342
    assert counted(HARMONY, tools=[{"type": "custom", "name": "ab", "description": "cde"}]) == 2 + 37 + 5


def test_an_output_schema_is_billed_as_json() -> None:
    wanted = {"type": "json_schema", "name": "ab", "schema": {"type": "object", "required": []}}
    assert counted(CHAT, text={"format": wanted}) == 3 + 7 + len(" ab") + len('{"type":"object"}')
    described = {**wanted, "description": "xy"}
    assert counted(CHAT, text={"format": described}) == counted(CHAT, text={"format": wanted}) + len("// xy\n")
    assert counted(CHAT, text={"format": {"type": "json_object"}}) == 3


# -- calls ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "base"), [(CHAT, 3 + 9), (HARMONY, 2 + 15), (LATE, 2 + 18), (NEWEST, 2 + 18)])
def test_a_call_and_its_output_name_the_function_twice(model: str, base: int) -> None:
    texts = 2 * len("functions.f") + len("{}") + len("done")
    assert counted(model, input=[call(), output("done")]) == base + texts


@pytest.mark.parametrize(
    ("model", "store", "more"),
    [(CHAT, None, 3), (CHAT, True, 3), (CHAT, False, 0), (HARMONY, None, 3), (LATE, None, 0)],
)
def test_a_call_that_the_server_holds_is_read_as_it_was_written(model: str, store: Any, more: int) -> None:
    told, held = [call(), output()], [call(id="fc_1"), output()]
    assert counted(model, input=held, store=store) == counted(model, input=told, store=store) + more


def test_neighbouring_calls_are_bundled_from_gpt_5_4_on() -> None:
    pair = [call("a"), call("b"), output(), output()]
    names = len("functions.a") + len("functions.b")
    bundle = (
        '{"tool_uses":[{"recipient_name":"functions.a","parameters":{}},'
        '{"recipient_name":"functions.b","parameters":{}}]}'
    )
    assert counted(LATE, input=pair) == 2 + 13 + 1 + len("multi_tool_use.parallel") + len(bundle) + 2 * 5 + names
    assert counted(HARMONY, input=pair) == 2 + 2 * (10 + 5) + 2 * names + 2 * len("{}")


def test_parts_of_an_output_count_like_parts_of_a_message() -> None:
    parts = [{"type": "input_text", "text": "12345"}]
    assert counted(CHAT, input=[call(), output(parts)]) == counted(CHAT, input=[call(), output("12345")])


# -- reasoning --------------------------------------------------------------------------------------------------


def test_reasoning_before_the_last_question_is_dropped_until_gpt_5_6() -> None:
    question = {"role": "user", "content": "hi"}
    thought = {"type": "reasoning", "encrypted_content": "x" * 2000, "summary": []}
    for model in (HARMONY, LATE, O_SERIES):
        assert counted(model, input=[question, thought, question]) == counted(model, input=[question, question])
    assert counted(NEWEST, input=[thought, question]) > counted(NEWEST, input=[question]) + 100
    assert counted(LATE, input=[question, thought]) > counted(LATE, input=[question]) + 100


def test_a_seen_answer_beats_the_length_of_the_ciphertext() -> None:
    thought = {"type": "reasoning", "encrypted_content": "x" * 2000}
    assert counted(LATE, Means(len, seen=lambda text: 7), input=[thought]) == 2 + 7
    assert counted(LATE, Means(len, seen=lambda text: None), input=[thought]) == counted(LATE, input=[thought])


# -- files ------------------------------------------------------------------------------------------------------


def pdf(*pages: str, on: date | None = None, total: int = 0) -> Means:
    return Means(len, pdf_pages=lambda encoded: Pages(pages, total or len(pages)), on=on)


FILE = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0x"}
MARKER = len("<PARSED TEXT FOR PAGE: 1 / 2>")


def test_a_pdf_is_billed_as_the_text_of_its_marked_pages() -> None:
    alone = [{"role": "user", "content": [FILE]}]
    assert counted(CHAT, pdf("123", "45"), input=alone) == 3 + 4 + 5 + 2 * MARKER
    assert counted(CHAT, pdf("123", "45", on=date(2026, 1, 1)), input=alone) == 3 + 4 + 5
    assert counted(CHAT, pdf("123", "45", on=date(2026, 8, 1)), input=alone) == 3 + 4 + 5 + 2 * MARKER


def test_pages_that_were_not_read_are_taken_for_repetitions_of_those_that_were() -> None:
    alone = [{"role": "user", "content": [FILE]}]
    markers = sum(len(f"<PARSED TEXT FOR PAGE: {at} / 1234>") for at in range(1, 1235))
    assert counted(CHAT, pdf("123", "4", total=1234), input=alone) == 3 + 4 + 617 * 4 + markers
    assert counted(CHAT, pdf("123", "4", total=5, on=date(2026, 1, 1)), input=alone) == 3 + 4 + 2 * 4 + 3


def test_the_text_of_a_page_is_encoded_once_however_many_pages_have_it() -> None:
    encoded: list[str] = []

    def encode_len(text: str) -> int:
        encoded.append(text)
        return len(text)

    means = Means(encode_len, pdf_pages=lambda _: Pages(["same" * 100] * 100, 9_999))
    assert counted(CHAT, means, input=[{"role": "user", "content": [FILE]}]) > 400 * 9_999
    assert encoded.count("same" * 100) == 1
    assert len(encoded) < 10


def test_a_file_beside_other_parts_is_a_message_of_its_own() -> None:
    beside = [{"role": "user", "content": [{"type": "input_text", "text": "x"}, FILE, FILE]}]
    assert counted(CHAT, pdf("123"), input=beside) == 3 + 4 + 1 + 2 * (4 + 3 + MARKER)


def test_a_pdf_that_cannot_be_read_counts_by_its_size() -> None:
    big = {**FILE, "file_data": "data:application/pdf;base64," + "A" * 80_000}
    assert counted(CHAT, pdf(), input=[{"role": "user", "content": [big]}]) == 3 + 4 + 1000


def test_text_files_count_as_their_text_and_unreadable_ones_as_none() -> None:
    def file(data: str) -> list[dict[str, Any]]:
        return [{"role": "user", "content": [{"type": "input_file", "file_data": data}]}]

    encoded = base64.b64encode("áb".encode()).decode()
    assert counted(CHAT, input=file(f"data:text/plain;base64,{encoded}")) == 3 + 4 + 2
    assert counted(CHAT, input=file("data:text/plain;base64,a")) == 3 + 4


def test_the_size_of_a_picture_is_remembered_by_its_header() -> None:
    kept: dict[tuple[str, str | bytes | None], int] = {}
    done: list[str] = []

    def remember(kind: str, content: str | bytes | None, work: Callable[[], int]) -> int:
        if (kind, content) not in kept:
            done.append(kind)
            kept[kind, content] = work()
        return kept[kind, content]

    def picture(*urls: str) -> int:
        parts = [{"type": "input_image", "image_url": one} for one in urls]
        return counted(LATE, Means(len, remember), input=[{"role": "user", "content": parts}])

    light, heavy = url(jpeg(640, 480) + bytes(400_000)), url(jpeg(640, 480, camera_data=300_000))
    assert picture(light, light + "AAAA") == counted(LATE) + 4 + 2 * media.image_tokens(LATE, (640, 480))
    assert done == ["picture"]
    assert picture(heavy, heavy) == picture(light, light)
    assert done == ["picture", "picture", "long picture"]
    assert all(content is not None and len(content) <= media.LONG_HEAD for _, content in kept)


def test_functions_nested_beyond_what_has_a_key_are_still_for_the_means_to_refuse() -> None:
    shape: dict[str, Any] = {}
    for _ in range(2_000):
        shape = {"type": "object", "properties": {"a": shape}}
    seen: list[str | bytes | None] = []

    def remember(kind: str, content: str | bytes | None, work: Callable[[], int]) -> int:
        seen.append(content)
        return 0

    counted(CHAT, Means(len, remember), tools=[{**TOOL, "parameters": shape}])
    assert seen == [None]


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"input": "hi", "tools": [TOOL]}, False),
        ({"input": [{"role": "user", "content": [FILE]}]}, False),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}]}]}, True),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x/y.png"}]}]}, True),
        ({"input": [output([{"type": "input_image", "file_id": "file_1"}])]}, True),
        ({"input": "hi", "tools": [{"type": "web_search"}]}, True),
        ({"input": "hi", "previous_response_id": "resp_1"}, True),
    ],
)
def test_what_only_the_upstream_can_count_is_told(payload: dict[str, Any], told: bool) -> None:
    assert unknowable(payload) is told


# -- properties -------------------------------------------------------------------------------------------------

_ITEMS = st.lists(
    st.one_of(
        st.builds(
            lambda role, text: {"role": role, "content": text},
            st.sampled_from(["user", "assistant"]),
            st.text(max_size=30),
        ),
        st.builds(call, st.text(max_size=8), st.text(max_size=8)),
        st.builds(output, st.text(max_size=20)),
    ),
    max_size=8,
)


@given(st.sampled_from(MODELS), _ITEMS, st.text(max_size=20))
def test_one_more_message_never_costs_less(model: str, items: list[dict[str, Any]], text: str) -> None:
    more = [*items, {"role": "user", "content": text}]
    assert counted(model, input=more) == counted(model, input=items) + 4 + len(text)


@given(st.sampled_from(MODELS), _ITEMS, st.lists(st.just(TOOL), max_size=2))
def test_a_count_that_is_kept_by_content_is_the_same(model: str, items: list[Any], tools: list[Any]) -> None:
    kept: dict[tuple[str, str | bytes | None], int] = {}

    def remember(kind: str, content: str | bytes | None, work: Callable[[], int]) -> int:
        if (kind, content) not in kept:
            kept[kind, content] = work()
        return kept[kind, content]

    plain = counted(model, input=items, tools=tools)
    assert counted(model, Means(len, remember), input=items, tools=tools) == plain
    assert counted(model, Means(len, remember), input=items, tools=tools) == plain
