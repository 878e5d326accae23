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
_PERCENT_WORD = re.compile(r"[^\s\"'<>]{0,2000}?%(?:3[aAdD]|25|22|7[bB])[^\s\"'<>]{0,6000}")
_HTML = re.compile(r"&(?:quot|apos|amp|lt|gt|nbsp|#34|#39|#x27|#x22|#38|#58|#x3[aA]);")
_HTML_SAID = {"&quot;": '"', "&apos;": "'", "&amp;": "&", "&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&#34;": '"', "&#39;": "'",
              "&#x27;": "'", "&#x22;": '"', "&#38;": "&", "&#58;": ":", "&#x3a;": ":", "&#x3A;": ":"}  # fmt: skip
_ENOUGH = 4
_MOST = 200_000


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
        for found in _PERCENT_WORD.finditer(text):
            if found[0].count("%") > 1:
                yield _read(
                    text, *found.span(), _PERCENT, lambda one: " " if one == "+" else unquote(one, errors="replace")
                )
    if "&quot;" in text or "&#34;" in text or "&#x" in text or "&#39;" in text:
        yield _read(text, 0, min(len(text), _MOST), _HTML, lambda one: _HTML_SAID[one])


def _character(escape: str) -> str:
    code = int(escape[2:], 16)
    return chr(code) if not 0xD800 <= code < 0xE000 else "?"


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Lines of which four escapes or more say that they are strings of JSON."""
    at = text.find("\\")
    while 0 <= at < _MOST:
        start = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        escapes = (
            text.count('\\"', start, end)
            + text.count("\\n", start, end)
            + text.count("\\/", start, end)
            + text.count("\\u00", start, end)
        )
        if escapes >= _ENOUGH or (escapes > 1 and text.find('":', start, end) >= 0):
            yield start, end
        at = text.find("\\", end)


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
