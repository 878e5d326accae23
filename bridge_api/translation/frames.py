"""Content without a counterpart upstream, framed as text that a model reads without doubt.

Invariant: a frame is deterministic, so that the same conversation is the same bytes upstream.
"""

from __future__ import annotations

from typing import Any

import msgspec

EMPTY_RESULT = "(no output)"
INTERRUPTED = "(no result: the call was interrupted)"
ERROR_PREFIX = "Error: "


def attributes(**values: str | None) -> str:
    """`` name="value"`` for each value that is given, quotes and angle brackets made harmless."""
    out = ""
    for name, value in values.items():
        if value:
            safe = value.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
            out += f' {name}="{safe}"'
    return out


def document_open(title: str | None, context: str | None) -> str:
    return f"<document{attributes(title=title, context=context)}>"


DOCUMENT_CLOSE = "</document>"


def search_result(source: str, title: str, text: str) -> str:
    return f"<search_result{attributes(source=source, title=title)}>\n{text}\n</search_result>"


def compact(value: Any) -> str:
    """Compact JSON; bytes are taken as JSON text and keep their numbers and key order."""
    if isinstance(value, (bytes, msgspec.Raw, memoryview)):
        return msgspec.json.format(bytes(value), indent=-1).decode("utf-8")
    return msgspec.json.encode(value).decode("utf-8")


def server_call(name: str, arguments: str) -> str:
    return f"[used the tool {name} with {arguments}]"


def server_result(kind: str, content: Any) -> str:
    return f"[{kind}] {compact(content)}"


def web_results(content: Any) -> str:
    """Results of a web search made elsewhere, as lines of title and address."""
    if not isinstance(content, list):
        return "[web search failed]"
    lines = [
        f"- {entry.get('title') or entry.get('url')} ({entry.get('url')})"
        for entry in content
        if isinstance(entry, dict) and isinstance(entry.get("url"), str)
    ]
    return "[web search results]\n" + "\n".join(lines) if lines else "[web search: no results]"
