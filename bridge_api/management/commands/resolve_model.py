"""``manage.py resolve_model NAME``: who serves a name, and by which rule."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bridge_api import service
from bridge_api.errors import NotFound
from bridge_api.explain import explained
from bridge_api.management.words import database
from bridge_api.renewal import load


class Command(BaseCommand):
    help = "Says which upstream model serves a name, by which rule, and what the rule changes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="+", metavar="NAME")

    def handle(self, *args: Any, **options: Any) -> None:
        with database():
            snapshot = load(service.settings_map())
        missing = []
        for name in options["names"]:
            try:
                for label, value in explained(snapshot, name):
                    self.stdout.write(f"{label + ':':12} {value}")
            except NotFound as error:
                missing.append(name)
                self.stdout.write(error.message)
            self.stdout.write("")
        if missing:
            raise CommandError("Nothing serves " + ", ".join(missing))
