"""``manage.py audit_prune``: rows that are too old or too many go."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from audit import periods, retention


class Command(BaseCommand):
    help = "Removes the oldest rows of the trail, with their tries, by age, number or size. Sums by the hour stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, help="keep rows of so many days (AUDIT_RETENTION_DAYS; 0 is no limit)")
        parser.add_argument("--max-rows", type=int, help="keep so many rows (AUDIT_MAX_ROWS; 0 is no limit)")
        parser.add_argument("--max-size", default="", metavar="SIZE", help="keep about so much, as 500M or 10G")
        parser.add_argument("--batch", type=int, default=retention.BATCH, help="rows in one transaction")
        parser.add_argument("--dry-run", action="store_true", help="tell what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        days = settings.AUDIT_RETENTION_DAYS if options["days"] is None else options["days"]
        max_rows = settings.AUDIT_MAX_ROWS if options["max_rows"] is None else options["max_rows"]
        try:
            max_bytes = periods.size(options["max_size"]) if options["max_size"] else 0
        except ValueError as error:
            raise CommandError(f"--max-size: {error}") from None
        if min(days, max_rows, max_bytes) < 0 or options["batch"] < 1:
            raise CommandError("numbers cannot be negative, and a batch holds at least one row")
        if not (days or max_rows or max_bytes):
            raise CommandError("no limit is set: give --days, --max-rows or --max-size, or set AUDIT_RETENTION_DAYS")
        found = retention.plan(days=days, max_rows=max_rows, max_bytes=max_bytes)
        if found is None:
            self.stdout.write("Nothing has to go.")
            return
        if options["dry_run"]:
            self.stdout.write(f"{found.rows} rows from before {found.before:%Y-%m-%d %H:%M} UTC would go.")
            return
        with Progress(console=Console(file=cast(IO[str], self.stderr))) as bar:
            task = bar.add_task("removing", total=found.rows)
            gone = retention.prune(found, batch=options["batch"], progress=lambda done: bar.advance(task, done))
        self.stdout.write(f"{gone} rows from before {found.before:%Y-%m-%d %H:%M} UTC are gone.")
