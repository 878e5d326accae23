"""What images cost, from the first bytes of their headers.

Invariants: pure; nothing is decoded beyond a header, and of a JPEG's header only so many segments are walked, however
it is filled; an image whose size cannot be read, or is not in the
request, counts as a common one; the cost never exceeds what the model's budget of patches or tiles allows.

Source: OpenAI's guide to images (tiles, patches, budgets); the multipliers of the gpt-5 family are those that
recorded bills confirm, which are not the published ones.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from dataclasses import dataclass

Size = tuple[int, int]
COMMON_SIZE: Size = (1024, 1024)
HEAD, LONG_HEAD = 48 * 1024, 768 * 1024
"""Characters of a data URL: most headers fit the first; a JPEG's camera data and previews may need the second."""
_SEGMENTS = 100
"""Segments of a JPEG before its size; cameras write about a dozen, of up to 64 kB."""
_FILL = 16
"""Bytes that may fill the place before a segment."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """``base`` and ``each`` 512-pixel tile, after fitting into 2048 x 2048 and a short side of 768."""

    base: int
    each: int


@dataclass(frozen=True, slots=True)
class Patches:
    """32-pixel patches, at most ``budget`` of them, times ``factor``, and the ``frame`` of the image.

    ``whole``: the product is cut to whole tokens, else it is rounded up.
    """

    factor: float
    budget: int = 1536
    frame: int = 1
    whole: bool = False


# The longest fitting prefix counts.
_RULES: dict[str, Tiles | Patches] = {
    "": Patches(1.2, 2500),
    "gpt-4": Tiles(85, 170),
    "chatgpt-4o": Tiles(85, 170),
    "gpt-4o-mini": Tiles(2833, 5667),
    "gpt-4.1-mini": Patches(1.62),
    "gpt-4.1-nano": Patches(2.46),
    "o1": Tiles(75, 150),
    "o3": Tiles(75, 150),
    "o4-mini": Patches(1.72),
    "computer-use-preview": Tiles(65, 129),
    "gpt-5": Tiles(70, 140),
    "gpt-5-mini": Patches(1.2, frame=5, whole=True),
    "gpt-5-nano": Patches(1.2, frame=5, whole=True),
    "gpt-5.1-codex-mini": Patches(1.2),
    "gpt-5.2": Patches(1.2),
    "gpt-5.3": Patches(1.2),
    "gpt-5.4": Patches(1.2, 2500),
    "gpt-5.5": Patches(1.2, 2500),
    "gpt-5.6": Patches(1.2, 2500),
}
_PREFIXES = sorted(_RULES, key=len, reverse=True)
ORIGINAL_BUDGET = 10_000
"""Patches at most with ``detail: original``, where the model knows it (those with the large budget)."""


def image_tokens(model: str, size: Size, detail: str = "auto") -> int:
    """The tokens of an image of ``size`` (width, height) pixels for ``model``."""
    width, height = (max(1, side) for side in size)
    rule = _RULES[next(prefix for prefix in _PREFIXES if model.startswith(prefix))]
    if isinstance(rule, Tiles):
        return rule.base if detail == "low" else rule.base + rule.each * _tiles(width, height)
    if detail == "low":
        shrink = min(1.0, 512 / max(width, height))
        width, height = max(1, round(width * shrink)), max(1, round(height * shrink))
    budget = ORIGINAL_BUDGET if detail == "original" and rule.budget > 1536 else rule.budget
    product = _patches(width, height, budget) * rule.factor
    # A hair more or less: 100 * 1.62 is 162, not 162.00000000000003.
    return (math.floor(product + 1e-9) if rule.whole else math.ceil(product - 1e-9)) + rule.frame


def _tiles(width: int, height: int) -> int:
    fit = min(1.0, 2048 / max(width, height))
    fit *= min(1.0, 768 / (min(width, height) * fit))
    return math.ceil(width * fit / 512 - 1e-9) * math.ceil(height * fit / 512 - 1e-9)


def _patches(width: int, height: int, budget: int) -> int:
    wide, high = math.ceil(width / 32), math.ceil(height / 32)
    if wide * high <= budget:
        return wide * high
    shrink = math.sqrt(32 * 32 * budget / (width * height))
    across, down = width * shrink / 32, height * shrink / 32
    shrink = min(max(1, math.floor(side)) / side for side in (across, down))
    return min(budget, math.ceil(across * shrink - 1e-9) * math.ceil(down * shrink - 1e-9))


def image_size(data_url: str) -> Size | None:
    """(width, height) of a base64 data URL, which may be cut after its header; None when it is another kind of URL or
    not a known image."""
    start = data_url.find(";base64,", 0, 256)
    if not data_url.startswith("data:") or start < 0:
        return None
    head = data_url[start + len(";base64,") : LONG_HEAD]
    head = head[:-1] if len(head) % 4 == 1 else head
    try:
        return _size(base64.b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError, struct.error):
        return None


def _size(raw: bytes) -> Size | None:
    if raw.startswith(b"\x89PNG\r\n\x1a\n") and len(raw) >= 24:
        return _pair(">II", raw[16:24])
    if raw.startswith((b"GIF87a", b"GIF89a")) and len(raw) >= 10:
        return _pair("<HH", raw[6:10])
    if raw.startswith(b"RIFF") and raw[8:12] == b"WEBP":
        return _webp(raw)
    if raw.startswith(b"\xff\xd8"):
        return _jpeg(raw)
    return None


def _pair(layout: str, raw: bytes) -> Size:
    first, second = struct.unpack(layout, raw)
    return first, second


def _webp(raw: bytes) -> Size | None:
    kind = raw[12:16]
    if kind == b"VP8 " and len(raw) >= 30:
        width, height = _pair("<HH", raw[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and len(raw) >= 25:
        bits = int.from_bytes(raw[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if kind == b"VP8X" and len(raw) >= 30:
        return int.from_bytes(raw[24:27], "little") + 1, int.from_bytes(raw[27:30], "little") + 1
    return None


def _jpeg(raw: bytes) -> Size | None:
    """Walks the segments to the start of frame, which holds the size."""
    at = 2
    for _ in range(_SEGMENTS):
        filled = raw[at : at + _FILL + 9]
        found = filled.lstrip(b"\xff")
        if len(found) == len(filled) or len(found) < 8:
            return None
        marker = found[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = _pair(">HH", found[4:8])
            return width, height
        at += len(filled) - len(found) + 1 + int.from_bytes(found[1:3], "big")
    return None
