"""``manage.py verify_audit``: the trail is complete and agrees with itself."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from rich.console import Console
from rich.table import Table

from audit.verification import verify

LONGEST = 10**9


class Command(BaseCommand):
    help = (
        "Looks for gaps in the trail, unfinished rows, entries left on disk and sums that differ. Exit 1 on findings."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--max-age", type=int, default=3600, metavar="SECONDS", help="how long a request may run")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the findings as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 <= options["max_age"] <= LONGEST:
            raise CommandError(f"--max-age is between 0 and {LONGEST} seconds")
        try:
            findings = verify(settings.AUDIT_SPOOL_DIR, max_age=timedelta(seconds=options["max_age"]))
        except DatabaseError as error:
            raise CommandError(f"the database says: {error}") from error
        except OSError as error:
            raise CommandError(f"{settings.AUDIT_SPOOL_DIR} cannot be looked at: {error.strerror}") from error
        table = Table("check", "found", "what to do")
        for one in findings:
            table.add_row(one.check, str(one.number) if one.number else "none", one.hint if one.number else "")
        Console(file=cast(IO[str], self.stdout), width=120).print(table)
        if options["json"]:
            try:
                options["json"].write_text(json.dumps([asdict(one) for one in findings], indent=2) + "\n")
            except OSError as error:
                raise CommandError(f"{options['json']} cannot be written: {error.strerror}") from error
        if any(one.number for one in findings):
            raise CommandError("the trail has findings")
