"""``manage.py export_mappings``: the mapping's rules as a file."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bridge_api import mapping_files
from bridge_api.management.words import database
from bridge_api.models import ModelMapping


class Command(BaseCommand):
    help = "Writes the mapping's rules to standard output, as JSON or CSV, for import_mappings."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=("json", "csv"), default="json")

    def handle(self, *args: Any, **options: Any) -> None:
        with database():
            rows = list(
                ModelMapping.objects.order_by("-priority", "kind", "pattern", "pk").values(*mapping_files.DEFAULTS)
            )
        self.stdout.write(mapping_files.write(rows, options["format"]), ending="")
