"""Content blocks of a Messages request, stable and beta, as msgspec structs.

Invariants: one tagged union (``Block``) for every place a block may stand; where a block is not allowed is
the translation's to say, with a path. Unknown keys inside a block are tolerated (clients move faster than we
do). JSON that is only passed through stays ``Raw``: its numbers and the order of its keys are the client's.

Source: the ``*BlockParam`` types of the ``anthropic`` package, 2.12.0, ``types`` and ``types.beta``.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw


class Wire(msgspec.Struct):
    """Base of all request structs: tolerant of unknown keys, never changed after it was read."""


class CacheControl(Wire):
    type: str = "ephemeral"
    ttl: str | None = None


class Base64Source(Wire, tag="base64"):
    data: str
    media_type: str


class UrlSource(Wire, tag="url"):
    url: str


class FileSource(Wire, tag="file"):
    file_id: str


class TextSource(Wire, tag="text"):
    data: str
    media_type: str = "text/plain"


class ContentSource(Wire, tag="content"):
    content: str | list[Block]


class Text(Wire, tag="text"):
    text: str
    citations: list[Any] | None = None
    cache_control: CacheControl | None = None


class Image(Wire, tag="image"):
    source: Base64Source | UrlSource | FileSource
    cache_control: CacheControl | None = None
    transformations: dict[str, Any] | None = None


class Citations(Wire):
    enabled: bool | None = None


class Document(Wire, tag="document"):
    source: Base64Source | TextSource | ContentSource | UrlSource | FileSource
    title: str | None = None
    context: str | None = None
    citations: Citations | None = None
    cache_control: CacheControl | None = None


class SearchResult(Wire, tag="search_result"):
    source: str
    title: str
    content: list[Block]
    citations: Citations | None = None
    cache_control: CacheControl | None = None


class Thinking(Wire, tag="thinking"):
    thinking: str
    signature: str


class RedactedThinking(Wire, tag="redacted_thinking"):
    data: str


class ToolUse(Wire, tag="tool_use"):
    id: str
    name: str
    input: Raw
    toolset_name: str | None = None
    caller: dict[str, Any] | None = None
    cache_control: CacheControl | None = None


class ToolResult(Wire, tag="tool_result"):
    tool_use_id: str
    content: str | list[Block] | None = None
    is_error: bool | None = None
    toolset_name: str | None = None
    cache_control: CacheControl | None = None


class ToolReference(Wire, tag="tool_reference"):
    tool_name: str
    cache_control: CacheControl | None = None


class BrowserState(Wire, tag="browser_state"):
    tabs: Raw
    state_changes: Raw = Raw(b"null")
    cache_control: CacheControl | None = None


class ServerToolUse(Wire, tag="server_tool_use"):
    id: str
    name: str
    input: Raw
    caller: dict[str, Any] | None = None
    cache_control: CacheControl | None = None


class _ServerResult(Wire):
    tool_use_id: str
    content: Any
    caller: dict[str, Any] | None = None
    cache_control: CacheControl | None = None


class WebSearchResult(_ServerResult, tag="web_search_tool_result"):
    pass


class WebFetchResult(_ServerResult, tag="web_fetch_tool_result"):
    pass


class CodeExecutionResult(_ServerResult, tag="code_execution_tool_result"):
    pass


class BashCodeExecutionResult(_ServerResult, tag="bash_code_execution_tool_result"):
    pass


class TextEditorCodeExecutionResult(_ServerResult, tag="text_editor_code_execution_tool_result"):
    pass


class ToolSearchResult(_ServerResult, tag="tool_search_tool_result"):
    pass


class AdvisorResult(_ServerResult, tag="advisor_tool_result"):
    pass


class ContainerUpload(Wire, tag="container_upload"):
    file_id: str
    cache_control: CacheControl | None = None


class McpToolUse(Wire, tag="mcp_tool_use"):
    id: str
    name: str
    server_name: str
    input: Raw
    cache_control: CacheControl | None = None


class McpToolResult(Wire, tag="mcp_tool_result"):
    tool_use_id: str
    content: str | list[Block] | None = None
    is_error: bool | None = None
    cache_control: CacheControl | None = None


class McpToolListing(Wire, tag="mcp_tool_listing"):
    mcp_server_name: str
    tools: list[Any]


class Compaction(Wire, tag="compaction"):
    content: str | None = None
    encrypted_content: str | None = None
    signature: str | None = None
    tool_changes: list[Block] | None = None
    cache_control: CacheControl | None = None


class Fallback(Wire, tag="fallback"):
    from_: dict[str, Any] | None = msgspec.field(default=None, name="from")
    to: dict[str, Any] | None = None
    trigger: Any = None


class ToolAddition(Wire, tag="tool_addition"):
    tool: Raw
    cache_control: CacheControl | None = None


class ToolRemoval(Wire, tag="tool_removal"):
    tool: Raw
    cache_control: CacheControl | None = None


Block = (
    Text
    | Image
    | Document
    | SearchResult
    | Thinking
    | RedactedThinking
    | ToolUse
    | ToolResult
    | ToolReference
    | BrowserState
    | ServerToolUse
    | WebSearchResult
    | WebFetchResult
    | CodeExecutionResult
    | BashCodeExecutionResult
    | TextEditorCodeExecutionResult
    | ToolSearchResult
    | AdvisorResult
    | ContainerUpload
    | McpToolUse
    | McpToolResult
    | McpToolListing
    | Compaction
    | Fallback
    | ToolAddition
    | ToolRemoval
)

SERVER_RESULTS = (
    WebSearchResult,
    WebFetchResult,
    CodeExecutionResult,
    BashCodeExecutionResult,
    TextEditorCodeExecutionResult,
    ToolSearchResult,
    AdvisorResult,
)


def type_of(block: Any) -> str:
    """The wire ``type`` of a block."""
    return str(block.__struct_config__.tag)
