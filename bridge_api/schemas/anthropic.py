"""A Messages request as it comes in: one validation pass from bytes to structs.

Invariants: unknown top-level keys are collected, not refused; ``null`` for an optional field is the field
left out; an error names a path and never a value; the rules that differ between the two live API versions
(2023-06-01 and 2026-10-21) are applied here and nowhere else.

Source: ``MessageCreateParams`` of the ``anthropic`` package 2.12.0 (stable and beta), Anthropic's migration
page of 2026-10-21.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw

from bridge_api.errors import InvalidRequest
from bridge_api.schemas.blocks import Block, CacheControl, Document, SearchResult, Text, Wire
from bridge_api.schemas.wording import from_validation, invalid

VERSION_2023 = "2023-06-01"
VERSION_2026 = "2026-10-21"
MAX_MESSAGES = 100_000
MAX_MODEL = 256
"""Characters of a model's name, which is kept where names are remembered."""


class OutputFormat(Wire):
    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfig(Wire):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None
    task_budget: dict[str, Any] | None = None


class Message(Wire):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block] | None = None
    clear_at: Literal["next_user_message", "never"] | None = None
    output_config: OutputConfig | None = None


class ThinkingConfig(Wire):
    type: Literal["adaptive", "enabled", "disabled", "between_tools"]
    budget_tokens: int | None = None
    display: Literal["summarized", "omitted", "updates"] | None = None
    block_binding: Any = None


class ToolChoice(Wire):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Tool(Wire):
    """Any entry of ``tools``. A missing ``type`` is a client tool; own fields of the others stay optional
    here and are checked by the translation of their kind. Schemas stay raw: they are rewritten once and
    remembered by their bytes."""

    name: str | None = None
    type: str | None = None
    description: str | None = None
    input_schema: Raw = Raw(b"null")
    parameters: Raw = Raw(b"null")
    strict: bool | None = None
    defer_loading: bool | None = None
    input_examples: list[Any] | None = None
    eager_input_streaming: bool | None = None
    allowed_callers: list[str] | None = None
    cache_control: CacheControl | None = None
    max_uses: int | None = None
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None
    user_location: dict[str, Any] | None = None
    display_width_px: int | None = None
    display_height_px: int | None = None
    display_number: int | None = None
    enable_zoom: bool | None = None
    max_characters: int | None = None
    configs: dict[str, Any] | None = None
    default_config: dict[str, Any] | None = None
    mcp_server_name: str | None = None
    model: str | None = None


class Metadata(Wire):
    user_id: str | None = None


class Thread(Wire):
    type: str
    previous_message_id: str | None = None


_Natural = Annotated[int, Meta(ge=0)]
_Unit = Annotated[float, Meta(ge=0, le=1)]


@dataclass(slots=True)
class MessagesRequest:
    """The body of ``/v1/messages`` or ``/v1/messages/count_tokens`` (then ``max_tokens`` is None)."""

    model: str
    messages: list[Message]
    max_tokens: int | None = None
    system: str | list[Text] | None = None
    stream: bool = False
    stop_sequences: list[str] | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: ThinkingConfig | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None
    cache_control: CacheControl | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    speed: Literal["standard", "fast"] | None = None
    inference_geo: str | None = None
    container: str | dict[str, Any] | None = None
    diagnostics: dict[str, Any] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    context_management: dict[str, Any] | None = None
    compaction: dict[str, Any] | None = None
    mcp_servers: list[dict[str, Any]] | None = None
    thread: Thread | None = None
    fallbacks: Any = None
    fallback_credit_token: Any = None
    billing_policy: dict[str, Any] | None = None
    safeguards: Any = None
    unknown: tuple[str, ...] = ()
    unknown_version: bool = False


_TYPES: dict[str, Any] = {
    "model": Annotated[str, Meta(min_length=1)],
    "messages": Annotated[list[Message], Meta(min_length=1, max_length=MAX_MESSAGES)],
    "max_tokens": _Natural,
    "system": str | list[Text],
    "stream": bool,
    "stop_sequences": list[str],
    "tool_choice": ToolChoice,
    "thinking": ThinkingConfig,
    "output_config": OutputConfig,
    "output_format": OutputFormat,
    "cache_control": CacheControl,
    "metadata": Metadata,
    "service_tier": Literal["auto", "standard_only"],
    "speed": Literal["standard", "fast"],
    "inference_geo": str,
    "container": str | dict[str, Any],
    "diagnostics": dict[str, Any],
    "temperature": _Unit,
    "top_p": _Unit,
    "top_k": _Natural,
    "context_management": dict[str, Any],
    "compaction": dict[str, Any],
    "mcp_servers": list[dict[str, Any]],
    "thread": Thread,
    "fallbacks": Any,
    "fallback_credit_token": Any,
    "billing_policy": dict[str, Any],
    "safeguards": Any,
}
_DECODERS = {name: msgspec.json.Decoder(kind) for name, kind in _TYPES.items()}
_TOP = msgspec.json.Decoder(dict[str, Raw])
_TOOLS = msgspec.json.Decoder(list[Tool])
# Fields that the two versions disagree on: legal in the first, refused by the second.
_GONE_IN_2026 = ("temperature", "top_p", "top_k")


def parse_messages(body: bytes, *, version: str = VERSION_2023, count: bool = False) -> MessagesRequest:
    """Read and check a request body (UTF-8 JSON).

    ``version`` is the ``anthropic-version`` header; an unknown one is read as the newest. With ``count`` the
    body is that of count_tokens. Raises InvalidRequest with a message such as
    ``messages.0.content: Input should be a valid string or list``.
    """
    fields = _top_level(body)
    newest = version != VERSION_2023
    values: dict[str, Any] = {}
    unknown: list[str] = []
    for name, raw in fields.items():
        if name == "tools":
            if raw != _NULL:
                values["tools"] = _parsed_tools(bytes(raw))
        elif name not in _DECODERS:
            unknown.append(name)
        elif newest and name in _GONE_IN_2026:
            raise invalid(name, "Extra inputs are not permitted")
        elif raw != _NULL:
            values[name] = _decoded(name, raw)
    for name in ("model", "messages"):
        if name not in values:
            raise invalid(name, "Field required")
    if len(values["model"]) > MAX_MODEL:
        raise invalid("model", f"Input should have at most {MAX_MODEL} characters")
    # ``count_tokens`` has no max_tokens; a stray one is harmless.
    if count:
        values.pop("max_tokens", None)
    request = MessagesRequest(
        **values, unknown=tuple(unknown), unknown_version=version not in (VERSION_2023, VERSION_2026)
    )
    if newest:
        _check_version_2026(request.messages)
    return request


_NULL = Raw(b"null")


def _top_level(body: bytes) -> dict[str, Raw]:
    try:
        return _TOP.decode(body)
    except msgspec.ValidationError:
        raise invalid("", "The request body should be a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid("", f"The request body is not valid JSON: {_syntax(error)}") from None
    except RecursionError:
        raise invalid("", "The request body is nested too deeply") from None


def _decoded(name: str, raw: Raw) -> Any:
    try:
        return _DECODERS[name].decode(raw)
    except msgspec.ValidationError as error:
        raise from_validation(str(error), name) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(name, f"Input is not valid JSON: {_syntax(error)}") from None
    except RecursionError:
        raise invalid(name, "Input is nested too deeply") from None


def _syntax(error: Exception) -> str:
    text = str(error)
    if text.startswith(("JSON is malformed", "Input data was truncated")):
        return text.removeprefix("JSON is malformed: ")
    return "invalid UTF-8 or an invalid escape"


def _parsed_tools(raw: bytes) -> list[Tool]:
    return list(_cached_tools(raw) if len(raw) > 2_000 else _decoded_tools(raw))


def _decoded_tools(raw: bytes) -> tuple[Tool, ...]:
    try:
        return tuple(_TOOLS.decode(raw))
    except msgspec.ValidationError as error:
        raise from_validation(str(error), "tools") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid("tools", f"Input is not valid JSON: {_syntax(error)}") from None
    except RecursionError:
        raise invalid("tools", "Input is nested too deeply") from None


# Agents send the same tool list with every turn; reading it once is a tenth of a large request's cost.
_cached_tools = lru_cache(maxsize=64)(_decoded_tools)


def _check_version_2026(messages: list[Message]) -> None:
    for at, message in enumerate(messages):
        if isinstance(message.content, list):
            for place, block in enumerate(message.content):
                _check_block_2026(block, message.role, f"messages.{at}.content.{place}")


def _check_block_2026(block: Block, role: str, path: str) -> None:
    if role == "assistant":
        if isinstance(block, Document):
            raise invalid(path, "document blocks are not permitted in assistant messages")
        return
    if isinstance(block, Text) and block.citations:
        raise invalid(f"{path}.citations", "citations are not permitted on text blocks in user messages")
    if isinstance(block, SearchResult):
        for place, part in enumerate(block.content):
            if isinstance(part, Text) and part.citations:
                raise invalid(f"{path}.content.{place}.citations", "citations are not permitted here")


__all__ = ["InvalidRequest", "MessagesRequest", "parse_messages"]
