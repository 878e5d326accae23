"""``manage.py import_mappings FILE``: rules from a file, shown as a difference before anything is written."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from bridge_api import mapping_files, rules
from bridge_api.management.words import database, told
from bridge_api.mapping_files import DEFAULTS, Change
from bridge_api.models import ModelMapping

ACCOUNT = "import_mappings"
_FLAGS = {"add": ADDITION, "change": CHANGE, "remove": DELETION}


class Command(BaseCommand):
    help = "Takes the mapping's rules from a JSON or CSV file. Shows the difference and asks before it writes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="show the difference, write nothing")
        parser.add_argument("--replace", action="store_true", help="remove the rules that the file does not hold")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--user", metavar="NAME", help="the account in whose name the changes are made")

    def handle(self, *args: Any, **options: Any) -> None:
        with database():
            self._take(options["file"], options)

    def _take(self, path: Path, options: dict[str, Any]) -> None:
        incoming, user = _read(path), _account(options["user"])
        changes = _difference(incoming, replace=options["replace"])
        if not changes:
            self.stdout.write("Nothing to change.")
            return
        for change in changes:
            self.stdout.write(str(change))
        # What is in the way of the change is told before the question.
        with transaction.atomic():
            _write(changes, path.name, user)
            transaction.set_rollback(True)
        if options["dry_run"]:
            self.stdout.write(f"{len(changes)} changes; nothing was written.")
            return
        if not options["yes"] and not _agreed(len(changes)):
            raise CommandError("Nothing was written.")
        with transaction.atomic():
            now = _difference(incoming, replace=options["replace"])
            if list(map(str, now)) != list(map(str, changes)):
                raise CommandError("The rules have changed meanwhile; nothing was written. Look again.")
            _write(now, path.name, user)
        self.stdout.write(f"{len(changes)} changes written.")


def _read(path: Path) -> list[mapping_files.Row]:
    try:
        return mapping_files.read(path.read_text(encoding="utf-8"))
    except UnicodeError as error:
        raise CommandError(f"{path} cannot be read: it is not UTF-8. Save it as UTF-8.") from error
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    except mapping_files.BadFile as error:
        raise CommandError(f"{path}: {error}") from error


def _account(name: str | None) -> User | None:
    if name is None:
        return None
    found = User.objects.filter(username=name).first()
    if found is None:
        raise CommandError(f"--user: there is no account {name}")
    return found


def _difference(incoming: list[mapping_files.Row], *, replace: bool) -> list[Change]:
    return mapping_files.difference(ModelMapping.objects.values("id", *DEFAULTS), incoming, replace=replace)


def _agreed(number: int) -> bool:
    if not sys.stdin.isatty():
        raise CommandError("Nothing was written: there is no terminal to ask. --yes writes without asking.")
    try:
        return input(f"Write {number} changes? [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        return False


def _write(changes: Sequence[Change], source: str, user: User | None) -> None:
    """Raises CommandError, and then nothing is to be kept, when the rules do not fit together."""
    who = user.get_username() if user else f"{ACCOUNT} ({_login()})"[:150]
    # The history is of accounts: what a command did without one is told of one that nobody can log in with.
    keeper = user or User.objects.get_or_create(username=ACCOUNT, defaults={"is_active": False, "password": "!"})[0]
    for change in changes:
        row = ModelMapping.objects.get(pk=change.id) if change.id else ModelMapping()
        if change.kind != "remove":
            for field in DEFAULTS:
                setattr(row, field, change.row[field])
            row.changed_by = who
            try:
                row.clean_fields()
            except ValidationError as error:
                raise CommandError(f"{row.kind} {row.pattern}: {told(error)}") from error
            row.save()
        LogEntry.objects.create(
            user=keeper,
            content_type=ContentType.objects.get_for_model(ModelMapping),
            object_id=str(row.pk),
            object_repr=str(row)[:200],
            action_flag=_FLAGS[change.kind],
            change_message=" ".join([f"Imported from {source} by {who}.", *mapping_files.told(change.fields)]),
        )
        if change.kind == "remove":
            row.delete()
    # Only now are all rules there that may be in each other's way.
    enabled = [row.rule() for row in ModelMapping.objects.filter(enabled=True)]
    for rule in enabled:
        trouble = rules.trouble(rule, [other for other in enabled if other is not rule])
        if trouble:
            raise CommandError(f"{rule}: {trouble}")


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "nobody"
