"""How often a rule was used is read from the index alone."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0007_viewings'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='auditrecord',
            name='audit_received',
        ),
        migrations.AddIndex(
            model_name='auditrecord',
            index=models.Index(fields=['received_at', 'rule'], name='audit_received'),
        ),
    ]
