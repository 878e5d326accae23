"""What is left out for servers that do not take all of a Responses request, and that it is said."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_api.profiles import OPENAI, PROFILES, Profile, fit, profile_of
from bridge_api.signals import ExchangeFinished
from tests.bridge_api.edge import BODY, Caller, answer_events, bridge, saying, wired
from tests.bridge_api.translation import helpers
from tests.bridge_api.translation.helpers import result, run, said, tool, user
from tests.simulator.strict import validate

MARKED = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}


def payload(**fields: Any) -> dict[str, Any]:
    """A request with all that the bridge sends."""
    rich = {
        "system": "Be brief.",
        "tools": [tool(), {"type": "web_search_20250305", "name": "web_search"}],
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "xhigh"},
        "service_tier": "auto",
        "session": "s1",
    }
    return run(user(MARKED, "x"), said("Looking.", helpers.use()), user(result()), **{**rich, **fields}).payload


def codes(profile: Profile, request: dict[str, Any]) -> set[tuple[str, str]]:
    return {(note.code, note.where) for note in fit(request, profile)[1]}


@pytest.mark.parametrize("name", ["", "openay", "azure-v2"])
def test_an_unknown_server_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match="openai, azure, vllm, ollama, lmstudio"):
        profile_of(name)
    assert profile_of(" Azure ") is PROFILES["azure"]


def test_for_openai_nothing_is_done() -> None:
    request = payload()
    fitted, notes = fit(request, OPENAI)
    assert fitted is request
    assert notes == ()


def test_azure_takes_its_key_in_a_header_of_its_own() -> None:
    assert PROFILES["azure"].key_header == "api-key"
    fitted, _ = fit(payload(), PROFILES["azure"])
    assert "prompt_cache_breakpoint" not in json.dumps(fitted)
    assert fitted["prompt_cache_key"] == "s1"
    assert fitted["reasoning"]["effort"] == "xhigh"


@pytest.mark.parametrize("name", ["vllm", "ollama", "lmstudio"])
def test_a_local_server_gets_functions_only_and_the_loss_is_said(name: str) -> None:
    request, profile = payload(), PROFILES[name]
    fitted, _ = fit(request, profile)
    assert [one["type"] for one in fitted["tools"]] == ["function"]
    assert not {"prompt_cache_key", "safety_identifier", "service_tier", "stream_options"} & fitted.keys()
    assert "web_search_call.action.sources" not in fitted.get("include", [])
    found = codes(profile, request)
    assert ("dropped.upstream_tool", "web_search") in found
    assert ("dropped.upstream_parameter", "prompt_cache_key") in found
    assert ("ignored.cache_control", "") in found
    assert not profile.counts


@pytest.mark.parametrize(("name", "effort"), [("vllm", "xhigh"), ("ollama", "high"), ("lmstudio", "xhigh")])
def test_an_effort_that_a_server_does_not_know_becomes_the_nearest(name: str, effort: str) -> None:
    fitted, notes = fit(payload(), PROFILES[name])
    assert fitted["reasoning"]["effort"] == effort
    assert ("changed.effort" in {note.code for note in notes}) is (effort == "high")


@pytest.mark.parametrize(("name", "role"), [("vllm", "developer"), ("ollama", "system"), ("lmstudio", "system")])
def test_a_server_without_developers_is_told_by_the_system(name: str, role: str) -> None:
    fitted, notes = fit(payload(), PROFILES[name])
    assert fitted["input"][0]["role"] == role
    assert ("changed.upstream_role" in {note.code for note in notes}) is (role == "system")


def test_a_choice_of_a_hosted_tool_goes_with_it() -> None:
    request = {"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}, "parallel_tool_calls": True}
    assert fit(request, PROFILES["vllm"])[0] == {}
    both = {"tools": [{"type": "web_search"}, {"type": "function"}], "tool_choice": {"type": "web_search"}}
    assert fit(both, PROFILES["vllm"])[0]["tool_choice"] == "auto"


def test_reasoning_that_a_server_does_not_take_is_left_out() -> None:
    request = {"input": [{"type": "reasoning"}, {"role": "user", "content": "Hi"}]}
    assert fit(request, PROFILES["lmstudio"])[0]["input"] == request["input"][1:]
    assert fit(request, PROFILES["vllm"])[0] == request


def test_a_forced_call_that_cannot_be_forced_is_said() -> None:
    forced = payload(tool_choice={"type": "tool", "name": "f"})
    assert ("dropped.upstream_parameter", "tool_choice") in codes(PROFILES["ollama"], forced)
    assert ("dropped.upstream_parameter", "tool_choice") not in codes(PROFILES["ollama"], payload())


REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "prompt_cache_key": st.just("k"),
        "service_tier": st.sampled_from(["auto", "flex"]),
        "include": st.lists(st.sampled_from(["reasoning.encrypted_content", "other"])),
        "reasoning": st.fixed_dictionaries(
            {}, optional={"effort": st.sampled_from(["minimal", "xhigh"]), "summary": st.just("auto")}
        ),
        "text": st.fixed_dictionaries({}, optional={"verbosity": st.just("low"), "format": st.just({"type": "text"})}),
        "tools": st.lists(st.sampled_from([{"type": "function"}, {"type": "web_search"}, {"type": "custom"}])),
        "tool_choice": st.sampled_from(["auto", "required", {"type": "web_search"}]),
        "input": st.just("text")
        | st.lists(
            st.sampled_from(
                [
                    {"type": "reasoning", "encrypted_content": "x"},
                    {"role": "developer", "content": [{"type": "input_text", "prompt_cache_breakpoint": {}}]},
                    {"type": "message", "role": "assistant", "phase": "commentary", "content": "x"},
                    {"type": "function_call_output", "output": [{"prompt_cache_breakpoint": {}}]},
                ]
            )
        ),
    },
)


@given(REQUESTS, st.sampled_from(list(PROFILES.values())))
def test_a_fitted_request_fits_and_the_given_one_is_as_before(request_: dict[str, Any], profile: Profile) -> None:
    before = copy.deepcopy(request_)
    fitted, notes = fit(request_, profile)
    assert request_ == before
    assert fit(fitted, profile) == (fitted, ())
    assert len(set(notes)) == len(notes)


async def test_what_was_left_out_stands_on_the_row(use: Any, ends: list[ExchangeFinished]) -> None:
    async with wired(saying(answer_events()), key_header="api-key") as (wire, upstream):
        use(upstream, profile=PROFILES["ollama"])
        caller = await Caller(body={**BODY, "system": "Be brief."}).on(bridge())
        assert caller.status == 200
        sent = json.loads(wire.requests[0][2])
    assert sent["input"][0]["role"] == "system"
    assert "store" not in sent
    assert validate({**sent, "store": False}, own_reasoning=False)
    assert "changed.upstream_role" in {note.code for note in ends[0].notes}
