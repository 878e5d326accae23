"""A resolution in words: for the admin's try-it field and for ``resolve_model``.

Invariant: pure; the words come from the very resolution that requests go through.
"""

from __future__ import annotations

from bridge_api.mapping import ModelMap, Route
from bridge_api.rules import Adjustments
from bridge_api.snapshot import Snapshot

_WHY = {
    "exact": "an entry of MODEL_MAP_JSON for this very name",
    "prefix": "an entry of MODEL_MAP_JSON for names that begin with {pattern}",
    "passthrough": "the name is itself an upstream model's",
    "family": "the built-in model of the family {pattern}",
    "default": "OPENAI_DEFAULT_MODEL, since nothing else fits",
}
_SAMPLING = {"always": "taken", "without_reasoning": "taken without reasoning", "never": "not taken"}
_TAKEN = {
    "images": "pictures",
    "files": "files",
    "structured_output": "output schemas",
    "verbosity": "verbosity",
    "tool_search": "tool search",
    "breakpoints": "cache breakpoints",
}
_MODES = {"fixed": "always", "at_least": "at least", "at_most": "at most"}


def explained(snapshot: Snapshot, name: str) -> list[tuple[str, str]]:
    """(label, value) pairs that say who serves ``name``, why and how. Raises NotFound."""
    route = snapshot.models.resolve(name)
    caps = snapshot.capabilities.of(route.served)
    pairs = [("asked", name), ("served by", route.served), ("because of", reason(route, snapshot.models))]
    changes = changed(route.adjustments)
    pairs.append(("the rule sets", "; ".join(changes) if changes else "nothing else"))
    efforts = ", ".join(caps.efforts) or "none: it does not reason"
    pairs.append(("efforts", efforts))
    window = f"{caps.context_window:,} in all, of which at most {caps.max_input:,} in and {caps.max_output:,} out"
    pairs.append(("tokens", window))
    pairs.append(("temperature", _SAMPLING[caps.sampling]))
    takes = [words for name, words in _TAKEN.items() if getattr(caps, name)]
    pairs.append(("it takes", ", ".join(takes) or "text only"))
    pairs.append(("known from", caps.source))
    return pairs


def rule_in(route: Route) -> int | None:
    """The operator's rule (the row's id) by which a name is served; None when it was none."""
    kind, _, number = route.rule.partition(":")
    return int(number) if kind == "database" and number.isdigit() else None


def reason(route: Route, models: ModelMap) -> str:
    """Why ``route`` is what it is."""
    row = rule_in(route)
    if row is None:
        return _WHY[route.rule].format(pattern=route.pattern)
    rule = next((str(rule) for rule in models.rules if rule.id == row), route.pattern)
    return f"rule {row}: {rule}"


def changed(adjustments: Adjustments) -> list[str]:
    """What a rule changes of a request, in words."""
    found = []
    if adjustments.effort_mode != "as_asked":
        found.append(f"reasoning effort {_MODES[adjustments.effort_mode]} {adjustments.effort}")
    if adjustments.max_output_tokens is not None:
        found.append(f"at most {adjustments.max_output_tokens:,} tokens out")
    if adjustments.max_input_tokens is not None:
        found.append(f"at most {adjustments.max_input_tokens:,} tokens in")
    if adjustments.service_tier:
        found.append(f"service tier {adjustments.service_tier}")
    if adjustments.verbosity:
        found.append(f"verbosity {adjustments.verbosity}")
    return found
