"""Who asks and in which conversation, told upstream without telling it.

Invariants: users are keyed hashes, the same for the same user; the routing key is at most 64 characters and stays
the same over a conversation, because prompt caches are found by it.

Source: ``safety_identifier`` and ``prompt_cache_key`` in OpenAI's API reference; recorded requests of Claude Code.
"""

from __future__ import annotations

import hashlib
import hmac
import re

import msgspec

from bridge_api.schemas.anthropic import MessagesRequest

BILLING_HEADER = "x-anthropic-billing-header:"


def identity(request: MessagesRequest, key: bytes, session_id: str | None, tool_names: list[str]) -> dict[str, str]:
    """Who and which conversation, as keyed hashes and a routing key of at most 64 characters.

    Claude Code's ``user_id`` is a JSON text whose session part changes: the stable part is hashed, because a
    user that changes between turns may cost the reasoning items.
    """
    user = request.metadata.user_id if request.metadata else None
    session = session_id
    told: dict[str, str] = {}
    if user:
        stable, embedded = _claude_code_identity(user)
        told["safety_identifier"] = _keyed(key, b"user", stable)
        session = session or embedded
    if session is None:
        system = request.system if isinstance(request.system, str) else None
        texts = [system or ""] + [
            block.text
            for block in (request.system if isinstance(request.system, list) else [])
            if not block.text.lower().startswith(BILLING_HEADER)
        ]
        session = _keyed(key, b"prefix", "\0".join([*texts, *tool_names]))
    told["prompt_cache_key"] = session if len(session) <= 64 else _keyed(key, b"session", session)
    return told


def _claude_code_identity(user_id: str) -> tuple[str, str | None]:
    """(the part of ``metadata.user_id`` that stays the same for a user, the session in it)."""
    if user_id.startswith("{"):
        try:
            parsed = msgspec.json.decode(user_id)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return user_id, None
        stable = parsed.get("account_uuid") or parsed.get("device_id")
        session = parsed.get("session_id")
        return (
            stable if isinstance(stable, str) else user_id,
            session if isinstance(session, str) and re.fullmatch(r"[A-Za-z0-9._-]{1,64}", session) else None,
        )
    return user_id, None


def _keyed(key: bytes, purpose: bytes, text: str) -> str:
    return hmac.new(key, purpose + b"\0" + text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
