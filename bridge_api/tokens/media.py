"""What images and files cost, from the first bytes of their headers.

Invariants: nothing is decoded beyond a header; a size that cannot be read counts as a common one.

Source: OpenAI's vision guide (tiles and patches), checked against recorded bills.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct

DEFAULT_SIZE = (1024, 1024)
_HEADER = 64 * 1024


def image_size(data_url: str) -> tuple[int, int]:
    """(width, height) in pixels of a base64 data URL."""
    _, _, encoded = data_url.partition(";base64,")
    head = encoded[: _HEADER * 4 // 3 // 4 * 4]
    try:
        raw = base64.b64decode(head + "=" * (-len(head) % 4))
    except (binascii.Error, ValueError):
        return DEFAULT_SIZE
    return _size(raw) or DEFAULT_SIZE


def _size(raw: bytes) -> tuple[int, int] | None:
    if raw.startswith(b"\x89PNG") and len(raw) >= 24:
        return struct.unpack(">II", raw[16:24])
    if raw[:3] == b"GIF" and len(raw) >= 10:
        return struct.unpack("<HH", raw[6:10])
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return _webp(raw)
    if raw[:2] == b"\xff\xd8":
        return _jpeg(raw)
    return None


def _webp(raw: bytes) -> tuple[int, int] | None:
    kind = raw[12:16]
    if kind == b"VP8 " and len(raw) >= 30:
        width, height = struct.unpack("<HH", raw[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and len(raw) >= 25:
        bits = int.from_bytes(raw[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if kind == b"VP8X" and len(raw) >= 30:
        return int.from_bytes(raw[24:27], "little") + 1, int.from_bytes(raw[27:30], "little") + 1
    return None


def _jpeg(raw: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(raw):
        if raw[at] != 0xFF:
            return None
        marker = raw[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", raw[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
    return None


# prefix -> (base, for each 512-pixel tile); longest prefix first.
_TILES = (
    ("gpt-4o-mini", 2833, 5667),
    ("gpt-4.1-mini", 0, 0),
    ("gpt-4.1-nano", 0, 0),
    ("gpt-4", 85, 170),
    ("chatgpt-4o", 85, 170),
    ("o1", 75, 150),
    ("o3", 75, 150),
)
# prefix -> multiplier of 32-pixel patches.
_PATCHES = (("gpt-4.1-mini", 1.62), ("gpt-4.1-nano", 2.46), ("o4-mini", 1.72), ("gpt-5-nano", 1.5))
_PATCH_DEFAULT = 1.2


def image_tokens(model: str, width: int, height: int, detail: str) -> int:
    """Tokens of an image of ``width`` x ``height`` pixels."""
    for prefix, base, tile in _TILES:
        if model.startswith(prefix) and tile:
            return base if detail == "low" else base + tile * _tiles(width, height)
    if model in ("gpt-5", "gpt-5.1") or model.startswith(("gpt-5-20", "gpt-5.1-20")):
        return 70 if detail == "low" else 70 + 140 * _tiles(width, height)
    multiplier = next((value for prefix, value in _PATCHES if model.startswith(prefix)), _PATCH_DEFAULT)
    budget = 1536 if model.startswith(("gpt-4", "gpt-5-", "o")) else 2500
    patches = min(math.ceil(width / 32) * math.ceil(height / 32), budget)
    extra = 0 if model.startswith("gpt-5-nano") else 1
    return math.ceil(patches * multiplier) + extra


def _tiles(width: int, height: int) -> int:
    scale = min(1.0, 2048 / max(width, height, 1))
    wide, high = width * scale, height * scale
    shrink = min(1.0, 768 / max(1.0, min(wide, high)))
    return math.ceil(wide * shrink / 512) * math.ceil(high * shrink / 512)


def pdf_tokens(file_data: str) -> int:
    """A rough figure for a PDF, by its size: its text is counted by a later milestone."""
    size = len(file_data) * 3 // 4
    return 20 + size // 40
