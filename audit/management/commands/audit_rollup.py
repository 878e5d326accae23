"""``manage.py audit_rollup``: the sums of each hour, made anew from its rows."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
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
        console = Console(file=cast(IO[str], self.stderr))
        hours = summing.hours(since, until)
        differ = []
        for hour in track(hours, description="summing", console=console):
            if summing.differs(hour):
                differ.append(hour)
                if not options["dry_run"]:
                    summing.renew(hour)
        what = "differ from their rows" if options["dry_run"] else "differed from their rows and were made anew"
        self.stdout.write(f"{len(hours)} hours; {len(differ)} {what}.")
        for hour in differ[:20]:
            self.stdout.write(f"  {hour:%Y-%m-%d %H}h")
