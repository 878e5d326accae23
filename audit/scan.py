"""Where a text holds secrets and personal data, and the text without them.

Invariants: spans are sorted, do not overlap and lie within the text; what any rule found is covered by them (where two
overlap they become one, of the kind of the rule that stands first in the table); masking a masked text changes nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from ahocorasick_rs import AhoCorasick

from audit.encoded import readings
from audit.rules import RULES, SECRET_RULES
from audit.rules.base import Needle, Reading, Rule, joined

Span = tuple[int, int, str]
Ranked = tuple[int, int, int, str]


class _Search:
    """Looks for all needles at once. One character is found everywhere, and so only looked for."""

    def __init__(self, needles: Iterable[Needle], *, folded: bool) -> None:
        those = [one for one in needles if one.folded == folded]
        self._folded = folded
        self._single = [one for one in those if len(one.text) == 1]
        self._longer = [one for one in those if len(one.text) > 1]
        self._automaton = AhoCorasick([one.text for one in self._longer])

    def held(self, reading: Reading) -> Iterator[Needle]:
        """The needles that the text holds; where the longer ones stand is known afterwards."""
        text, known = reading.folded if self._folded else reading.text, reading.known
        try:
            found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        except UnicodeEncodeError:  # half a character, which no needle holds
            whole = text.encode(errors="replace").decode()
            found = self._automaton.find_matches_as_indexes(whole, overlapping=True)
        for number, start, end in found:
            needle = self._longer[number]
            if needle in known:
                known[needle].append((start, end))
            else:
                known[needle] = [(start, end)]
                yield needle
        for needle in self._single:
            if needle.text in text:
                yield needle


@dataclass(frozen=True, eq=False)
class Table:
    """Rules in their order, and what in a text makes one of them worth trying."""

    rules: tuple[Rule, ...]

    @cached_property
    def by_needle(self) -> dict[Needle, tuple[int, ...]]:
        """The ranks of the rules that look for a needle."""
        ranks: dict[Needle, tuple[int, ...]] = {}
        for rank, one in enumerate(self.rules):
            for needle in one.sought:
                ranks[needle] = (*ranks.get(needle, ()), rank)
        return ranks

    @cached_property
    def searches(self) -> tuple[_Search, _Search]:
        return _Search(self.by_needle, folded=False), _Search(self.by_needle, folded=True)

    @cached_property
    def by_digits(self) -> list[tuple[int, frozenset[int]]]:
        """The ranks of the rules that look for so many digits together or for more, the fewest first."""
        those = [(one.least, rank) for rank, one in enumerate(self.rules) if one.where == "digits"]
        leasts = sorted({least for least, _ in those})
        return [(least, frozenset(rank for other, rank in those if other >= least)) for least in leasts]

    @cached_property
    def by_digits_alone(self) -> frozenset[int]:
        return frozenset(rank for rank, one in enumerate(self.rules) if not one.needles)

    def worth(self, reading: Reading) -> list[tuple[int, list[Needle]]]:
        """The rules worth trying, by their rank, each with those of its needles that the text holds."""
        by_needle = self.by_needle
        needles = [needle for search in self.searches for needle in search.held(reading)]
        ranks = self.by_digits_alone.union(*map(by_needle.__getitem__, needles))
        for least, those in self.by_digits:
            if reading.most_digits < least:
                ranks -= those
                break
        held: dict[int, list[Needle]] = {rank: [] for rank in sorted(ranks)}
        for needle in needles:
            for rank in by_needle[needle]:
                if rank in held:
                    held[rank].append(needle)
        return list(held.items())

    @cached_property
    def ranks(self) -> dict[str, int]:
        """The first rule of each kind."""
        return {one.kind: rank for rank, one in reversed(list(enumerate(self.rules)))}


ALL, SECRETS = Table(RULES), Table(SECRET_RULES)
_ROUNDS = 3
_NESTED = 2
_BEYOND = 4096
_ABOUT = 1000


def spans(text: str, table: Table = ALL) -> list[Span]:
    """(start, end, kind) of each place to mask.

    A mask changes what its neighbours stand beside, and with it what the rules see: the masked text is read again, about
    the masks, until nothing more is found, and what is found is told in places of ``text``.
    """
    found = _once(text, table)
    for _ in range(_ROUNDS if found else 0):
        again = _Masked(text, found)
        more = [
            (*again.origin(low + start, low + end), table.ranks[kind], kind)
            for low, high in again.surroundings()
            for start, end, kind in _once(again.text[low:high], table)
        ]
        if not more:
            break
        found = _merged([*((start, end, table.ranks[kind], kind) for start, end, kind in found), *more])
    return found


class _Masked:
    """A masked text that knows where each of its characters comes from."""

    def __init__(self, text: str, found: Sequence[Span]) -> None:
        self.pieces = list(_pieces(text, found))
        self.text = "".join(piece for piece, _, _ in self.pieces)
        self.begins = list(accumulate((len(piece) for piece, _, _ in self.pieces), initial=0))
        self.masks = {start for start, _, _ in found}

    def surroundings(self) -> list[tuple[int, int]]:
        """The text about the masks, all of it if it is short."""
        size = len(self.text)
        if size <= 4 * _ABOUT:
            return [(0, size)]
        masks = (at for at, (_, start, _) in zip(self.begins, self.pieces) if start in self.masks)
        return [(low, min(high, size)) for low, high in joined(((at, at) for at in masks), _ABOUT, _ABOUT)]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The place that stands for this one in the text; a part of a mask is all of it."""
        return self._place(start)[0], self._place(end - 1)[1]

    def _place(self, at: int) -> tuple[int, int]:
        number = bisect_right(self.begins, at) - 1
        _, start, end = self.pieces[number]
        inner = start + at - self.begins[number]
        return (start, end) if start in self.masks else (inner, inner + 1)


def mask(text: str) -> tuple[str, dict[str, int]]:
    """``text`` with a placeholder such as ``[email]`` for each place, and how many of each kind there were."""
    return _masked(text, spans(text))


def mask_cut(text: str, limit: int) -> tuple[str, dict[str, int]]:
    """As ``mask``, of the first ``limit`` characters: what stands across the end is masked, too."""
    if len(text) <= limit:
        return mask(text)
    found = [(start, min(end, limit), kind) for start, end, kind in spans(text[: limit + _BEYOND]) if start < limit]
    return _masked(text[:limit], found)


def mask_secrets(text: str) -> str:
    """``text`` without keys, passwords and tokens; personal data stays."""
    return _masked(text, spans(text, SECRETS))[0]


def _masked(text: str, found: Sequence[Span]) -> tuple[str, dict[str, int]]:
    counts: dict[str, int] = {}
    for _, _, kind in found:
        counts[kind] = counts.get(kind, 0) + 1
    return "".join(piece for piece, _, _ in _pieces(text, found)), counts


def _pieces(text: str, found: Sequence[Span]) -> Iterator[tuple[str, int, int]]:
    """What the masked text is made of, each with the place it stands for."""
    at = 0
    for start, end, kind in found:
        if start > at:
            yield text[at:start], at, start
        yield f"[{kind}]", start, end
        at = end
    if at < len(text):
        yield text[at:], at, len(text)


def _once(text: str, table: Table) -> list[Span]:
    return _merged(_found(text, table, _NESTED))


def _found(text: str, table: Table, nested: int) -> list[Ranked]:
    """What the rules find in a text, and in what its escapes mean."""
    reading = Reading(text)
    found = [
        (start, end, rank, table.rules[rank].kind)
        for rank, needles in table.worth(reading)
        for start, end in table.rules[rank].places(reading, needles)
        if start < end and not _is_mask(text, start, end)
    ]
    for meant in readings(text) if nested else ():
        inner = _found(meant.text, table, nested - 1)
        found += [(*meant.origin(start, end), rank, kind) for start, end, rank, kind in inner]
    return found


_MASKS = frozenset(f"[{one.kind}]" for one in RULES)


def _is_mask(text: str, start: int, end: int) -> bool:
    return text[start] == "[" and text[start:end] in _MASKS


def _merged(found: list[Ranked]) -> list[Span]:
    merged: list[Ranked] = []
    for start, end, rank, kind in sorted(found):
        if merged and start < merged[-1][1]:
            last = merged[-1]
            best = (rank, kind) if rank < last[2] else last[2:]
            merged[-1] = (last[0], max(end, last[1]), *best)
        else:
            merged.append((start, end, rank, kind))
    return [(start, end, kind) for start, end, _, kind in merged]
