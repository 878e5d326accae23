"""Short ways to translate a request in tests."""

from __future__ import annotations

import json
from typing import Any

from bridge_api.mapping import Route
from bridge_api.schemas.anthropic import parse_messages
from bridge_api.translation.request import RequestContext, Translated, translate
from tests.simulator.strict import validate

USER = {"role": "user", "content": "Hi"}


def run(
    *messages: dict[str, Any],
    served: str = "gpt-5.6-sol",
    version: str = "2023-06-01",
    session: str | None = None,
    **fields: Any,
) -> Translated:
    """Translate a request and hold the result against the strict simulator."""
    body = {"model": "claude-opus-5-5", "max_tokens": 1000, "messages": list(messages) or [USER], **fields}
    body = {key: value for key, value in body.items() if value is not ...}
    request = parse_messages(json.dumps(body).encode(), version=version)
    context = RequestContext(
        route=Route(request.model, served, "default"),
        version=version,
        session_id=session,
        identity_key=b"k" * 32,
        upstream_id="u1",
    )
    translated = translate(request, context)
    validate(json.loads(json.dumps(translated.payload)), own_reasoning=False)
    return translated


def codes(translated: Translated) -> set[str]:
    return {note.code for note in translated.notes}


def items(translated: Translated) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = translated.payload["input"]
    return found


def said(*content: dict[str, Any] | str) -> dict[str, Any]:
    return {"role": "assistant", "content": [_block(one) for one in content]}


def user(*content: dict[str, Any] | str) -> dict[str, Any]:
    return {"role": "user", "content": [_block(one) for one in content]}


def _block(one: dict[str, Any] | str) -> dict[str, Any]:
    return {"type": "text", "text": one} if isinstance(one, str) else one


def use(name: str = "f", at: str = "call_1", **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": at, "name": name, "input": arguments}


def result(content: Any = "ok", at: str = "call_1", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": at, "content": content, **more}


def tool(name: str = "f", schema: Any = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "input_schema": schema or {"type": "object", "properties": {}}, **more}
