"""The harness that holds counts against bills."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_api.tokens import counting, verify

NAMES = st.sampled_from(
    [
        "input", "tools", "text", "format", "type", "content", "output", "role", "name", "arguments", "id",
        "encrypted_content", "input_tokens", "output_tokens", "output_tokens_details", "reasoning_tokens",
        "created_at", "suspect", "clean", "model", "instructions", "description", "parameters", "schema",
        "tool_choice", "action", "image_url", "file_data",
    ]
)  # fmt: skip
WORDS = st.sampled_from(
    [
        "message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "assistant", "user",
        "function", "custom", "json_schema", "web_search", "input_image", "input_file", "input_text", "gpt-5",
        "gpt-4o", "gpt-5.4", "fc_1",
    ]
)  # fmt: skip
HELLO = {"model": "gpt-4o", "input": "Hello, world!"}  # 3 + 4 + 4


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def recording(tmp_path: Path, *lines: dict[str, Any] | str) -> str:
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return str(path)


def line(billed: int, request: dict[str, Any] | None = None, **tags: Any) -> dict[str, Any]:
    return {"request": request or HELLO, "usage": {"input_tokens": billed}, "tags": tags}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**15) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
ITEMS = st.lists(st.dictionaries(NAMES, JSON | WORDS, max_size=5) | JSON, max_size=4)
LINES = st.fixed_dictionaries(
    {
        "request": st.dictionaries(NAMES, JSON | ITEMS, max_size=4) | JSON,
        "usage": st.builds(
            lambda more, billed: {"input_tokens": billed, **more},
            st.dictionaries(NAMES, st.integers(0, 99) | JSON, max_size=4),
            st.integers(0, 99),
        )
        | JSON,
    },
    optional={"id": JSON | st.sampled_from(["a__0", "a__1"]), "tags": st.dictionaries(NAMES, JSON) | JSON},
)


@settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", "200")), deadline=None)
@given(st.lists(LINES, max_size=3))
def test_any_lines_are_refused_or_measured(given_lines: list[dict[str, Any]]) -> None:
    lines = []
    for number, one in enumerate(given_lines):
        with suppress(verify.NotALine):
            lines.append(verify.parse(json.dumps(one), number))
    known = verify.learned(lines, len)
    means = counting.Means(len, seen=known.get)
    outcomes = [verify.Outcome(line, counting.count(line.request, replace(means, on=line.on))) for line in lines]
    for figures in (verify.classes(outcomes), verify.families(outcomes), verify.by_reason(outcomes)):
        json.dumps(verify.plain(figures))
    assert len(verify.baselines(lines, len)) == (2 if lines else 0)


def run(*args: str) -> str:
    out = StringIO()
    call_command("verify_token_counts", *args, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    "broken",
    [
        "no json", "[]", '"request"', "null", '{"request": {}}', '{"request": 1, "usage": {"input_tokens": 1}}',
        line(True), line(-1), {**line(1), "usage": {"input_tokens": 1.5}}, {**line(1), "usage": [1]},
        {**line(1), "usage": {"input_tokens": "1"}}, line(1, {"input": nested(400)}), "[" * 5000,
    ],
)  # fmt: skip
def test_a_line_that_is_no_recording_is_named_and_the_others_are_measured(tmp_path: Path, broken: Any) -> None:
    out, report = StringIO(), tmp_path / "r.json"
    with pytest.raises(CommandError, match="1 lines have no figure"):
        call_command(
            "verify_token_counts",
            "--recordings",
            recording(tmp_path, line(11), broken),
            "--json",
            str(report),
            stdout=out,
        )
    assert "left out: line 2" in out.getvalue()
    assert json.loads(report.read_text())["classes"]["all"]["n"] == 1
    with pytest.raises(CommandError, match="line 1"):
        run("--recordings", recording(tmp_path, broken))


@pytest.mark.parametrize(
    "odd",
    [
        line(11, {**HELLO, "tools": 5}), line(11, {**HELLO, "tools": [1, {"type": "[/b]"}]}), line(11, {**HELLO, "text": 3}),
        line(11, {"input": 5}), line(11, suspect=None), line(11, suspect=["[/b]: markup"]), line(11, created_at=-5),
        line(11, suspect=5), line(11, suspect=[{}]), line(11, created_at=99999999999999), line(11, created_at="x"),
        line(11, created_at=[]), line(11.0), line(11, {"input": "half \ud800"}), "\ufeff" + json.dumps(line(11)),
        {**line(11), "tags": 5}, {**line(11), "id": "a__" + 5000 * "9"}, {**line(11), "id": nested(200)},
        {**line(11), "usage": {"input_tokens": 11, "output_tokens": True, "output_tokens_details": 5}},
    ],
)  # fmt: skip
def test_whatever_a_billed_request_holds_is_counted(tmp_path: Path, odd: dict[str, Any]) -> None:
    report = tmp_path / "r.json"
    run("--recordings", recording(tmp_path, odd, line(11, clean=True)), "--clean", "--json", str(report))
    assert json.loads(report.read_text())["classes"]["all"]["n"] == 1


def test_a_report_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    for option in ("--json", "--markdown"):
        with pytest.raises(CommandError, match="cannot be written"):
            run("--recordings", recording(tmp_path, line(11)), option, str(tmp_path / "none" / "r"))


def test_a_file_without_lines_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no clean lines"):
        run("--recordings", recording(tmp_path, line(11)), "--clean")
    with pytest.raises(CommandError, match="cannot be read"):
        run("--recordings", str(tmp_path / "none.jsonl"))


def test_an_error_beyond_the_tolerance_fails(tmp_path: Path) -> None:
    file = recording(tmp_path, line(10))
    with pytest.raises(CommandError, match=r"10\.00% is beyond 5\.00%"):
        run("--recordings", file, "--tolerance", "0.05")
    run("--recordings", file, "--tolerance", "0.1")


def test_figures_are_written_by_class(tmp_path: Path) -> None:
    tools = [{"type": "web_search"}]
    file = recording(tmp_path, line(11), line(13), line(5000, {**HELLO, "tools": tools}), "")
    report, docs = tmp_path / "r.json", tmp_path / "page.md"
    docs.write_text("before <!-- accuracy: begin -->old<!-- accuracy: end --> after")
    run("--recordings", file, "--json", str(report), "--docs", str(docs), "--misses", "1")
    classes = json.loads(report.read_text())["classes"]
    assert classes["text"] == {"n": 2, "exact": 0.5, "within_3": 1.0, "median_abs": 1.0, "p95_rel": 2 / 13}
    assert classes["all"]["n"] == 3
    assert {name for name, figures in classes.items() if figures["n"]} == {"all", "text", "hosted"}
    assert classes["files"] == {"n": 0, "exact": None, "within_3": None, "median_abs": None, "p95_rel": None}
    page = docs.read_text()
    assert "| text | 2 | 50.0% | 100.0% |" in page
    assert "old" not in page
    assert page.startswith("before")
    assert page.endswith("after")


def test_only_clean_lines_are_taken_when_asked(tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    file = recording(tmp_path, line(11, clean=True), line(99, clean=False, suspect=["pro mode: several passes"]))
    run("--recordings", file, "--clean", "--json", str(report))
    found = json.loads(report.read_text())
    assert found["classes"]["all"]["n"] == 1
    assert found["not_clean"]["pro mode"]["n"] == 1


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        ({"input": "hi"}, "text"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"text": {"format": {"type": "json_schema"}}}, "schema"),
        ({"tools": [{"type": "function"}], "input": [{"type": "function_call_output", "output": "x"}]}, "tool_history"),
        ({"input": [{"type": "function_call"}, {"type": "reasoning"}]}, "reasoning"),
        ({"input": [{"type": "reasoning"}, {"content": [{"type": "input_image"}]}]}, "images"),
        ({"input": [{"type": "function_call_output", "output": [{"type": "input_file"}]}]}, "files"),
        ({"input": [{"type": "web_search_call"}]}, "hosted"),
        ({"tools": [{"type": "mcp"}], "input": "hi"}, "hosted"),
    ],
)
def test_a_request_is_of_the_kind_that_is_hardest_to_count(request_: dict[str, Any], kind: str) -> None:
    assert verify.kind_of(request_) == kind


def told(name: str, items: Any, **usage: Any) -> verify.Line:
    return verify.Line(name, {"model": "gpt-5.6", "input": items}, 1, usage={"input_tokens": 1, **usage})


ASKED = [{"role": "user", "content": "hi"}]
THOUGHT = {"type": "reasoning", "encrypted_content": "secret"}
ANSWERED = {"output_tokens": 50, "output_tokens_details": {"reasoning_tokens": 37}}


def test_the_next_line_of_a_conversation_is_counted_knowing_the_answer() -> None:
    follow = told("talk__1", [*ASKED, THOUGHT, {"role": "user", "content": "so?"}])
    for items in (ASKED, "hi"):
        assert verify.learned([told("talk__0", items, **ANSWERED), follow], len) == {"secret": 37 + 2}


def test_the_order_of_the_lines_does_not_matter() -> None:
    lines = [
        told("talk__1", [*ASKED, THOUGHT, {"role": "user", "content": "so?"}]),
        told("talk__0", ASKED, **ANSWERED),
    ]
    assert verify.learned(lines, len) == verify.learned(lines[::-1], len) == {"secret": 37 + 2}


def test_of_two_that_asked_alike_long_before_none_is_taken() -> None:
    """Which of them the answer belongs to cannot be told."""
    lines = [told("talk__0", ASKED, **ANSWERED), told("talk__1", ASKED, **ANSWERED), told("talk__4", [*ASKED, THOUGHT])]
    assert verify.learned(lines, len) == {}
    assert verify.learned([lines[0], lines[2]], len) == {"secret": 37 + 2}


@pytest.mark.parametrize(
    "before",
    [
        told("other__0", ASKED, **ANSWERED),
        told("talk__3", ASKED, **ANSWERED),
        told("talk__0", [{"role": "user", "content": "something else"}], **ANSWERED),
        told("talk__0", ASKED),
    ],
)
def test_an_answer_is_known_only_from_the_line_before_it(before: verify.Line) -> None:
    assert verify.learned([before, told("talk__1", [*ASKED, THOUGHT])], len) == {}


def test_figures_over_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="no outcomes"):
        verify.Figures.of([])
    assert verify.classes([]) == {}
