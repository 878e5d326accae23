"""The cost of pictures."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_api.tokens.media import image_size, image_tokens


def url(raw: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(raw).decode()}"


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height) + bytes(5)


def jpeg(width: int, height: int, camera_data: int = 0) -> bytes:
    segments = b"\xff\xd8"
    for start in range(0, camera_data, 60_000):
        size = min(60_000, camera_data - start)
        segments += b"\xff\xe1" + struct.pack(">H", size + 2) + bytes(size)
    return segments + b"\xff\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 1) + bytes(8)


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "https://example.com/a.png",
        "data:image/png,plain",
        "data:image/png;base64,",
        "data:image/png;base64,%%%",
        url(b"BM not a known kind of picture"),
        url(png(3, 4)[:20]),
        url(b"\xff\xd8\xff"),
        url(b"\xff\xd8\x00\x00" * 9),
        url(b"RIFF\x00\x00\x00\x00WEBPVP9 " + bytes(30)),
    ],
)
def test_a_picture_that_cannot_be_read_has_no_size(broken: str) -> None:
    assert image_size(broken) is None


@pytest.mark.parametrize(
    "raw",
    [
        png(640, 480),
        b"GIF89a" + struct.pack("<HH", 640, 480) + bytes(4),
        jpeg(640, 480),
        jpeg(640, 480, camera_data=300_000),
        b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(10) + struct.pack("<HH", 640, 480),
        b"RIFF\x00\x00\x00\x00WEBPVP8L" + bytes(5) + struct.pack("<I", 639 | 479 << 14) + bytes(9),
        b"RIFF\x00\x00\x00\x00WEBPVP8X" + bytes(8) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little"),
    ],
)
def test_sizes_stand_in_the_header(raw: bytes) -> None:
    assert image_size(url(raw)) == (640, 480)


def test_a_header_of_filling_or_of_very_many_segments_is_given_up() -> None:
    whole = jpeg(640, 480)
    assert image_size(url(whole[:2] + b"\xff" * 10 + whole[2:])) == (640, 480)
    assert image_size(url(whole[:2] + b"\xff" * 50 + whole[2:])) is None
    assert image_size(url(whole[:2] + b"\xff\xe1\x00\x02" * 50 + whole[2:])) == (640, 480)
    assert image_size(url(whole[:2] + b"\xff\xe1\x00\x02" * 500 + whole[2:])) is None


@pytest.mark.parametrize("length", range(400, 404))
def test_a_url_may_be_cut_anywhere_after_the_header(length: int) -> None:
    assert image_size(url(png(640, 480) + bytes(1000))[:length]) == (640, 480)


@pytest.mark.parametrize(
    ("model", "size", "detail", "tokens"),
    [
        ("gpt-4o", (100, 100), "auto", 85 + 170),
        ("gpt-4o", (1024, 1024), "high", 85 + 170 * 4),
        ("gpt-4o", (2048, 4096), "high", 85 + 170 * 6),
        ("gpt-4o", (4000, 4000), "low", 85),
        ("gpt-4.1", (1, 1), "auto", 85 + 170),
        ("gpt-4o-mini-2024-07-18", (640, 480), "auto", 2833 + 5667 * 2),
        ("gpt-4.1-nano", (128, 128), "auto", 40 + 1),
        ("o4-mini", (640, 480), "auto", 516 + 1),
        ("o3", (512, 512), "auto", 75 + 150),
        ("gpt-5", (512, 512), "auto", 70 + 140),
        ("gpt-5-mini", (597, 566), "auto", 410 + 5),
        ("gpt-5-mini", (400, 301), "auto", 156 + 5),
        ("gpt-5-nano", (128, 128), "auto", 19 + 5),
        ("gpt-5.4", (60, 30), "auto", 3 + 1),
        ("gpt-5.6-luna", (330, 291), "auto", 132 + 1),
        ("gpt-5.2", (1_000_000, 1), "auto", 1844 + 1),
    ],
)
def test_tiles_and_patches(model: str, size: tuple[int, int], detail: str, tokens: int) -> None:
    assert image_tokens(model, size, detail) == tokens


@given(
    st.sampled_from(["gpt-4o", "gpt-4.1-mini", "gpt-5-mini", "gpt-5.4", "new"]),
    st.tuples(*[st.integers(0, 70_000)] * 2),
)
def test_no_picture_costs_more_than_its_budget(model: str, size: tuple[int, int]) -> None:
    assert 0 < image_tokens(model, size) <= 3_100


def test_the_original_detail_has_the_large_budget_where_it_is_known() -> None:
    size = (3200, 3200)
    assert image_tokens("gpt-5.4", size, "original") == 12_001
    assert image_tokens("gpt-5-mini", size, "original") == image_tokens("gpt-5-mini", size)
