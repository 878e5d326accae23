"""Exports: every row, no content, no formulas."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from audit import export
from audit.models import AuditRecord
from tests.audit.trail import make_trail


@pytest.mark.django_db
def test_csv_has_a_head_and_every_row_and_what_was_said_stays_out() -> None:
    make_trail(50)
    lines = list(export.rows(AuditRecord.objects.all(), "csv"))
    read = list(csv.DictReader(io.StringIO("".join(lines))))
    assert len(read) == 50
    assert set(read[0]) == set(export.COLUMNS)
    assert [row["request_id"] for row in read] == list(
        AuditRecord.objects.order_by("received_at", "id").values_list("request_id", flat=True)
    )
    assert "what was said" not in "".join(lines)
    assert not set(export.CONTENT) & set(export.COLUMNS)


@pytest.mark.django_db
def test_json_lines_keep_types_and_have_content_when_it_is_asked_for() -> None:
    make_trail(20)
    found = [json.loads(line) for line in export.rows(AuditRecord.objects.all(), "jsonl")]
    assert len(found) == 20
    assert all(isinstance(row["input_tokens"], int) and isinstance(row["notes"], list) for row in found)
    assert all("request" not in row for row in found)
    full = [json.loads(line) for line in export.rows(AuditRecord.objects.all(), "jsonl", content=True)]
    assert full[0]["request"]["body"]["model"]


@pytest.mark.django_db
def test_every_column_of_a_row_is_exported_or_content() -> None:
    names = {field.name for field in AuditRecord._meta.concrete_fields}
    assert names - set(export.COLUMNS) == {"id", *export.CONTENT}


@pytest.mark.django_db
@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("limit", [None, 0, 1, 7, 50, 99])
def test_pages_together_are_the_rows_in_their_order(
    newest_first: bool, limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_trail(50)
    AuditRecord.objects.filter(pk__lte=AuditRecord.objects.order_by("pk")[20].pk).update(received_at=datetime.now(UTC))
    monkeypatch.setattr(export, "PAGE", 7)
    lines = export.rows(AuditRecord.objects.all(), "jsonl", newest_first=newest_first, limit=limit)
    found = AuditRecord.objects.order_by(*(("-received_at", "-id") if newest_first else ("received_at", "id")))
    assert [json.loads(line)["request_id"] for line in lines] == list(
        found.values_list("request_id", flat=True)[:limit]
    )


@pytest.mark.django_db
def test_what_nobody_knows_is_empty() -> None:
    make_trail(5)
    AuditRecord.objects.update(outcome="interrupted", status=0, duration_ms=0, output_tokens=0)
    for line in export.rows(AuditRecord.objects.all(), "jsonl"):
        row = json.loads(line)
        assert {row[name] for name in export.UNKNOWN} == {None}
        assert row["outcome"] == "interrupted"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0+1", "＝1+1", " ＠SUM(A1)"]
)
def test_a_formula_is_shown_and_not_run(text: str) -> None:
    assert export.cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (True, "true"), (-5, "-5"), (0.5, "0.5"), ("plain", "plain"), ({"a": 1}, '{"a": 1}'), ("", "")],
)
def test_other_cells_stay_as_they_are(value: Any, shown: str) -> None:
    assert export.cell(value) == shown


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="'xml' is not one of csv, jsonl"):
        export.rows(None, "xml")  # type: ignore[arg-type]
