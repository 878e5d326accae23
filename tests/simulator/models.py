"""What the models of the upstream can do: the table that strictness reads.

Written from the vendor's model pages and from recorded answers, never from the bridge's own table, so that an
error in one shows against the other.
"""

from __future__ import annotations

import re

KNOWN = re.compile(
    r"(gpt-6\.[12]-(astra|sol|terra)|gpt-6-(astra|sol|luna)|gpt-5\.6(-(sol|terra|luna))?|gpt-5(\.[1-5])?|gpt-4\.1|gpt-4o|gpt-4|gpt-3\.5"
    r"|o[134]|codex|computer-use|chatgpt)(-(mini|nano|pro|codex|max|chat|latest|preview|turbo|deep-research))*"
    r"(-4o-latest)?(-\d{4}-\d{2}-\d{2})?"
)
_REASONING = re.compile(r"o\d|gpt-5|gpt-6|codex-")
_CHAT = re.compile(r"gpt-5[.\d]*-chat")

LISTED = ("gpt-6.2-astra", "gpt-6.2-sol", "gpt-6.1-sol", "gpt-5.6-sol", "gpt-5.6-luna", "gpt-5.4", "gpt-4.1", "gpt-4o")

EFFORTS: dict[str, str] = {
    "gpt-6": "none low medium high xhigh max",
    "gpt-6-astra": "low medium high xhigh max",
    "gpt-6.1-sol": "low medium high xhigh max",
    "gpt-6.2-astra": "low medium high xhigh max",
    "gpt-5.6": "none low medium high xhigh max",
    "gpt-5.5": "none low medium high xhigh",
    "gpt-5.4": "none low medium high xhigh",
    "gpt-5.3": "none low medium high xhigh",
    "gpt-5.2": "none low medium high xhigh",
    "gpt-5.1": "none low medium high",
    "gpt-5.2-codex": "low medium high xhigh",
    "gpt-5.1-codex": "low medium high",
    "gpt-5.1-codex-max": "low medium high xhigh",
    "gpt-5-codex": "low medium high",
    "gpt-5.5-pro": "medium high xhigh",
    "gpt-5.4-pro": "medium high xhigh",
    "gpt-5.2-pro": "medium high xhigh",
    "gpt-5": "minimal low medium high",
    "gpt-5-pro": "high",
    "o": "low medium high",
}
_SILENT_BY_DEFAULT = re.compile(r"gpt-5\.[124]")


def exists(model: object) -> bool:
    return isinstance(model, str) and KNOWN.fullmatch(model) is not None


def reasons(model: str) -> bool:
    """Whether the model takes a ``reasoning`` object."""
    return _REASONING.match(model) is not None and _CHAT.match(model) is None


def efforts(model: str) -> list[str]:
    """The efforts it takes; empty where none is known."""
    key = max((prefix for prefix in EFFORTS if model.startswith(prefix)), key=len, default="")
    return EFFORTS.get(key, "").split()


def samples(model: str, effort: str | None) -> bool:
    """Whether temperature, top_p and logprobs are taken: without reasoning only, by Astra never."""
    if not reasons(model):
        return True
    if "astra" in model:
        return False
    return effort == "none" or (effort is None and _SILENT_BY_DEFAULT.match(model) is not None)


def version(model: str) -> float:
    """``5.4`` of gpt-5.4-mini; 0 of models that are not numbered so."""
    found = re.match(r"gpt-(\d+(?:\.\d+)?)", model)
    return float(found[1]) if found else 0.0


def knows_phase(model: str) -> bool:
    return version(model) >= 5.4 or model.startswith("gpt-5.3-codex")


def family(model: str) -> str:
    """Reasoning can be used again inside one family only."""
    return re.sub(r"-(mini|nano|pro|\d{4}-\d\d-\d\d)", "", model)
