"""A resolution in words: for the admin's try-it field and for ``resolve_model``.

Invariant: pure; the words come from the very resolution that requests go through.
"""

from __future__ import annotations

from bridge_api.mapping import Route
from bridge_api.rules import Adjustments
from bridge_api.snapshot import Snapshot

_WHY = {
    "exact": "an entry of MODEL_MAP_JSON for this very name",
    "prefix": "an entry of MODEL_MAP_JSON for names that begin with {pattern}",
    "passthrough": "the name is itself an upstream model's",
    "family": "the built-in model of the family {pattern}",
    "default": "OPENAI_DEFAULT_MODEL, since nothing else fits",
}
_MODES = {"fixed": "always", "at_least": "at least", "at_most": "at most"}


def explained(snapshot: Snapshot, name: str) -> list[tuple[str, str]]:
    """(label, value) pairs that say who serves ``name``, why and how. Raises NotFound."""
    route = snapshot.models.resolve(name)
    caps = snapshot.capabilities.of(route.served)
    pairs = [("asked", name), ("served by", route.served), ("because of", reason(route))]
    changes = changed(route.adjustments)
    pairs.append(("the rule sets", "; ".join(changes) if changes else "nothing else"))
    efforts = ", ".join(caps.efforts) or "none: it does not reason"
    pairs.append(("efforts", efforts))
    pairs.append(("tokens", f"{caps.max_input:,} in, {caps.max_output:,} out"))
    pairs.append(("known from", caps.source))
    return pairs


def reason(route: Route) -> str:
    """Why ``route`` is what it is."""
    if route.rule.startswith("database:"):
        return f"rule {route.rule.removeprefix('database:')} ({route.pattern})"
    return _WHY[route.rule].format(pattern=route.pattern)


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
