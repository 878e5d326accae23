"""Names that clients write: those of models and tools stay, a secret or a person in their place does not."""

from __future__ import annotations

import pytest

from audit import naming
from audit.naming import client_of, code, model_named, named

KEY = b"installation"


@pytest.mark.parametrize(
    "name",
    [
        "claude-opus-4-5", "claude-3-5-sonnet@20240620", "claude-opus[1m]", "gpt-6.1-sol", "qwen3:30b", "anthropic/claude-3.5-sonnet",
        "ft:gpt-4o-mini-2024-07-18:my-org::9uXAbCd", "us.anthropic.claude-3-5-sonnet-20241022-v2:0", "mcp__github__create_issue", "_private",
    ],
)  # fmt: skip
def test_a_name_stays(name: str) -> None:
    assert named(name, KEY) == name


@pytest.mark.parametrize(
    "text",
    [
        "claude-jane.roe@example.org", "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8", "sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789",
        "4111 1111 1111 1111", "4111111111111111", "what I said", "<script>", "a\nb", "x" * 129, "half \ud800", "naïve",
    ],
)  # fmt: skip
def test_what_is_no_name_is_told_by_its_length_and_hash(text: str) -> None:
    told = named(text, KEY)
    assert told.startswith(f"<{len(text)} chars, ")
    assert text not in told
    assert told == named(text, KEY) != named(text, b"another")
    assert named("", KEY) == ""


def test_a_rule_that_fails_hides_every_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> tuple[str, dict[str, int]]:
        raise RuntimeError

    monkeypatch.setattr(naming, "mask", broken)
    assert named("never-seen-before", KEY).startswith("<17 chars, ")


def test_a_process_takes_only_so_many_names_of_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name has sums of its own, hour by hour."""
    monkeypatch.setattr(naming, "_models", set())
    monkeypatch.setattr(naming, "MAX_MODELS", 2)
    assert [model_named(name, KEY) for name in ("a", "b", "c", "a", "")] == ["a", "b", "other", "a", ""]


@pytest.mark.parametrize(
    ("agent", "client"),
    [
        ("claude-cli/2.1.4 (external, cli)", ("claude-cli", "2.1.4")),
        ("Anthropic/Python 0.70.0", ("Anthropic/Python", "0.70.0")),
        ("AsyncAnthropic/Python 0.92.0", ("AsyncAnthropic/Python", "0.92.0")),
        ("Mozilla/5.0 (X11; Linux)", ("Mozilla", "5.0")),
        ("curl", ("curl", "")),
        ("node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", ("node-fetch", "1.0")),
        ("jane roe", ("other", "")),
        ("jane 4111 1111 1111 1111", ("other", "")),
        ("agent/1.0 jane.roe@example.org", ("other", "")),
        ("", ("", "")),
        ("<script>", ("other", "")),
        ("jane.roe@example.org", ("other", "")),
        ("sk-ant-api03-UAUAUAUAUAUAUAUAUAUAUAUAU", ("other", "")),
        ("\ud800", ("other", "")),
    ],
)
def test_a_client_has_a_name_and_a_version(agent: str, client: tuple[str, str]) -> None:
    assert client_of(agent) == client


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rate_limit_exceeded", "rate_limit_exceeded"),
        ("", ""),
        ("what I said", "other"),
        ("x" * 81, "other"),
        ("sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789", "other"),
        ("4111-1111-1111-1111", "other"),
    ],
)
def test_a_code_is_a_word(text: str, told: str) -> None:
    assert code(text) == told
