"""No silent loss: every field and block of the SDK's request types is known here, by name."""

from __future__ import annotations

import json
import os
import typing
from pathlib import Path

import pytest
import typing_extensions
from anthropic.types import message_create_params as stable
from anthropic.types.beta import message_create_params as beta
from anthropic.types.beta.beta_content_block_param import BetaContentBlockParam
from anthropic.types.content_block_param import ContentBlockParam

from bridge_api.schemas import blocks
from bridge_api.schemas.anthropic import _TYPES, Tool, parse_messages
from tests.bridge_api.translation.helpers import run

CLIENT_REQUESTS = (
    Path(os.environ.get("RECORDINGS_DIR") or Path(__file__).parents[4] / "shared" / "data" / "recordings").parent
    / "claude-code-requests"
)
# Sent as headers by the SDKs, never in the body.
HEADERS = {"betas", "user_profile_id", "workspace_id"}
TAGS = {blocks.type_of(cls) for cls in typing.get_args(blocks.Block)}


def tags(kind: object) -> set[str]:
    found: set[str] = set()
    for member in typing.get_args(kind):
        if typing_extensions.is_typeddict(member):
            hint = typing_extensions.get_type_hints(member).get("type")
            found |= {str(value) for value in typing.get_args(hint)}
    return found


@pytest.mark.parametrize("params", [stable.MessageCreateParamsBase, beta.MessageCreateParamsBase])
def test_every_request_field_of_the_sdk_is_read(params: type) -> None:
    fields = set(typing_extensions.get_type_hints(params)) - HEADERS
    assert fields - set(_TYPES) - {"tools"} == set()


@pytest.mark.parametrize("kind", [ContentBlockParam, BetaContentBlockParam])
def test_every_content_block_of_the_sdk_is_read(kind: object) -> None:
    assert tags(kind)
    assert tags(kind) - TAGS == set()


def test_every_field_of_every_tool_type_is_read_or_has_no_meaning_upstream() -> None:
    # Of server tools that are refused or of limits inside them: nothing that changes an answer is lost unseen.
    without_meaning = {
        "caching",
        "max_tokens",
        "citations",
        "max_content_tokens",
        "url_sources",
        "use_cache",
        "response_inclusion",
        "tools",
    }
    fields: set[str] = set()
    for union in (stable.ToolUnionParam, beta.BetaToolUnionParam):
        for member in typing.get_args(union):
            if typing_extensions.is_typeddict(member):
                fields |= set(typing_extensions.get_type_hints(member))
    assert fields - set(Tool.__struct_fields__) - without_meaning == set()


REQUESTS = sorted(CLIENT_REQUESTS.glob("*.json")) if CLIENT_REQUESTS.is_dir() else []


@pytest.mark.skipif(not REQUESTS, reason="no recorded Claude Code requests: set RECORDINGS_DIR")
@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_what_claude_code_sends_is_accepted_by_the_strict_upstream(path: Path) -> None:
    recorded = json.loads(path.read_bytes())
    body = recorded["body"]
    request = parse_messages(json.dumps(body).encode(), count="count_tokens" in recorded["path"])
    assert request.unknown == ()
    messages = body.pop("messages")
    if "count_tokens" in recorded["path"]:
        body["max_tokens"] = 100
    for served in ("gpt-6.1-sol", "gpt-5.4-mini", "gpt-4o"):
        translated = run(*messages, served=served, **body)
        assert translated.payload["input"]
