"""Encrypted reasoning as the simulator issues it.

The content names its item and what followed it, and is signed, so that a bridge that mixes up, edits or invents
one is found out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

ISSUED = "gAAAA-sim-"
_KEY = b"the simulator's own"


def issue(item_id: str, follower: str) -> str:
    """The content for a reasoning item; ``follower`` is the kind of the next item, with its call id if it has one."""
    text = base64.urlsafe_b64encode(json.dumps([item_id, follower]).encode()).decode()
    return f"{ISSUED}{text}.{_sign(text)}"


def opened(content: str) -> tuple[str, str] | None:
    """(item id, follower) of content that was issued here, else None."""
    text, _, signature = content.removeprefix(ISSUED).partition(".")
    if not content.startswith(ISSUED) or not hmac.compare_digest(signature.encode(), _sign(text).encode()):
        return None
    item_id, follower = json.loads(base64.urlsafe_b64decode(text))
    return item_id, follower


def follower_of(item: dict[str, Any]) -> str:
    """How an item is named in the content of the reasoning before it."""
    kind = item.get("type") or "message"
    return f"{kind}:{item['call_id']}" if item.get("call_id") else str(kind)


def _sign(text: str) -> str:
    return hmac.new(_KEY, text.encode(), hashlib.sha256).hexdigest()[:32]
