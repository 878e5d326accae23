"""Mappings as files: JSON or CSV, out and in again, with the difference that an import would make.

Invariants: pure; what is exported and imported again makes no difference; a row that cannot be read is named by its
number and field, and then nothing of the file is taken. A rule is known by its kind and pattern.

A cell of a CSV file that a spreadsheet would take for a formula is written with an apostrophe before it, which
reading takes away again.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge_api import rules
from bridge_api.capabilities import EFFORT_ORDER

DEFAULTS: dict[str, Any] = {
    "kind": "exact",
    "pattern": None,
    "served": None,
    "effort_mode": "as_asked",
    "effort": "",
    "max_output_tokens": None,
    "max_input_tokens": None,
    "service_tier": "",
    "verbosity": "",
    "priority": 0,
    "enabled": True,
    "note": "",
}
"""The fields of a row in their order, and what stands where one is left out; None must be given or is empty."""
_NUMBERS = ("max_output_tokens", "max_input_tokens", "priority")
_CHOICES: dict[str, tuple[str, ...]] = {
    "kind": rules.KINDS,
    "effort_mode": rules.EFFORT_MODES,
    "effort": ("", *EFFORT_ORDER),
    "service_tier": ("", *rules.SERVICE_TIERS),
    "verbosity": ("", *rules.VERBOSITIES),
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Row = dict[str, Any]


class BadFile(ValueError):
    """A file that holds no mappings; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an import does to one rule: ``add``, ``change`` (``fields``: name -> (old, new)) or ``remove``."""

    kind: str
    row: Row
    fields: Mapping[str, tuple[Any, Any]]

    def __str__(self) -> str:
        name = f"{self.row['kind']} {self.row['pattern']}"
        if self.kind == "add":
            return f"+ {name} -> {self.row['served']}"
        if self.kind == "remove":
            return f"- {name} -> {self.row['served']}"
        return f"~ {name}: " + ", ".join(f"{field} {old!r} -> {new!r}" for field, (old, new) in self.fields.items())


def write(rows: Iterable[Row], form: str) -> str:
    """Rows as ``json`` or ``csv``."""
    found = [{field: row.get(field, default) for field, default in DEFAULTS.items()} for row in rows]
    if form == "json":
        return json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    out = io.StringIO()
    writer = csv.DictWriter(out, list(DEFAULTS), lineterminator="\n")
    writer.writeheader()
    for row in found:
        writer.writerow({field: _cell(value) for field, value in row.items()})
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value.startswith((*_FORMULA, "'")):
        return f"'{value}"
    return "" if value is None else value


def read(text: str) -> list[Row]:
    """The rows of a JSON or CSV text, complete and checked. Raises BadFile."""
    stripped = text.lstrip("\ufeff \t\r\n")
    found = _from_json(stripped) if stripped.startswith(("[", "{")) else _from_csv(stripped)
    rows = [_checked(row, number) for number, row in enumerate(found, 1)]
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(rows, 1):
        if _name(row) in seen:
            raise BadFile(f"row {number}: {row['kind']} {row['pattern']} stands twice")
        seen.add(_name(row))
    return rows


def _from_json(text: str) -> Sequence[Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFile(f"not valid JSON: {error}") from None
    if not isinstance(found, list):
        raise BadFile("a list of rows is needed")
    return found


def _from_csv(text: str) -> Sequence[Any]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        if not reader.fieldnames or not {"pattern", "served"} <= set(reader.fieldnames):
            raise BadFile("the first line must name the columns, pattern and served among them")
        return [{field: _text(value) for field, value in row.items() if value not in ("", None)} for row in reader]
    except csv.Error as error:
        raise BadFile(f"not valid CSV: {error}") from None


def _text(cell: Any) -> Any:
    return cell.removeprefix("'") if isinstance(cell, str) else cell


def _checked(row: Any, number: int) -> Row:
    if not isinstance(row, dict):
        raise BadFile(f"row {number}: an object is needed")
    unknown = sorted(str(field) for field in row if field not in DEFAULTS)
    if unknown:
        raise BadFile(f"row {number}: unknown field {unknown[0][:40]!r}")
    found = {field: _value(field, row.get(field, default), number) for field, default in DEFAULTS.items()}
    found["pattern"] = rules.whole(found["pattern"])
    fault = rules.fault_in(found["kind"], found["pattern"])
    if fault:
        raise BadFile(f"row {number}, pattern: {fault}")
    if (found["effort_mode"] == "as_asked") is bool(found["effort"]):
        raise BadFile(f"row {number}, effort: it belongs to effort_mode fixed, at_least or at_most")
    return found


def _value(field: str, value: Any, number: int) -> Any:
    if field in _NUMBERS:
        return _number(field, value, number)
    if field == "enabled":
        known = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
        found = value if isinstance(value, bool) else known.get(str(value).strip().lower())
        if found is None:
            raise BadFile(f"row {number}, enabled: yes or no is needed")
        return found
    if not isinstance(value, str) or (DEFAULTS[field] is None and not value.strip()):
        raise BadFile(f"row {number}, {field}: a text is needed")
    text = value.strip()
    if text not in _CHOICES.get(field, (text,)):
        raise BadFile(f"row {number}, {field}: one of {', '.join(filter(None, _CHOICES[field]))} is needed")
    return text


def _number(field: str, value: Any, number: int) -> int | None:
    if value in (None, ""):
        return None
    try:
        found = int(value)
    except (TypeError, ValueError):
        raise BadFile(f"row {number}, {field}: a whole number is needed") from None
    if isinstance(value, (bool, float)) or not (-(2**31) < found < 2**31) or (field != "priority" and found < 1):
        raise BadFile(f"row {number}, {field}: a whole number within reason is needed")
    return found


def difference(existing: Iterable[Row], incoming: Iterable[Row], *, replace: bool) -> list[Change]:
    """What taking ``incoming`` changes; with ``replace`` rules that it does not hold are removed."""
    before = {_name(row): row for row in existing}
    after = {_name(row): row for row in incoming}
    changes = []
    for name, row in after.items():
        old = before.get(name)
        if old is None:
            changes.append(Change("add", row, {}))
            continue
        fields = {field: (old[field], row[field]) for field in DEFAULTS if old[field] != row[field]}
        if fields:
            changes.append(Change("change", row, fields))
    if replace:
        changes += [Change("remove", row, {}) for name, row in before.items() if name not in after]
    return changes


def _name(row: Row) -> tuple[str, str]:
    return row["kind"], row["pattern"]
