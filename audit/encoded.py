"""Parts of a text that are written in another writing, read as what they mean: JSON in a string, a URL within a URL, HTML.

What tools return is often JSON whose strings hold JSON, CSV or a log: the line ends are ``\\n`` there and the quotation
marks ``\\"``. The rules read what these mean; each character of it knows where it is written.

Invariants: a reading is made only where the writing is certain (a line with four escapes, or two beside a key of JSON; a word with two), so that code is
read once; its places lie within the text; it is no longer than what it reads.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

_JSON = re.compile(r"\\(?:[nrt\"'/\\]|u[0-9a-fA-F]{4})")
_JSON_SAID = {"\\n": "\n", "\\r": "\r", "\\t": "\t", '\\"': '"', "\\'": "'", "\\/": "/", "\\\\": "\\"}
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+|\+")
_ESCAPED = re.compile(r"%(?:3[aAdD]|25|22|7[bB])")
_WORD = re.compile(r"[^\s\"'<>]{1,8000}")
_BACK = 1000
_HTML = re.compile(r"&(?:quot|apos|amp|lt|gt|nbsp|#34|#39|#x27|#x22|#38|#58|#x3[aA]);")
_HTML_SAID = {"&quot;": '"', "&apos;": "'", "&amp;": "&", "&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&#34;": '"', "&#39;": "'",
              "&#x27;": "'", "&#x22;": '"', "&#38;": "&", "&#58;": ":", "&#x3a;": ":", "&#x3A;": ":"}  # fmt: skip
_ENOUGH = 4
_LONG, _NEAR, _MOST = 2000, 300, 200_000


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a part of a text means. ``begins`` and ``origins``: where each piece begins in it and in the text, ``size`` how
    long what it reads is, where that is one escape."""

    text: str
    begins: list[int]
    origins: list[int]
    sizes: list[int]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The place in the text of a place in what it means."""
        return self._at(start)[0], self._at(end - 1)[1]

    def _at(self, at: int) -> tuple[int, int]:
        number = bisect_right(self.begins, at) - 1
        if size := self.sizes[number]:
            return self.origins[number], self.origins[number] + size
        place = self.origins[number] + at - self.begins[number]
        return place, place + 1


def readings(text: str) -> Iterator[Decoded]:
    """The parts of ``text`` that mean something else than what is written."""
    if "\\" in text:
        for start, end in _lines(text):
            yield _read(text, start, end, _JSON, lambda one: _JSON_SAID.get(one) or _character(one))
    if "%3" in text or "%25" in text:
        for start, end in _words(text):
            yield _read(text, start, end, _PERCENT, lambda one: " " if one == "+" else unquote(one, errors="replace"))
    if "&quot;" in text or "&#" in text:
        for start, end in _entities(text):
            yield _read(text, start, end, _HTML, lambda one: _HTML_SAID[one])


def _words(text: str) -> Iterator[tuple[int, int]]:
    """Words with two escapes of a URL or more."""
    done = 0
    for found in _ESCAPED.finditer(text):
        if found.start() >= done:
            # Read from its end, so that each character before it is looked at once.
            before = _WORD.match(text[max(done, found.start() - _BACK) : found.start()][::-1])
            begin = found.start() - (before.end() if before else 0)
            word = _WORD.match(text, begin)
            done = word.end() if word else found.end()
            if text.count("%", begin, done) > 1:
                yield begin, done


def _entities(text: str) -> Iterator[tuple[int, int]]:
    """Lines with two marks that HTML writes as words or more."""
    done = 0
    for found in _HTML.finditer(text):
        if found.start() >= done:
            start = text.rfind("\n", 0, found.start()) + 1
            end = text.find("\n", found.end())
            done = len(text) if end < 0 else end
            if text.count("&quot;", start, done) + text.count("&#", start, done) > 1:
                yield start, done


def _character(escape: str) -> str:
    code = int(escape[2:], 16)
    return chr(code) if not 0xD800 <= code < 0xE000 else "?"


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Lines of which four escapes or more say that they are strings of JSON; of long lines, where the escapes are."""
    at = text.find("\\")
    while 0 <= at < _MOST:
        start = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        for low, high in ((start, end),) if end - start <= _LONG else _stretches(text, start, end):
            escapes = sum(text.count(escape, low, high) for escape in ('\\"', "\\n", "\\/", "\\u00"))
            if escapes >= _ENOUGH or (escapes > 1 and text.find('":', low, high) >= 0):
                yield low, high
        at = text.find("\\", end)


def _stretches(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a line in which backslashes follow each other closely."""
    first = last = text.find("\\", start, end)
    while last >= 0:
        after = text.find("\\", last + 1, end)
        if after < 0 or after - last > _NEAR:
            yield max(start, first - _NEAR), min(end, last + _NEAR)
            first = after
        last = after


def _read(text: str, start: int, end: int, pattern: re.Pattern[str], said: Callable[[str], str]) -> Decoded:
    pieces: list[str] = []
    begins, origins, sizes, at, length = [], [], [], start, 0
    for found in pattern.finditer(text, start, end):
        for piece, origin, size in ((text[at : found.start()], at, 0), (said(found[0]), found.start(), len(found[0]))):
            if piece:
                pieces.append(piece)
                begins.append(length)
                origins.append(origin)
                sizes.append(size)
                length += len(piece)
        at = found.end()
    pieces.append(text[at:end])
    begins.append(length)
    origins.append(at)
    sizes.append(0)
    return Decoded("".join(pieces), begins, origins, sizes)
