"""Token usage of the upstream as Anthropic's.

Invariants: the three input counters are disjoint and sum to what the upstream billed as input; no figure is
negative; figures the upstream left out are 0.

Source: ``ResponseUsage`` of the ``openai`` package, ``Usage`` and ``MessageDeltaUsage`` of ``anthropic``.
"""

from __future__ import annotations

from typing import Any

_TIERS = {"default": "standard", "auto": "standard", "flex": "standard", "scale": "priority"}
_FAST = ("priority", "fast", "ultrafast")


def _number(source: Any, name: str) -> int:
    value = source.get(name) if isinstance(source, dict) else None
    return value if isinstance(value, int) and value > 0 else 0


def delta_usage(usage: dict[str, Any] | None, searches: int) -> dict[str, Any]:
    """The usage of ``message_delta`` from the upstream's ``usage`` object."""
    usage = usage or {}
    details = usage.get("input_tokens_details")
    total = _number(usage, "input_tokens")
    cached = min(_number(details, "cached_tokens"), total)
    written = min(_number(details, "cache_write_tokens"), total - cached)
    reasoning = _number(usage.get("output_tokens_details"), "reasoning_tokens")
    return {
        "input_tokens": total - cached - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": _number(usage, "output_tokens"),
        "output_tokens_details": {"thinking_tokens": reasoning},
        "server_tool_use": _server_tools(searches),
    }


def _server_tools(searches: int) -> dict[str, int] | None:
    return {"web_search_requests": searches, "web_fetch_requests": 0} if searches else None


def estimated_usage(input_tokens: int, output_tokens: int, searches: int) -> dict[str, Any]:
    """Usage where no terminal event will come (a stop sequence was hit)."""
    usage = delta_usage(None, searches)
    usage["input_tokens"] = input_tokens
    usage["output_tokens"] = max(1, output_tokens)
    return usage


def start_usage(input_tokens: int) -> dict[str, Any]:
    """The usage of ``message_start``: an estimate that ``message_delta`` overwrites, and the fields that it
    cannot carry."""
    return {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 1,
        "service_tier": "standard",
    }


def whole_usage(delta: dict[str, Any], upstream: dict[str, Any] | None, tier: str | None) -> dict[str, Any]:
    """The usage of a whole Message: that of the stream, with the fields only it can tell truly."""
    details = (upstream or {}).get("input_tokens_details")
    by_ttl = details.get("cache_write_tokens_details") if isinstance(details, dict) else None
    written = delta["cache_creation_input_tokens"]
    long = min(_number(by_ttl, "ttl_12h_tokens"), written)
    return {
        "input_tokens": delta["input_tokens"],
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": delta["cache_read_input_tokens"],
        "cache_creation": {
            "ephemeral_5m_input_tokens": written - long,
            "ephemeral_1h_input_tokens": long,
        },
        "output_tokens": delta["output_tokens"],
        "output_tokens_details": delta["output_tokens_details"],
        "server_tool_use": delta["server_tool_use"],
        "service_tier": "priority" if tier in _FAST else _TIERS.get(tier or "default", "standard"),
        "speed": "fast" if tier in _FAST else "standard",
        "inference_geo": None,
    }
