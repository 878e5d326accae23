"""Mappings as files: JSON or CSV, out and in again, with the difference that an import would make.

Invariants: pure; what is exported and imported again makes no difference, copies of a rule that are off included; a row
that cannot be read is named by its number and field, and then nothing of the file is taken. A rule is known by its kind
and pattern; of several that share them those that are equal belong together, then the one that is on.

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
_NAMED = ("kind", "pattern", "served")
_NUMBERS = ("max_output_tokens", "max_input_tokens", "priority")
_CHOICES: dict[str, tuple[str, ...]] = {
    "kind": rules.KINDS,
    "effort_mode": rules.EFFORT_MODES,
    "effort": ("", *EFFORT_ORDER),
    "service_tier": ("", *rules.SERVICE_TIERS),
    "verbosity": ("", *rules.VERBOSITIES),
}
_SEPARATORS = (",", ";", "\t")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
Row = dict[str, Any]


class BadFile(ValueError):
    """A file that holds no mappings; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an import does to one rule: ``add``, ``change`` (``fields``: name -> (old, new)) or ``remove``. ``id`` is the
    row's that is changed or removed."""

    kind: str
    row: Row
    fields: Mapping[str, tuple[Any, Any]]
    id: int | None = None

    def __str__(self) -> str:
        name = f"{self.row['kind']} {self.row['pattern']}"
        if self.kind == "change":
            return f"~ {name}: " + "; ".join(told(self.fields))
        more = {field: (default, self.row[field]) for field, default in DEFAULTS.items() if field not in _NAMED}
        unusual = [f"{field} {_shown(new)}" for field, (old, new) in more.items() if old != new]
        mark = "+" if self.kind == "add" else "-"
        return f"{mark} {name} -> {self.row['served']}" + (f" ({', '.join(unusual)})" if unusual else "")


def told(fields: Mapping[str, tuple[Any, Any]]) -> list[str]:
    """Changed fields in words."""
    return [f"{field} {_shown(old)} -> {_shown(new)}" for field, (old, new) in fields.items()]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value in (None, "") else str(value)


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
    on: set[tuple[str, str]] = set()
    for number, row in enumerate(rows, 1):
        if row["enabled"] and _name(row) in on:
            raise BadFile(f"row {number}: {row['kind']} {row['pattern']} stands twice; only one of them can be enabled")
        on |= {_name(row)} if row["enabled"] else set()
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
    """Columns by their names, in any case and order, between commas, semicolons (as spreadsheets write them where the
    comma is for decimals) or tabs."""
    first = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        names = [name.strip().lower().replace(" ", "_") for name in reader.fieldnames or ()]
        if not {"pattern", "served"} <= set(names):
            raise BadFile("the first line must name the columns, pattern and served among them")
        if len(set(names)) < len(names):
            raise BadFile("the first line names a column twice")
        reader.fieldnames = names
        return [_row(row, number) for number, row in enumerate(reader, 1)]
    except csv.Error as error:
        raise BadFile(f"not valid CSV: {error}") from None


def _row(row: dict[str | Any, Any], number: int) -> Row:
    if None in row:
        raise BadFile(f"row {number}: more cells than the first line has columns")
    return {field: _text(value) for field, value in row.items() if value not in ("", None)}


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
    text = value.strip().lower() if field in _CHOICES else value.strip()
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
    """What taking ``incoming`` changes; with ``replace`` rules that it does not hold are removed. Rows that exist may
    have an ``id``."""
    before, after = _by_name(existing), _by_name(incoming)
    changes = []
    for name, rows in after.items():
        old = before.setdefault(name, [])
        for row in _but_equal_ones(rows, old):
            if old:
                was = old.pop(0)
                changes.append(Change("change", row, _changed(was, row), was.get("id")))
            else:
                changes.append(Change("add", row, {}))
    if replace:
        changes += [Change("remove", row, {}, row.get("id")) for left in before.values() for row in left]
    return changes


def _by_name(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """Rows by kind and pattern; of those that share them the one that is enabled first."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault(_name(row), []).append(row)
    for shared in found.values():
        shared.sort(key=lambda row: (not row["enabled"], -row["priority"]))
    return found


def _but_equal_ones(rows: Iterable[Row], old: list[Row]) -> list[Row]:
    """The ``rows`` that none of ``old`` is equal to; those that are equal leave ``old``."""
    found = []
    for row in rows:
        equal = next((at for at, was in enumerate(old) if not _changed(was, row)), None)
        if equal is None:
            found.append(row)
        else:
            del old[equal]
    return found


def _changed(old: Row, new: Row) -> dict[str, tuple[Any, Any]]:
    return {field: (old[field], new[field]) for field in DEFAULTS if old[field] != new[field]}


def _name(row: Row) -> tuple[str, str]:
    return row["kind"], row["pattern"]
