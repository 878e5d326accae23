"""Rows from before the trail knew beginnings are ended, counted and shown after the migration."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from audit.models import AuditRecord, LatencyHour, UsageHour


@pytest.mark.django_db(transaction=True)
def test_older_rows_are_settled_and_summed() -> None:
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes("audit")
    try:
        executor.migrate([("audit", "0003_key")])
        old: Any = executor.loader.project_state([("audit", "0003_key")]).apps.get_model("audit", "AuditRecord")
        for at in range(3):
            old.objects.create(
                correlation_id="c",
                request_id=f"req_{at}",
                received_at=datetime(2026, 11, 1, 10, 30, tzinfo=UTC),
                endpoint="/v1/messages",
                status=200,
                outcome="completed",
                duration_ms=1500,
                output_tokens=5,
                tool_calls=["Read", "Read"],
                notes=[{"code": "dropped.top_k", "where": ""}],
            )
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(newest)
    row = AuditRecord.objects.get(request_id="req_1")
    assert row.finished_at == datetime(2026, 11, 1, 10, 30, 1, 500_000, tzinfo=UTC)
    assert (row.tool_calls, row.note_count) == ({"Read": 2}, 1)
    assert UsageHour.objects.get().requests == 3
    assert [(one.bucket, one.requests) for one in LatencyHour.objects.all()] == [(1800, 3)]
