"""Validation errors in Anthropic's wording: ``path.to.field: what it should be``.

Invariant: a message is made of field names, indices and expected types only. The values a client sent never
reach it, because they are prompts.
"""

from __future__ import annotations

import re
from typing import get_args

from bridge_api.errors import NO_RETRY, InvalidRequest
from bridge_api.schemas import blocks

_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_INDEX = re.compile(r"\[(\d+|\.\.\.)\]")
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_EXPECTED = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_BOUND = re.compile(r"Expected `\w+` (>=|<=|>|<) (-?[\d.]+)")
_LENGTH = re.compile(r"Expected `(array|str)` of length (>=|<=) (\d+)")
_HUMAN = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "array": "list",
    "object": "dictionary",
}
_COMPARE = {">=": "greater than or equal to", "<=": "less than or equal to", ">": "greater than", "<": "less than"}
_BLOCK_TAGS = ", ".join(f"'{blocks.type_of(cls)}'" for cls in get_args(blocks.Block))


def invalid(path: str, what: str, *, code: str | None = None, **details: object) -> InvalidRequest:
    """A 400 for the field at ``path``; no retry can heal it, and the answer says so."""
    return InvalidRequest(
        f"{path}: {what}" if path else what,
        code=code or "invalid_request",
        details={"error_code": code, **details} if code else None,
        headers=NO_RETRY,
    )


def from_validation(message: str, field: str) -> InvalidRequest:
    """Turn a msgspec validation message, raised while reading ``field``, into Anthropic's wording."""
    match = _AT.match(message)
    what, at = (match["what"], match["path"] or "") if match else (message, "")
    path = _dotted(field, at)
    missing = _MISSING.search(what)
    if missing:
        return invalid(f"{path}.{missing[1]}" if path else missing[1], "Field required")
    return invalid(path, _sentence(what, path))


def _dotted(field: str, at: str) -> str:
    tail = _INDEX.sub(lambda found: f".{found[1]}", at.removeprefix("$"))
    return (field + tail).strip(".").replace("....", ".*")


def _sentence(what: str, path: str) -> str:
    if what.startswith("Invalid value") and path.endswith(".type"):
        if ".source." in path or path.split(".")[0] not in ("messages", "system"):
            return "Input tag does not match any of the expected tags"
        return f"Input tag does not match any of the expected tags: {_BLOCK_TAGS}"
    if what.startswith(("Invalid value", "Invalid enum value")):
        return "Input is not one of the permitted values"
    length = _LENGTH.search(what)
    if length:
        word = "at least" if length[2] == ">=" else "at most"
        return f"Input should have {word} {length[3]} item{'' if length[3] == '1' else 's'}"
    bound = _BOUND.search(what)
    if bound:
        return f"Input should be {_COMPARE[bound[1]]} {bound[2]}"
    expected = _EXPECTED.search(what)
    if expected:
        kinds = [_HUMAN.get(kind, kind) for kind in expected[1].split(" | ") if kind != "null"]
        return "Input should be a valid " + " or ".join(dict.fromkeys(kinds))
    return "Input is not valid"
