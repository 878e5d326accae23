"""``manage.py verify_token_counts``: how near the local counts are to what was billed."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bridge_api.tokens import counting, documents, encodings, verify

BEGIN, END = "<!-- accuracy: begin -->", "<!-- accuracy: end -->"


class Command(BaseCommand):
    help = "Counts recorded requests and compares with what was billed for them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--recordings",
            type=Path,
            required=True,
            metavar="FILE",
            help="JSON lines with request (a Responses body) and usage.input_tokens; optional tags and id",
        )
        parser.add_argument("--clean", action="store_true", help="only lines whose tags say clean")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
        parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the figures as Markdown")
        parser.add_argument("--docs", type=Path, metavar="FILE", help="renew the figures in this document")
        parser.add_argument("--misses", type=int, default=0, metavar="N", help="show the N worst lines")
        parser.add_argument(
            "--tolerance", type=float, metavar="SHARE", help="exit 1 when the p95 relative error of all lines is larger"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        lines = _read(options["recordings"], clean=options["clean"])
        console = Console(file=cast(IO[str], self.stdout), width=140)
        outcomes = [
            verify.Outcome(line, _count(line))
            for line in track(lines, "counting", console=Console(stderr=True), transient=True)
        ]
        classes, families = verify.classes(outcomes), verify.families(outcomes)
        baselines = verify.baselines(lines, encodings.length)
        parts = {"kind": classes, "model family": families, "baseline": baselines}
        for title, figures in parts.items():
            console.print(_table(title, figures))
        for outcome in sorted(outcomes, key=lambda one: -abs(one.off))[: options["misses"]]:
            line = outcome.line
            console.print(f"{outcome.off:+6} of {line.billed:6}  {line.kind:12} {line.name}", markup=False)
        report = "\n\n".join(verify.table(title, figures) for title, figures in parts.items()) + "\n"
        if options["json"]:
            found = {name: asdict(one) for name, one in classes.items()}
            rest = {name: {key: asdict(one) for key, one in part.items()} for name, part in parts.items()}
            whole = {"classes": found, "families": rest["model family"], "baselines": rest["baseline"]}
            options["json"].write_text(json.dumps(whole, indent=2) + "\n")
        if options["markdown"]:
            options["markdown"].write_text(report)
        if options["docs"]:
            _renew(options["docs"], report)
        if options["tolerance"] is not None and classes["all"].p95_rel > options["tolerance"]:
            raise CommandError(f"p95 error {classes['all'].p95_rel:.2%} is beyond {options['tolerance']:.2%}")


def _read(path: Path, *, clean: bool) -> Sequence[verify.Line]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    try:
        lines = [verify.parse(raw, number) for number, raw in enumerate(text.split("\n"), 1) if raw.strip()]
    except verify.NotALine as error:
        raise CommandError(f"{path}: {error}") from error
    chosen = [line for line in lines if line.clean or not clean]
    if not chosen:
        raise CommandError(f"{path} holds no {'clean ' if clean else ''}lines")
    return chosen


def _count(line: verify.Line) -> int:
    """As the bridge would count, by the rules of the day of the bill."""
    return counting.count(line.request, counting.Means(encodings.length, pdf_pages=documents.pages, on=line.on))


def _table(title: str, figures: dict[str, verify.Figures]) -> Table:
    table = Table("" if title == "kind" else title, title="Counts and bills" if title == "kind" else None)
    for heading in ("n", "exact", "within 3", "median error", "p95 error"):
        table.add_column(heading, justify="right")
    for name, one in figures.items():
        shares = (f"{one.exact:.1%}", f"{one.within_3:.1%}", f"{one.median_abs:g}", f"{one.p95_rel:.1%}")
        table.add_row(name, str(one.n), *shares)
    return table


def _renew(path: Path, report: str) -> None:
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise CommandError(f"{path} has no {BEGIN} ... {END}")
    path.write_text(f"{before}{BEGIN}\n{report}{END}{after}", encoding="utf-8")
