"""``manage.py create_client_key LABEL``: a key for a client, shown once."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from bridge_api.management.words import database, told
from bridge_api.models import ClientKey

MOST_DAYS = 36_500


class Command(BaseCommand):
    help = "Makes a client key and shows it, this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("label", help="a name for the key; the audit shows it")
        parser.add_argument("--owner", default="", help="who has it")
        parser.add_argument("--days", type=int, metavar="N", help="it expires after N days")
        parser.add_argument(
            "--model", action="append", default=[], metavar="NAME", help="may be asked for; * and ? fit"
        )
        parser.add_argument("--requests-per-minute", type=int, metavar="N")
        parser.add_argument("--tokens-per-minute", type=int, metavar="N")
        parser.add_argument("--concurrent-streams", type=int, metavar="N")
        parser.add_argument("--daily-token-budget", type=int, metavar="N")
        parser.add_argument("--quiet", action="store_true", help="print the key and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        limits = ("requests_per_minute", "tokens_per_minute", "concurrent_streams", "daily_token_budget")
        days = options["days"]
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise CommandError(f"--days: 1 to {MOST_DAYS}")
        if not all(name.strip() for name in options["model"]):
            raise CommandError("--model: a name is needed; leave the option out for all models")
        try:
            with database():
                row, key = ClientKey.make(
                    options["label"],
                    owner=options["owner"],
                    expires_at=timezone.now() + timedelta(days=days) if days else None,
                    allowed_models="\n".join(options["model"]),
                    changed_by="create_client_key",
                    **{name: options[name] for name in limits},
                )
        except ValidationError as error:
            raise CommandError(told(error)) from error
        if options["quiet"]:
            self.stdout.write(key)
            return
        until = f", until {row.expires_at:%Y-%m-%d %H:%M} UTC" if row.expires_at else ""
        self.stdout.write(f"Key of {row.label}{until}. It is not shown again:\n\n{key}\n")
        self.stdout.write("Claude Code takes it as ANTHROPIC_AUTH_TOKEN, an SDK as its API key.")
