"""``python -m tests.audit.corpus.make``: writes audit/corpus/redaction.jsonl from the texts beside this file.

A text marks its spans: ``⟦kind|value⟧``, or ``⟦kind|=name⟧`` for an invented value of that name (values.py). A text
without marks is a negative: nothing in it may be masked. Values are written with an escape in their first characters,
which JSON undoes, so that no scanner of a git host takes them for real.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.audit.corpus import negatives, set_a, set_b, set_c
from tests.audit.corpus.values import Values

TARGET = Path(__file__).resolve().parents[3] / "audit" / "corpus" / "redaction.jsonl"
_MARK = re.compile(r"⟦(?P<kind>[a-z_]+)\|(?P<value>=?[^⟧]*)⟧", re.DOTALL)


def item(text: str, which: str, values: Values) -> dict[str, Any]:
    plain, spans, at = "", [], 0
    for found in _MARK.finditer(text):
        plain += text[at : found.start()]
        value = values.make(found["value"][1:]) if found["value"].startswith("=") else found["value"]
        spans.append([len(plain), len(plain) + len(value), found["kind"]])
        plain, at = plain + value, found.end()
    return {"text": plain + text[at:], "spans": spans, "set": which}


def items() -> Iterator[dict[str, Any]]:
    values = Values(20261123)
    for which, texts in (
        ("a", set_a.TEXTS),
        ("b", set_b.TEXTS),
        ("c", set_c.TEXTS),
        ("a", negatives.TEXTS),
        ("b", negatives.MORE),
        ("c", set_c.NEGATIVES),
    ):
        for text in texts:
            yield item(text, which, values)


def line(one: dict[str, Any]) -> str:
    text, told, at = one["text"], "", 0
    for start, end, _ in one["spans"]:
        told += json.dumps(text[at:start], ensure_ascii=False)[1:-1]
        told += "".join(f"\\u{ord(char):04x}" for char in text[start : start + 3] if ord(char) < 0x10000)
        told += json.dumps(text[start + 3 : end], ensure_ascii=False)[1:-1]
        at = end
    told += json.dumps(text[at:], ensure_ascii=False)[1:-1]
    return f'{{"text": "{told}", "spans": {json.dumps(one["spans"])}, "set": "{one["set"]}"}}'


def main() -> None:
    TARGET.parent.mkdir(exist_ok=True)
    made = list(items())
    TARGET.write_text("".join(line(one) + "\n" for one in made), encoding="utf-8")
    print(f"{TARGET.name}: {len(made)} items, {sum(not one['spans'] for one in made)} of them negatives")


if __name__ == "__main__":
    main()
