"""``manage.py audit_export``: rows of the trail to standard output."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.db.models import Q, QuerySet

from audit import periods
from audit.export import TYPES, rows
from audit.models import AuditRecord, Outcome
from audit.record import session_hash

FILTERS = {
    "outcome": "outcome",
    "status": "status",
    "model": "model_served",
    "key": "key",
    "correlation_id": "correlation_id",
    "request_id": "request_id",
    "error_type": "error_type",
}
PARTIAL = {"key", "error_type"}
"""Columns whose index leaves the empty value out, which a question has to say."""
PAGE, PAGE_WITH_CONTENT = 1_000, 50


class Command(BaseCommand):
    help = "Writes rows of the trail to standard output, the oldest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=tuple(TYPES), default="jsonl")
        parser.add_argument("--since", metavar="TIME", help="24h, 7d or an ISO 8601 time")
        parser.add_argument("--until", metavar="TIME", help="up to, and without, this time")
        parser.add_argument("--outcome", choices=Outcome.values)
        parser.add_argument("--status", type=int)
        parser.add_argument("--session", help="a conversation, by the client's session id or by the trail's hash of it")
        for name in ("model", "key", "correlation-id", "request-id", "error-type"):
            parser.add_argument(f"--{name}")
        parser.add_argument("--with-content", action="store_true", help="with what redaction left of what was said")
        parser.add_argument("--limit", type=int, help="at most so many rows")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["limit"] is not None and options["limit"] < 0:
            raise CommandError("--limit cannot be negative")
        found = AuditRecord.objects.filter(_wanted(options)).order_by("received_at", "id")
        content = options["with_content"]
        try:
            for number, page in enumerate(_pages(found, options["limit"], PAGE_WITH_CONTENT if content else PAGE)):
                lines = rows(page, options["format"], content=content)
                if number and options["format"] == "csv":
                    next(lines)  # the head stands at the top only
                for line in lines:
                    self.stdout.write(line, ending="")
            self.stdout.flush()
        except BrokenPipeError:
            # Who reads has enough, as `head` has. Python would complain once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except DatabaseError as error:
            raise CommandError(f"the database says: {error}") from error


def _wanted(options: dict[str, Any]) -> Q:
    now, wanted = datetime.now(UTC), Q()
    for name, lookup in (("since", "received_at__gte"), ("until", "received_at__lt")):
        if options[name]:
            try:
                wanted &= Q(**{lookup: periods.moment(options[name], now)})
            except ValueError as error:
                raise CommandError(f"--{name}: {error}") from None
    for name, field in FILTERS.items():
        if options[name] is not None:
            wanted &= Q(**{field: options[name]})
            if name in PARTIAL and options[name]:
                wanted &= ~Q(**{field: ""})
    if (session := options["session"]) is not None:
        known = (session, session_hash(session, settings.SECRET_KEY.encode()))
        wanted &= Q(session__in=known) & ~Q(session="") if session else Q(session="")
    return wanted


def _pages(found: QuerySet[AuditRecord], limit: int | None, size: int) -> Iterator[QuerySet[AuditRecord]]:
    """Page by page, each read on its own: a read as long as the export would keep SQLite from emptying its log, and
    memory holds one page. The first page comes even without rows: a table has a head."""
    left, after = limit, Q()
    while True:
        most = size if left is None else min(size, left)
        keys = list(found.filter(after).values_list("received_at", "id")[:most])
        if keys or not after:
            yield AuditRecord.objects.filter(id__in=[id for _, id in keys]).order_by("received_at", "id")
        if left is not None:
            left -= len(keys)
        if len(keys) < size or left == 0:
            return
        moment, id = keys[-1]
        after = Q(received_at__gte=moment) & ~Q(received_at=moment, id__lte=id)
