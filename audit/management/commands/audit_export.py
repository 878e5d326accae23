"""``manage.py audit_export``: rows of the trail to standard output."""

from __future__ import annotations

import getpass
import os
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.db.models import Q

from audit import periods
from audit.export import TYPES, rows
from audit.models import AuditRecord, Outcome
from audit.record import session_hash
from audit.viewings import Exported

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
        found = AuditRecord.objects.filter(_wanted(options))
        content = options["with_content"]
        seen = Exported(None, _who(), _words(options))
        lines = rows(found, options["format"], content=content, limit=options["limit"], seen=seen)
        try:
            for line in lines:
                self.stdout.write(line, ending="")
            self.stdout.flush()
        except BrokenPipeError:
            # Who reads has enough, as `head` has.
            _end_output()
        except OSError as error:
            _end_output()
            raise CommandError(f"the rows cannot be written: {error.strerror}") from error
        except DatabaseError as error:
            raise CommandError(f"the database says: {error}") from error


def _end_output() -> None:
    """Python would complain once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _who() -> str:
    try:
        return f"{getpass.getuser()} (shell)"
    except (KeyError, OSError, ImportError):  # a container may run as a number without a name
        return "(shell)"


def _words(options: dict[str, Any]) -> str:
    """The options that chose. A session's id is not told."""
    given = {name: options[name] for name in ("since", "until", *FILTERS, "limit") if options[name] is not None}
    if options["session"]:
        given["session"] = "…"
    return " ".join(f"--{name.replace('_', '-')}={value}" for name, value in given.items())


def _is_text(value: str) -> bool:
    try:
        return bool(value.encode())
    except UnicodeError:  # bytes of a shell that are no text
        return False


def _wanted(options: dict[str, Any]) -> Q:
    now, wanted = datetime.now(UTC), Q()
    for name in (*FILTERS, "session"):
        if not str(options[name]).isascii() and not _is_text(options[name]):
            raise CommandError(f"--{name.replace('_', '-')} is not UTF-8")
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
