"""Counts held against bills: what the harness measures, apart from where its lines come from.

Invariants: pure but for the counting it is handed; what is no line is told as ``NotALine`` when it is read, and
whatever a line's request holds is counted; every line falls in exactly one kind, the most specific; the order of the
lines changes no figure; a figure over no lines is absent rather than zero.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime
from statistics import median
from typing import Any

import orjson

from bridge_api.tokens import answers
from bridge_api.tokens.families import family_of

KINDS = ("text", "tools", "tool_history", "schema", "reasoning", "images", "files", "hosted")
_CALLS = ("function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output")
_PLAIN_ITEMS = {"message", "reasoning", *_CALLS}
_NUMBERED = re.compile(r"(.*)__(\d{1,9})(?:-\d+)?", re.DOTALL)
_WRITTEN = ("reasoning", "function_call", "custom_tool_call")
Count = Callable[[dict[str, Any], date | None], int]


class NotALine(ValueError):
    """A line of a recordings file that is not a request with its bill."""


@dataclass(frozen=True, slots=True)
class Line:
    """One request and what was billed for it; ``usage`` is the upstream's, of the answer, too, where it is known;
    ``reason`` says why the bill may not follow from the request, where it is not clean."""

    name: str
    request: dict[str, Any]
    billed: int
    clean: bool = False
    on: date | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    @property
    def items(self) -> list[Any]:
        """What the model is told, an item each; a string is one message of the user."""
        given = self.request.get("input")
        return given if isinstance(given, list) else [{"role": "user", "content": given}]

    @property
    def place(self) -> tuple[str, int]:
        """(conversation, number) of a name like ``name__1``; lines without a number are conversations of their own."""
        found = _NUMBERED.fullmatch(self.name)
        return (found[1], int(found[2])) if found else (self.name, 0)

    @property
    def kind(self) -> str:
        return kind_of(self.request)

    @property
    def model(self) -> str:
        return str(self.request.get("model") or "")

    @property
    def family(self) -> str:
        return family_of(self.model).name


@dataclass(frozen=True, slots=True)
class Outcome:
    """A line and what was counted for it."""

    line: Line
    counted: int

    @property
    def off(self) -> int:
        return self.counted - self.line.billed


@dataclass(frozen=True, slots=True)
class Figures:
    """How near the counts of some lines are: shares from 0 to 1, tokens, and a relative error."""

    n: int
    exact: float
    within_3: float
    median_abs: float
    p95_rel: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Figures:
        """Raises ValueError without outcomes."""
        off = [abs(outcome.off) for outcome in outcomes]
        if not off:
            raise ValueError("no outcomes to measure")
        relative = sorted(abs(outcome.off) / max(1, outcome.line.billed) for outcome in outcomes)
        return cls(
            n=len(off),
            exact=sum(one == 0 for one in off) / len(off),
            within_3=sum(one <= 3 for one in off) / len(off),
            median_abs=median(off),
            p95_rel=relative[min(len(relative) - 1, int(0.95 * len(relative)))],
        )


def parse(raw: str, number: int) -> Line:
    """A line of JSON with at least ``request`` and ``usage.input_tokens``. Raises NotALine."""
    try:
        line = _loaded(raw)
        request, usage, billed = line["request"], line["usage"], line["usage"]["input_tokens"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotALine(f"line {number}: request and usage.input_tokens are needed") from error
    whole = type(billed) is int or (isinstance(billed, float) and billed.is_integer())
    if not isinstance(request, dict) or not whole or billed < 0:
        raise NotALine(f"line {number}: request must be an object and usage.input_tokens a number of tokens")
    try:
        orjson.dumps(request)
    except TypeError as error:
        raise NotALine(f"line {number}: request is nested too deeply") from error
    found = line.get("tags")
    tags: Mapping[str, Any] = found if isinstance(found, dict) else {}
    day, reason = _day(tags.get("created_at")), _reason(tags.get("suspect"))
    return Line(name_of(line, number), request, int(billed), tags.get("clean") is True, day, usage, reason)


def _loaded(raw: str) -> Any:
    """Half a character (a lone surrogate), which only the slower reader takes, becomes U+FFFD."""
    try:
        return orjson.loads(raw)
    except ValueError:
        whole = json.dumps(json.loads(raw), ensure_ascii=False)
        return orjson.loads(whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def name_of(line: Mapping[str, Any], number: int) -> str:
    """What a line of a file is called: its ``id``, or else its number."""
    given = line.get("id")
    return str(given) if isinstance(given, str | int) and given else str(number)


def _day(made: Any) -> date | None:
    """The day of ``tags.created_at``, Unix seconds; None where it tells none."""
    try:
        return datetime.fromtimestamp(float(made), UTC).date() if float(made) > 0 else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _reason(suspect: Any) -> str:
    """Why a line is not clean, by its ``tags.suspect``, a list of texts."""
    first = suspect[0] if isinstance(suspect, list) and suspect else suspect
    return first.partition(":")[0] if isinstance(first, str) else ""


def learned(lines: Sequence[Line], encode_len: Callable[[str], int]) -> dict[str, int]:
    """What a bridge knows that has seen the answers to ``lines`` pass: see ``answers.learned``.

    An answer is what a request holds after all items of the line before it in its conversation: the one with the number
    before its own, or else the only one of those before it that asked so.
    """
    asked: dict[tuple[str, str], dict[int, Line]] = {}
    for line in lines:
        conversation, number = line.place
        asked.setdefault((conversation, _key(line.items)), {}).setdefault(number, line)
    found: dict[str, int] = {}
    for line in lines:
        (conversation, number), items = line.place, line.items
        at = _last_answer(items)
        those = asked.get((conversation, _key(items[:at])), {}) if at else {}
        earlier = [one for other, one in those.items() if other < number]
        before = those.get(number - 1) or (earlier[0] if len(earlier) == 1 else None)
        if before is not None:
            output = list(_outputs(items[at:]))
            found.update(answers.learned(output, before.usage, family_of(before.model), encode_len))
    return found


def _last_answer(items: Sequence[Any]) -> int:
    """Where the last answer among ``items`` begins; 0 where there is none."""
    begins = (at for at, item in enumerate(items) if at and _is_output(item) and not _is_output(items[at - 1]))
    return max(begins, default=0)


def _key(items: Sequence[Any]) -> str:
    return json.dumps(items, sort_keys=True)


def _outputs(items: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for item in items:
        if not _is_output(item):
            return
        yield item


def _is_output(item: Any) -> bool:
    return isinstance(item, dict) and (item.get("role") == "assistant" or item.get("type") in _WRITTEN)


def kind_of(request: Mapping[str, Any]) -> str:
    """The kind of a request: the part of it that is hardest to count."""
    items = list(_dicts(request.get("input")))
    types = {str(item.get("type") or "message") for item in items}
    parts = {str(part.get("type")) for item in items for part in _parts(item)}
    tools = list(_dicts(request.get("tools")))
    if any(tool.get("type") != "function" for tool in tools) or types - _PLAIN_ITEMS:
        return "hosted"
    text = request.get("text")
    wanted = text.get("format") if isinstance(text, dict) else None
    found = {
        "files": "input_file" in parts,
        "images": "input_image" in parts,
        "reasoning": "reasoning" in types,
        "tool_history": bool(types & set(_CALLS)),
        "tools": bool(tools),
        "schema": isinstance(wanted, dict) and wanted.get("type") == "json_schema",
    }
    return next((kind for kind, holds in found.items() if holds), "text")


def _parts(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for place in ("content", "output"):
        yield from _dicts(item.get(place))


def _dicts(value: Any) -> Iterable[Mapping[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def classes(outcomes: Sequence[Outcome]) -> dict[str, Figures]:
    """Figures of all outcomes and of each kind that has any."""
    return grouped(outcomes, lambda outcome: outcome.line.kind, KINDS)


def by_reason(outcomes: Sequence[Outcome]) -> dict[str, Figures]:
    """Figures by why the bill may not follow from the request: the recording's own reason, or the hosted tools."""

    def reason(outcome: Outcome) -> str:
        kinds = sorted({str(tool.get("type")) for tool in _dicts(outcome.line.request.get("tools"))} - {"function"})
        return outcome.line.reason or ", ".join(kinds) or outcome.line.kind

    return grouped(outcomes, reason, sorted({reason(outcome) for outcome in outcomes}))


def has_history(line: Line) -> bool:
    """Whether a request brings something back that an earlier answer made."""
    return any(_is_output(item) for item in line.items)


def families(outcomes: Sequence[Outcome]) -> dict[str, Figures]:
    """Figures of each model family that has any outcome."""
    names = sorted({outcome.line.family for outcome in outcomes})
    found = grouped(outcomes, lambda outcome: outcome.line.family, names)
    return {name: figures for name, figures in found.items() if name != "all"}


def grouped(outcomes: Sequence[Outcome], key: Callable[[Outcome], str], order: Iterable[str]) -> dict[str, Figures]:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(key(outcome), []).append(outcome)
    found = {"all": Figures.of(outcomes)} if outcomes else {}
    return found | {name: Figures.of(groups[name]) for name in order if name in groups}


def baselines(lines: Sequence[Line], encode_len: Callable[[str], int]) -> dict[str, Figures]:
    """What simpler counters reach on the same lines."""
    if not lines:
        return {}

    def dump(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    def text_and_tools(request: dict[str, Any]) -> int:
        tools = request.get("tools")
        return encode_len("".join(_texts(request))) + (encode_len(dump(tools)) if tools else 0)

    counters: dict[str, Callable[[dict[str, Any]], int]] = {
        "text and JSON of the tools": text_and_tools,
        "characters / 4": lambda request: len(dump(request)) // 4,
    }
    return {
        name: Figures.of([Outcome(line, counter(line.request)) for line in lines]) for name, counter in counters.items()
    }


def _texts(request: Mapping[str, Any]) -> Iterator[str]:
    given = request.get("input")
    items = given if isinstance(given, list) else []
    places = [request.get("instructions"), given]
    for item in items:
        if isinstance(item, dict):
            places += [item.get("content"), item.get("arguments"), item.get("output")]
            places += [part.get("text") for part in _parts(item)]
    yield from (place for place in places if isinstance(place, str))


def plain(figures: Mapping[str, Figures | None]) -> dict[str, dict[str, float | None]]:
    """Figures for machines; a kind without lines has n = 0 and nothing else."""
    none = dict.fromkeys((one.name for one in fields(Figures)), None) | {"n": 0}
    return {name: none if one is None else asdict(one) for name, one in figures.items()}


def table(title: str, figures: Mapping[str, Figures]) -> str:
    """Figures as a Markdown table."""
    rows = [f"| {title} | n | exact | within 3 tokens | median error | p95 error |", "|---|---:|---:|---:|---:|---:|"]
    rows += [
        f"| {name} | {one.n} | {one.exact:.1%} | {one.within_3:.1%} | {one.median_abs:g} | {one.p95_rel:.1%} |"
        for name, one in figures.items()
    ]
    return "\n".join(rows)
