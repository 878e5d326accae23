"""What the terminal event of an answer tells: its error, its items, its searches, whether the window was full.

Invariant: total; a field that is missing or of another type says nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bridge_api import errors
from bridge_api.schemas import openai as o
from bridge_api.translation.errors import from_event
from bridge_api.translation.items import ITEMS, HiddenItem, Item
from bridge_api.translation.plan import AnswerPlan


def plain(error: o.Error) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "type": error.type, "param": error.param}


def response_failure(response: o.Response, plan: AnswerPlan, tokens: int) -> errors.BridgeError:
    if response.error is None:
        return errors.ApiError("The upstream's response failed without a reason.", code="upstream_failed")
    return from_event(plain(response.error), caps=plan.caps, input_tokens=tokens)


def decoded_item(raw: msgspec.Raw) -> dict[str, Any] | None:
    try:
        item = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return item if isinstance(item, dict) else None


def same_kind(item: Item, final: dict[str, Any]) -> bool:
    return isinstance(item, HiddenItem) or type(item) is ITEMS.get(str(final.get("type") or ""))


def searches(response: o.Response | None, counted: int) -> int:
    usage = response.tool_usage if response else None
    search = usage.get("web_search") if usage else None
    told = search.get("num_requests") if isinstance(search, dict) else None
    return told if isinstance(told, int) and told > 0 else counted


def window_full(response: o.Response | None, plan: AnswerPlan) -> bool:
    """Whether the model's window ended the answer, not the asked limit."""
    if response is None or response.usage is None:
        return False
    used_in, used_out = response.usage.get("input_tokens"), response.usage.get("output_tokens")
    if not isinstance(used_in, int) or not isinstance(used_out, int):
        return False
    asked = response.max_output_tokens
    if asked is not None and used_out >= asked:
        return False
    return used_in + used_out >= plan.caps.context_window
