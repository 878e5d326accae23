"""The capabilities table."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from openai.types.shared.chat_model import ChatModel

from bridge_api import capabilities


@pytest.mark.parametrize("model", get_args(ChatModel))
def test_every_model_that_the_openai_package_names_is_known(model: str) -> None:
    if "audio" in model:
        pytest.skip("audio models do not serve the Responses API's text answers")
    assert capabilities.of(model) is not capabilities.UNKNOWN


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("o4-mini", "minimal", "low"),
        ("o4-mini", "max", "high"),
        ("gpt-6.1-sol", "none", "low"),
        ("gpt-6.1-sol", "max", "max"),
        ("gpt-6-luna", "none", "none"),
        ("gpt-5-mini", "none", "minimal"),
        ("gpt-5.1", "xhigh", "high"),
        ("gpt-5.4", "max", "xhigh"),
        ("gpt-5-pro", "low", "high"),
        ("gpt-4o", "high", None),
    ],
)
def test_an_effort_that_a_model_does_not_take_becomes_the_nearest_it_takes(
    model: str, asked: str, sent: str | None
) -> None:
    assert capabilities.of(model).clamp_effort(asked) == sent


def test_a_dated_or_fine_tuned_name_has_the_limits_of_its_family() -> None:
    assert capabilities.of("gpt-5.4-2026-03-05") is capabilities.of("gpt-5.4")
    assert capabilities.of("ft:gpt-4o:team::x") is capabilities.of("gpt-4o")


def test_a_longer_number_is_another_family() -> None:
    assert capabilities.of("gpt-55") is capabilities.UNKNOWN


OWN = replace(capabilities.of("gpt-5"), verbosity=False, source="a colleague")


@pytest.mark.parametrize(
    ("row", "model", "own"),
    [
        ("gpt-5", "gpt-5", True),
        ("gpt-5", "gpt-5-mini", True),
        ("gpt-5", "GPT-5-mini", True),
        ("gpt-5", "ft:gpt-5:team::x", True),
        ("ft:gpt-5:team", "ft:gpt-5:team::x", True),
        ("ft:gpt-5:team", "ft:gpt-5:others::x", False),
        ("gpt-5", "gpt-5-pro", False),
        ("gpt-5", "gpt-5-chat-latest", False),
        ("gpt-5", "gpt-5.4", False),
        ("gpt-5", "gpt-5.6-sol", False),
        ("gpt-6", "gpt-6-astra", False),
        ("gpt-6", "gpt-6.1-sol", False),
        ("gpt-5-pro", "gpt-5-pro-2025-10-06", True),
        ("qwen3", "qwen3:30b", True),
        ("qwen3", "qwen3.5:30b", False),
        ("qwen/qwen3", "Qwen/Qwen3-30B", True),
    ],
)
def test_the_longest_row_counts_and_of_equal_ones_the_operators(row: str, model: str, own: bool) -> None:
    found = capabilities.Table({row: OWN}).of(model)
    assert found is (OWN if own else capabilities.of(model))


@pytest.mark.parametrize(
    ("asked", "thinks"),
    [
        ("claude-3-5-sonnet-latest", False),
        ("claude-sonnet-4-5-20250929", False),
        ("claude-haiku-4-5", False),
        ("claude-sonnet-5", True),
        ("claude-opus-5-5", True),
        ("claude-fable-5-2", True),
        ("gpt-5.5", False),
    ],
)
def test_only_clients_of_the_newest_models_expect_thinking_unasked(asked: str, thinks: bool) -> None:
    assert capabilities.thinks_by_default(asked) is thinks
