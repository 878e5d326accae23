"""Rows from before the trail knew beginnings are ended ones; viewers and operators see what came with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

from audit.rollups import MEASURES, NAMES, SUMS, latency_hours, usage_hours

NEEDED = {
    *NAMES,
    *MEASURES.values(),
    *(name for name in SUMS if name.endswith("_tokens")),
    "received_at",
    "attempt_count",
    "note_count",
    "cost",
    "duration_ms",
}
NEW = ("auditrecord", "upstreamattempt", "usagehour", "latencyhour", "worker", "contentviewing")


def settle(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("audit", "AuditRecord").objects.filter(finished_at__isnull=True)
    changed = []
    for row in rows.only("received_at", "duration_ms", "tool_calls", "notes").iterator():
        row.finished_at = row.received_at + timedelta(milliseconds=row.duration_ms)
        row.note_count = len(row.notes)
        row.tool_calls = {name: row.tool_calls.count(name) for name in row.tool_calls}
        changed.append(row)
    rows.model.objects.bulk_update(changed, ["finished_at", "note_count", "tool_calls"], batch_size=500)


def sum_up(apps: Any, schema_editor: Any) -> None:
    """The list and the dashboard count by the sums, which rows from before do not have yet."""
    rows = apps.get_model("audit", "AuditRecord").objects.filter(finished_at__isnull=False)
    for name, sums, add in (("UsageHour", usage_hours, SUMS), ("LatencyHour", latency_hours, ("requests",))):
        whole: dict[str, dict[str, Any]] = {}
        for row in rows.values(*NEEDED).iterator():
            for digest, values in sums([row]).items():
                if digest in whole:
                    for column in add:
                        whole[digest][column] += values[column]
                else:
                    whole[digest] = values
        model = apps.get_model("audit", name)
        model.objects.bulk_create([model(**values) for values in whole.values()], batch_size=500)


def show(apps: Any, schema_editor: Any) -> None:
    create_permissions(installed.get_app_config("audit"), verbosity=0)
    permissions = apps.get_model("auth", "Permission").objects
    for name in ("viewers", "operators"):
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.add(*permissions.filter(codename__in=[f"view_{model}" for model in NEW]))


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_trail"), ("bridge_api", "0002_groups")]

    operations = [
        migrations.RunPython(settle, migrations.RunPython.noop),
        migrations.RunPython(sum_up, migrations.RunPython.noop),
        migrations.RunPython(show, migrations.RunPython.noop),
    ]
