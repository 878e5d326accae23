"""``manage.py audit_prune``: rows that are too old or too many go."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from rich.console import Console
from rich.progress import Progress

from audit import periods, retention

CARRY_OUT = {"rows": retention.prune, "sums": retention.prune_sums}


class Command(BaseCommand):
    help = "Removes the oldest rows of the trail, with their tries, by age, number or size. Sums by the hour stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, help="keep rows of so many days (AUDIT_RETENTION_DAYS; 0 is no limit)")
        parser.add_argument("--max-rows", type=int, help="keep so many rows (AUDIT_MAX_ROWS; 0 is no limit)")
        parser.add_argument("--max-size", metavar="SIZE", help="keep about so much, as 500M or 10G (AUDIT_MAX_SIZE)")
        parser.add_argument(
            "--rollups-days", type=int, help="keep sums by the hour of so many days (AUDIT_ROLLUP_DAYS; 0 is no limit)"
        )
        parser.add_argument("--batch", type=int, default=retention.BATCH, help="rows in one transaction, at most")
        parser.add_argument("--dry-run", action="store_true", help="tell what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            plans = _plans(options)
            for kind, found in plans.items():
                when = f"{found.before:%Y-%m-%d %H:%M} UTC"
                if options["dry_run"]:
                    self.stdout.write(f"{found.rows} {kind} from before {when} would go.")
                    continue
                with Progress(console=Console(file=cast(IO[str], self.stderr))) as bar:
                    task = bar.add_task(f"removing {kind}", total=found.rows)
                    advance = lambda done, bar=bar, task=task: bar.advance(task, done)  # noqa: E731
                    gone = CARRY_OUT[kind](found, batch=options["batch"], progress=advance)
                self.stdout.write(f"{gone} {kind} from before {when} are gone.")
        except DatabaseError as error:
            raise CommandError(f"the database says: {error}. What is gone is gone whole; run it again.") from error
        if not plans:
            self.stdout.write("Nothing has to go.")


def _plans(options: dict[str, Any]) -> dict[str, retention.Plan]:
    """What goes, of rows and of sums."""

    def limit(name: str, setting: str) -> int:
        return int(getattr(settings, setting) if options[name] is None else options[name])

    limits = {"days": limit("days", "AUDIT_RETENTION_DAYS"), "max_rows": limit("max_rows", "AUDIT_MAX_ROWS")}
    sums_days = limit("rollups_days", "AUDIT_ROLLUP_DAYS")
    asked = options["max_size"]
    size = settings.AUDIT_MAX_SIZE if asked is None else asked
    try:
        limits["max_bytes"] = periods.size(size) if size else 0
    except ValueError as error:
        raise CommandError(f"{'AUDIT_MAX_SIZE' if asked is None else '--max-size'}: {error}") from None
    if min(*limits.values(), sums_days) < 0 or options["batch"] < 1:
        raise CommandError("numbers cannot be negative, and a batch holds at least one row")
    if not (any(limits.values()) or sums_days):
        raise CommandError("no limit is set: give --days, --max-rows or --max-size, or set AUDIT_RETENTION_DAYS")
    try:
        found = {
            "rows": retention.plan(days=limits["days"], max_rows=limits["max_rows"], max_bytes=limits["max_bytes"]),
            "sums": retention.plan_sums(sums_days) if sums_days else None,
        }
    except ValueError as error:
        raise CommandError(str(error)) from None
    return {kind: one for kind, one in found.items() if one is not None}
