"""The capabilities table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from openai.types.shared.all_models import AllModels

from bridge_api import capabilities


def literals(kind: Any) -> list[str]:
    """The names in a union of literals, in their order."""
    found = [name for inner in get_args(kind) for name in ([inner] if isinstance(inner, str) else literals(inner))]
    return list(dict.fromkeys(found))


AUDIO = [name for name in literals(AllModels) if "audio" in name]
"""Left out: they do not serve the Responses API's text answers."""


@pytest.mark.parametrize("model", [name for name in literals(AllModels) if name not in AUDIO])
def test_every_model_of_text_that_the_openai_package_names_is_known(model: str) -> None:
    assert capabilities.of(model) is not capabilities.UNKNOWN


@pytest.mark.parametrize(("name", "row"), capabilities.built_in().items())
def test_every_row_has_a_place_to_check_it_and_sizes_that_can_be(name: str, row: capabilities.Capabilities) -> None:
    assert "https://" in row.source or "openai package" in row.source
    assert row.max_input <= row.context_window
    assert row.max_output <= row.context_window
    assert list(row.efforts) == sorted(row.efforts, key=capabilities.EFFORT_ORDER.index)


def test_most_rows_have_a_page_of_their_own() -> None:
    pages = {row.source.split("; ")[0] for row in capabilities.built_in().values()}
    assert len(pages) >= len(capabilities.built_in()) * 3 // 4


@pytest.mark.parametrize(
    ("model", "facts"),
    [
        ("gpt-5.1-codex", {"efforts": ("low", "medium", "high"), "verbosity": False}),
        ("gpt-5.1-codex-mini", {"efforts": ("low", "medium", "high")}),
        ("gpt-5.1-codex-max", {"efforts": ("low", "medium", "high", "xhigh"), "verbosity": False}),
        ("gpt-5.2-codex", {"efforts": ("low", "medium", "high", "xhigh")}),
        ("gpt-4-1106-preview", {"context_window": 128_000, "max_output": 4_096}),
        ("gpt-4-0125-preview", {"context_window": 128_000, "images": False}),
        ("gpt-4-vision-preview", {"context_window": 128_000, "images": True}),
        ("gpt-4-32k-0613", {"context_window": 32_768}),
        ("o3-mini", {"images": False, "efforts": ("low", "medium", "high")}),
        ("o1-mini", {"efforts": (), "context_window": 128_000, "developer_role": False}),
        ("o1-preview-2024-09-12", {"efforts": (), "max_output": 32_768}),
        ("computer-use-preview", {"max_input": 8_192}),
    ],
)
def test_what_sets_a_model_apart_from_its_family(model: str, facts: dict[str, Any]) -> None:
    row = capabilities.of(model)
    assert {name: getattr(row, name) for name in facts} == facts


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
        ("gpt-5.1-codex", "none", "low"),
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
