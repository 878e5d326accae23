"""``manage.py verify_redaction``: how well the rules of the redaction do on a corpus."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from audit import redaction_report as report
from audit.redaction import spans

REALISTIC = 1_000
"""Characters of a text whose speed is told."""
CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "redaction.jsonl"


class Command(BaseCommand):
    help = "Runs the redaction's rules over a corpus: recall by kind, false changes, the speed on long texts. Exit 1 below the targets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--corpus",
            type=Path,
            default=CORPUS,
            metavar="FILE",
            help="JSON lines with text and spans; the shipped one if not given",
        )
        parser.add_argument("--set", default="", metavar="NAME", help="only lines whose set is NAME")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
        parser.add_argument(
            "--misses", action="store_true", help="show where the rules are wrong (it shows the corpus's texts)"
        )
        parser.add_argument(
            "--secrets", type=float, default=0.99, metavar="SHARE", help="least recall of secrets (default 0.99)"
        )
        parser.add_argument(
            "--personal",
            type=float,
            default=0.95,
            metavar="SHARE",
            help="least recall of structured personal data (default 0.95)",
        )
        parser.add_argument(
            "--false", type=float, default=0.02, metavar="SHARE", help="most items with a false change (default 0.02)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        items = [item for item in _read(options["corpus"]) if options["set"] in ("", item.set)]
        if not items:
            raise CommandError(f"{options['corpus']} holds no lines of set {options['set']}")
        measured = replace(report.measure(items, spans), megabytes_per_second=_speed(items))
        console = Console(file=cast(IO[str], self.stdout), width=120)
        console.print(_table("class", measured.classes))
        console.print(_table("kind", measured.kinds))
        console.print(_summary(measured), markup=False)
        if options["misses"]:
            for miss in measured.misses:
                place = items[miss.number - 1].text[miss.start : miss.end]
                console.print(f"item {miss.number}: {miss.what} {miss.kind}: {place!r}", markup=False)
        if options["json"]:
            try:
                options["json"].write_text(json.dumps(measured.plain(), indent=2) + "\n")
            except OSError as error:
                raise CommandError(f"{options['json']} cannot be written: {error.strerror}") from error
        if found := report.shortfalls(measured, options["secrets"], options["personal"], options["false"]):
            raise CommandError("; ".join(found))


def _read(path: Path) -> Sequence[report.Item]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeError) as error:
        raise CommandError(f"{path} cannot be read: {type(error).__name__}") from error
    try:
        items = [report.parse(raw, number) for number, raw in enumerate(lines, 1) if raw.strip()]
    except report.NotALine as error:
        raise CommandError(f"{path}: {error}") from error
    if not items:
        raise CommandError(f"{path} holds no lines")
    return items


def _speed(items: Sequence[report.Item]) -> float | None:
    """MB/s of all rules on the items that are as long as what is said in earnest, the best of three; None without any.
    Of short ones, each made to hold something, a speed would say nothing about the trail's."""
    texts = [item.text for item in items if len(item.text) >= REALISTIC]
    if not texts:
        return None
    best = 1e9
    for _ in range(3):
        begin = time.perf_counter()
        for text in texts:
            spans(text)
        best = min(best, time.perf_counter() - begin)
    return sum(len(text.encode(errors="replace")) for text in texts) / best / 1e6


def _told(speed: float | None) -> str:
    return f"; {speed:.1f} MB/s" if speed is not None else ""


def _summary(measured: report.Report) -> str:
    negatives = (
        "" if measured.false_on_negatives is None else f" ({measured.false_on_negatives:.2%} of those without spans)"
    )
    return (
        f"{measured.items} items; false changes: {measured.false_items:.2%} of items{negatives}, "
        f"{measured.false_characters:.3%} of characters"
        f"{_told(measured.megabytes_per_second)}"
    )


def _table(title: str, figures: Mapping[str, report.Figures]) -> Table:
    table = Table(title)
    for heading in ("n", "recall", "at least in part"):
        table.add_column(heading, justify="right")
    for name, one in figures.items():
        table.add_row(name, str(one.n), f"{one.recall:.1%}", f"{one.partly:.1%}")
    return table
