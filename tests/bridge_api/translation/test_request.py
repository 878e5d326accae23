"""Requests: what goes upstream, what is noted, what is refused. Each result passes the strict simulator."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from bridge_api.errors import InvalidRequest
from bridge_api.mapping import Route
from bridge_api.schemas.anthropic import parse_messages
from bridge_api.translation.notes import CODES
from bridge_api.translation.reasoning import seal
from bridge_api.translation.request import (
    PREFILL_REFUSED,
    RequestContext,
    translate,
    without_reasoning,
    without_summary,
)
from tests.bridge_api.translation.helpers import USER, codes, items, result, run, said, tool, use, user

PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}


def ours(
    number: int = 1, family: str = "gpt-5.6", upstream: str = "u1", summary: tuple[str, ...] = ("Why.",)
) -> dict[str, Any]:
    signature = seal(
        item_id=f"rs_{number}", encrypted=f"enc{number}", texts=list(summary), family=family, upstream=upstream
    )
    return {"type": "thinking", "thinking": "Why.", "signature": signature}


# -- refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"thread": {"type": "create"}}, "thread: "),
        ({"compaction": {"type": "summarize"}}, "compaction: "),
        ({"mcp_servers": [{"type": "url", "name": "x", "url": "https://x"}]}, "mcp_servers: "),
        ({"container": {"skills": [{"type": "custom", "skill_id": "s"}]}}, "container.skills: "),
        ({"stop_sequences": ["ok", " \n"]}, "stop_sequences.1: "),
        ({"max_tokens": 0, "stream": True}, "max_tokens: "),
        ({"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]}, "tools.0: "),
        ({"tools": [{"type": "nonsense_1", "name": "x"}]}, "tools.0.type: "),
        ({"tools": [{"name": "x"}]}, "tools.0.input_schema: Field required"),
        ({"tools": [{"name": "x", "input_schema": []}]}, "tools.0.input_schema: "),
        ({"tools": [{"input_schema": {}}]}, "tools.0.name: "),
        ({"tools": [tool(), tool()]}, "tools.1.name: "),
        ({"tools": [tool()], "tool_choice": {"type": "tool", "name": "g"}}, "tool_choice.name: "),
        ({"tool_choice": {"type": "any"}}, "tool_choice: "),
        ({"thinking": {"type": "enabled"}}, "thinking.enabled.budget_tokens: "),
        ({"thinking": {"type": "enabled", "budget_tokens": 10}}, "thinking.enabled.budget_tokens: "),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "max_tokens: "),
        ({"billing_policy": {"type": "billing_policy", "bill_to": "user_profile"}}, "billing_policy.bill_to: "),
    ],
)
def test_what_may_not_be_ignored_is_refused_by_its_field(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        run(**fields)
    assert caught.value.message.startswith(message)
    assert caught.value.headers == {"x-should-retry": "false"}


@pytest.mark.parametrize(
    ("block", "where"),
    [
        ({"type": "image", "source": {"type": "base64", "media_type": "image/tiff", "data": "x"}}, "source.media_type"),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}, "source.data"),
        ({"type": "image", "source": {"type": "url", "url": "file:///etc/passwd"}}, "source.url"),
        ({"type": "image", "source": {"type": "file", "file_id": "file_011"}}, "source.file_id"),
        (
            {"type": "document", "source": {"type": "base64", "media_type": "text/html", "data": "x"}},
            "source.media_type",
        ),
        ({"type": "container_upload", "file_id": "file_1"}, ""),
        ({"type": "thinking", "thinking": "x", "signature": "y"}, "type"),
    ],
)
def test_a_block_that_cannot_go_upstream_is_refused_by_its_place(block: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        run(user("x", block))
    assert caught.value.message.startswith(f"messages.0.content.1{'.' if where else ''}{where}: ")
    assert "passwd" not in caught.value.message


def test_a_thread_is_refused_in_the_way_the_tool_runner_understands() -> None:
    with pytest.raises(InvalidRequest) as caught:
        run(thread={"type": "create"})
    assert caught.value.details == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}


def test_a_prefill_is_refused_for_models_whose_clients_know_the_refusal() -> None:
    with pytest.raises(InvalidRequest, match=PREFILL_REFUSED.replace(".", r"\.")):
        run(USER, {"role": "assistant", "content": "It is"})


@pytest.mark.parametrize("field", ["temperature", "top_p", "top_k"])
def test_the_newer_version_refuses_sampling_fields(field: str) -> None:
    with pytest.raises(InvalidRequest, match=f"{field}: Extra inputs are not permitted"):
        run(version="2026-10-21", **{field: 1})


# -- the constant part ------------------------------------------------------------------------------------


def test_every_request_is_stateless_and_streamed() -> None:
    payload = run().payload
    assert payload["store"] is False
    assert payload["stream"] is True
    assert payload["include"] == ["reasoning.encrypted_content"]
    assert payload["stream_options"] == {"include_obfuscation": False}
    assert "truncation" not in payload
    assert "instructions" not in payload


def test_a_model_that_does_not_reason_is_asked_for_no_reasoning() -> None:
    payload = run(served="gpt-4o", thinking={"type": "adaptive"}, output_config={"effort": "max"}).payload
    assert "reasoning" not in payload
    assert "include" not in payload


def test_users_and_sessions_are_told_as_short_keys_that_stay_the_same() -> None:
    def identity(session: str, **device: str) -> dict[str, Any]:
        user_id = json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": session, **device})
        return run(metadata={"user_id": user_id}).payload

    first, second = identity("aaaa-1"), identity("bbbb-2")
    assert first["safety_identifier"] == second["safety_identifier"]
    assert len(first["safety_identifier"]) == 64
    assert "d" * 20 not in json.dumps(first)
    assert (first["prompt_cache_key"], second["prompt_cache_key"]) == ("aaaa-1", "bbbb-2")
    assert run(session="from-header").payload["prompt_cache_key"] == "from-header"
    assert run(system="x").payload["prompt_cache_key"] == run(USER, USER, system="x").payload["prompt_cache_key"]
    assert run(system="x").payload["prompt_cache_key"] != run(system="y").payload["prompt_cache_key"]


# -- limits and sampling ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "sent", "note"),
    [
        (..., None, "changed.max_tokens_missing"),
        (1, 16, "changed.max_tokens_minimum"),
        (16, 16, None),
        (200_000, 128_000, "changed.max_tokens_maximum"),
    ],
)
def test_max_tokens_fits_the_upstream(asked: Any, sent: int | None, note: str | None) -> None:
    translated = run(max_tokens=asked)
    assert translated.payload.get("max_output_tokens") == sent
    assert note is None or note in codes(translated)
    assert translated.plan.cut_tokens == (1 if asked == 1 else None)


def test_no_tokens_are_answered_here() -> None:
    translated = run(max_tokens=0)
    assert translated.local_answer is not None
    assert translated.local_answer["content"] == []
    assert translated.local_answer["stop_reason"] == "max_tokens"


@pytest.mark.parametrize(
    ("served", "thinking", "sent"),
    [
        ("gpt-4o", None, True),
        ("gpt-5-mini", None, False),
        ("gpt-5.6-sol", {"type": "disabled"}, True),
        ("gpt-5.6-sol", None, False),
    ],
)
def test_sampling_goes_where_the_model_takes_it(served: str, thinking: Any, sent: bool) -> None:
    translated = run(served=served, temperature=0.5, top_p=0.9, top_k=4, thinking=thinking)
    assert ("temperature" in translated.payload) is sent
    assert ("dropped.temperature" in codes(translated)) is not sent
    assert "dropped.top_k" in codes(translated)


def test_tiers_and_speed() -> None:
    assert run(service_tier="standard_only").payload["service_tier"] == "default"
    assert run(service_tier="auto").payload["service_tier"] == "auto"
    assert run(speed="fast").payload["service_tier"] == "fast"
    assert "service_tier" not in run(speed="standard").payload


# -- thinking ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reasoning", "show"),
    [
        ({}, None, True),
        ({"thinking": {"type": "adaptive"}}, {"effort": "high", "summary": "auto"}, True),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, {"effort": "high"}, True),
        ({"thinking": {"type": "adaptive", "display": "updates"}}, {"effort": "high", "summary": "concise"}, True),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            {"effort": "low", "summary": "auto"},
            True,
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4000},
            {"effort": "low", "summary": "auto"},
            True,
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 31999}, "max_tokens": 32000},
            {"effort": "xhigh", "summary": "auto"},
            True,
        ),
        ({"thinking": {"type": "disabled"}}, {"effort": "none"}, False),
        ({"thinking": {"type": "between_tools"}}, {"effort": "none"}, False),
        ({"output_config": {"effort": "max"}}, {"effort": "max"}, True),
        ({"model": "claude-sonnet-4-5"}, None, False),
    ],
)
def test_thinking_becomes_reasoning(fields: dict[str, Any], reasoning: Any, show: bool) -> None:
    translated = run(**fields)
    assert translated.payload.get("reasoning") == reasoning
    assert translated.plan.show_thinking is show


def test_an_effort_beyond_the_model_is_lowered_and_noted() -> None:
    translated = run(served="o4-mini", output_config={"effort": "max"})
    assert translated.payload["reasoning"] == {"effort": "high"}
    assert "changed.effort" in codes(translated)


def test_a_system_message_after_the_last_turn_sets_the_effort() -> None:
    late = {"role": "system", "content": [], "output_config": {"effort": "low"}}
    assert run(USER, late, output_config={"effort": "max"}).payload["reasoning"]["effort"] == "low"
    assert run(USER, late, said("x"), USER, output_config={"effort": "max"}).payload["reasoning"]["effort"] == "max"


# -- messages ---------------------------------------------------------------------------------------------


def test_system_becomes_a_developer_message_without_the_attribution_line() -> None:
    system = [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=1; cch=abc;"},
        {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
    ]
    translated = run(system=system)
    marked = {"type": "input_text", "text": "Be brief.", "prompt_cache_breakpoint": {"mode": "explicit"}}
    assert items(translated)[0] == {"type": "message", "role": "developer", "content": [marked]}
    assert "ignored.billing_header" in codes(translated)
    assert items(run(system=system, served="gpt-5.2"))[0]["content"] == [{"type": "input_text", "text": "Be brief."}]


def test_media_goes_as_typed_parts_in_order() -> None:
    document = {
        "type": "document",
        "title": "Report",
        "context": "Old.",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
    }
    translated = run(
        user(
            "look",
            {"type": "image", "source": PNG},
            {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
            {"type": "image", "source": {"type": "file", "file_id": "file-abc"}},
            document,
            {"type": "document", "source": {"type": "url", "url": "https://x.example/a.pdf"}},
        )
    )
    parts = items(translated)[0]["content"]
    assert [part["type"] for part in parts] == [
        "input_text",
        "input_image",
        "input_image",
        "input_image",
        "input_text",
        "input_file",
        "input_file",
    ]
    assert parts[1]["image_url"] == "data:image/png;base64,iVBORw0KGgo="
    assert parts[3]["file_id"] == "file-abc"
    assert parts[5]["filename"] == "Report.pdf"
    assert parts[6] == {"type": "input_file", "file_url": "https://x.example/a.pdf"}


def test_text_documents_and_search_results_are_framed() -> None:
    translated = run(
        user(
            {
                "type": "document",
                "title": 'A "b" <c>',
                "source": {"type": "text", "media_type": "text/plain", "data": "body"},
                "citations": {"enabled": True},
            },
            {
                "type": "document",
                "source": {
                    "type": "content",
                    "content": [{"type": "text", "text": "in"}, {"type": "image", "source": PNG}],
                },
            },
            {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "found"}]},
        )
    )
    parts = items(translated)[0]["content"]
    assert parts[0]["text"] == '<document title="A &quot;b&quot; &lt;c&gt;">\nbody\n</document>'
    assert [part["type"] for part in parts[1:5]] == ["input_text", "input_text", "input_image", "input_text"]
    assert parts[5]["text"] == '<search_result source="s" title="t">\nfound\n</search_result>'
    assert {"dropped.citations", "changed.framed_text"} <= codes(translated)


def test_tool_history_pairs_and_keeps_its_order() -> None:
    translated = run(
        USER,
        said("Let me see.", use("f", "a", n=1), use("g", "b")),
        user(
            result("one", "a"),
            result([{"type": "text", "text": "two"}, {"type": "image", "source": PNG}], "b", is_error=True),
            "and?",
        ),
        tools=[tool("f"), tool("g")],
    )
    found = items(translated)
    assert [item["type"] for item in found] == [
        "message",
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
        "message",
    ]
    assert found[1]["content"] == [{"type": "output_text", "text": "Let me see."}]
    assert found[1]["phase"] == "commentary"
    assert found[2]["arguments"] == '{"n":1}'
    assert found[5]["output"][0]["text"] == "Error: two"
    assert found[5]["output"][1]["type"] == "input_image"


@pytest.mark.parametrize(
    ("content", "sent"), [("", "(no output)"), (None, "(no output)"), ([], "(no output)"), ("x", "x")]
)
def test_an_empty_result_has_a_placeholder(content: Any, sent: str) -> None:
    assert items(run(USER, said(use()), user(result(content))))[2]["output"] == sent


def test_orphans_are_repaired() -> None:
    interrupted = run(USER, said(use(at="a"), use(at="b")), user(result("x", "b"), "stop"))
    assert [item.get("call_id") for item in items(interrupted)[1:5]] == ["a", "b", "a", "b"]
    assert "changed.orphan_tool_use" in codes(interrupted)
    unasked = run(user(result("data", "zzz")))
    assert items(unasked)[0]["content"][0]["text"] == "[tool result] data"
    assert "changed.orphan_tool_result" in codes(unasked)
    late = run(USER, said(use(at="a")), user("wait"), said("ok"), user(result("x", "a")))
    assert items(late)[2]["type"] == "function_call_output"
    assert items(run(USER, said(use(at="a"))))[2]["type"] == "function_call_output"


def test_a_system_message_stays_in_its_place_and_never_parts_call_and_result() -> None:
    system = {"role": "system", "content": "Note."}
    assert [item["role"] for item in items(run(USER, system, said("x"), USER))] == [
        "user",
        "developer",
        "assistant",
        "user",
    ]
    moved = run(USER, said(use()), system, user(result()))
    assert [item["type"] for item in items(moved)] == ["message", "function_call", "function_call_output", "message"]
    hidden = {"role": "system", "content": "Once.", "clear_at": "next_user_message"}
    assert len(items(run(USER, hidden))) == 2
    assert len(items(run(USER, hidden, said("x"), USER))) == 3


def test_names_and_ids_that_do_not_fit_are_mapped_everywhere_alike() -> None:
    name = "mcp__a_server_with_a_long_name__" + "x" * 90
    translated = run(
        USER,
        said(use(name, "call with blanks")),
        user(result("x", "call with blanks")),
        tools=[tool(name)],
        tool_choice={"type": "tool", "name": name},
    )
    sent = translated.payload["tools"][0]["name"]
    assert len(sent) <= 64
    assert items(translated)[1]["name"] == sent == translated.payload["tool_choice"]["name"]
    assert items(translated)[1]["call_id"] == items(translated)[2]["call_id"] != "call with blanks"
    assert translated.plan.tools[sent].name == name


def test_reasoning_comes_back_before_what_it_led_to() -> None:
    translated = run(USER, said(ours(1), "text", ours(2), use()), user(result()))
    assert [item["type"] for item in items(translated)] == [
        "message",
        "reasoning",
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
    ]
    assert items(translated)[1] == {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "Why."}],
        "encrypted_content": "enc1",
    }


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "x", "signature": ""},
        {"type": "thinking", "thinking": "x", "signature": "ErUBforeign"},
        {"type": "redacted_thinking", "data": "opaque"},
        ours(family="gpt-4"),
        ours(upstream="another"),
    ],
)
def test_foreign_reasoning_never_fails_a_request(block: dict[str, Any]) -> None:
    translated = run(USER, said(block, "text"), USER)
    assert [item["type"] for item in items(translated)] == ["message"] * 3
    assert "dropped.foreign_reasoning" in codes(translated)


def test_reasoning_that_led_to_nothing_is_left_out() -> None:
    translated = run(USER, said(ours()), USER)
    assert [item["type"] for item in items(translated)] == ["message", "message"]
    assert "dropped.orphan_reasoning" in codes(translated)


def test_server_tools_of_ours_are_replayed_and_others_told() -> None:
    search = {"type": "server_tool_use", "id": "srvtoolu_ws_12", "name": "web_search", "input": {"query": "q"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_ws_12", "content": []}
    replayed = run(USER, said(ours(), search, found, "so"), USER)
    assert items(replayed)[2] == {
        "type": "web_search_call",
        "id": "ws_12",
        "status": "completed",
        "action": {"type": "search", "query": "q"},
    }
    other = {**search, "id": "srvtoolu_01"}
    hits = {
        **found,
        "tool_use_id": "srvtoolu_01",
        "content": [{"type": "web_search_result", "url": "https://a", "title": "A", "encrypted_content": "x"}],
    }
    told = run(USER, said(other, hits, "so"), USER)
    assert "https://a" in items(told)[2]["content"][0]["text"]
    assert "dropped.server_tool_history" in codes(told)


def test_a_compaction_stands_for_all_before_it() -> None:
    translated = run(USER, said(use()), user(result()), said({"type": "compaction", "content": "Summary."}, "ok"), USER)
    assert [item["role"] for item in items(translated)] == ["user", "assistant", "user"]
    assert "Summary." in items(translated)[0]["content"][0]["text"]


def test_a_count_may_end_with_an_assistant_message() -> None:
    body = {"model": "claude-opus-5-5", "messages": [USER, {"role": "assistant", "content": "It is"}]}
    context = RequestContext(route=Route("claude-opus-5-5", "gpt-6.1-sol", "default"))
    translated = translate(parse_messages(json.dumps(body).encode(), count=True), context, count=True)
    assert [item["role"] for item in items(translated)] == ["user", "assistant"]


def test_a_prefill_is_continued_for_clients_that_may_send_one() -> None:
    translated = run(USER, {"role": "assistant", "content": "It is"}, model="claude-sonnet-4-5")
    assert items(translated)[-1]["role"] == "developer"
    assert translated.plan.prefill == "It is"


# -- tools ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "sent", "parallel"),
    [
        (None, "auto", True),
        ({"type": "auto", "disable_parallel_tool_use": True}, "auto", False),
        ({"type": "any"}, "required", True),
        ({"type": "none"}, "none", True),
        ({"type": "tool", "name": "f", "disable_parallel_tool_use": True}, {"type": "function", "name": "f"}, False),
    ],
)
def test_every_tool_choice_has_its_form(choice: Any, sent: Any, parallel: bool) -> None:
    payload = run(tools=[tool("f"), tool("g")], tool_choice=choice).payload
    assert payload["tool_choice"] == sent
    assert payload["parallel_tool_calls"] is parallel


def test_any_of_one_tool_is_that_tool() -> None:
    assert run(tools=[tool("f")], tool_choice={"type": "any"}).payload["tool_choice"] == {
        "type": "function",
        "name": "f",
    }


def test_strict_is_always_said() -> None:
    strict = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    loose = {"type": "object", "properties": {"a": {"type": "string"}}}
    sent = run(tools=[tool("a", strict, strict=True), tool("b", loose, strict=True), tool("c", loose)]).payload["tools"]
    assert [one["strict"] for one in sent] == [True, True, False]
    assert sent[1]["parameters"]["properties"]["a"]["type"] == ["string", "null"]


def test_deferred_tools_are_offered_once_something_names_them() -> None:
    late = [tool("f"), tool("late", defer_loading=True), tool("never", defer_loading=True)]

    def names(*messages: dict[str, Any], **more: Any) -> list[str]:
        return [one["name"] for one in run(*messages, tools=late, **more).payload["tools"]]

    loaded = user(result([{"type": "tool_reference", "tool_name": "late"}]))
    added = {
        "role": "system",
        "content": [{"type": "tool_addition", "tool": {"type": "tool_reference", "name": "late"}}],
    }
    removed = {"role": "system", "content": [{"type": "tool_removal", "tool": {"type": "tool_reference", "name": "f"}}]}
    inline = {
        "role": "system",
        "content": [{"type": "tool_addition", "tool": {"type": "tool_definition", "definition": tool("new")}}],
    }
    assert names() == ["f"]
    assert names(USER, said(use()), loaded) == ["f", "late"]
    assert names(USER, added) == ["f", "late"]
    assert names(USER, added, said("x"), USER, removed) == ["late"]
    assert names(USER, inline) == ["f", "new"]
    assert names(tool_choice={"type": "tool", "name": "late"}) == ["f", "late"]


def test_anthropics_client_tools_are_functions() -> None:
    sent = run(
        tools=[
            {"type": "bash_20250124", "name": "bash"},
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
            {"type": "memory_20250818", "name": "memory"},
            {"type": "computer_20250124", "name": "computer", "display_width_px": 800, "display_height_px": 600},
            {"type": "computer_toolset_20260801", "configs": {"zoom": {"enabled": False}}},
        ]
    )
    names = [one["name"] for one in sent.payload["tools"]]
    assert names[:4] == ["bash", "str_replace_based_edit_tool", "memory", "computer"]
    assert "computer__left_click" in names
    assert "computer__zoom" not in names
    assert "800 x 600" in sent.payload["tools"][3]["description"]
    assert (sent.plan.tools["computer__left_click"].name, sent.plan.tools["computer__left_click"].toolset) == (
        "left_click",
        "computer",
    )


def test_web_search_goes_to_the_hosted_one() -> None:
    translated = run(
        tools=[
            {
                "type": "web_search_20250305",
                "name": "web_search",
                "max_uses": 8,
                "allowed_domains": ["a.example/x"],
                "blocked_domains": ["b.example"],
            }
        ]
    )
    assert translated.payload["tools"] == [
        {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}, "user_location": {"type": "approximate"}}
    ]
    assert translated.payload["max_tool_calls"] == 8
    assert "web_search_call.action.sources" in translated.payload["include"]
    assert {"dropped.blocked_domains", "dropped.domain_paths"} <= codes(translated)
    assert translated.plan.blocked_domains == ("b.example",)


# -- structured output ------------------------------------------------------------------------------------


def test_a_schema_in_the_strict_subset_goes_as_it_is() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    translated = run(output_config={"format": {"type": "json_schema", "schema": schema}})
    assert translated.payload["text"]["format"] == {
        "type": "json_schema",
        "name": "output",
        "schema": schema,
        "strict": True,
    }
    assert translated.plan.structured is not None
    assert translated.plan.structured.rebuilds is False


def test_optional_members_and_other_roots_are_put_back_afterwards() -> None:
    optional = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    translated = run(output_config={"format": {"type": "json_schema", "schema": optional}})
    assert translated.payload["text"]["format"]["schema"]["required"] == ["a"]
    assert translated.plan.structured is not None
    assert translated.plan.structured.nullable
    listed = run(output_format={"type": "json_schema", "schema": {"type": "array", "items": {"type": "string"}}})
    assert listed.plan.structured is not None
    assert listed.plan.structured.wrapped
    open_ended = run(
        output_config={"format": {"type": "json_schema", "schema": {"type": "object", "additionalProperties": True}}}
    )
    assert open_ended.payload["text"]["format"]["strict"] is False
    assert "changed.structured_output_loose" in codes(open_ended)


# -- the whole --------------------------------------------------------------------------------------------


def test_unknown_fields_are_noted_by_name_only_where_they_look_like_names() -> None:
    translated = run(brand_new_field=1, **{"My secret key!": 2})
    assert {(note.code, note.where) for note in translated.notes} >= {
        ("ignored.unknown_field", "brand_new_field"),
        ("ignored.unknown_field", ""),
    }
    assert "secret" not in repr(translated.notes)


def test_every_note_has_a_meaning() -> None:
    assert all(meaning.endswith(".") for meaning in CODES.values())


def test_the_same_request_is_the_same_bytes() -> None:
    def once() -> bytes:
        return json.dumps(run(USER, said(ours(), use(n=1.0)), user(result()), tools=[tool()]).payload).encode()

    assert once() == once()


def test_a_longer_conversation_begins_with_the_shorter_one() -> None:
    turns = [
        user("look", {"type": "image", "source": PNG}),
        {"role": "system", "content": [{"type": "text", "text": "Env."}]},
        said(ours(1), "Let me see.", use("f", "a", n=1)),
        user(result("one", "a", cache_control={"type": "ephemeral"})),
        said(ours(2), use("f", "b")),
        user(
            result([{"type": "text", "text": "two"}], "b"),
            {"type": "text", "text": "go on", "cache_control": {"type": "ephemeral"}},
        ),
        said("Done."),
        user({"type": "text", "text": "thanks", "cache_control": {"type": "ephemeral"}}),
    ]
    asked = [2, 4, 6, 8]
    inputs = [items(run(*turns[:end], tools=[tool()], system="S")) for end in asked]
    unmarked = json.loads(json.dumps(turns).replace(', "cache_control": {"type": "ephemeral"}', ""))
    inputs.append(items(run(*unmarked, tools=[tool()], system="S")))
    for before, after in itertools.pairwise(inputs):
        assert json.dumps(after).startswith(json.dumps(before)[:-1])


def test_a_mark_inside_a_message_is_a_breakpoint() -> None:
    translated = run(
        user({"type": "text", "text": "long document", "cache_control": {"type": "ephemeral"}}, "question")
    )
    assert items(translated)[0]["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit"}
    assert "prompt_cache_breakpoint" not in items(translated)[0]["content"][1]


def test_repairs_take_out_one_thing() -> None:
    payload = run(USER, said(ours(), "x"), USER, thinking={"type": "adaptive"}).payload
    assert [item["type"] for item in without_reasoning(payload)["input"]] == ["message"] * 3
    assert without_summary(payload)["reasoning"] == {"effort": "high"}
    assert payload["reasoning"]["summary"] == "auto"
