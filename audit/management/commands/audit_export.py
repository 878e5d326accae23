"""``manage.py audit_export``: rows of the trail to standard output."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import periods
from audit.export import TYPES, rows
from audit.models import AuditRecord, Outcome

FILTERS = {
    "outcome": "outcome",
    "status": "status",
    "model": "model_served",
    "key": "key",
    "session": "session",
    "correlation_id": "correlation_id",
    "request_id": "request_id",
    "error_type": "error_type",
}


class Command(BaseCommand):
    help = "Writes rows of the trail to standard output, the oldest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=tuple(TYPES), default="jsonl")
        parser.add_argument("--since", metavar="TIME", help="24h, 7d or an ISO 8601 time")
        parser.add_argument("--until", metavar="TIME", help="up to, and without, this time")
        parser.add_argument("--outcome", choices=Outcome.values)
        parser.add_argument("--status", type=int)
        for name in ("model", "key", "session", "correlation-id", "request-id", "error-type"):
            parser.add_argument(f"--{name}")
        parser.add_argument("--with-content", action="store_true", help="with what redaction left of what was said")
        parser.add_argument("--limit", type=int, help="at most so many rows")

    def handle(self, *args: Any, **options: Any) -> None:
        found = AuditRecord.objects.order_by("received_at", "id")
        now = datetime.now(UTC)
        try:
            if options["since"]:
                found = found.filter(received_at__gte=periods.moment(options["since"], now))
            if options["until"]:
                found = found.filter(received_at__lt=periods.moment(options["until"], now))
        except ValueError as error:
            raise CommandError(str(error)) from None
        found = found.filter(**{field: options[name] for name, field in FILTERS.items() if options[name] is not None})
        if options["limit"] is not None:
            found = found[: max(0, options["limit"])]
        try:
            for line in rows(found, options["format"], content=options["with_content"]):
                self.stdout.write(line, ending="")
        except BrokenPipeError:
            # Who reads has enough, as `head` has. Python would complain once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
