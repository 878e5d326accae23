"""What a rule of the redaction is: what it looks for, where it is worth looking, and what must hold beside.

Most texts hold nothing that most rules look for, so no rule reads a whole text with its pattern if it can help it: a few
characters that its match must hold (its needles) are looked for, those of all rules in one pass (audit/scan.py), and
the pattern is tried there.

Invariants: a pattern has no repeat without an upper bound (held by tests/audit/test_rules.py), so that its work on a
text is a constant times the text's length; every match of a rule holds one of its needles; a pattern that folds is
written in lower case and reads the text in lower case, at the same positions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

Family = Literal["secret", "personal"]
# The pattern is tried: on all of the text; where a needle begins; in the surroundings of a needle, or of digits
Where = Literal["all", "start", "around", "digits"]
Place = tuple[int, int]
# Given the text and the match: does it hold, or which places of it are meant?
Check = Callable[[str, "re.Match[str]"], "bool | Iterable[Place]"]
_LONG = 200
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_TIME_OR_DIGITS = re.compile(
    r"\d(?:\d{3}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?(?![\d-])|(?P<digits>\d{0,400}))"
)
_GAP, _ENOUGH, _BACK, _AHEAD = 3, 4, 16, 32


class Needle(NamedTuple):
    """Characters that a rule looks for. ``folded``: written in lower case, and found in any."""

    text: str
    folded: bool


@dataclass(frozen=True)
class Reading:
    """A text and what the rules share in reading it. ``known``: where needles stand, as far as they were looked for;
    ``memo``: what rules of a kind read once for all of them."""

    text: str
    known: dict[Needle, list[Place]] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)
    _together: dict[tuple[Needle, ...], list[Place]] = field(default_factory=dict)
    _near: dict[int, list[Place]] = field(default_factory=dict)

    def looked(self, needle: Needle) -> str:
        """The text as ``needle`` is looked for."""
        return self.folded if needle.folded else self.text

    def occurrences(self, needles: Sequence[Needle]) -> list[Place]:
        """Where the needles of a rule stand, sorted; rules that share needles share the search."""
        if len(needles) == 1:
            return self._found(needles[0])
        mark = tuple(needles)
        if mark not in self._together:
            self._together[mark] = sorted([place for needle in needles for place in self._found(needle)])
        return self._together[mark]

    def around(self, needles: Sequence[Needle], reach: Place) -> list[Place]:
        """The surroundings of the needles of a rule; of needles close together only the first and the last are found."""
        back, ahead = reach
        places = []
        for needle in needles:
            text, looked = needle.text, self.looked(needle)
            start = looked.find(text)
            while start >= 0:
                last = start
                while (further := looked.rfind(text, last + 1, last + back + ahead)) > last:
                    last = further
                places.append((start, last + len(text)))
                start = looked.find(text, last + back + ahead)
        return joined(sorted(places), back, ahead)

    def _found(self, needle: Needle) -> list[Place]:
        found = self.known.get(needle)
        if found is None:
            text, looked, size = needle.text, self.looked(needle), len(needle.text)
            found, at = [], looked.find(text)
            while at >= 0:
                found.append((at, at + size))
                at = looked.find(text, at + size)
            self.known[needle] = found
        return found

    @cached_property
    def folded(self) -> str:
        """The text in lower case, each letter at its place: a letter whose lower case is two keeps its case."""
        folded = self.text.lower()
        return folded if len(folded) == len(self.text) else self.text.translate(_LOWER)

    def digits(self, least: int) -> list[Place]:
        """The surroundings of ``least`` digits or more that stand close together and are no time stamp."""
        if least not in self._near:
            enough = ((start, end) for start, end, seen in self._digits if seen >= least)
            self._near[least] = joined(enough, _BACK, _AHEAD)
        return self._near[least]

    @cached_property
    def most_digits(self) -> int:
        """The most digits that stand close together and are no time stamp; 0 for fewer than a few."""
        return max((seen for _, _, seen in self._digits), default=0)

    @cached_property
    def _digits(self) -> list[tuple[int, int, int]]:
        places: list[tuple[int, int, int]] = []
        start, end, seen = 0, -_GAP - 1, 0
        for found in _TIME_OR_DIGITS.finditer(self.text):
            at = found.start()
            if at - end > _GAP or found["digits"] is None:
                if seen >= _ENOUGH:
                    places.append((start, end, seen))
                start, seen = at, 0
            if found["digits"] is not None:
                end = found.end()
                seen += end - at
        if seen >= _ENOUGH:
            places.append((start, end, seen))
        return places


def joined(places: Iterable[Place], back: int, ahead: int) -> list[Place]:
    """Sorted places with their surroundings, those that touch as one."""
    found: list[Place] = []
    for start, end in places:
        low, high = max(0, start - back), end + ahead
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def _budget(text: str) -> int:
    """How often a rule tries its pattern at its needles, a match counted four times. A text with more, one every ten characters
    over its length, is a list of what the rule looks for, or an attack: the rest of it is masked unseen."""
    return max(2000, len(text) // 10)


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern. What is masked is its group ``v``, or all of it; ``about`` is the docs' line. ``loose`` needles are
    in lower case and found in any case; ``reach`` is how far a match may stand out from a needle
    that it is around, ``least`` how many digits it has, ``only`` what every text that the rule can match holds beside."""

    kind: str
    family: Family
    pattern: re.Pattern[str]
    needles: tuple[str, ...]
    about: str
    where: Where = "all"
    fold: bool = False
    loose: bool = False
    reach: Place = (0, 0)
    least: int = _ENOUGH
    check: Check | None = None
    only: str = ""

    @property
    def sought(self) -> tuple[Needle, ...]:
        """The needles, one of which stands in every text that the rule can match; none: digits do."""
        return tuple(Needle(one, self.loose or self.fold) for one in self.needles)

    def places(self, reading: Reading, needles: Sequence[Needle] | None = None) -> Iterator[Place]:
        """Where the rule holds. ``needles``: those of its own that the text holds, where that is known."""
        if needles is None:
            needles = [one for one in self.sought if one.text in reading.looked(one)]
            if self.needles and not needles:
                return
        if self.only not in reading.text:
            return
        group: str | int = "v" if "v" in self.pattern.groupindex else 0
        for found in self._matches(reading, needles):
            if isinstance(found, int):
                yield found, len(reading.text)
                return
            verdict = True if self.check is None else self.check(reading.text, found)
            if verdict is True:
                yield found.span(group)
            elif verdict:
                yield from verdict  # type: ignore[misc]

    def _matches(self, reading: Reading, needles: Sequence[Needle]) -> Iterator[re.Match[str] | int]:
        read = reading.folded if self.fold else reading.text
        if self.where == "start":
            return self._at(read, reading.occurrences(needles))
        if self.where == "around":
            return self._within(read, reading.around(needles, self.reach))
        if self.where == "digits":
            return self._within(read, reading.digits(self.least))
        return self.pattern.finditer(read)

    def _at(self, read: str, places: Iterable[Place]) -> Iterator[re.Match[str] | int]:
        """The matches at ``places``; where they are too many, where the rest begins."""
        done, left = 0, _budget(read)
        for start, _ in places:
            if start < done:
                continue
            if left < 0:
                yield start
                return
            left -= 1
            if found := self.pattern.match(read, start):
                left -= 3
                yield found
                # What was read once is not read again from each of its letters.
                done = found.end() if found.end() - start > _LONG else start + 1

    def _within(self, read: str, places: Iterable[Place]) -> Iterator[re.Match[str]]:
        for start, end in places:
            yield from self.pattern.finditer(read, start, end)


def rule(
    kind: str,
    pattern: str,
    *needles: str,
    about: str,
    family: Family = "secret",
    where: Where = "all",
    fold: bool = False,
    loose: bool = False,
    reach: Place = (0, 0),
    least: int = _ENOUGH,
    check: Check | None = None,
    only: str = "",
    flags: int = 0,
) -> Rule:
    return Rule(kind, family, re.compile(pattern, flags), needles, about, where, fold, loose, reach, least, check, only)


_LITERAL = re.compile(r"(?:\\b)?((?:[^\W_]|[ _@:/'’-]|\\[.])+)(?P<maybe>\??)")


def starts(lead: str) -> tuple[str, ...]:
    """The fixed beginnings of the alternatives of a pattern that has no group at the beginning of any."""
    found = []
    for one in _alternatives(lead):
        literal = _LITERAL.match(one)
        if literal is None:
            raise ValueError(f"an alternative has no fixed beginning: {one}")
        text = literal[1].replace("\\.", ".")
        found.append(text[:-1] if literal["maybe"] else text)
    short = {one for one in found if not any(one != other and one.startswith(other) for other in found)}
    return tuple(sorted(short))


def _alternatives(lead: str) -> list[str]:
    return re.split(r"\|(?![^(\[]*[)\]])", lead)


def after(
    kind: str,
    lead: str,
    rest: str,
    *,
    about: str,
    family: Family = "secret",
    exact: bool = False,
    fold: bool = False,
    check: Check | None = None,
) -> Rule:
    """A rule for what stands after one of the names in ``lead``, in any case unless ``exact``."""
    mode = "" if exact or fold else "i"
    alternatives = _alternatives(lead)
    if all(one.startswith(r"\b") for one in alternatives):
        named = f"(?<![a-zA-Z])(?:{'|'.join(one[2:] for one in alternatives)})"
    else:
        named = lead.replace(r"\b", "(?<![a-zA-Z])")
    return rule(
        kind,
        f"(?{mode}:{named}){rest}",
        *(one if exact else one.lower() for one in starts(lead)),
        about=about,
        family=family,
        where="start",
        fold=fold,
        loose=not exact,
        check=check,
    )
