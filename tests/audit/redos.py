"""``python -m tests.audit.redos``: how long each rule takes on hostile texts of 100 kB.

The texts are long runs of what the patterns like: each rule's needles, with each kind of character between them, and the
marked texts of the corpus repeated. Prints the slowest rules and exits 1 if one takes longer than 50 ms.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from audit.rules import RULES
from audit.rules.base import Reading, Rule
from tests.audit.corpus import negatives, set_a, set_b, set_c
from tests.audit.corpus.make import item
from tests.audit.corpus.values import Values

SIZE = 100_000
LIMIT_MS = 50
RUNS = (
    "a", "A", "0", "1", "4", "9", "aA1", " ", "\t", "\n", "-", "_", ".", "=", ":", "/", "@", "'", '"', "\\", "+", "(", "%40", "a.", "a-", "a@",
    "a@a.", "1.", "1-", "1 ", "12 ", "1:", "a:", "::", "ab:", "0123-", "+1 ", "00 ", "Aa ", "A ", "Aa-", "é", "中", "x=", "a=b;", "a/b/", "://",
    "://a:", "?a=", "&b=", "[", "{", "<", "%", "\\n", "eyJ", "-----BEGIN PRIVATE KEY-----", "4111 ", "DE89 ", "127.0.0.1 ", "password: ",
    "password=a1", 'token="', "secret ", "api_key='a1b2c3d4' ", "a1b2c3d4=", "Bearer ", "my name is A", "Dear A", "12 A St ", "Aa Aa ", "$2", "İ",
    "a" * 985 + " %3a ",
)  # fmt: skip


def texts(rule: Rule) -> Iterator[str]:
    """Hostile texts for one rule: its needles among runs of characters."""
    for needle in rule.needles[:4] or ("",):
        for run in (
            "",
            " ",
            "a",
            "A",
            "1",
            "a1",
            "1 ",
            "1-",
            "a.",
            "a:",
            "=a1",
            ": a1 ",
            "='",
            ' "',
            "\n",
            "@a",
            "/a",
            "Aa ",
            " Aa Aa",
        ):
            if needle + run:
                yield _long(needle + run)
        for run in ("a", "1", "a1B2", " ", "a.", "a-", "1 ", "Aa ", "=", "a="):
            yield _long(needle + run * 300)


def corpus() -> Iterator[str]:
    values = Values(1)
    yield from (_long(run) for run in RUNS)
    for text in (*set_a.TEXTS, *set_b.TEXTS, *set_c.TEXTS, *negatives.TEXTS, *negatives.MORE, *set_c.NEGATIVES)[::6]:
        yield _long(item(text, "a", values)["text"] + " ")


def _long(text: str) -> str:
    return (text * (SIZE // len(text) + 1))[:SIZE]


def read(text: str) -> Reading:
    """A text with what all rules share: only the rule's own work is measured."""
    reading = Reading(text)
    _ = reading._digits, reading.folded
    return reading


def milliseconds(rule: Rule, reading: Reading) -> float:
    """The best of three where once is near the limit, of nine above it: other work on the machine is not the rule's."""
    best = float("inf")
    for again in range(9):
        for memory in (reading.known, reading.memo, reading._together, reading._near):
            memory.clear()
        begin = time.process_time()
        for _place in rule.places(reading):
            pass
        best = min(best, (time.process_time() - begin) * 1000)
        if best < LIMIT_MS / 2 or (best < LIMIT_MS and again > 1):
            break
    return best


def main() -> int:
    found = []
    common = [read(text) for text in corpus()]
    for number, rule in enumerate(RULES):
        if number % 20 == 0:
            print(f"{number} of {len(RULES)}", file=sys.stderr, flush=True)
        slow = max((milliseconds(rule, one), one.text[:40]) for one in (*map(read, texts(rule)), *common))
        if slow[0] > LIMIT_MS:
            print(f"{slow[0]:7.1f} ms  {rule.kind:16} {rule.about[:50]:50} {slow[1]!r}", flush=True)
        found.append((slow[0], rule.kind, rule.about, slow[1]))
    for took, kind, about, text in sorted(found, reverse=True)[:15]:
        print(f"{took:7.1f} ms  {kind:16} {about[:50]:50} {text!r}")
    worst = max(found)[0]
    print(f"the slowest of {len(RULES)} rules: {worst:.1f} ms on {SIZE // 1000} kB (limit {LIMIT_MS})")
    return int(worst > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
