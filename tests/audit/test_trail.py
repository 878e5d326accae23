"""The made-up trail has the shape of a live one, and is the same each time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from audit.models import AuditRecord
from tests.audit.trail import made

NOW = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)


def rows(number: int = 1_500) -> list[dict[str, Any]]:
    return [record for trail in made(number, until=NOW) for record in trail.records]


def test_the_same_seed_makes_the_same_rows() -> None:
    assert rows(50) == rows(50)


def test_every_column_is_given() -> None:
    wanted = {field.attname for field in AuditRecord._meta.concrete_fields} - {"id"}
    assert all(set(row) == wanted for row in rows(200))


def test_documents_are_those_of_the_redaction() -> None:
    for row in rows():
        request, response = json.loads(row["request"]), json.loads(row["response"])
        assert set(request) <= {"bytes", "headers", "body", "hash", "masked"}
        assert not {"authorization", "x-api-key"} & set(request["headers"])
        assert set(response) <= {"content", "masked"}
        text = row["request"] + row["response"]
        assert "mara.lindqvist@example.org" not in text
        assert "sk-proj" not in text
        if row["redaction"] == "full":
            assert "elapsed" not in text


def test_an_interrupted_row_has_only_its_beginning() -> None:
    found = [row for row in rows(4_000) if row["outcome"] == "interrupted"]
    assert found
    for row in found:
        assert (row["status"], row["duration_ms"], row["attempt_count"], row["output_tokens"]) == (0, 0, 0, 0)
        assert row["finished_at"] > row["received_at"]
        assert json.loads(row["request"])["body"]


def test_clients_and_workers_are_named_as_live_ones_are() -> None:
    found = rows()
    assert {(row["client"], row["client_version"]) for row in found} >= {("claude-cli", "2.4.11")}
    assert all(len(row["worker"]) == 32 for row in found)
    assert all(row["first_byte_ms"] is None for row in found if not row["stream"])
