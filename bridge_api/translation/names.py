"""Tool names and call ids that fit the upstream, and back.

Invariants: a name that fits is itself; the mapping of a name depends on the name alone (but for the one case
of a client name that equals another's mapped form), so that the same conversation is the same bytes; mapped
names map back within the request.

Source: the pattern and length of ``FunctionTool.name`` and the length of ``call_id`` in OpenAI's API reference.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable

_FITS = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_BAD = re.compile(r"[^a-zA-Z0-9_-]")
_STEM = 52


def _digest(text: str, length: int) -> str:
    raw = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(raw).decode("ascii").lower().rstrip("=")[:length]


class NameMap:
    """The names of one request. ``names`` are the client's tool names known beforehand; others map too."""

    __slots__ = ("_client", "_upstream")

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._upstream: dict[str, str] = {}
        self._client: dict[str, str] = {}
        known = list(dict.fromkeys(names))
        for name in known:
            if _FITS.fullmatch(name):
                self._upstream[name] = self._client[name] = name
        for name in sorted(known):
            self.upstream(name)

    def upstream(self, name: str) -> str:
        """The name to send for a client's tool name."""
        mapped = self._upstream.get(name)
        if mapped is None:
            mapped = self._map(name)
            self._upstream[name] = mapped
            self._client.setdefault(mapped, name)
        return mapped

    def client(self, name: str) -> str:
        """The client's name for a name that came from upstream; unknown names pass."""
        return self._client.get(name, name)

    def _map(self, name: str) -> str:
        if _FITS.fullmatch(name):
            return name
        for length in (10, 20, 40):
            stem = _BAD.sub("_", name)[: min(_STEM, 63 - length)]
            mapped = f"{stem}_{_digest(name, length)}"
            if self._client.get(mapped, name) == name:
                return mapped
        return mapped


def upstream_call_id(tool_use_id: str) -> str:
    """The ``call_id`` for a ``tool_use`` id: itself where it fits, else a hash of it."""
    if _FITS.fullmatch(tool_use_id):
        return tool_use_id
    return f"call_{_digest(tool_use_id, 32)}"
