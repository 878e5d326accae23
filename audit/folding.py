"""A row's content for its page: JSON as lists that fold.

Invariants: every value is escaped (``format_html`` only); what is long is cut, what is deep or many is left out and says
so; a folded part shows in a line what it is and how it begins.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit import charts

LONGEST_TEXT = 4_000
LONGEST_JSON = 200_000
MOST_NODES = 2_000
DEEPEST = 40
FOLDED_FROM = 2
GLANCE = 90
LAST = ("system", "tools", "messages")
"""Fields of a body that are long stand behind those that are not."""


@dataclass(frozen=True)
class Content:
    """One side of the exchange. ``parts`` are (name, tree); ``masked`` says what was taken out of it; ``plain`` is all of
    it as JSON."""

    title: str
    parts: list[tuple[str, SafeString]]
    masked: list[tuple[str, Any]]
    size: str
    plain: str


def content_of(title: str, content: dict[str, Any], named: tuple[str, ...]) -> Content:
    """``named`` are its parts, in their order."""
    known = [(name, content[name]) for name in named if content.get(name)]
    known += [(name, item) for name, item in content.items() if name not in (*named, *ABOUT) and item]
    size = content.get("bytes")
    told = f"{size:,} bytes" if isinstance(size, int) else ""
    plain = json.dumps(dict(known), indent=2, ensure_ascii=False) if known else ""
    if len(plain) > LONGEST_JSON:
        plain = f"{plain[:LONGEST_JSON]}\n… ({len(plain):,} characters in all)"
    return Content(title, [(name, tree(_ordered(item))) for name, item in known], masked_of(content), told, plain)


ABOUT = ("bytes", "masked", "error_masked")


def masked_of(content: dict[str, Any], name: str = "masked") -> list[tuple[str, Any]]:
    """What the redaction took out: (rule, how often)."""
    found = content.get(name)
    return [(str(rule), count) for rule, count in found.items()] if isinstance(found, dict) else []


def _ordered(value: Any) -> Any:
    if not isinstance(value, dict) or "messages" not in value:
        return value
    return dict(sorted(value.items(), key=lambda item: LAST.index(item[0]) if item[0] in LAST else -1))


class Tree:
    """A JSON value as nested lists that fold."""

    def __init__(self) -> None:
        self.left = MOST_NODES

    def html(self, value: Any, name: str = "", depth: int = 0) -> SafeString:
        self.left -= 1
        if self.left < 0 or depth > DEEPEST:
            return format_html("<li>{}<i>… more is not shown</i></li>", _name(name)) if self.left == -1 else _nothing()
        if isinstance(value, dict | list) and value:
            return self._branch(value, name, depth)
        return format_html("<li>{}{}</li>", _name(name), _leaf(value))

    def _branch(self, value: dict[str, Any] | list[Any], name: str, depth: int) -> SafeString:
        if isinstance(value, dict):
            inner = [(str(key), item) for key, item in value.items()]
            what = _told(value) or charts.many(len(inner), "field")
        else:
            inner = [(str(index), item) for index, item in enumerate(value)]
            what = charts.many(len(inner), "item")
        parts = format_html_join("", "{}", ((self.html(item, key, depth + 1),) for key, item in inner))
        begins = _begins(value)
        return format_html(
            '<li><details{}><summary>{}<span class="au-what">{}</span>{}</summary><ul>{}</ul></details></li>',
            SafeString(" open") if depth < FOLDED_FROM else "",
            _name(name),
            what,
            format_html('<span class="au-glance">{}</span>', begins) if begins else "",
            parts,
        )


def tree(value: Any) -> SafeString:
    """A value as a list that folds; nothing for an empty one."""
    if value in ({}, [], None, ""):
        return _nothing()
    drawing = Tree()
    if isinstance(value, dict):
        items = format_html_join("", "{}", ((drawing.html(item, str(key), 1),) for key, item in value.items()))
    else:
        items = drawing.html(value, "", 1)
    return format_html('<ul class="au-tree">{}</ul>', items)


def _nothing() -> SafeString:
    return SafeString("")


def _name(name: str) -> SafeString:
    return format_html('<span class="au-name">{}</span>', name) if name else _nothing()


def _told(value: dict[str, Any]) -> str:
    """What a block is, where it says so itself."""
    said = [value[key] for key in ("role", "type", "name") if isinstance(value.get(key), str)]
    return " · ".join(said)[:80]


def _begins(value: Any, depth: int = 0) -> str:
    """How what a block says begins."""
    if isinstance(value, str):
        said = " ".join(value[: GLANCE * 2].split())
        return said if len(said) <= GLANCE and len(value) <= GLANCE * 2 else f"{said[:GLANCE]}…"
    if depth > 3:
        return ""
    if isinstance(value, dict):
        parts = (value.get(name) for name in ("text", "thinking", "content"))
        found = next((begins for part in parts if part and (begins := _begins(part, depth + 1))), "")
        given = value.get("input") if not found and len(value) < MOST_NODES else None
        return _begins(json.dumps(given, ensure_ascii=False)) if isinstance(given, dict) and given else found
    if isinstance(value, list) and depth:
        first = next((part for part in value if isinstance(part, dict)), None)
        kinds = _told(first) if first and first.get("type") != "text" else ""
        return ": ".join(filter(None, (kinds, _begins(first, depth + 1)))) if first else ""
    return ""


def _leaf(value: Any) -> SafeString:
    if isinstance(value, str):
        cut = value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}… ({len(value):,} characters in all)"
        return format_html('<span class="au-text">{}</span>', cut or "(empty)")
    return format_html('<span class="au-value">{}</span>', json.dumps(value, ensure_ascii=False))
