"""Names that a client writes: of models, of tools, of itself. They stand in columns, in sums and in lists.

Invariants: pure but for a memory; what does not look like a name, or holds what the redaction masks, is told as content
is: by its length and a keyed hash. How many different names of models a process takes is bounded, since the sums by the
hour have a row for each: those beyond are ``OTHER``.
"""

from __future__ import annotations

import re
from functools import lru_cache

from audit.redaction import describe, mask

OTHER = "other"
MAX_MODELS = 1_000
_LONG = 500
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:/@+\[\]-]{0,127}")
# ``claude-cli/2.1.4 (external, cli)``, ``Anthropic/Python 0.92.0``, ``curl``
_AGENT = re.compile(
    r"(?P<sdk>[A-Za-z][\w.-]{0,63}/[A-Za-z]{1,32}) (?P<is>\d[\w.+-]{0,31})(?![^\s;,(])"
    r"|(?P<name>[A-Za-z][\w.-]{0,63})(?:/(?P<version>\w[\w.+-]{0,31})(?![^\s;,(/])|$)",
    re.ASCII,
)
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_models: set[str] = set()


@lru_cache(4096)
def named(text: str, key: bytes) -> str:
    """``text`` where it is a name; else ``<42 chars, 1f2e3d4c5b6a>``. Never raises."""
    return text if _NAME.fullmatch(text) and _harmless(text) else (describe(text, key) if text else "")


def model_named(text: str, key: bytes) -> str:
    """As ``named``, for a model that was asked for."""
    name = named(text, key)
    if name and name not in _models:
        if len(_models) >= MAX_MODELS:
            return OTHER
        _models.add(name)
    return name


@lru_cache(256)
def client_of(agent: str) -> tuple[str, str]:
    """Name and version of the client from its ``user-agent``; ``OTHER`` where it begins with no name, and an empty
    version where there is none."""
    if not agent:
        return "", ""
    found = _AGENT.match(agent)
    if found is None or not _harmless(agent[:_LONG]):
        return OTHER, ""
    return found["sdk"] or found["name"], found["is"] or found["version"] or ""


@lru_cache(1024)
def code(text: str) -> str:
    """A code of an error, which an upstream may write as it likes."""
    return text if not text or (_CODE.fullmatch(text) and _harmless(text)) else OTHER


def _harmless(text: str) -> bool:
    try:
        return mask(text)[0] == text
    except Exception:  # noqa: BLE001 - a rule that fails masks all
        return False
