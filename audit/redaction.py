"""What the audit trail keeps of a payload: its shape, its masked text, or all of it.

``full`` (the default) keeps no content: what stands for a string is its length and a keyed hash, so that equal contents
are recognised by who has the key and guessed by nobody. ``partial`` keeps the text with secrets and personal data masked
(audit/scan.py). ``none`` keeps the text. In every mode binary data are told by their length.

Invariants: pure, but for a memory of texts without anything to mask (by hash); ``redact`` never raises and its work is
bounded: by depth, nodes, characters and entries of lists (lists are whole in ``none``); what a mode cannot do falls back
to ``full``, and what is left out is counted; in ``full`` only the protocol's own words at the protocol's own places
survive (audit/shape.py), never anything below a tool's arguments, a tool's result or metadata.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from audit import shape
from audit.scan import mask, mask_cut, mask_secrets, spans

__all__ = ["MODES", "mask", "mask_secrets", "redact", "spans"]

MODES = ("full", "partial", "none")
MAX_DEPTH = 50
MAX_NODES = 20_000
MAX_ENTRIES = 200
MAX_TEXT = 100_000
MAX_MASKED = 2_000_000
MAX_CLEAN = 20_000
"""Texts in which nothing was found that are known again: about 3 MB."""
_MAX_KEY = 64
_CUT = "<cut>"
# A client sends a conversation whole with each turn. Python's own hash is keyed anew in each process, so that nobody can
# make a text that has another's, and by chance it happens once in a thousand million million; no text is kept.
_clean: set[tuple[int, int]] = set()


def redact(value: Any, mode: str, key: bytes) -> tuple[Any, dict[str, int]]:
    """``value`` (a JSON-like tree) as ``mode`` keeps it, and what was done to it: counts by rule."""
    if mode in ("partial", "none"):
        try:
            return _Walk(key, _partial if mode == "partial" else _plain, whole=mode == "none").run(value)
        except Exception:  # noqa: BLE001 - whatever fails, nothing is kept that was not redacted
            told, counts = _full(value, key)
            return told, {**counts, "redaction_failed": 1}
    return _full(value, key)


def describe(text: str, key: bytes) -> str:
    """What stands for a text: ``<42 chars, 1f2e3d4c5b6a>``."""
    return f"<{len(text)} chars, {_digest(text, key, 12)}>"


def _full(value: Any, key: bytes) -> tuple[Any, dict[str, int]]:
    try:
        return _Walk(key, _shape_only).run(value)
    except Exception:  # noqa: BLE001 - as above
        return _CUT, {"redaction_failed": 1}


def _digest(text: str, key: bytes, size: int) -> str:
    return hmac.new(key, b"audit/content/" + text.encode(errors="replace"), hashlib.sha256).hexdigest()[:size]


@lru_cache(maxsize=4096)
def _harmless(word: str) -> bool:
    """Whether a word of the protocol's form is no key, and nobody's number, that was put in its place."""
    try:
        return mask(word)[0] == word
    except Exception:  # noqa: BLE001 - a rule that fails hides the word, not the whole tree
        return False


@dataclass(slots=True)
class _Walk:
    """One walk over a tree. ``leaf`` says what becomes of a value that has no parts."""

    key: bytes
    leaf: Callable[[_Walk, Any, shape.Place], Any]
    whole: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    nodes: int = 0
    masked: int = 0

    def run(self, value: Any) -> tuple[Any, dict[str, int]]:
        return self.node(value, shape.ROOT, 0), self.counts

    def count(self, rule: str, number: int = 1) -> None:
        self.counts[rule] = self.counts.get(rule, 0) + number

    def node(self, value: Any, place: shape.Place, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            self.count("cut_depth" if depth > MAX_DEPTH else "cut_nodes")
            return _CUT
        if isinstance(value, Mapping):
            return self.mapping(value, place, depth)
        if isinstance(value, list | tuple):
            return self.entries(value, place, depth)
        if isinstance(value, str) and shape.is_binary(value, place):
            self.count("binary")
            return f"<binary, {len(value)} chars>"
        return self.leaf(self, value, place)

    def mapping(self, value: Mapping[Any, Any], place: shape.Place, depth: int) -> dict[str, Any]:
        told: dict[str, Any] = {}
        alike: dict[str, int] = {}
        for number, (name, one) in enumerate(value.items()):
            if self.nodes > MAX_NODES:
                self.count("cut_nodes")
                told[_CUT] = f"and {len(value) - number} more"
                break
            name = str(name)
            inner = shape.inside(value, name, one, place)
            shown = self.name(name, place)
            while shown in told:
                # Numbered, so that very many that are masked alike cost no more than others.
                alike[shown] = again = alike.get(shown, 1) + 1
                shown = f"{shown}_{again}"
            if self.leaf is _partial and one is not None and (kind := shape.sensitive(name)):
                self.count("sensitive_key")
                told[shown] = f"[{kind}]"
            else:
                told[shown] = self.node(one, inner, depth + 1)
        return told

    def entries(self, value: Sequence[Any], place: shape.Place, depth: int) -> list[Any]:
        kept = value if self.whole else value[:MAX_ENTRIES]
        told = []
        for one in kept:
            if self.nodes > MAX_NODES:
                break
            told.append(self.node(one, place, depth + 1))
        if len(told) < len(value):
            self.count("cut_entries" if self.nodes <= MAX_NODES else "cut_nodes")
            told.append(f"and {len(value) - len(told)} more")
        return told

    def name(self, name: str, place: shape.Place) -> str:
        """A key: the protocol's stay; others are content."""
        if self.leaf is _shape_only:
            return name if place.protocol and name in shape.NAMES else f"key_{_digest(name, self.key, 8)}"
        return self.text(name, _MAX_KEY * 4) if self.leaf is _partial else name

    def text(self, text: str, limit: int = MAX_TEXT) -> str:
        """A text, masked; what is beyond ``limit`` is cut."""
        self.masked += min(len(text), limit)
        if self.masked > MAX_MASKED:
            self.count("cut_text")
            return describe(text, self.key)
        mark = (hash(text), len(text))
        if mark in _clean and len(text) <= limit:
            return text
        told, counts = mask_cut(text, limit)
        if not counts and len(text) <= limit:
            if len(_clean) >= MAX_CLEAN:
                _clean.clear()
            _clean.add(mark)
        for kind, number in counts.items():
            self.count(kind, number)
        if len(text) > limit:
            self.count("cut_text")
            told += f" ... and {len(text) - limit} more characters"
        return told


def _plain(walk: _Walk, value: Any, place: shape.Place) -> Any:
    return value if value is None or isinstance(value, str | int | float) else f"<{type(value).__name__}>"


def _partial(walk: _Walk, value: Any, place: shape.Place) -> Any:
    if isinstance(value, str):
        return walk.text(value)
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 10**6):
        return value
    if isinstance(value, int):  # a card's or a phone's number need not be a string
        told = walk.text(str(value)[:40])
        return value if told == str(value) else told
    return f"<{type(value).__name__}>"


def _shape_only(walk: _Walk, value: Any, place: shape.Place) -> Any:
    if value is None:
        return None
    if isinstance(value, str):
        kept = shape.keeps(value, place) and _harmless(value)
        return value if kept else describe(value, walk.key)
    if place.protocol and place.name in shape.NUMBERS and isinstance(value, bool | int | float):
        return value
    return f"<{type(value).__name__}>"
