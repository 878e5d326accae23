"""Two groups for the admin: viewers look, operators decide."""

from __future__ import annotations

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEWED = ("modelmapping", "modelcapability", "clientkey", "auditrecord")
DECIDED = ("modelmapping", "modelcapability")
GROUPS = {
    "viewers": [f"view_{name}" for name in VIEWED],
    "operators": [f"view_{name}" for name in VIEWED]
    + [f"{what}_{name}" for name in DECIDED for what in ("add", "change", "delete")]
    + ["add_clientkey", "change_clientkey"],
}


def make(apps: Any, schema_editor: Any) -> None:
    """Permissions are usually made after all migrations: those that the groups need are made now."""
    for label in ("bridge_api", "audit"):
        if installed.is_installed(label):
            create_permissions(installed.get_app_config(label), verbosity=0)
    permissions = apps.get_model("auth", "Permission").objects
    for name, codes in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.set(permissions.filter(codename__in=codes))


class Migration(migrations.Migration):
    dependencies = [
        ("bridge_api", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
