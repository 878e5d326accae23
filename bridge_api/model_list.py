"""The answers of the Models API: what can be asked for, and what may be expected of it.

Invariants: pure; an entry has every field of ``ModelInfo`` and ``BetaModelInfo`` (one answer is for both), null
where nothing is known; a capability is told as supported only where the bridge keeps it with the model that serves;
walking the pages in either direction meets each entry once, in the order of the list, whatever the limit.

What is promised:

- What the operator's rule makes of the model: its caps, and of efforts those that it leaves.
- Of efforts those that reach the upstream as they were asked; the others are accepted and become the nearest one.
- ``disabled`` and ``between_tools`` of thinking are accepted for all models ("false exactly when a request that sends
  it gets a 400"); ``adaptive`` and ``enabled`` need a model that reasons.
- Nothing of batches, citations of documents, code execution, context edits, compaction and fallbacks: the bridge
  refuses them or goes on without them.

Sources: ``ModelInfo``, ``ModelListParams`` and ``SyncPage`` of the ``anthropic`` package 2.12.0, Anthropic's pages on
the Models API, the upstream's refusals of hosted tools.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, get_args

from bridge_api import capabilities
from bridge_api.capabilities import Capabilities, Table
from bridge_api.errors import NotFound
from bridge_api.mapping import FAMILY_MODELS, ModelMap
from bridge_api.rules import UNCHANGED, Adjustments, family_in, normalise, whole
from bridge_api.schemas.wording import invalid

Line = Literal["opus", "sonnet", "haiku", "fable", "mythos"]
Lifecycle = Literal["active", "deprecated", "retired"]

LIFECYCLES: tuple[Lifecycle, ...] = get_args(Lifecycle)
LISTED_BY_DEFAULT: tuple[Lifecycle, ...] = ("active", "deprecated")
DEFAULT_LIMIT = 20
LARGEST_LIMIT = 1000
EFFORTS = ("low", "medium", "high", "xhigh", "max")
CONTEXT_EDITS = ("clear_thinking_20251015", "clear_tool_uses_20250919", "compact_20260112")
# Families to which the upstream refuses its hosted search, as far as a family tells ("Hosted tool 'web_search' is
# not supported with .."), and the one of which nothing is known.
_NO_WEB_SEARCH = frozenset({"gpt-3.5", "gpt-4", "o1", "computer-use", capabilities.UNKNOWN.family})
OWN_SINCE = date(2026, 1, 1)
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Listed:
    """A name that can be asked for. ``caps`` are those of the upstream model that serves it, ``adjustments`` what the
    operator's rule makes of them."""

    id: str
    display_name: str
    line: Line | None
    created: date
    caps: Capabilities
    lifecycle: Lifecycle = "active"
    adjustments: Adjustments = UNCHANGED


def _row(id: str, display_name: str, line: Line, created: str) -> Listed:
    return Listed(id, display_name, line, date.fromisoformat(created), capabilities.of(FAMILY_MODELS[line]))


LISTED: tuple[Listed, ...] = (
    _row("claude-fable-5-2", "Claude Fable 5.2", "fable", "2026-11-17"),
    _row("claude-mythos-5-2", "Claude Mythos 5.2", "mythos", "2026-11-17"),
    _row("claude-haiku-5-5", "Claude Haiku 5.5", "haiku", "2026-10-15"),
    _row("claude-sonnet-5-5", "Claude Sonnet 5.5", "sonnet", "2026-10-15"),
    _row("claude-opus-5-5", "Claude Opus 5.5", "opus", "2026-09-22"),
    _row("claude-fable-5-1", "Claude Fable 5.1", "fable", "2026-09-03"),
    _row("claude-mythos-5-1", "Claude Mythos 5.1", "mythos", "2026-09-03"),
    _row("claude-opus-5", "Claude Opus 5", "opus", "2026-07-24"),
    _row("claude-sonnet-5", "Claude Sonnet 5", "sonnet", "2026-06-30"),
    _row("claude-fable-5", "Claude Fable 5", "fable", "2026-06-09"),
    _row("claude-mythos-5", "Claude Mythos 5", "mythos", "2026-06-09"),
    _row("claude-opus-4-8", "Claude Opus 4.8", "opus", "2026-05-28"),
    _row("claude-opus-4-7", "Claude Opus 4.7", "opus", "2026-04-16"),
    _row("claude-mythos-preview", "Claude Mythos Preview", "mythos", "2026-04-07"),
    _row("claude-sonnet-4-6", "Claude Sonnet 4.6", "sonnet", "2026-02-17"),
    _row("claude-opus-4-6", "Claude Opus 4.6", "opus", "2026-02-05"),
    _row("claude-opus-4-5", "Claude Opus 4.5", "opus", "2025-11-01"),
    _row("claude-opus-4-5-20251101", "Claude Opus 4.5 (2025-11-01)", "opus", "2025-11-01"),
    _row("claude-haiku-4-5", "Claude Haiku 4.5", "haiku", "2025-10-01"),
    _row("claude-haiku-4-5-20251001", "Claude Haiku 4.5 (2025-10-01)", "haiku", "2025-10-01"),
    _row("claude-sonnet-4-5", "Claude Sonnet 4.5", "sonnet", "2025-09-29"),
    _row("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5 (2025-09-29)", "sonnet", "2025-09-29"),
)
"""The Claude names of today, newest first: the model literals of the ``anthropic`` package, which are those that Claude
Code asks for, as the built-in families serve them; ``dataclasses.replace(entry, caps=...)`` where rules say otherwise.

The date is the one in a dated id, else the day of the announcement; for 5.1, 5.2 and 5.5, whose day is not in our
sources, a fixed one of the right month or near it. All are active: it is the bridge that serves them, and it
retires none of them when Anthropic does. Two names of one model have two display names, so that a picker can be read.
"""


# -- one model --------------------------------------------------------------------------------------------


def info(listed: Listed) -> dict[str, Any]:
    """The ModelInfo of an entry."""
    caps, rule = listed.caps, listed.adjustments
    known = caps != capabilities.UNKNOWN
    return {
        "type": "model",
        "id": listed.id,
        "display_name": listed.display_name,
        "created_at": f"{listed.created.isoformat()}T00:00:00Z",
        "lifecycle": listed.lifecycle,
        "deprecated_at": None,
        "retires_at": None,
        "line": listed.line,
        "max_input_tokens": _least(caps.max_input if known else None, rule.max_input_tokens),
        "max_tokens": _least(caps.max_output if known else None, rule.max_output_tokens),
        "allowed_fallback_models": [],
        "capabilities": _capabilities(replace(caps, efforts=_efforts(caps, rule))),
    }


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _efforts(caps: Capabilities, rule: Adjustments) -> tuple[str, ...]:
    """The efforts that reach the upstream as they are asked, where a rule changes some."""
    kept = tuple(effort for effort in caps.efforts if rule.effort_for(effort) == effort)
    fixed = caps.clamp_effort(rule.effort) if caps.efforts and not kept else None
    return (fixed,) if fixed else kept


def _capabilities(caps: Capabilities) -> dict[str, Any]:
    return {
        "batch": _support(False),
        "citations": _support(False),
        "code_execution": _support(False),
        "compaction": _group(summarize=False),
        "context_management": _group(**dict.fromkeys(CONTEXT_EDITS, False)),
        "effort": _group(**{effort: effort in caps.efforts for effort in EFFORTS}),
        "image_input": _support(caps.images),
        "pdf_input": _support(caps.files),
        "server_tools": _group(web_search=caps.family not in _NO_WEB_SEARCH, code_execution=False),
        "structured_outputs": _support(caps.structured_output),
        "thinking": {
            **_support(caps.reasons),
            "types": {
                "adaptive": _support(caps.reasons),
                "between_tools": _support(True),
                "disabled": _support(True),
                "enabled": _support(caps.reasons),
            },
        },
    }


def _support(supported: bool) -> dict[str, Any]:
    return {"supported": supported}


def _group(**members: bool) -> dict[str, Any]:
    """A capability with parts: supported where one of them is."""
    return {**_support(any(members.values())), **{name: _support(supported) for name, supported in members.items()}}


def one(listed: Sequence[Listed], name: str, unlisted: Callable[[str], Listed] | None = None) -> dict[str, Any]:
    """The ModelInfo of the entry called ``name``, or of what ``unlisted`` says of a name that is not in the list.
    Raises NotFound."""
    entries = _by_name(listed)
    found = _name_in(entries, name)
    if found is not None:
        return info(entries[found])
    if unlisted is not None:
        return info(unlisted(name))
    raise unknown(name)


def unknown(name: str) -> NotFound:
    # The name is the one value that Anthropic's own 404 repeats; clients show it to their users.
    return NotFound(f"model: {name[:128]}", code="model_not_found")


def _by_name(listed: Iterable[Listed]) -> dict[str, Listed]:
    """The entries by the name that they are compared by, in order; of two with the same name the first.

    A second one would make its id a cursor that leads back, and a client's walk endless.
    """
    entries: dict[str, Listed] = {}
    for entry in listed:
        entries.setdefault(whole(entry.id), entry)
    return entries


def _name_in(entries: Mapping[str, Listed], name: str) -> str | None:
    """What ``name`` is called in ``entries``: itself, or without its ``[1m]``-like suffixes."""
    return next((form for form in (whole(name), normalise(name)) if form in entries), None)


# -- the list ---------------------------------------------------------------------------------------------


def page(listed: Sequence[Listed], query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A page of the list, which keeps its order; ``query`` has the values of each parameter, decoded.

    A blank value is a parameter left out; parameters that the Models API does not know are ignored. ``has_more``
    looks in the direction of the walk. A cursor may be an entry that ``lifecycle`` leaves out. Raises InvalidRequest.
    """
    limit, stages = _limit(query), _stages(query)
    entries = _by_name(listed)
    after, before = _cursor(query, "after_id", entries), _cursor(query, "before_id", entries)
    if after is not None and before is not None:
        raise invalid("before_id", "Input should not be combined with `after_id`")
    reached = list(entries.values())[None if after is None else after + 1 : before]
    fitting = [entry for entry in reached if entry.lifecycle in stages]
    shown = fitting[:limit] if before is None else fitting[-limit:]
    return {
        "data": [info(entry) for entry in shown],
        "has_more": len(fitting) > len(shown),
        "first_id": shown[0].id if shown else None,
        "last_id": shown[-1].id if shown else None,
    }


def _limit(query: Mapping[str, Sequence[str]]) -> int:
    text = _single(query, "limit")
    if text is None:
        return DEFAULT_LIMIT
    if not _INTEGER.fullmatch(text):
        raise invalid("limit", "Input should be a valid integer")
    limit = int(text)
    if limit < 1:
        raise invalid("limit", "Input should be greater than or equal to 1")
    if limit > LARGEST_LIMIT:
        raise invalid("limit", f"Input should be less than or equal to {LARGEST_LIMIT}")
    return limit


def _stages(query: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """SDKs write ``lifecycle[]``; other clients may leave the brackets out."""
    stages = _given(query, "lifecycle[]") + _given(query, "lifecycle")
    if len(stages) > len(LIFECYCLES):
        raise invalid("lifecycle", f"Input should have at most {len(LIFECYCLES)} items")
    for at, stage in enumerate(stages):
        if stage not in LIFECYCLES:
            raise invalid(f"lifecycle.{at}", "Input should be 'active', 'deprecated' or 'retired'")
    return stages or LISTED_BY_DEFAULT


def _cursor(query: Mapping[str, Sequence[str]], parameter: str, entries: Mapping[str, Listed]) -> int | None:
    """The place of the entry that a cursor names."""
    text = _single(query, parameter)
    if text is None:
        return None
    found = _name_in(entries, text)
    if found is None:
        raise invalid(parameter, "Input should be the id of a model in the list")
    return list(entries).index(found)


def _single(query: Mapping[str, Sequence[str]], parameter: str) -> str | None:
    values = _given(query, parameter)
    if len(values) > 1:
        raise invalid(parameter, "Input should be given once")
    return values[0] if values else None


def _given(query: Mapping[str, Sequence[str]], parameter: str) -> list[str]:
    return [value.strip() for value in query.get(parameter, ()) if value.strip()]


# -- what this bridge offers ------------------------------------------------------------------------------


def offered(models: ModelMap, table: Table) -> list[Listed]:
    """The names that clients may ask for here, as they are served: the operator's own, then today's Claude names.

    A name that nothing serves is not offered. Own names have no date of their own: they are told as of ``OWN_SINCE``.
    """
    own = [rule.pattern for rule in models.rules if rule.kind == "exact"] + list(models.entries)
    known = {entry.id for entry in LISTED}
    found = [_own(name) for name in dict.fromkeys(own) if name not in known]
    offers = []
    for entry in (*found, *LISTED):
        with contextlib.suppress(NotFound):
            offers.append(_served(entry, models, table))
    return offers


def asked_for(name: str, models: ModelMap, table: Table) -> Listed:
    """The entry of any name that a rule or a family knows, or that is an upstream model. Raises NotFound for others: who
    looks a model up wants to know whether it is one, although the default serves requests for it."""
    if not name.strip() or models.resolve(name.strip()).rule == "default":
        raise unknown(name)
    return _served(_own(name.strip()), models, table)


def _own(name: str) -> Listed:
    return Listed(name, name, family_in(normalise(name)), OWN_SINCE, capabilities.UNKNOWN)  # type: ignore[arg-type]


def _served(entry: Listed, models: ModelMap, table: Table) -> Listed:
    route = models.resolve(entry.id)
    return replace(entry, caps=table.of(route.served), adjustments=route.adjustments)
