"""One rule of the mapping: which names it is for, what serves them, and how.

Invariants: a rule is immutable and its pattern normalised; matching takes time in proportion to the lengths of the
name and the pattern, whatever they are; of any two rules ``order`` says which is asked first; ``covers`` never says
yes where a name exists that only the later rule takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from bridge_api.capabilities import EFFORT_ORDER

Kind = Literal["exact", "prefix", "glob", "family"]
EffortMode = Literal["as_asked", "fixed", "at_least", "at_most"]
KINDS: tuple[Kind, ...] = ("exact", "prefix", "glob", "family")
EFFORT_MODES: tuple[EffortMode, ...] = ("as_asked", "fixed", "at_least", "at_most")
SERVICE_TIERS = ("auto", "default", "flex", "priority")
VERBOSITIES = ("low", "medium", "high")
FAMILIES = ("opus", "sonnet", "haiku", "fable", "mythos")
LONGEST = 256
_SUFFIX = re.compile(r"(\[[^\[\]]*\])+$")
_WILD = re.compile(r"[*?]")
_ANY_OTHER = "\U0010ffff"
_LONGEST_WALK = 2_000
_FAMILY = re.compile(rf"(?:^|[^a-z])({'|'.join(FAMILIES)})(?![a-z])")


@dataclass(frozen=True, slots=True)
class Adjustments:
    """How a request is changed on its way: what the operator fixed; None or empty leaves what was asked.

    Figures are tokens. ``max_input_tokens``: a longer prompt is refused as too long for the model.
    """

    effort_mode: EffortMode = "as_asked"
    effort: str = ""
    max_output_tokens: int | None = None
    max_input_tokens: int | None = None
    service_tier: str = ""
    verbosity: str = ""

    def effort_for(self, asked: str | None) -> str | None:
        """The effort to ask for, where ``asked`` is the client's (None: the model's own default)."""
        if self.effort_mode == "as_asked" or self.effort not in EFFORT_ORDER:
            return asked
        if asked is None:
            # A bound from above asks for nothing: the model's own default may well be weaker than the bound.
            return None if self.effort_mode == "at_most" else self.effort
        if self.effort_mode == "fixed":
            return self.effort
        weaker, stronger = sorted((asked, self.effort), key=EFFORT_ORDER.index)
        return stronger if self.effort_mode == "at_least" else weaker


UNCHANGED = Adjustments()


@dataclass(frozen=True, slots=True)
class Rule:
    """``pattern`` is normalised; ``id`` is the row's. A higher ``priority`` is asked first."""

    id: int
    kind: Kind
    pattern: str
    served: str
    priority: int = 0
    adjustments: Adjustments = field(default=UNCHANGED)

    def __str__(self) -> str:
        """Its name for operators: of the rules that are enabled no two share kind and pattern."""
        return f"{self.kind} {self.pattern}" + (f" (priority {self.priority})" if self.priority else "")

    @property
    def order(self) -> tuple[int, int, int, str, int]:
        """Sorting key: priority, then the more exact kind, then the longer pattern."""
        return -self.priority, KINDS.index(self.kind), -len(self.pattern), self.pattern, self.id

    def takes(self, name: str, full: str) -> bool:
        """Whether the rule is for ``name`` (normalised); ``full`` still has its ``[1m]``-like suffixes."""
        if self.kind == "exact":
            return self.pattern in (name, full)
        if self.kind == "prefix":
            return name.startswith(self.pattern)
        if self.kind == "glob":
            return wildcard(self.pattern, name)
        return family_in(name) == self.pattern


def normalise(name: str) -> str:
    """A model name as it is compared: trimmed, lower case, without ``[1m]``-like suffixes."""
    return without_suffixes(whole(name))


def without_suffixes(name: str) -> str:
    """A model name trimmed, without ``[1m]``-like suffixes, in the case in which it was written."""
    return _SUFFIX.sub("", name.strip()).strip()


def whole(name: str) -> str:
    """A model name trimmed and in lower case, its suffixes kept."""
    return name.strip().casefold()


def family_in(name: str) -> str | None:
    """The Claude family that a normalised name belongs to: the first such word in it."""
    found = _FAMILY.search(name)
    return found[1] if found else None


def wildcard(pattern: str, name: str) -> bool:
    """Whether ``name`` fits ``pattern``, in which ``*`` is any text and ``?`` any one character."""
    at = start = 0
    star = -1
    while at < len(name):
        here = pattern[start] if start < len(pattern) else ""
        if here == "*":
            star, mark = start, at
            start += 1
        elif here and here in ("?", name[at]):
            at, start = at + 1, start + 1
        elif star >= 0:
            # Let the last star take one character more.
            mark += 1
            at, start = mark, star + 1
        else:
            return False
    return pattern[start:].strip("*") == ""


def fault_in(kind: Kind, pattern: str) -> str | None:
    """What is wrong with a pattern (from ``whole``), in words for an operator; None when it is sound."""
    if not pattern:
        return "A rule needs a name, the beginning of a name, a pattern with * or ?, or a family."
    if len(pattern) > LONGEST:
        return f"At most {LONGEST} characters."
    if kind != "exact" and normalise(pattern) != pattern:
        return "Suffixes such as [1m] are left aside when names are compared; only an exact name can have one."
    if kind == "family" and pattern not in FAMILIES:
        return f"The families are {', '.join(FAMILIES)}."
    if kind == "glob" and not set("*?") & set(pattern):
        return "A pattern needs a * or a ?; without one, choose 'exact name'."
    if kind in ("exact", "prefix") and set("*?") & set(pattern):
        return "* and ? are for patterns; choose 'pattern with * or ?'."
    return None


def covers(first: Rule, second: Rule) -> bool:
    """Whether ``first`` takes every name that ``second`` takes."""
    if second.kind == "exact":
        return first.takes(normalise(second.pattern), second.pattern)
    if first.kind == second.kind and first.pattern == second.pattern:
        return True
    if first.kind == "exact":
        return False
    if first.kind == "family":
        # Any name that goes on from a literal beginning with the whole word in it is of that family.
        return second.kind != "family" and family_in(_beginning(_as_glob(second)) + "x") == first.pattern
    return contains(_as_glob(first), _as_glob(second))


def _as_glob(rule: Rule) -> str:
    """A pattern that takes what ``rule`` takes; for a family, more."""
    if rule.kind == "prefix":
        return f"{rule.pattern}*"
    return f"*{rule.pattern}*" if rule.kind == "family" else rule.pattern


def contains(outer: str, inner: str) -> bool:
    """Whether every text that fits the pattern ``inner`` fits ``outer``. Says no where finding out takes long.

    Both patterns are walked at once, as sets of the places in them that a text can have reached; of letters that stand
    in neither pattern one speaks for all.
    """
    if not (_beginning(inner).startswith(_beginning(outer)) and _end(inner).endswith(_end(outer))):
        return False
    letters = {*outer, *inner, _ANY_OTHER} - {"*", "?"}
    start = (_passing(inner, {0}), _passing(outer, {0}))
    seen, waiting = {start}, [start]
    while waiting:
        at, over = waiting.pop()
        if len(inner) in at and len(outer) not in over:
            return False
        for letter in letters:
            step = (_after(inner, at, letter), _after(outer, over, letter))
            if step[0] and step not in seen:
                seen.add(step)
                waiting.append(step)
        if len(seen) > _LONGEST_WALK:
            return False
    return True


def _after(pattern: str, places: Iterable[int], letter: str) -> frozenset[int]:
    """The places in ``pattern`` that can be reached from ``places`` with one letter more."""
    found = set()
    for place in places:
        here = pattern[place] if place < len(pattern) else ""
        if here == "*":
            found.add(place)
        elif here in ("?", letter):
            found.add(place + 1)
    return _passing(pattern, found)


def _passing(pattern: str, places: Iterable[int]) -> frozenset[int]:
    """``places``, and those behind a star that takes nothing."""
    found = set()
    for start in places:
        place = start
        found.add(place)
        while place < len(pattern) and pattern[place] == "*":
            place += 1
            found.add(place)
    return frozenset(found)


def _beginning(pattern: str) -> str:
    """What every text begins with that fits ``pattern``, as far as the pattern tells."""
    return _WILD.split(pattern, maxsplit=1)[0]


def _end(pattern: str) -> str:
    """What every text ends with that fits ``pattern``, as far as the pattern tells."""
    return _WILD.split(pattern)[-1]


def trouble(rule: Rule, others: Iterable[Rule]) -> str | None:
    """Why ``rule`` may not stand beside the ``others`` that are enabled, in words; None when it may."""
    for other in others:
        if (other.kind, other.pattern, other.priority) == (rule.kind, rule.pattern, rule.priority):
            return f"There is a rule for {other} with the same priority: which of them serves is not decided."
        if other.order < rule.order and covers(other, rule):
            return f"It would never be used: the rule for {other} comes first and takes all its names."
        if rule.order < other.order and covers(rule, other):
            return f"The rule for {other} would never be used again: this rule takes all its names first."
    return None
