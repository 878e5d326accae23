"""Hosted web search, there and back: one ``web_search_call`` item is a pair of blocks.

Invariants: the pair alone is enough to rebuild the item (the id and the action stand in the use block), so
that a history with searches needs no store; block ids fit Anthropic's ``srvtoolu_`` pattern.

Source: ``ResponseFunctionWebSearch`` of the ``openai`` package, ``ServerToolUseBlock`` and
``WebSearchToolResultBlock`` of the ``anthropic`` package, recorded searches.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from bridge_api.schemas.blocks import ServerToolUse

_ID = "srvtoolu_"
OPAQUE = "oai1.web"
CITED_TEXT_LIMIT = 150


def use_block(item: dict[str, Any]) -> dict[str, Any]:
    """The ``server_tool_use`` block of a finished ``web_search_call`` item."""
    action = item.get("action") or {}
    kind = action.get("type") or "search"
    arguments: dict[str, Any]
    if kind == "open_page":
        arguments = {"query": action.get("url") or "", "action": "open_page", "url": action.get("url") or ""}
    elif kind in ("find_in_page", "find"):
        arguments = {
            "query": action.get("pattern") or "",
            "action": "find_in_page",
            "url": action.get("url") or "",
            "pattern": action.get("pattern") or "",
        }
    else:
        queries = [query for query in action.get("queries") or [] if isinstance(query, str)]
        arguments = {"query": action.get("query") or ", ".join(queries)}
        if len(queries) > 1:
            arguments["queries"] = queries
    return {
        "type": "server_tool_use",
        "id": _ID + str(item.get("id") or "ws_0").replace("-", "_"),
        "name": "web_search",
        "input": arguments,
    }


def result_block(item: dict[str, Any], tool_use_id: str, blocked: tuple[str, ...]) -> dict[str, Any]:
    """The ``web_search_tool_result`` block; titles are not in the item, so the address stands for them."""
    content: Any
    if item.get("status") == "failed":
        content = {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    else:
        content = []
        for source in (item.get("action") or {}).get("sources") or []:
            url = source.get("url") if isinstance(source, dict) else None
            if isinstance(url, str) and not is_blocked(url, blocked):
                content.append(
                    {
                        "type": "web_search_result",
                        "title": source.get("title") or _short(url),
                        "url": url,
                        "encrypted_content": OPAQUE,
                        "page_age": None,
                    }
                )
    return {"type": "web_search_tool_result", "tool_use_id": tool_use_id, "content": content}


def _short(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return (parts.netloc + parts.path).rstrip("/") or url


def is_blocked(url: str, domains: tuple[str, ...]) -> bool:
    """Whether ``url`` lies in one of ``domains`` (subdomains included)."""
    if not domains:
        return False
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return False
    names = [domain.split("/", 1)[0].lower() for domain in domains]
    return any(host == name or host.endswith("." + name) for name in names)


def citation(annotation: dict[str, Any], text: str) -> dict[str, Any]:
    """A ``url_citation`` as a citation; the cited text is the answer's own span, all that the upstream tells."""
    start, end = annotation.get("start_index"), annotation.get("end_index")
    span = ""
    if isinstance(start, int) and isinstance(end, int):
        span = text[max(0, start) : max(0, end)]
    return {
        "type": "web_search_result_location",
        "cited_text": span[:CITED_TEXT_LIMIT],
        "encrypted_index": OPAQUE,
        "title": annotation.get("title"),
        "url": annotation.get("url") or "",
    }


def replay(block: ServerToolUse) -> dict[str, Any] | None:
    """The input item for a search of ours in the history; None for one made elsewhere."""
    item_id = block.id.removeprefix(_ID)
    if block.name != "web_search" or not item_id.startswith("ws_"):
        return None
    arguments = msgspec.json.decode(block.input)
    if not isinstance(arguments, dict):
        return None
    kind = arguments.get("action")
    if kind == "open_page":
        action: dict[str, Any] = {"type": "open_page", "url": arguments.get("url") or ""}
    elif kind == "find_in_page":
        action = {
            "type": "find_in_page",
            "url": arguments.get("url") or "",
            "pattern": arguments.get("pattern") or "",
        }
    else:
        action = {"type": "search", "query": arguments.get("query") or ""}
        if isinstance(arguments.get("queries"), list):
            action["queries"] = arguments["queries"]
    return {"type": "web_search_call", "id": item_id, "status": "completed", "action": action}
