"""What is left out for servers that do not take all of a Responses request, and that it is said."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseInputItemParam, ResponseOutputItem
from pydantic import TypeAdapter, ValidationError

from bridge_api.profiles import HOSTED_TOOLS, OPENAI, PROFILES, Profile, fit, profile_of
from bridge_api.signals import ExchangeFinished
from bridge_api.translation.notes import CODES
from tests.bridge_api.edge import BODY, Caller, answer_events, bridge, saying, wired
from tests.bridge_api.translation import helpers
from tests.bridge_api.translation.helpers import result, run, said, tool, user
from tests.simulator.strict import validate

MARKED = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
SEARCHED = {"type": "server_tool_use", "id": "srvtoolu_ws_1", "name": "web_search", "input": {"query": "q"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_ws_1", "content": []}
TWO_TEXTS = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
LOCAL = ["vllm", "ollama", "lmstudio"]
PARAMETER, TOOL, REASONED = "dropped.upstream_parameter", "dropped.upstream_tool", "dropped.upstream_reasoning"


def payload(**fields: Any) -> dict[str, Any]:
    """A request with all that the bridge sends, after a search and a tool result."""
    rich = {
        "system": "Be brief.",
        "tools": [tool(), SEARCH],
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "xhigh"},
        "speed": "fast",
        "metadata": {"user_id": "u"},
        "session": "s1",
    }
    history = (user(MARKED, "x"), said(SEARCHED, FOUND, "Looking.", helpers.use()), user(result(TWO_TEXTS)))
    return run(*history, **{**rich, **fields}).payload


def fitted(name: str, request: dict[str, Any]) -> dict[str, Any]:
    return fit(request, PROFILES[name])[0]


def codes(name: str, request: dict[str, Any]) -> set[tuple[str, str]]:
    return {(note.code, note.where) for note in fit(request, PROFILES[name])[1]}


# -- names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "openay", "azure-v2"])
def test_an_unknown_server_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match="openai, azure, vllm, ollama, lmstudio"):
        profile_of(name)


@pytest.mark.parametrize("name", ["azure", " Azure ", "AZURE\n"])
def test_case_and_blanks_of_a_name_do_not_matter(name: str) -> None:
    assert profile_of(name) is PROFILES["azure"]


def test_a_profile_stands_under_its_own_name_and_only_openai_counts() -> None:
    assert all(name == profile.name for name, profile in PROFILES.items())
    assert [name for name, profile in PROFILES.items() if profile.counts] == ["openai"]


# -- what is left out -------------------------------------------------------------------------------------


def test_what_takes_all_is_given_the_very_same_request() -> None:
    request = payload()
    for profile in (OPENAI, Profile("own", "Own")):
        same, notes = fit(request, profile)
        assert same is request
        assert notes == ()


def test_for_openai_a_request_is_not_even_looked_at() -> None:
    class Closed(dict[str, Any]):
        def get(self, *_: Any) -> Any:
            raise AssertionError

    request = Closed(input=[])
    assert fit(request, OPENAI)[0] is request


@pytest.mark.parametrize("name", PROFILES)
def test_a_plain_request_is_the_very_same_for_every_server(name: str) -> None:
    request = {"model": "m", "input": [{"type": "message", "role": "user", "content": "Hi"}], "store": False}
    assert fitted(name, request) is request


TABLE: dict[str, set[tuple[str, str]]] = {
    "openai": set(),
    "azure": {(PARAMETER, "input.*.content.*.prompt_cache_breakpoint")},
    "vllm": {
        (PARAMETER, "input.*.content.*.prompt_cache_breakpoint"),
        (PARAMETER, "input.*.phase"),
        (PARAMETER, "service_tier"),
        (TOOL, "web_search"),
        (TOOL, "web_search_call"),
        ("changed.upstream_role", ""),
    },
    "ollama": {
        (PARAMETER, "input.*.content.*.prompt_cache_breakpoint"),
        (PARAMETER, "input.*.phase"),
        (PARAMETER, "service_tier"),
        (TOOL, "web_search"),
        (TOOL, "web_search_call"),
        ("changed.upstream_role", ""),
        ("changed.effort", "reasoning.effort"),
    },
    "lmstudio": {
        (PARAMETER, "input.*.content.*.prompt_cache_breakpoint"),
        (PARAMETER, "input.*.phase"),
        (PARAMETER, "reasoning.summary"),
        (PARAMETER, "safety_identifier"),
        (PARAMETER, "service_tier"),
        (TOOL, "web_search"),
        (TOOL, "web_search_call"),
        ("changed.upstream_role", ""),
        ("changed.effort", "reasoning.effort"),
    },
}
SENT: dict[str, set[str]] = {
    "openai": set(payload()),
    "azure": set(payload()),
    "vllm": set(payload()) - {"include", "service_tier"},
    "ollama": set(payload()) - {"parallel_tool_calls", "service_tier", "tool_choice"},
    "lmstudio": set(payload()) - {"include", "safety_identifier", "service_tier", "stream_options"},
}


@pytest.mark.parametrize("name", PROFILES)
def test_each_loss_is_said_once_under_a_declared_code(name: str) -> None:
    notes = fit(payload(), PROFILES[name])[1]
    assert {(note.code, note.where) for note in notes} == TABLE[name]
    assert len(notes) == len(TABLE[name])
    assert all(note.code in CODES for note in notes)


@pytest.mark.parametrize("name", PROFILES)
def test_a_server_gets_the_parameters_that_it_takes(name: str) -> None:
    assert set(fitted(name, payload())) == SENT[name]


def test_azure_keeps_what_openais_models_need() -> None:
    request = fitted("azure", payload())
    assert [one["type"] for one in request["tools"]] == ["function", "web_search"]
    assert request["input"][0]["role"] == "developer"
    assert "phase" in json.dumps(request)
    assert "prompt_cache_breakpoint" not in json.dumps(request)
    assert (request["prompt_cache_key"], request["reasoning"]["effort"]) == ("s1", "xhigh")


def test_a_value_that_says_what_the_server_does_anyway_goes_without_a_note() -> None:
    request = {"tool_choice": "auto", "parallel_tool_calls": True, "service_tier": "default"}
    assert fit(request, PROFILES["ollama"]) == ({}, ())
    asked = {"tool_choice": "required", "parallel_tool_calls": False, "service_tier": "fast"}
    assert fitted("ollama", asked) == {}
    assert codes("ollama", asked) == {(PARAMETER, name) for name in asked}


def test_an_object_that_becomes_empty_goes_with_its_content() -> None:
    assert fitted("lmstudio", {"text": {"verbosity": "low"}, "reasoning": {"summary": "auto"}}) == {}
    format_ = {"format": {"type": "text"}}
    assert fitted("lmstudio", {"text": {**format_, "verbosity": "low"}}) == {"text": format_}


@pytest.mark.parametrize("name", ["vllm", "lmstudio"])
def test_reasoning_that_a_server_does_not_take_is_left_out(name: str) -> None:
    request = {"input": [REASONING, {"role": "user", "content": "Hi"}, REASONING]}
    assert fitted(name, request) == {"input": [{"role": "user", "content": "Hi"}]}
    assert codes(name, request) == {(REASONED, "")}


@pytest.mark.parametrize("name", ["openai", "azure", "ollama"])
def test_reasoning_that_a_server_takes_goes_back(name: str) -> None:
    request = {"input": [REASONING]}
    assert fitted(name, request) is request


# -- what is said in another way --------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOCAL)
def test_a_server_without_developers_is_told_by_the_system(name: str) -> None:
    assert fitted(name, payload())["input"][0]["role"] == "system"


@pytest.mark.parametrize(
    ("name", "asked", "sent"),
    [
        ("ollama", "xhigh", "high"),
        ("ollama", "minimal", "none"),
        ("ollama", "max", "max"),
        ("lmstudio", "max", "high"),
        ("vllm", "xhigh", "xhigh"),
        ("azure", "minimal", "minimal"),
    ],
)
def test_an_effort_that_a_server_does_not_know_becomes_the_nearest(name: str, asked: str, sent: str) -> None:
    request = {"reasoning": {"effort": asked}}
    assert fitted(name, request) == {"reasoning": {"effort": sent}}
    assert ("changed.effort" in {code for code, _ in codes(name, request)}) is (asked != sent)


def test_vllm_refuses_earlier_answers_in_parts_and_gets_strings() -> None:
    """vLLM checks ``input`` with these types of the ``openai`` package: parts need an id that the bridge has not."""
    checked = TypeAdapter(list[ResponseInputItemParam | ResponseOutputItem])
    request = payload()
    with pytest.raises(ValidationError):
        checked.validate_python(copy.deepcopy(request["input"]))
    items = fitted("vllm", request)["input"]
    checked.validate_python(copy.deepcopy(items))
    answers = [item["content"] for item in items if item.get("role") == "assistant"]
    assert answers == ["Looking."]


@pytest.mark.parametrize("name", LOCAL)
def test_a_tool_result_of_several_texts_is_one_string(name: str) -> None:
    assert fitted(name, payload())["input"][-1]["output"] == "one\ntwo"


@pytest.mark.parametrize("name", LOCAL)
def test_a_tool_result_with_a_picture_stays_in_parts(name: str) -> None:
    output = [{"type": "input_text", "text": "one"}, {"type": "input_image", "image_url": "data:x"}]
    request = {"input": [{"type": "function_call_output", "output": output}]}
    assert fitted(name, request) is request


# -- tools ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOCAL)
def test_a_choice_of_a_hosted_tool_goes_with_it(name: str) -> None:
    only = payload(tools=[SEARCH], tool_choice={"type": "tool", "name": "web_search"})
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & fitted(name, only).keys()


@pytest.mark.parametrize(
    "choice",
    [{"type": "web_search"}, {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]}],
)
def test_a_forced_search_beside_functions_becomes_the_models_own_choice_and_is_said(choice: dict[str, Any]) -> None:
    request = {"tools": [{"type": "web_search"}, {"type": "function"}], "tool_choice": choice, "max_tool_calls": 2}
    assert fitted("vllm", request) == {"tools": [{"type": "function"}], "tool_choice": "auto"}
    assert (PARAMETER, "tool_choice") in codes("vllm", request)


def test_a_choice_among_tools_keeps_those_that_are_left() -> None:
    function = {"type": "function", "name": "f"}
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}, function]}
    request = {"tools": [{"type": "web_search"}, function], "tool_choice": allowed}
    assert fitted("vllm", request)["tool_choice"] == {**allowed, "tools": [function]}
    named = {**request, "tool_choice": function}
    assert fitted("vllm", named)["tool_choice"] == function


def test_a_forced_call_that_cannot_be_forced_is_said() -> None:
    forced = payload(tool_choice={"type": "tool", "name": "f"})
    assert (PARAMETER, "tool_choice") in codes("ollama", forced)
    assert (PARAMETER, "tool_choice") not in codes("ollama", payload())


def test_who_cannot_be_told_to_call_no_tool_sees_none() -> None:
    request = fitted("ollama", payload(tool_choice={"type": "none"}))
    assert not {"tools", "tool_choice"} & request.keys()
    assert fitted("vllm", payload(tool_choice={"type": "none"}))["tool_choice"] == "none"


# -- for every request ------------------------------------------------------------------------------------


def at(node: Any, steps: list[str]) -> Iterator[Any]:
    """What stands at a path, found in another way than the code does."""
    if not steps:
        yield node
    elif isinstance(node, list) and steps[0] == "*":
        for one in node:
            yield from at(one, steps[1:])
    elif isinstance(node, dict) and steps[0] in node:
        yield from at(node[steps[0]], steps[1:])


def remains(request: dict[str, Any], profile: Profile) -> list[str]:
    """What the server would refuse of ``request``."""
    items = request["input"] if isinstance(request.get("input"), list) else []
    missing = HOSTED_TOOLS - profile.hosted_tools
    left = [path for path in profile.refuses if list(at(request, path.split(".")))]
    left += [item["role"] for item in items if item.get("role") == "developer" and not profile.developer_role]
    left += [item["type"] for item in items if item.get("type") == "reasoning" and not profile.reasoning_items]
    left += [item["type"] for item in items if item.get("type") == "web_search_call" and "web_search" in missing]
    left += [one["type"] for one in request.get("tools", []) if one["type"] in missing]
    choice = request.get("tool_choice")
    if isinstance(choice, dict):
        left += [one["type"] for one in choice.get("tools", [choice]) if one["type"] in missing]
    effort = request.get("reasoning", {}).get("effort")
    left += [effort] if effort and profile.efforts and effort not in profile.efforts else []
    return left


PART = st.fixed_dictionaries(
    {"type": st.sampled_from(["input_text", "output_text"]), "text": st.text(max_size=3)},
    optional={"prompt_cache_breakpoint": st.just({"mode": "explicit"})},
)
PARTS = st.text(max_size=3) | st.lists(PART | st.just({"type": "input_image", "image_url": "data:x"}), max_size=3)
ROLES = st.sampled_from(["user", "assistant", "developer", "system"])
ITEM = (
    st.fixed_dictionaries(
        {"type": st.just("message"), "role": ROLES, "content": PARTS},
        optional={"phase": st.sampled_from(["commentary", "final_answer"])},
    )
    | st.fixed_dictionaries({"type": st.just("function_call_output"), "call_id": st.just("c"), "output": PARTS})
    | st.sampled_from([REASONING, {"type": "web_search_call", "id": "ws_1"}, {"type": "function_call", "name": "f"}])
)
TOOLS = st.sampled_from([{"type": "function", "name": "f", "strict": False}, {"type": "web_search"}, {"type": "mcp"}])
EFFORTS = st.sampled_from(["none", "minimal", "low", "xhigh", "max"])
REQUESTS = st.fixed_dictionaries(
    {"model": st.just("m")},
    optional={
        "input": st.text(max_size=3) | st.lists(ITEM, max_size=6),
        "include": st.lists(st.sampled_from(["reasoning.encrypted_content", "other"]), max_size=2),
        "metadata": st.just({"a": "b"}),
        "max_tool_calls": st.just(2),
        "parallel_tool_calls": st.booleans(),
        "prompt_cache_key": st.just("k"),
        "prompt_cache_options": st.just({"mode": "implicit"}),
        "reasoning": st.fixed_dictionaries(
            {}, optional={"effort": EFFORTS, "summary": st.just("auto"), "context": st.just("auto")}
        ),
        "safety_identifier": st.just("s"),
        "service_tier": st.sampled_from(["auto", "fast", None]),
        "store": st.just(False),
        "stream_options": st.just({"include_obfuscation": False}),
        "text": st.fixed_dictionaries({}, optional={"verbosity": st.just("low"), "format": st.just({"type": "text"})}),
        "tools": st.lists(TOOLS, max_size=3),
        "tool_choice": st.sampled_from(["auto", "none", "required", {"type": "function", "name": "f"}])
        | st.fixed_dictionaries({"type": st.just("allowed_tools"), "tools": st.lists(TOOLS, max_size=2)}),
    },
)


@given(REQUESTS, st.sampled_from(list(PROFILES.values())))
def test_a_fitted_request_holds_nothing_refused_and_the_given_one_is_as_before(
    request_: dict[str, Any], profile: Profile
) -> None:
    before = copy.deepcopy(request_)
    request, notes = fit(request_, profile)
    assert request_ == before
    assert remains(request, profile) == []
    again, nothing = fit(request, profile)
    assert again is request
    assert nothing == ()
    assert len(set(notes)) == len(notes)
    assert all(note.code in CODES for note in notes)


async def test_what_was_left_out_stands_on_the_row(use: Any, ends: list[ExchangeFinished]) -> None:
    async with wired(saying(answer_events()), key_header="api-key") as (wire, upstream):
        use(upstream, profile=PROFILES["ollama"])
        caller = await Caller(body={**BODY, "system": "Be brief."}).on(bridge())
        assert caller.status == 200
        sent = json.loads(wire.requests[0][2])
    assert sent["input"][0]["role"] == "system"
    assert validate(sent, own_reasoning=False)
    assert "changed.upstream_role" in {note.code for note in ends[0].notes}
