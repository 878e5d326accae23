"""``manage.py verify_token_counts``: how near the local counts are to what is billed."""

from __future__ import annotations

import asyncio
import json
import logging
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, TypeVar, cast
from urllib.parse import urlsplit

import orjson
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, track
from rich.table import Table

from bridge_api import service
from bridge_api.management import live_counts
from bridge_api.tokens import counting, documents, encodings, verify
from bridge_api.tokens.cases import CASES, Case

T = TypeVar("T")
BEGIN, END = "<!-- accuracy: begin -->", "<!-- accuracy: end -->"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a source gave: ``outcomes`` make the table, ``apart`` are lines that are not clean, ``alone`` the
    outcomes again, each counted without what the answers before it told; ``left_out`` says which lines are none."""

    outcomes: Sequence[verify.Outcome]
    apart: Sequence[verify.Outcome] = ()
    alone: Sequence[verify.Outcome] = ()
    failed: Sequence[live_counts.Failed] = ()
    left_out: Sequence[str] = ()


class Command(BaseCommand):
    help = (
        "Holds the bridge's token counts against recorded bills, against the upstream's own count, or against "
        "what the upstream bills for answers that are generated for it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "--recordings",
            type=Path,
            metavar="FILE",
            help="JSON lines with request (a Responses body) and usage.input_tokens; optional tags and id. No network",
        )
        source.add_argument(
            "--live", action="store_true", help="compare with the upstream's /responses/input_tokens (free of charge)"
        )
        source.add_argument(
            "--generate", action="store_true", help="compare with the usage of real answers (they are billed)"
        )
        parser.add_argument(
            "--requests",
            type=Path,
            metavar="FILE",
            help="with --live and --generate: Messages requests as JSON lines, instead of the cases that are shipped",
        )
        parser.add_argument(
            "--model",
            action="append",
            default=[],
            metavar="NAME",
            help="with --live and --generate: ask for this model; may be given several times",
        )
        parser.add_argument("--bridge", metavar="URL", help="count, and answer, with a running bridge at URL")
        parser.add_argument("--key", default="anything", help="the key that the running bridge takes from its clients")
        parser.add_argument("--clean", action="store_true", help="only lines whose tags say clean")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
        parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the figures as Markdown")
        parser.add_argument("--docs", type=Path, metavar="FILE", help="renew the figures in this document")
        parser.add_argument("--misses", type=int, default=0, metavar="N", help="show the N worst lines")
        parser.add_argument(
            "--tolerance", type=float, metavar="SHARE", help="exit 1 when the p95 relative error of all lines is larger"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["recordings"]:
            lines, left_out = _read_lines(options["recordings"])
            if not any(line.clean for line in lines) and options["clean"]:
                raise CommandError(f"{options['recordings']} holds no clean lines")
            measured = replace(_recorded(lines, clean=options["clean"]), left_out=left_out)
        else:
            measured = asyncio.run(_asked(options))
        self._tell(measured, options)

    def _tell(self, measured: Measured, options: Mapping[str, Any]) -> None:
        console = Console(file=cast(IO[str], self.stdout), width=140)
        parts = _parts(measured)
        for title, figures in parts.items():
            console.print(_table(title, figures))
        misses = sorted((one for one in measured.outcomes if one.off), key=lambda one: -abs(one.off))
        for outcome in misses[: options["misses"]]:
            line = outcome.line
            console.print(f"{outcome.off:+6} of {line.billed:6}  {line.kind:12} {line.name}", markup=False)
        for failed in measured.failed:
            console.print(f"failed: {failed.name}: {failed.error.message}", markup=False)
        for why in measured.left_out:
            console.print(f"left out: {why}", markup=False)
        _write(parts, options)
        if measured.left_out:
            raise CommandError(f"{len(measured.left_out)} lines have no figure")
        if measured.failed:
            raise CommandError(f"{len(measured.failed)} requests have no figure")
        p95 = verify.Figures.of(measured.outcomes).p95_rel
        if options["tolerance"] is not None and not p95 <= options["tolerance"]:
            raise CommandError(f"p95 error {p95:.2%} is beyond {options['tolerance']:.2%}")


# -- sources ----------------------------------------------------------------------------------------------


def _read_lines(path: Path) -> tuple[Sequence[verify.Line], Sequence[str]]:
    """The lines of a file, and what is to be said of those that are none."""
    lines: list[verify.Line] = []
    left_out: list[str] = []
    for number, raw in enumerate(_text_of(path).split("\n"), 1):
        if not raw.strip():
            continue
        try:
            lines.append(verify.parse(raw, number))
        except verify.NotALine as error:
            left_out.append(str(error))
    if not lines:
        raise CommandError(f"{path}: {left_out[0]}" if left_out else f"{path} holds no lines")
    return lines, left_out


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error


def _recorded(lines: Sequence[verify.Line], *, clean: bool) -> Measured:
    """As a bridge counts that has seen the answers pass, and by the rules of the day of each bill."""
    seen = verify.learned(lines, encodings.length)
    chosen = [line for line in lines if line.clean or not clean]
    apart = [line for line in lines if clean and not line.clean]
    means = counting.Means(encodings.length, pdf_pages=documents.pages)

    def count(line: verify.Line, known: Mapping[str, int]) -> verify.Outcome:
        return verify.Outcome(line, counting.count(line.request, replace(means, seen=known.get, on=line.on)))

    def shown(what: str, those: Sequence[T]) -> Iterable[T]:
        return track(those, what, console=Console(stderr=True), transient=True)

    outcomes = [count(line, seen) for line in shown("counting", chosen)]
    alone = [count(one.line, {}) if verify.has_history(one.line) else one for one in shown("each on its own", outcomes)]
    return Measured(outcomes, [count(line, seen) for line in shown("not clean", apart)], alone)


def _cases(options: Mapping[str, Any]) -> Sequence[Case]:
    cases: Sequence[Case] = CASES
    if options["requests"]:
        cases = [
            _case(raw, number, options["requests"])
            for number, raw in enumerate(_text_of(options["requests"]).split("\n"), 1)
            if raw.strip()
        ]
        if not cases:
            raise CommandError(f"{options['requests']} holds no requests")
    if not options["model"]:
        return cases
    return [
        replace(case, name=f"{case.name} ({model})", request={**case.request, "model": model})
        for model in options["model"]
        for case in cases
    ]


def _case(raw: str, number: int, path: Path) -> Case:
    try:
        found = orjson.loads(raw)
    except ValueError as error:
        raise CommandError(f"{path}: line {number} is no JSON object") from error
    if not isinstance(found, dict):
        raise CommandError(f"{path}: line {number} is no JSON object")
    request = found.get("request", found)
    if not isinstance(request, dict):
        raise CommandError(f"{path}: line {number}: request is no JSON object")
    return Case(verify.name_of(found, number), request)


def _running(options: Mapping[str, Any]) -> live_counts.Running | None:
    if not options["bridge"]:
        return None
    try:
        url = urlsplit(options["bridge"])
        sound = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise CommandError(f"--bridge takes a URL such as http://127.0.0.1:8000, not {options['bridge']}")
    return live_counts.Running(options["bridge"], options["key"])


async def _asked(options: Mapping[str, Any]) -> Measured:
    # The lines of some sixty exchanges would bury the table; the trail has their rows.
    logging.getLogger("bridge.exchange").setLevel(logging.WARNING)
    cases = _cases(options)
    own = live_counts.InProcess()
    running = _running(options)
    compare = live_counts.counted if options["live"] else live_counts.generated
    found: list[verify.Outcome | live_counts.Failed] = []
    try:
        outcomes: AsyncIterator[verify.Outcome | live_counts.Failed] = compare(cases, running or own, own)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("asking", total=len(cases) + sum(bool(case.then) for case in cases))
            async for one in outcomes:
                found.append(one)
                progress.advance(task)
    finally:
        await service.close()
        if running is not None:
            await running.close()
    return Measured(
        [one for one in found if isinstance(one, verify.Outcome)],
        failed=[one for one in found if isinstance(one, live_counts.Failed)],
    )


# -- reports ----------------------------------------------------------------------------------------------


def _parts(measured: Measured) -> dict[str, Mapping[str, verify.Figures]]:
    lines = [outcome.line for outcome in measured.outcomes]
    return {
        "kind": verify.classes(measured.outcomes),
        "model family": verify.families(measured.outcomes),
        "kind, each line on its own": verify.classes(measured.alone),
        "not clean": verify.by_reason(measured.apart),
        "baseline": verify.baselines(lines, encodings.length),
    }


def _write(parts: Mapping[str, Mapping[str, verify.Figures]], options: Mapping[str, Any]) -> None:
    report = "\n\n".join(verify.table(title, figures) for title, figures in parts.items() if figures) + "\n"
    if options["json"]:
        names = {"kind": "classes", "model family": "families", "kind, each line on its own": "alone"}
        whole = {names.get(title, title.replace(" ", "_")): verify.plain(figures) for title, figures in parts.items()}
        whole["classes"] = {**verify.plain(dict.fromkeys(("all", *verify.KINDS))), **whole["classes"]}
        _put(options["json"], json.dumps(whole, indent=2) + "\n")
    if options["markdown"]:
        _put(options["markdown"], report)
    if options["docs"]:
        _renew(options["docs"], report)


def _table(title: str, figures: Mapping[str, verify.Figures]) -> Table | str:
    if not figures:
        return ""
    table = Table(title)
    for heading in ("n", "exact", "within 3", "median error", "p95 error"):
        table.add_column(heading, justify="right")
    for name, one in figures.items():
        shares = (f"{one.exact:.1%}", f"{one.within_3:.1%}", f"{one.median_abs:g}", f"{one.p95_rel:.1%}")
        table.add_row(escape(name), str(one.n), *shares)
    return table


def _renew(path: Path, report: str) -> None:
    text = _text_of(path)
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise CommandError(f"{path} has no {BEGIN} ... {END}")
    _put(path, f"{before}{BEGIN}\n{report}{END}{after}")


def _put(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error}") from error
