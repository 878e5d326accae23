"""Which upstream model answers for the model name that a client asked for.

Invariants: resolution is one pure function, total for a map with a default, deterministic, and which rule it goes by is
independent of the case and surrounding blanks of the name (a name that passes is passed on in its case); suffixes in brackets that clients add (``[1m]``) are not part of the name,
unless an operator's exact rule names them.

Order: the operator's rules (database), MODEL_MAP_JSON (an exact entry, then the longest prefix), a name that is
itself an upstream model, the built-in model of the name's Claude family, the default.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bridge_api.capabilities import UNKNOWN, is_upstream_model
from bridge_api.capabilities import of as capabilities_of
from bridge_api.errors import NotFound
from bridge_api.rules import UNCHANGED, Adjustments, Rule, family_in, normalise, whole, without_suffixes

FAMILY_MODELS: Mapping[str, str] = {
    "mythos": "gpt-6.2-astra",
    "fable": "gpt-6.2-sol",
    "opus": "gpt-6.1-sol",
    "sonnet": "gpt-6.1-terra",
    "haiku": "gpt-6-luna",
}
"""Today's OpenAI models for the Claude families, strongest first (the ``openai`` package's model literals)."""


@dataclass(frozen=True, slots=True)
class Route:
    """The answer to 'who serves this name': ``rule`` says why (``database:ID``, ``exact``, ``prefix``,
    ``passthrough``, ``family``, ``default``), ``pattern`` what of the name it went by."""

    asked: str
    served: str
    rule: str
    pattern: str = ""
    adjustments: Adjustments = UNCHANGED


@dataclass(frozen=True, slots=True)
class ModelMap:
    """An immutable mapping table; keys are normalised, prefixes are ordered longest first, rules as they are asked.

    ``families`` is empty where the upstream does not have OpenAI's models by their names; with ``foreign`` it has none of
    them at all.
    """

    entries: dict[str, str] = field(default_factory=dict)
    default: str | None = None
    prefixes: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    families: Mapping[str, str] = field(default_factory=dict)
    foreign: bool = False

    @classmethod
    def parse(
        cls, text: str, default: str | None, families: Mapping[str, str] = FAMILY_MODELS, *, foreign: bool = False
    ) -> ModelMap:
        """Read MODEL_MAP_JSON: ``{"claude-opus": "gpt-6.1-sol"}`` or ``{"models": {...}}``.

        ``text`` may be empty. Raises ValueError with a message for the operator that names the fault.
        """
        entries = _checked_entries(_parsed_object(text)) if text.strip() else {}
        ordered = tuple(sorted(entries, key=lambda key: (-len(key), key)))
        return cls(entries, (default or "").strip() or None, ordered, (), families, foreign)

    def with_rules(self, rules: Iterable[Rule]) -> ModelMap:
        """The same map with these rules of the operator's."""
        return replace(self, rules=tuple(sorted(rules, key=lambda rule: rule.order)))

    def resolve(self, asked: str) -> Route:
        """The route for ``asked``. Raises NotFound when nothing fits and there is no default."""
        full, name = whole(asked), normalise(asked)
        for rule in self.rules:
            if rule.takes(name, full):
                return Route(asked, rule.served, f"database:{rule.id}", rule.pattern, rule.adjustments)
        exact = self.entries.get(name)
        if exact is not None:
            return Route(asked, exact, "exact", name)
        for prefix in self.prefixes:
            if name.startswith(prefix):
                return Route(asked, self.entries[prefix], "prefix", prefix)
        if self._passes(name):
            # As it was written: what follows ft: has names of the owner's, whose case counts upstream.
            return Route(asked, without_suffixes(asked), "passthrough", name)
        family = family_in(name)
        if family is not None and family in self.families:
            return Route(asked, self.families[family], "family", family)
        if self.default is not None:
            return Route(asked, self.default, "default")
        # The name is the one value that Anthropic's own 404 repeats; clients show it to their users.
        raise NotFound(f"model: {asked[:128]}", code="model_not_found")

    def _passes(self, name: str) -> bool:
        """Whether the upstream is asked for ``name`` itself. A server of other models gets those that are only OpenAI's
        where there is no default: it may call one of its own so."""
        if not is_upstream_model(name):
            return False
        return not self.foreign or self.default is None or capabilities_of(name) is UNKNOWN


def _parsed_object(text: str) -> dict[str, Any]:
    def unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                raise ValueError(f"MODEL_MAP_JSON: the key {key!r} stands twice")
            seen[key] = value
        return seen

    try:
        parsed = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise ValueError(f"MODEL_MAP_JSON is not valid JSON: {error.msg} at column {error.colno}") from None
    if not isinstance(parsed, dict):
        raise ValueError('MODEL_MAP_JSON must be a JSON object, such as {"claude-opus": "gpt-6.1-sol"}')
    if "models" in parsed and isinstance(parsed["models"], dict):
        if len(parsed) > 1:
            raise ValueError('MODEL_MAP_JSON mixes the flat form with {"models": {...}}; use one of them')
        return parsed["models"]
    return parsed


def _checked_entries(parsed: dict[str, Any]) -> dict[str, str]:
    entries: dict[str, str] = {}
    for key, value in parsed.items():
        name = normalise(key)
        if not name:
            raise ValueError("MODEL_MAP_JSON has an empty model name as a key")
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"MODEL_MAP_JSON: the value for {key!r} must be a non-empty string")
        if name in entries:
            raise ValueError(f"MODEL_MAP_JSON: {key!r} stands twice (names are compared without case)")
        entries[name] = value.strip()
    return entries
