"""Counts against what was billed for real requests: the shares that docs/token-counting.md tells.

The recordings are not part of the project: RECORDINGS_DIR names their folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from bridge_api.tokens import counting, documents, encodings, verify

FOLDER = Path(os.environ.get("RECORDINGS_DIR") or Path(__file__).parents[3].parent / "shared/data/recordings")
PAIRS = FOLDER / "usage" / "pairs.jsonl"

pytestmark = pytest.mark.skipif(not PAIRS.is_file(), reason=f"no recorded bills at {PAIRS}: set RECORDINGS_DIR")


@cache
def measured() -> Mapping[str, verify.Figures]:
    lines = [verify.parse(raw, at) for at, raw in enumerate(PAIRS.read_text(encoding="utf-8").split("\n"), 1) if raw]
    means = counting.Means(
        encodings.length, pdf_pages=documents.pages, seen=verify.learned(lines, encodings.length).get
    )
    clean = [line for line in lines if line.clean]
    return verify.classes(
        [verify.Outcome(line, counting.count(line.request, replace(means, on=line.on))) for line in clean]
    )


@pytest.mark.parametrize(
    ("kind", "exact", "within_3", "p95"),
    [
        ("all", 0.95, 0.98, 0.002),
        ("text", 0.99, 1.0, 0.0),
        ("tools", 0.97, 0.975, 0.0),
        ("tool_history", 0.92, 0.99, 0.011),
        ("schema", 1.0, 1.0, 0.0),
        ("reasoning", 0.86, 0.91, 0.04),
        ("images", 0.90, 0.96, 0.015),
        ("files", 0.71, 0.84, 0.12),
    ],
)
def test_counts_are_as_near_to_the_bills_as_the_documentation_tells(
    kind: str, exact: float, within_3: float, p95: float
) -> None:
    found = measured()[kind]
    assert found.exact >= exact
    assert found.within_3 >= within_3
    assert found.p95_rel <= p95
