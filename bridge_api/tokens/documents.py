"""The text of a PDF, read within bounds.

Why: the upstream bills a PDF by its text. What reading one costs is for the client to choose, so bytes, pages,
characters and seconds are bounded, and what was not read is judged by what was.

Invariants: never raises for what a client sent; stops within about ``SECONDS`` and the work of one page; runs in a
worker thread, never on the event loop. pypdf is imported here alone, at first use.
"""

from __future__ import annotations

import base64
import logging
from io import BytesIO
from time import monotonic
from typing import Any

from bridge_api.tokens.counting import NO_PAGES, Pages

MAX_BYTES = 24 * 1024 * 1024
MAX_PAGES = 100
MAX_CHARACTERS = 1_000_000
"""Text after which no further page is read: more than a hundred dense pages have."""
MAX_TOTAL = 10_000
"""Pages that a PDF may claim to have."""
SECONDS = 2.0
# What pypdf may do for one page, whose commands it reads before it can be stopped: about a second's work.
_LIMITS: dict[str, Any] = {
    "stream_parsing_work_maximum_count": 200_000,
    "zlib_maximum_output_length": 16_000_000,
    "stream_decoding_work_maximum_length": 32_000_000,
    "xform_maximum_invocations_per_extraction": 200,
    "page_tree_maximum_entries": 20_000,
    "page_tree_maximum_page_entries": 200_000,
}

logging.getLogger("pypdf").setLevel(logging.CRITICAL)


class _OutOfTime(Exception):
    """The reading of a page takes too long."""


def pages(encoded: str) -> Pages:
    """The text of the pages of a base64 PDF; none when it cannot be read."""
    if len(encoded) * 3 // 4 > MAX_BYTES:
        return NO_PAGES
    try:
        return _read(base64.b64decode(encoded), monotonic() + SECONDS)
    except Exception:  # noqa: BLE001 - a broken PDF raises anything; it then counts by its size
        return NO_PAGES


def _read(raw: bytes, deadline: float) -> Pages:
    from pypdf import PdfReader, apply_configuration

    def watch(*_: Any) -> None:
        if monotonic() > deadline:
            raise _OutOfTime

    read: list[str] = []
    characters = 0
    with apply_configuration(**_LIMITS):
        found = PdfReader(BytesIO(raw)).pages
        total = len(found)
        try:
            for at in range(min(total, MAX_PAGES)):
                watch()
                if characters > MAX_CHARACTERS:
                    break
                try:
                    read.append(found[at].extract_text(visitor_operand_before=watch))
                except _OutOfTime:
                    raise
                except Exception:  # noqa: BLE001 - one broken page; the others tell about it
                    continue
                characters += len(read[-1])
        except _OutOfTime:
            pass
    return Pages(read, min(total, MAX_TOTAL)) if read else NO_PAGES
