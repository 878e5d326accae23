"""``manage.py import_mappings FILE``: rules from a file, shown as a difference before anything is written."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from bridge_api import mapping_files, rules
from bridge_api.mapping_files import DEFAULTS, Change
from bridge_api.models import ModelMapping


class Command(BaseCommand):
    help = "Takes the mapping's rules from a JSON or CSV file. Shows the difference and asks before it writes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="show the difference, write nothing")
        parser.add_argument("--replace", action="store_true", help="remove the rules that the file does not hold")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            incoming = mapping_files.read(options["file"].read_text(encoding="utf-8"))
        except (OSError, UnicodeError) as error:
            raise CommandError(f"{options['file']} cannot be read: {error}") from error
        except mapping_files.BadFile as error:
            raise CommandError(f"{options['file']}: {error}") from error
        existing = list(ModelMapping.objects.values(*DEFAULTS))
        changes = mapping_files.difference(existing, incoming, replace=options["replace"])
        if not changes:
            self.stdout.write("Nothing to change.")
            return
        for change in changes:
            self.stdout.write(str(change))
        if options["dry_run"]:
            with transaction.atomic():
                _write(changes)
                transaction.set_rollback(True)
            self.stdout.write(f"{len(changes)} changes; nothing was written.")
            return
        if not options["yes"] and input(f"Write {len(changes)} changes? [y/N] ").strip().lower() != "y":
            raise CommandError("Nothing was written.")
        with transaction.atomic():
            _write(changes)
        self.stdout.write(f"{len(changes)} changes written.")


def _write(changes: list[Change]) -> None:
    """Raises CommandError, and then nothing is to be kept, when the rules do not fit together."""
    for change in changes:
        found = ModelMapping.objects.filter(kind=change.row["kind"], pattern=change.row["pattern"])
        if change.kind == "remove":
            found.delete()
            continue
        row = found.first() or ModelMapping()
        for field, value in change.row.items():
            setattr(row, field, value)
        row.changed_by = "import_mappings"
        try:
            row.clean_fields()
        except ValidationError as error:
            raise CommandError(f"{row.kind} {row.pattern}: {'; '.join(error.messages)}") from error
        row.save()
    # Only now are all rules there that may be in each other's way.
    enabled = [row.rule() for row in ModelMapping.objects.filter(enabled=True)]
    for rule in enabled:
        trouble = rules.trouble(rule, [other for other in enabled if other is not rule])
        if trouble:
            raise CommandError(f"{rule.kind} {rule.pattern}: {trouble}")
