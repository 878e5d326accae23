"""The harness that holds counts against bills."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from bridge_api.tokens import verify

HELLO = {"model": "gpt-4o", "input": "Hello, world!"}  # 3 + 4 + 4


def recording(tmp_path: Path, *lines: dict[str, Any] | str) -> str:
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return str(path)


def line(billed: int, request: dict[str, Any] | None = None, **tags: Any) -> dict[str, Any]:
    return {"request": request or HELLO, "usage": {"input_tokens": billed}, "tags": tags}


def run(*args: str) -> str:
    out = StringIO()
    call_command("verify_token_counts", *args, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("broken", ["no json", "[]", '{"request": {}}', '{"request": 1, "usage": {"input_tokens": 1}}'])
def test_a_line_that_is_no_recording_is_named(tmp_path: Path, broken: str) -> None:
    with pytest.raises(CommandError, match="line 2"):
        run("--recordings", recording(tmp_path, line(11), broken))


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
