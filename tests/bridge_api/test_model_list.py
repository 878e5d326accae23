"""The Models API's answers: whole by the SDK's own types, true of the bridge, and in pages that lose nothing."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Any, Union, get_args, get_origin

import pytest
from anthropic.pagination import SyncPage
from anthropic.types import ModelInfo
from anthropic.types.beta import BetaModelInfo
from anthropic.types.model import Model
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from bridge_api import capabilities
from bridge_api.capabilities import Capabilities, Table
from bridge_api.errors import InvalidRequest, NotFound, envelope
from bridge_api.mapping import FAMILY_MODELS, ModelMap
from bridge_api.model_list import EFFORTS, LIFECYCLES, LISTED, Listed, asked_for, info, offered, one, page
from bridge_api.rules import Adjustments, Rule, family_in
from tests.bridge_api.translation.helpers import codes, items, run, user

# Models that the simulator knows, of every kind in the table.
SERVED = [
    *FAMILY_MODELS.values(),
    *(
        "gpt-5.6-sol",
        "gpt-5.5-pro",
        "gpt-5.4-mini",
        "gpt-5.3-codex",
        "gpt-5.2",
        "gpt-5.1",
        "gpt-5.1-codex-max",
        "gpt-5",
    ),
    *("gpt-5-pro", "gpt-5-chat-latest", "gpt-4.1", "gpt-4o", "gpt-4", "gpt-4-turbo", "gpt-3.5-turbo", "o3", "o4-mini"),
]
ROWS = [*capabilities.built_in().items(), ("mystery-9", capabilities.UNKNOWN)]
SECRET = "sk-ant-never-told"


def entry(id: str = "claude-x", caps: Capabilities | None = None, **more: Any) -> Listed:
    return Listed(id, id.title(), None, date(2026, 1, 2), caps or capabilities.of("gpt-6"), **more)


def told(caps: Capabilities) -> dict[str, Any]:
    """Which capabilities are told as supported, by dotted name."""
    flat: dict[str, Any] = {}

    def walk(value: dict[str, Any], path: str) -> None:
        for name, inner in value.items():
            if name == "supported":
                flat[path] = inner
            else:
                walk(inner, f"{path}.{name}".strip("."))

    walk(info(entry(caps=caps))["capabilities"], "")
    return flat


def ids(answer: dict[str, Any]) -> list[str]:
    return [model["id"] for model in answer["data"]]


# -- what is wrong in the question ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"limit": ["0"]}, "limit: Input should be greater than or equal to 1"),
        ({"limit": ["-5"]}, "limit: Input should be greater than or equal to 1"),
        ({"limit": ["1001"]}, "limit: Input should be less than or equal to 1000"),
        ({"limit": ["ten"]}, "limit: Input should be a valid integer"),
        ({"limit": ["1.0"]}, "limit: Input should be a valid integer"),
        ({"limit": ["٣"]}, "limit: Input should be a valid integer"),
        ({"limit": ["9" * 5000]}, "limit: Input should be a valid integer"),
        ({"limit": ["1", "2"]}, "limit: Input should be given once"),
        ({"after_id": ["claude-none"]}, "after_id: Input should be the id of a model in the list"),
        ({"before_id": ["claude-none"]}, "before_id: Input should be the id of a model in the list"),
        (
            {"after_id": ["claude-opus-5"], "before_id": ["claude-opus-5"]},
            "before_id: Input should not be combined with `after_id`",
        ),
        ({"lifecycle[]": ["active", "old"]}, "lifecycle.1: Input should be 'active', 'deprecated' or 'retired'"),
        ({"lifecycle": ["Active"]}, "lifecycle.0: Input should be 'active', 'deprecated' or 'retired'"),
        ({"lifecycle[]": ["active"] * 3, "lifecycle": ["active"]}, "lifecycle: Input should have at most 3 items"),
    ],
)
def test_what_is_wrong_in_a_query_is_told_by_its_parameter(query: dict[str, list[str]], message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        page(LISTED, query)
    assert caught.value.message == message
    assert caught.value.status == 400


@given(
    st.dictionaries(
        st.sampled_from(["limit", "after_id", "before_id", "lifecycle[]", "lifecycle", "other"]),
        st.lists(st.one_of(st.text(), st.integers().map(str), st.sampled_from(LIFECYCLES)), max_size=5),
    )
)
def test_any_query_has_a_page_or_a_refusal_that_repeats_none_of_it(query: dict[str, list[str]]) -> None:
    spoilt = {name: [f"{value}{SECRET}" for value in values] for name, values in query.items()}
    for asked in (query, spoilt):
        try:
            assert set(page(LISTED, asked)) == {"data", "has_more", "first_id", "last_id"}
        except InvalidRequest as refusal:
            assert re.match(r"(limit|after_id|before_id|lifecycle(\.\d)?): Input should ", refusal.message)
            assert SECRET not in refusal.message


@pytest.mark.parametrize("name", ["claude-none", "", " ", "claude-opus", "opus", "[1m]", "gpt-6"])
def test_a_model_that_is_not_listed_is_not_found_in_anthropics_words(name: str) -> None:
    with pytest.raises(NotFound) as caught:
        one(LISTED, name)
    assert envelope(caught.value, "req_1")["error"] == {"type": "not_found_error", "message": f"model: {name}"}
    assert caught.value.code == "model_not_found"


def test_of_an_endless_name_only_the_beginning_is_told() -> None:
    with pytest.raises(NotFound) as caught:
        one(LISTED, "x" * 100_000)
    assert len(caught.value.message) < 200


# -- one model --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    ["claude-opus-5-5", " Claude-Opus-5-5 ", "claude-opus-5-5[1m]", "CLAUDE-OPUS-5-5[1M]", "claude-opus-5-5 [1m]"],
)
def test_a_model_is_found_whatever_its_case_blanks_and_suffix(asked: str) -> None:
    assert one(LISTED, asked)["id"] == "claude-opus-5-5"


def test_a_name_that_is_listed_with_its_suffix_is_found_by_it_and_only_by_it() -> None:
    listed = [entry("claude-x[1m]"), entry("claude-y"), entry("claude-y[1m]")]
    assert one(listed, "claude-x[1M]")["id"] == "claude-x[1m]"
    assert one(listed, "claude-y[1m]")["id"] == "claude-y[1m]"
    assert one(listed, "claude-y")["id"] == "claude-y"
    with pytest.raises(NotFound):
        one(listed, "claude-x")


def assert_whole(kind: type[BaseModel], value: dict[str, Any], extra: frozenset[str] = frozenset()) -> None:
    """Every field that the type has stands in ``value``, in its members too, and no other but ``extra``."""
    assert set(value) - extra == set(kind.model_fields), kind
    for name, field in kind.model_fields.items():
        members = get_args(field.annotation) if get_origin(field.annotation) in (Union, types.UnionType) else ()
        for inner in (field.annotation, *members):
            if isinstance(inner, type) and issubclass(inner, BaseModel) and value[name] is not None:
                assert_whole(inner, value[name], extra)


@pytest.mark.parametrize(("model", "caps"), ROWS)
@pytest.mark.parametrize(
    ("kind", "extra"), [(BetaModelInfo, ()), (ModelInfo, ("allowed_fallback_models", "compaction"))]
)
def test_an_entry_has_every_field_of_the_sdks_types(
    kind: type[BaseModel], extra: tuple[str, ...], model: str, caps: Capabilities
) -> None:
    for lifecycle in LIFECYCLES:
        value = info(entry(caps=caps, lifecycle=lifecycle))
        assert_whole(kind, value, frozenset(extra))
        parsed = kind.model_validate_json(json.dumps(value), strict=True)
        assert parsed.model_dump(mode="json") == value


def test_an_entry_tells_its_name_line_date_and_limits() -> None:
    value = info(replace(entry("claude-x", capabilities.of("gpt-5.6-sol")), display_name="X", line="opus"))
    assert {name: value[name] for name in value if name != "capabilities"} == {
        "type": "model",
        "id": "claude-x",
        "display_name": "X",
        "created_at": "2026-01-02T00:00:00Z",
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "line": "opus",
        "max_input_tokens": 922_000,
        "max_tokens": 128_000,
        "allowed_fallback_models": [],
    }


def test_the_limits_of_a_model_of_which_nothing_is_known_are_null() -> None:
    value = info(entry(caps=capabilities.UNKNOWN))
    assert (value["max_input_tokens"], value["max_tokens"]) == (None, None)
    measured = info(entry(caps=replace(capabilities.UNKNOWN, max_input=32_000, source="the operator")))
    assert measured["max_input_tokens"] == 32_000


# -- a promise is kept ------------------------------------------------------------------------------------


def test_what_the_bridge_does_not_do_is_promised_for_no_model() -> None:
    for _, caps in ROWS:
        support = told(caps)
        for name, supported in support.items():
            if name.startswith(("batch", "citations", "code_execution", "compaction", "context_management")):
                assert supported is False, name
        assert support["server_tools.code_execution"] is False
    with pytest.raises(InvalidRequest, match="compaction"):
        run(compaction={"type": "summarize"})
    with pytest.raises(InvalidRequest, match="code execution"):
        run(tools=[{"type": "code_execution_20250825", "name": "code_execution"}])
    assert "dropped.context_management" in codes(
        run(context_management={"edits": [{"type": "clear_tool_uses_20250919"}]})
    )


@pytest.mark.parametrize("served", SERVED)
def test_an_effort_is_promised_when_it_reaches_the_upstream_as_asked(served: str) -> None:
    support = told(capabilities.of(served))
    sent = {
        effort: (run(served=served, output_config={"effort": effort}).payload.get("reasoning") or {}).get("effort")
        for effort in EFFORTS
    }
    assert {effort: support[f"effort.{effort}"] for effort in EFFORTS} == {
        effort: sent[effort] == effort for effort in EFFORTS
    }
    assert support["effort"] is any(support[f"effort.{effort}"] for effort in EFFORTS)


@pytest.mark.parametrize("served", SERVED)
def test_a_kind_of_thinking_is_promised_when_it_is_accepted_and_done(served: str) -> None:
    support = told(capabilities.of(served))
    for kind in ("adaptive", "enabled", "disabled", "between_tools"):
        thinking = {"type": kind, **({"budget_tokens": 1024} if kind == "enabled" else {})}
        asked = run(served=served, thinking=thinking, max_tokens=2000)
        thinks = "reasoning" in asked.payload
        assert support[f"thinking.types.{kind}"] is (thinks or kind in ("disabled", "between_tools")), kind
    assert support["thinking"] is support["thinking.types.adaptive"]


PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
FILE = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize("served", SERVED)
def test_pictures_files_and_schemas_are_promised_when_they_go_upstream(served: str) -> None:
    support = told(capabilities.of(served))
    asked = run(user(PICTURE, FILE), served=served, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    parts = {part["type"] for item in items(asked) for part in item["content"]}
    assert support["image_input"] is ("input_image" in parts)
    assert support["pdf_input"] is ("input_file" in parts)
    assert support["structured_outputs"] is ("format" in asked.payload.get("text", {}))


@pytest.mark.parametrize(
    ("served", "searches"),
    [
        ("gpt-6.1-sol", True),
        ("gpt-5-mini", True),
        ("o3", True),
        ("gpt-4o", True),
        ("gpt-4", False),
        ("gpt-3.5-turbo", False),
        ("o1-pro", False),
        ("mystery-9", False),
    ],
)
def test_web_search_is_promised_for_openais_models_that_have_it(served: str, searches: bool) -> None:
    support = told(capabilities.of(served))
    assert support["server_tools.web_search"] is support["server_tools"] is searches


# -- the names --------------------------------------------------------------------------------------------


def test_every_name_in_the_sdks_literals_is_listed() -> None:
    literals = {name for part in get_args(Model) for name in get_args(part)}
    assert literals == {listed.id for listed in LISTED}


def test_names_and_what_they_are_called_are_told_apart() -> None:
    assert len({listed.id for listed in LISTED}) == len({listed.display_name for listed in LISTED}) == len(LISTED)


def test_the_newest_names_come_first() -> None:
    dates = [listed.created for listed in LISTED]
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize("listed", LISTED, ids=lambda listed: listed.id)
def test_a_name_agrees_with_its_line_date_and_the_model_that_serves_it(listed: Listed) -> None:
    assert listed.line == family_in(listed.id)
    assert listed.lifecycle == "active"
    assert listed.caps == capabilities.of(ModelMap.parse("", None).resolve(listed.id).served)
    dated = re.search(r"-(\d{8})$", listed.id)
    if dated:
        assert listed.created == date.fromisoformat(dated[1])
        alias = next(other for other in LISTED if other.id == listed.id.removesuffix(dated[0]))
        assert (alias.created, alias.line) == (listed.created, listed.line)


# -- pages ------------------------------------------------------------------------------------------------


def test_a_page_is_what_the_sdk_reads() -> None:
    answer = page(LISTED, {})
    parsed = SyncPage[ModelInfo].model_validate_json(json.dumps(answer), strict=True)
    assert [model.id for model in parsed.data] == ids(answer) == [listed.id for listed in LISTED[:20]]
    assert (parsed.has_more, parsed.first_id, parsed.last_id) == (True, LISTED[0].id, LISTED[19].id)


def test_the_largest_page_has_every_name() -> None:
    answer = page(LISTED, {"limit": ["1000"]})
    assert ids(answer) == [listed.id for listed in LISTED]
    assert (answer["has_more"], answer["last_id"]) == (False, LISTED[-1].id)


@pytest.mark.parametrize(
    ("listed", "query"),
    [
        ([], {}),
        (LISTED, {"before_id": [LISTED[0].id]}),
        (LISTED, {"after_id": [LISTED[-1].id]}),
        (LISTED, {"lifecycle[]": ["retired"]}),
    ],
)
def test_an_empty_page_has_no_cursors(listed: Sequence[Listed], query: dict[str, list[str]]) -> None:
    assert page(listed, query) == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_blank_and_foreign_parameters_are_as_if_left_out() -> None:
    query = {"limit": [" "], "after_id": [""], "before_id": [""], "lifecycle[]": [""], "beta": ["true"]}
    assert page(LISTED, query) == page(LISTED, {})


def test_retired_models_come_only_when_they_are_asked_for() -> None:
    listed = [entry("a"), entry("b", lifecycle="deprecated"), entry("c", lifecycle="retired")]
    assert ids(page(listed, {})) == ["a", "b"]
    assert ids(page(listed, {"lifecycle[]": ["retired"]})) == ["c"]
    assert ids(page(listed, {"lifecycle": ["retired", "active"]})) == ["a", "c"]
    assert ids(page(listed, {"lifecycle[]": ["deprecated"], "lifecycle": ["retired"]})) == ["b", "c"]


def test_a_cursor_is_understood_like_a_name_and_may_be_a_model_that_the_filter_leaves_out() -> None:
    listed = [entry("a"), entry("b", lifecycle="retired"), entry("c")]
    assert ids(page(listed, {"after_id": [" B[1m]"]})) == ["c"]
    assert ids(page(listed, {"before_id": ["b"]})) == ["a"]


def test_the_page_before_a_cursor_ends_at_it_and_tells_of_more_before() -> None:
    answer = page(LISTED, {"before_id": [LISTED[10].id], "limit": ["3"]})
    assert ids(answer) == [listed.id for listed in LISTED[7:10]]
    assert answer["has_more"] is True
    assert page(LISTED, {"before_id": [LISTED[3].id], "limit": ["3"]})["has_more"] is False


def test_a_name_that_stands_twice_is_listed_once_and_ends_no_walk_in_a_circle() -> None:
    listed = [entry("a"), entry("b"), entry("A"), entry("c")]
    assert ids(page(listed, {})) == ["a", "b", "c"]
    assert walk(listed, "after_id", {"limit": ["1"]}) == [["a"], ["b"], ["c"]]


def walk(listed: Sequence[Listed], cursor: str, query: dict[str, list[str]]) -> list[list[str]]:
    """The pages as the SDK walks them: on by ``last_id``, or back by ``first_id``, while there is more."""
    pages = []
    for _ in range(len(listed) + 1):
        answer = page(listed, query)
        pages.append(ids(answer))
        assert answer["first_id"] == next(iter(pages[-1]), None)
        assert answer["last_id"] == next(reversed(pages[-1]), None)
        if not answer["has_more"]:
            return pages
        query = {**query, cursor: [answer["last_id" if cursor == "after_id" else "first_id"]]}
    raise AssertionError("the walk has no end")


def joined(pages: Iterable[list[str]]) -> list[str]:
    return list(chain.from_iterable(pages))


@given(
    stages=st.lists(st.sampled_from(LIFECYCLES), max_size=40),
    wanted=st.sets(st.sampled_from(LIFECYCLES)),
    limit=st.integers(1, 45),
    data=st.data(),
)
def test_walking_in_either_direction_meets_each_model_once_in_order(
    stages: list[Any], wanted: set[str], limit: int, data: st.DataObject
) -> None:
    listed = [entry(f"m-{at}", lifecycle=stage) for at, stage in enumerate(stages)]
    shown = wanted or {"active", "deprecated"}
    query = {"limit": [str(limit)], "lifecycle[]": sorted(wanted)}

    def fitting(part: Sequence[Listed]) -> list[str]:
        return [one.id for one in part if one.lifecycle in shown]

    forward = walk(listed, "after_id", query)
    assert joined(forward) == fitting(listed)
    assert all(len(names) == limit for names in forward[:-1])
    assert len(forward[-1]) <= limit
    if listed:
        at = data.draw(st.integers(0, len(listed) - 1))
        after = walk(listed, "after_id", {**query, "after_id": [listed[at].id]})
        before = walk(listed, "before_id", {**query, "before_id": [listed[at].id]})
        assert joined(reversed(before)) == fitting(listed[:at])
        assert joined(after) == fitting(listed[at + 1 :])
        assert all(len(names) == limit for names in [*before[:-1], *after[:-1]])


# -- what the operator's rules make of it -----------------------------------------------------------------

CAPPED = Adjustments("fixed", "low", max_output_tokens=8_000, max_input_tokens=100_000)
RULED = ModelMap.parse("", None, FAMILY_MODELS).with_rules(
    [
        Rule(1, "family", "opus", "gpt-6.1-sol", adjustments=CAPPED),
        Rule(2, "exact", "local", "qwen3", adjustments=CAPPED),
        Rule(3, "family", "haiku", "gpt-6-luna", adjustments=Adjustments("at_most", "medium")),
    ]
)


def offers(models: ModelMap = RULED) -> dict[str, dict[str, Any]]:
    return {listed.id: info(listed) for listed in offered(models, Table())}


@pytest.mark.parametrize("name", ["claude-opus-5-5", "local"])
def test_a_rules_caps_are_told(name: str) -> None:
    told = offers()[name]
    assert (told["max_input_tokens"], told["max_tokens"]) == (100_000, 8_000)


def test_only_the_efforts_that_a_rule_leaves_are_told() -> None:
    def efforts(name: str) -> list[str]:
        told = offers()[name]["capabilities"]["effort"]
        return [effort for effort in EFFORTS if told[effort]["supported"]]

    assert efforts("claude-opus-5-5") == ["low"]
    assert efforts("claude-haiku-5-5") == ["low", "medium"]
    assert efforts("claude-sonnet-5-5") == ["low", "medium", "high", "xhigh", "max"]


def test_a_larger_cap_promises_no_more_than_the_model_has() -> None:
    rule = Rule(1, "family", "opus", "gpt-4o", adjustments=Adjustments(max_output_tokens=10**6))
    told = offers(ModelMap().with_rules([rule]))["claude-opus-5-5"]
    assert told["max_tokens"] == capabilities.of("gpt-4o").max_output


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("gpt-6.1-sol", "gpt-6.1-sol"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet-20241022"),
        ("claude-opus-9[1m]", "claude-opus-9[1m]"),
        ("Claude-Opus-5-5", "claude-opus-5-5"),
    ],
)
def test_every_name_that_a_request_may_ask_for_is_told(name: str, id: str) -> None:
    told = one(offered(RULED, Table()), name, lambda asked: asked_for(asked, RULED, Table()))
    assert told["id"] == id
    assert told["max_tokens"] is not None


@pytest.mark.parametrize("name", ["mystery-9", " "])
def test_a_name_that_nothing_serves_is_not_found(name: str) -> None:
    with pytest.raises(NotFound):
        one(offered(RULED, Table()), name, lambda asked: asked_for(asked, RULED, Table()))
