"""Which empty values of which members of a tool's input are fillers.

Models of the upstream fill optional parameters with ``null``, ``""``, ``[]`` or ``{}`` where Claude leaves them
out. An empty value that the schema itself names means something and is never a filler.

Invariants: a required member has no fillers; neither has one whose schema admits or names the empty value; any JSON
is a schema here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge_api.translation.json_schema import listed, mapping, names, says_type

_EMPTY: dict[str, Any] = {"null": None, '""': "", "[]": [], "{}": {}}
_KIND_OF = {'""': "string", "[]": "array", "{}": "object"}


@dataclass(frozen=True, slots=True)
class FillerPolicy:
    """For each top-level property that may be dropped, the filler forms (``null``, ``""``, ``[]``, ``{}``)."""

    fillers: Mapping[str, frozenset[str]]

    @classmethod
    def from_schema(cls, schema: Mapping[str, Any]) -> FillerPolicy:
        """The policy of a tool's input schema: optional properties only.

        ``null`` is a filler unless the property admits it; an empty string, list or object is one where the
        property is of that type and does not name the empty value as its default or a choice.
        """
        needed = set(names(schema.get("required")))
        found: dict[str, frozenset[str]] = {}
        for name, shape in mapping(schema.get("properties")).items():
            if name not in needed and isinstance(shape, dict):
                forms = frozenset(form for form in _EMPTY if _is_filler(form, shape))
                if forms:
                    found[name] = forms
        return cls(found)


def _is_filler(form: str, shape: Mapping[str, Any]) -> bool:
    value = _EMPTY[form]
    if "default" in shape and shape["default"] == value and type(shape["default"]) is type(value):
        return False
    choices = [*listed(shape.get("enum")), *([shape["const"]] if "const" in shape else [])]
    if any(choice == value and type(choice) is type(value) for choice in choices):
        return False
    if form == "null":
        return not (says_type(shape, "null") or shape.get("nullable") is True or _branch_admits_null(shape))
    return says_type(shape, _KIND_OF[form]) and not _demands_more(shape)


def _demands_more(shape: Mapping[str, Any]) -> bool:
    """A lower bound of 0 says that the empty value means something."""
    return any(shape.get(bound) == 0 for bound in ("minLength", "minItems", "minProperties"))


def _branch_admits_null(shape: Mapping[str, Any]) -> bool:
    if not shape or not ({"type", "anyOf", "oneOf", "allOf", "enum", "const", "$ref", "properties"} & shape.keys()):
        return True
    for keyword in ("anyOf", "oneOf"):
        for branch in listed(shape.get(keyword)):
            if isinstance(branch, dict) and (
                says_type(branch, "null") or branch.get("const", 0) is None or None in listed(branch.get("enum"))
            ):
                return True
    return "$ref" in shape
