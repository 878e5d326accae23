"""Exports of kept content are viewings, too: of many rows, and of none of them in particular."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0006_attempt_index")]

    operations = [
        migrations.AddField(
            model_name="contentviewing",
            name="chosen",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="contentviewing",
            name="rows",
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
        migrations.AlterField(
            model_name="contentviewing",
            name="record",
            field=models.ForeignKey(
                blank=True,
                db_column="request_id",
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="viewings",
                to="audit.auditrecord",
                to_field="request_id",
            ),
        ),
    ]
