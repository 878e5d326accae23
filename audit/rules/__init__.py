"""The rules of the redaction, in the order in which they win where two of them find the same place.

Secrets first: by the shape of the provider's key, then by context; then personal data. The documents' table is made
from these (``python -m audit.rules``).
"""

from __future__ import annotations

from audit.rules import (
    assigned,
    commands,
    context,
    hosts,
    identity,
    likely,
    names,
    pairs,
    people,
    personal,
    phones,
    providers,
    tables,
)
from audit.rules.base import Rule

SECRET_RULES: tuple[Rule, ...] = (
    *providers.RULES,
    *assigned.RULES,
    *pairs.RULES,
    *commands.RULES,
    *context.RULES,
    *tables.SECRET_RULES,
    *likely.RULES,
)
PERSONAL_RULES: tuple[Rule, ...] = (
    *personal.RULES,
    *names.RULES,
    *people.RULES,
    *identity.RULES,
    *phones.RULES,
    *hosts.RULES,
    *tables.RULES,
)
RULES: tuple[Rule, ...] = SECRET_RULES + PERSONAL_RULES
KINDS: dict[str, str] = {rule.kind: rule.family for rule in RULES}


def markdown() -> str:
    """The rules as a table in Markdown, a row for each kind."""
    told: dict[str, list[str]] = {}
    for one in RULES:
        lines = told.setdefault(one.kind, [])
        if one.about not in lines:
            lines.append(one.about)
    rows = ["| kind | family | what is found |", "|---|---|---|"]
    rows += [f"| `{kind}` | {KINDS[kind]} | {'; '.join(lines)} |" for kind, lines in told.items()]
    return "\n".join(rows) + "\n"
