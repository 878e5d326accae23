"""``manage.py audit_rollup``: the sums of each hour, made anew from its rows."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from rich.console import Console
from rich.progress import track

from audit import periods, summing


class Command(BaseCommand):
    help = "Makes the sums of each hour anew from its rows. Hours whose rows were pruned, in part or whole, stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", metavar="TIME", help="24h, 7d or an ISO 8601 time")
        parser.add_argument("--until", metavar="TIME")
        parser.add_argument("--dry-run", action="store_true", help="tell which hours differ")

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        try:
            since, until = (
                periods.moment(options[name], now) if options[name] else None for name in ("since", "until")
            )
        except ValueError as error:
            raise CommandError(str(error)) from None
        try:
            self._make(since, until, dry_run=options["dry_run"])
        except DatabaseError as error:
            raise CommandError(f"the database says: {error}. Run it again.") from error

    def _make(self, since: datetime | None, until: datetime | None, *, dry_run: bool) -> None:
        console = Console(file=cast(IO[str], self.stderr))
        hours = summing.hours(since, until)
        differ = []
        for hour in track(hours, description="summing", console=console):
            if summing.differs(hour):
                differ.append(hour)
                if not dry_run:
                    summing.renew(hour)
        what = "differ from their rows" if dry_run else "differed from their rows and were made anew"
        self.stdout.write(f"{len(hours)} hours; {len(differ)} {what}.")
        for hour in differ[:20]:
            self.stdout.write(f"  {hour:%Y-%m-%d %H}h")
