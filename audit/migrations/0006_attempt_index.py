"""The unique index on (record, number) finds the tries of a record: one index fewer to write."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_settled")]

    operations = [
        migrations.AlterField(
            model_name="upstreamattempt",
            name="record",
            field=models.ForeignKey(
                db_column="request_id",
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="attempts",
                to="audit.auditrecord",
                to_field="request_id",
            ),
        ),
    ]
