"""The text of a PDF, read within bounds.

Why: the upstream bills a PDF by its text. Reading one is the only work here whose cost a client controls, so
bytes, pages and seconds are bounded, and what was not read is judged by what was.

Invariants: never raises for what a client sent; stops within about ``SECONDS``; runs in a worker thread, never
on the event loop. pypdf is imported here alone, at first use.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from io import BytesIO
from time import monotonic
from typing import Any

MAX_BYTES = 24 * 1024 * 1024
MAX_PAGES = 100
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


def pages(encoded: str) -> Sequence[str]:
    """The text of each page of a base64 PDF; empty when it cannot be read.

    Pages that were not read stand as copies of those that were, so that the count stays in proportion.
    """
    if len(encoded) * 3 // 4 > MAX_BYTES:
        return ()
    try:
        return _read(base64.b64decode(encoded), monotonic() + SECONDS)
    except Exception:  # noqa: BLE001 - a broken PDF raises anything; it then counts by its size
        return ()


def _read(raw: bytes, deadline: float) -> Sequence[str]:
    from pypdf import PdfReader, apply_configuration

    def watch(*_: Any) -> None:
        if monotonic() > deadline:
            raise _OutOfTime

    read: list[str] = []
    with apply_configuration(**_LIMITS):
        found = PdfReader(BytesIO(raw)).pages
        total = len(found)
        try:
            for at in range(min(total, MAX_PAGES)):
                watch()
                try:
                    read.append(found[at].extract_text(visitor_operand_before=watch))
                except _OutOfTime:
                    raise
                except Exception:  # noqa: BLE001 - one broken page; the others tell about it
                    continue
        except _OutOfTime:
            pass
    return [read[at % len(read)] for at in range(min(total, 10_000))] if read else ()
