"""Anthropic's own client tools as functions: the shapes are those of the SDK."""

from __future__ import annotations

from typing import get_args

import anthropic.types as types
import pytest

from bridge_api.translation.builtin_tools import BROWSER_MEMBERS, COMPUTER_MEMBERS, definition
from tests.simulator.strict import loose_faults


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


@pytest.mark.parametrize(
    ("members", "literal", "prefix"),
    [(COMPUTER_MEMBERS, types.ComputerMemberName, "Computer"), (BROWSER_MEMBERS, types.BrowserMemberName, "Browser")],
)
def test_toolsets_have_the_members_and_fields_of_the_sdk(
    members: dict[str, object], literal: object, prefix: str
) -> None:
    assert set(members) == set(get_args(literal))
    kind = "computer_toolset_20260801" if prefix == "Computer" else "browser_toolset_20260801"
    for function in definition(kind, {}) or []:
        model = getattr(types, f"{prefix}{camel(function.client_name)}Input").model_json_schema()
        assert set(function.parameters["properties"]) == set(model.get("properties", {})), function.name
        assert set(function.parameters.get("required", [])) == set(model.get("required", [])), function.name


@pytest.mark.parametrize(
    "kind",
    [
        "bash_20250124",
        "text_editor_20241022",
        "text_editor_20250728",
        "memory_20250818",
        "computer_20251124",
        "computer_toolset_20260801",
        "browser_toolset_20260801",
    ],
)
def test_every_definition_is_accepted_upstream(kind: str) -> None:
    functions = definition(kind, {})
    assert functions
    for function in functions:
        assert list(loose_faults(function.parameters, root=True)) == []
        assert function.description


def test_other_types_are_not_ours() -> None:
    assert definition("web_search_20250305", {}) is None


def test_members_can_be_switched_off_or_deferred() -> None:
    configs = {"screenshot": {"enabled": False}, "zoom": {"defer_loading": True}}
    names = {function.client_name for function in definition("computer_toolset_20260801", {"configs": configs}) or []}
    assert not names & {"screenshot", "zoom"}
    assert len(names) == 15
