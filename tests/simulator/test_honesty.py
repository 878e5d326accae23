"""The simulator is as strict as the real API, and no stricter: recorded requests and events say so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openai._models import validate_type
from openai.types.responses import ResponseStreamEvent

from tests.recordings.check import recordings_dir
from tests.simulator.render import Renderer
from tests.simulator.script import Call, Reasoning, Refusal, Search, Text, Turn
from tests.simulator.strict import ApiError, validate

FOLDER = recordings_dir()
needs_recordings = pytest.mark.skipif(not FOLDER.is_dir(), reason="no recordings: set RECORDINGS_DIR")
REQUEST = {
    "model": "gpt-6.1-sol",
    "stream": True,
    "reasoning": {"summary": "auto"},
    "include": ["reasoning.encrypted_content", "web_search_call.action.sources"],
    "stream_options": {"include_obfuscation": False},
}
# What the real API accepted and the simulator refuses, because the bridge must never send it.
STRICTER = (
    "Unknown parameter: 'client_metadata'",
    "Unknown parameter: 'input[",
    "Invalid type: expected an array",
    "Invalid value. Supported values are: 'none', 'auto'",
    "Missing required parameter: ",  # demanded by the package's types, not by the server
    "Invalid value. Supported values are: 'in_progress'",
    "No tool call found",
)


def accepted_requests() -> list[tuple[str, dict[str, Any]]]:
    found = [(path.name, json.loads(path.read_bytes())) for path in sorted((FOLDER / "streams").glob("*.request.json"))]
    for path in sorted((FOLDER / "responses").glob("*.json")):
        kept = json.loads(path.read_bytes())
        if kept.get("status") == 200 and isinstance(kept.get("request"), dict):
            found.append((path.name, kept["request"]))
    return found


@needs_recordings
def test_what_the_real_api_accepted_is_accepted() -> None:
    refused = {}
    requests = accepted_requests()
    for name, request in requests:
        try:
            validate(request, own_reasoning=False)
        except ApiError as error:
            if not error.message.startswith(STRICTER):
                refused[name] = error.message
    assert len(requests) > 1000
    assert refused == {}


@needs_recordings
def test_what_the_real_api_refused_for_its_form_is_refused() -> None:
    codes = {
        "integer_below_min_value",
        "unknown_parameter",
        "invalid_function_parameters",
        "unsupported_value",
        "missing_required_parameter",
    }
    seen = 0
    for path in sorted((FOLDER / "errors").glob("*.json")):
        kept = json.loads(path.read_bytes())
        error = (kept.get("response") or {}).get("error") if isinstance(kept.get("response"), dict) else None
        request = kept.get("request")
        if not error or not isinstance(request, dict) or "input" not in request or error.get("code") not in codes:
            continue
        seen += 1
        with pytest.raises(ApiError):
            validate(request, own_reasoning=False)
    assert seen


EVENTS = list(
    Renderer(
        REQUEST,
        Turn(
            (
                Reasoning(("One.", "Two.")),
                Text("Text", "final_answer", (("https://a", "A"),)),
                Call("f", '{"a":1}'),
                Search("q", ("https://a",)),
                Refusal("No"),
            )
        ),
        1,
    ).events()
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event['sequence_number']}-{event['type']}")
def test_rendered_events_are_those_of_the_openai_package(event: dict[str, Any]) -> None:
    if event["type"] == "response.output_item.added" and event["item"]["type"] == "web_search_call":
        pytest.skip("recorded events have no action yet, unlike the package's type")
    validate_type(type_=ResponseStreamEvent, value=event)  # type: ignore[arg-type]


@needs_recordings
def test_rendered_events_have_the_keys_of_recorded_ones() -> None:
    recorded: dict[str, list[set[str]]] = {}
    for path in sorted((FOLDER / "streams").glob("genai__*.sse"))[:60]:
        for line in Path(path).read_text().splitlines():
            if line.startswith("data: {"):
                data = json.loads(line[6:])
                recorded.setdefault(data["type"], []).append(set(data) - {"obfuscation"})
    compared = 0
    for event in EVENTS:
        if event["type"] in recorded:
            compared += 1
            assert any(set(event) <= keys for keys in recorded[event["type"]]), event["type"]
    assert compared > 15


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"max_output_tokens": 5}, "integer_below_min_value"),
        ({"nonsense": 1}, "unknown_parameter"),
        ({"model": "claude-3"}, "model_not_found"),
        ({"safety_identifier": "x" * 65}, "string_above_max_length"),
        ({"temperature": 1, "reasoning": {"effort": "high"}}, "unsupported_parameter"),
        ({"reasoning": {"effort": "minimal"}}, "unsupported_value"),
        ({"tools": [{"type": "function", "name": "a b", "parameters": None, "strict": False}]}, "invalid_value"),
        (
            {"tools": [{"type": "function", "name": "a", "parameters": {"type": "object"}, "strict": False}]},
            "invalid_function_parameters",
        ),
        ({"tools": [{"type": "function", "name": "a", "parameters": None}]}, "missing_required_parameter"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]}, None),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, None),
        ({"input": [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA-sim-1"}]}, None),
        ({"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]}, "invalid_value"),
        ({"tool_choice": {"type": "function", "name": "f"}}, "invalid_value"),
    ],
)
def test_what_the_documentation_forbids_is_refused(change: dict[str, Any], code: str | None) -> None:
    request = {"model": "gpt-6.1-sol", "input": "Hi", "store": False, **change}
    with pytest.raises(ApiError) as caught:
        validate(request)
    assert caught.value.code == code


def test_reasoning_of_another_maker_is_refused() -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "other"}
    follower = {"role": "assistant", "content": [{"type": "output_text", "text": "x"}]}
    with pytest.raises(ApiError) as caught:
        validate({"model": "gpt-6.1-sol", "store": False, "input": [reasoning, follower]})
    assert caught.value.code == "invalid_encrypted_content"
