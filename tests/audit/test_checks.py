"""What an operator is told before the first row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from audit import checks


@pytest.mark.parametrize(
    ("mode", "debug", "confirmed", "refused"),
    [
        ("none", False, False, True),
        ("none", False, True, False),
        ("none", True, False, False),
        ("partial", False, False, False),
        ("full", False, False, False),
    ],
)
def test_plain_content_must_be_confirmed(settings: Any, mode: str, debug: bool, confirmed: bool, refused: bool) -> None:
    settings.AUDIT_REDACTION, settings.DEBUG, settings.AUDIT_PLAIN_CONFIRMED = mode, debug, confirmed
    assert [one.id for one in checks.plain_content_is_confirmed()] == (["audit.E001"] if refused else [])


def test_a_spool_needs_a_folder(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings.AUDIT_SPOOL_DIR = tmp_path / "file" / "spool"
    assert [one.id for one in checks.spool_is_writable()] == ["audit.E002"]
    settings.AUDIT_SPOOL_DIR = tmp_path / "new" / "spool"
    assert checks.spool_is_writable() == []


def test_rows_should_have_an_end(settings: Any) -> None:
    settings.AUDIT_RETENTION_DAYS = settings.AUDIT_MAX_ROWS = 0
    assert [one.id for one in checks.rows_have_an_end()] == ["audit.W001"]
    settings.AUDIT_MAX_ROWS = 5
    assert checks.rows_have_an_end() == []
