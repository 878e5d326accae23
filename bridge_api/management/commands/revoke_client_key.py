"""``manage.py revoke_client_key LABEL``: a key is refused from now on."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from bridge_api.management.words import database
from bridge_api.models import ClientKey


class Command(BaseCommand):
    help = "Revokes a client key, by its label or by the characters it begins with. In force within two seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", metavar="LABEL", help="the label, or the first characters (brk_...) as shown")

    def handle(self, *args: Any, **options: Any) -> None:
        with database():
            self._revoke(options["key"])

    def _revoke(self, wanted: str) -> None:
        found = list(ClientKey.objects.filter(Q(label=wanted) | Q(shown=wanted)))
        if len(found) != 1:
            raise CommandError("No such key." if not found else "Several keys begin so: give the label.")
        if found[0].revoked_at is not None:
            self.stdout.write(f"{found[0].label} was revoked before.")
            return
        found[0].revoke("revoke_client_key")
        self.stdout.write(f"{found[0].label} is revoked.")
