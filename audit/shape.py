"""Which parts of a payload are the protocol's and which are content.

A request or a response of either API is a tree of the protocol's own keys, down to places where its users' words begin:
a text, a tool's arguments, a tool's result, a schema, metadata. ``inside`` follows that border from the root.

Invariants: a place that is content has only content below it; a word is the protocol's only at a key of ``WORDS``, in the
form of an identifier, at a place that is the protocol's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Keys of the Messages API and the Responses API, and of the records around them
NAMES = frozenset(
    [
        "messages",
        "system",
        "content",
        "text",
        "type",
        "role",
        "model",
        "max_tokens",
        "max_output_tokens",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "stop_sequence",
        "stream",
        "tools",
        "tool_choice",
        "name",
        "description",
        "input_schema",
        "parameters",
        "strict",
        "input",
        "output",
        "arguments",
        "instructions",
        "tool_use_id",
        "call_id",
        "id",
        "is_error",
        "source",
        "media_type",
        "data",
        "url",
        "file_id",
        "title",
        "context",
        "citations",
        "cache_control",
        "ttl",
        "thinking",
        "budget_tokens",
        "signature",
        "redacted_thinking",
        "encrypted_content",
        "reasoning",
        "effort",
        "summary",
        "format",
        "schema",
        "json_schema",
        "verbosity",
        "output_config",
        "metadata",
        "user_id",
        "service_tier",
        "stop_reason",
        "status",
        "error",
        "message",
        "code",
        "param",
        "usage",
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "cached_tokens",
        "reasoning_tokens",
        "total_tokens",
        "input_tokens_details",
        "output_tokens_details",
        "cache_creation",
        "ephemeral_5m_input_tokens",
        "ephemeral_1h_input_tokens",
        "server_tool_use",
        "web_search_requests",
        "incomplete_details",
        "reason",
        "object",
        "created_at",
        "completed_at",
        "response",
        "request",
        "item",
        "item_id",
        "output_index",
        "content_index",
        "index",
        "delta",
        "event",
        "partial_json",
        "image_url",
        "detail",
        "file_data",
        "filename",
        "file_url",
        "container",
        "mcp_servers",
        "betas",
        "allowed_domains",
        "blocked_domains",
        "max_uses",
        "user_location",
        "annotations",
        "logprobs",
        "parallel_tool_calls",
        "disable_parallel_tool_use",
        "store",
        "include",
        "truncation",
        "previous_response_id",
        "prompt_cache_key",
        "safety_identifier",
        "allowed_callers",
        "defer_loading",
        "phase",
        "refusal",
        "sequence_number",
        "background",
        "top_logprobs",
        "max_tool_calls",
        "tool_name",
        "results",
        "function",
    ]
)
# Keys whose word is told where it is the protocol's
WORDS = frozenset(
    [
        "type",
        "role",
        "stop_reason",
        "name",
        "media_type",
        "effort",
        "model",
        "status",
        "object",
        "service_tier",
        "reason",
        "detail",
        "verbosity",
    ]
)
# Keys whose number is told where it is the protocol's
NUMBERS = frozenset(
    name
    for name in NAMES
    if name.endswith(("_tokens", "_index", "_at", "_uses", "_calls", "_logprobs", "_requests"))
    or name in ("temperature", "top_p", "top_k", "stream", "strict", "is_error", "index", "store", "background", "sequence_number",
                "disable_parallel_tool_use", "defer_loading", "status")
)  # fmt: skip
# Keys below which all is content, whatever it looks like
_CONTENT = frozenset(
    [
        "arguments",
        "input_schema",
        "parameters",
        "schema",
        "json_schema",
        "metadata",
        "citations",
        "annotations",
        "logprobs",
        "user_location",
        "allowed_domains",
        "blocked_domains",
        "mcp_servers",
        "container",
        "results",
        "description",
        "title",
        "text",
        "thinking",
        "context",
        "partial_json",
        "instructions",
        "data",
        "stop_sequences",
        "prompt_cache_key",
    ]
)
_CALLS = (
    "tool_use",
    "server_tool_use",
    "mcp_tool_use",
    "function_call",
    "custom_tool_call",
    "mcp_call",
    "local_shell_call",
)
_RESULTS = re.compile(r"[a-z_]{0,40}(?:tool_result|_call_output)")
# Where ``name`` is a tool's: in a call, in a definition, in a choice
_TOOLS = ("tools", "tool_choice", "function")
_BINARY = frozenset(("encrypted_content", "signature", "file_data"))
_WORD = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
_DATA_URL = re.compile(r"data:[\w.+-]{1,60}/[\w.+-]{1,80}(?:;[\w=.-]{1,60}){0,3};base64,")

SENSITIVE = {
    **dict.fromkeys(
        [
            "api_key",
            "apikey",
            "authorization",
            "bearer",
            "cookie",
            "cookies",
            "jwt",
            "password",
            "passwd",
            "pwd",
            "passphrase",
            "secret",
            "session",
            "set_cookie",
            "token",
            "access_token",
            "refresh_token",
            "id_token",
            "client_secret",
            "private_key",
            "secret_key",
            "access_key",
            "secret_access_key",
            "auth_token",
            "session_token",
            "x_api_key",
            "proxy_authorization",
            "credentials",
            "connection_string",
        ],
        "secret",
    ),
    "email": "email",
    "e_mail": "email",
    "email_address": "email",
    "phone": "phone",
    "phone_number": "phone",
    "mobile": "phone",
    "ssn": "national_id",
    "iban": "iban",
    "credit_card": "card",
    "card_number": "card",
}
_JOINED = {name.replace("_", ""): kind for name, kind in SENSITIVE.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: under which key, of the protocol or not, as a tool's name, as binary data."""

    name: str = ""
    protocol: bool = True
    tool: bool = False
    binary: bool = False


ROOT = Place()


def inside(parent: Mapping[Any, Any], name: str, value: Any, place: Place) -> Place:
    """The place of ``value``, which is ``parent``'s ``name``."""
    kind = parent.get("type")
    kind = kind if isinstance(kind, str) else ""
    binary = name in _BINARY or (
        name == "data" and (kind in ("base64", "redacted_thinking") or ("media_type" in parent and kind != "text"))
    )
    if not place.protocol or name not in NAMES:
        return Place(name, protocol=False, binary=binary)
    structure = not _is_content(name, kind, value)
    tool = place.name in _TOOLS or place.tool or kind in _CALLS
    return Place(name, protocol=structure, tool=tool, binary=binary)


def _is_content(name: str, kind: str, value: Any) -> bool:
    if name in ("thinking", "text"):  # a block's words are a string; the request's settings are an object
        return not isinstance(value, Mapping)
    if name in ("input", "output"):  # of a call or its result, or the list of a request's or response's items
        return kind in _CALLS or _RESULTS.fullmatch(kind) is not None or not isinstance(value, list)
    if name == "content":
        return _RESULTS.fullmatch(kind) is not None or isinstance(value, str)
    return name in _CONTENT


def keeps(value: str, place: Place) -> bool:
    """Whether a word is the protocol's own and may be told."""
    if not place.protocol or place.name not in WORDS or (place.name == "name" and not place.tool):
        return False
    return _WORD.fullmatch(value) is not None


def is_binary(value: str, place: Place) -> bool:
    return place.binary or (value.startswith("data:") and _DATA_URL.match(value) is not None)


def sensitive(name: str) -> str | None:
    """The kind of what stands under this key, where any value is masked in ``partial``."""
    plain = name.strip().lower().replace("-", "_")
    return SENSITIVE.get(plain) or _JOINED.get(plain)
