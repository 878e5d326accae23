"""What the server behind OPENAI_BASE_URL takes of a Responses request, and what must be left out.

Why: servers that speak OpenAI's Responses API refuse, or choke on, some of what the real one takes; a request that
fits them still gets its answer.

Invariants: pure; ``fit`` never changes its argument, gives the same object back where nothing is to be done, and is
idempotent; whatever is left out is noted, once for each place.

Sources: docs/upstreams.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bridge_api.capabilities import EFFORT_ORDER
from bridge_api.translation.notes import Note

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of server.

    key_header       where the key goes: ``authorization`` as a bearer token, ``api-key`` bare
    left_out         parameters that are not sent: ``name``, or ``object.name`` one level down
    includes         what may stand in ``include``; None is anything
    efforts          reasoning efforts that are taken; empty is any
    hosted_tools     whether it has hosted tools such as web search
    marks            whether parts may carry cache breakpoints and messages phases
    developer_role   whether messages may be a developer's; else they are the system's
    reasoning_items  whether reasoning comes back in the input
    counts           whether it has ``/responses/input_tokens``
    """

    name: str
    key_header: str = "authorization"
    left_out: frozenset[str] = frozenset()
    includes: frozenset[str] | None = None
    efforts: tuple[str, ...] = ()
    hosted_tools: bool = True
    marks: bool = True
    developer_role: bool = True
    reasoning_items: bool = True
    counts: bool = True

    @property
    def takes_all(self) -> bool:
        """Whether nothing ever has to be left out."""
        named = bool(self.left_out or self.efforts) or self.includes is not None
        return not named and self.hosted_tools and self.marks and self.developer_role and self.reasoning_items


_OPENAIS_OWN = frozenset(
    ("prompt_cache_key", "prompt_cache_options", "safety_identifier", "service_tier", "stream_options", "metadata")
)
_ENCRYPTED = frozenset(("reasoning.encrypted_content",))
PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("openai"),
        Profile("azure", key_header="api-key", left_out=frozenset(("safety_identifier",)), marks=False),
        Profile(
            "vllm",
            left_out=_OPENAIS_OWN | {"text.verbosity", "reasoning.context"},
            includes=_ENCRYPTED,
            hosted_tools=False,
            marks=False,
            counts=False,
        ),
        Profile(
            "ollama",
            left_out=_OPENAIS_OWN
            | {"store", "include", "text.verbosity", "reasoning.context", "parallel_tool_calls", "tool_choice"},
            efforts=("none", "low", "medium", "high", "max"),
            hosted_tools=False,
            marks=False,
            developer_role=False,
            counts=False,
        ),
        Profile(
            "lmstudio",
            left_out=_OPENAIS_OWN | {"include", "text.verbosity", "reasoning.context", "reasoning.summary"},
            efforts=("none", "low", "medium", "high", "xhigh"),
            hosted_tools=False,
            marks=False,
            developer_role=False,
            reasoning_items=False,
            counts=False,
        ),
    )
}
OPENAI = PROFILES["openai"]


def profile_of(name: str) -> Profile:
    """The profile called ``name``. Raises ValueError with the known names."""
    found = PROFILES.get(name.strip().lower())
    if found is None:
        raise ValueError(f"UPSTREAM_PROFILE: one of {', '.join(PROFILES)} is needed")
    return found


def fit(payload: Payload, profile: Profile) -> tuple[Payload, tuple[Note, ...]]:
    """``payload`` as the server takes it, and a note for each thing that was left out or changed."""
    if profile.takes_all:
        return payload, ()
    notes: dict[Note, None] = {}
    fitted = _parameters(payload, profile, notes)
    if isinstance(fitted.get("input"), list):
        fitted = _with(fitted, "input", _items(fitted["input"], profile, notes))
    if isinstance(fitted.get("tools"), list) and not profile.hosted_tools:
        fitted = _tools(fitted, notes)
    return fitted, tuple(notes)


def _with(payload: Payload, name: str, value: Any) -> Payload:
    """The same object where nothing changes; without ``name`` where there is no value left."""
    if value is payload.get(name):
        return payload
    if value is None or value == {}:
        return {key: kept for key, kept in payload.items() if key != name}
    return {**payload, name: value}


def _parameters(payload: Payload, profile: Profile, notes: dict[Note, None]) -> Payload:
    for path in sorted(profile.left_out):
        name, _, inner = path.partition(".")
        value = payload.get(name)
        if value is None or (inner and (not isinstance(value, dict) or inner not in value)):
            continue
        if _matters(path, value):
            notes[Note("dropped.upstream_parameter", path)] = None
        rest = {key: kept for key, kept in value.items() if key != inner} if inner else None
        payload = _with(payload, name, rest)
    include = payload.get("include")
    if include and profile.includes is not None:
        payload = _with(payload, "include", [one for one in include if one in profile.includes] or None)
    reasoning = payload.get("reasoning")
    effort = reasoning.get("effort") if isinstance(reasoning, dict) else None
    if profile.efforts and effort in EFFORT_ORDER and effort not in profile.efforts:
        notes[Note("changed.effort")] = None
        payload = {**payload, "reasoning": {**payload["reasoning"], "effort": _nearest(effort, profile.efforts)}}
    return payload


def _matters(path: str, value: Any) -> bool:
    """Whether leaving a parameter out changes the answer or its price; what only steers streaming does not."""
    return path not in ("stream_options", "store", "include") and not (path == "tool_choice" and value == "auto")


def _nearest(effort: str, taken: Iterable[str]) -> str:
    rank = EFFORT_ORDER.index(effort)
    ordered = sorted(taken, key=EFFORT_ORDER.index)
    return next((one for one in reversed(ordered) if EFFORT_ORDER.index(one) <= rank), ordered[0])


def _items(items: list[Any], profile: Profile, notes: dict[Note, None]) -> list[Any]:
    fitted = []
    for item in items:
        if not isinstance(item, dict):
            fitted.append(item)
        elif item.get("type") == "reasoning" and not profile.reasoning_items:
            notes[Note("dropped.upstream_reasoning")] = None
        else:
            fitted.append(_item(item, profile, notes))
    unchanged = len(fitted) == len(items) and all(new is old for new, old in zip(fitted, items, strict=True))
    return items if unchanged else fitted


def _item(item: Payload, profile: Profile, notes: dict[Note, None]) -> Payload:
    if item.get("role") == "developer" and not profile.developer_role:
        notes[Note("changed.upstream_role")] = None
        item = {**item, "role": "system"}
    if profile.marks:
        return item
    if "phase" in item:
        notes[Note("dropped.upstream_parameter", "input.phase")] = None
        item = {key: value for key, value in item.items() if key != "phase"}
    for place in ("content", "output"):
        parts = item.get(place)
        if isinstance(parts, list) and any(isinstance(part, dict) and _MARK in part for part in parts):
            notes[Note("ignored.cache_control")] = None
            item = {**item, place: [_unmarked(part) for part in parts]}
    return item


_MARK = "prompt_cache_breakpoint"


def _unmarked(part: Any) -> Any:
    if not isinstance(part, dict) or _MARK not in part:
        return part
    return {key: value for key, value in part.items() if key != _MARK}


def _tools(payload: Payload, notes: dict[Note, None]) -> Payload:
    """Without hosted tools, and without a choice of one."""
    kept = [tool for tool in payload["tools"] if tool.get("type") in ("function", "custom")]
    if len(kept) == len(payload["tools"]):
        return payload
    for tool in payload["tools"]:
        if tool not in kept:
            notes[Note("dropped.upstream_tool", str(tool.get("type"))[:40])] = None
    payload = _with(payload, "tools", kept or None)
    choice = payload.get("tool_choice")
    chosen = choice.get("type") if isinstance(choice, dict) else None
    if not kept:
        for name in ("tool_choice", "parallel_tool_calls", "max_tool_calls"):
            payload = _with(payload, name, None)
    elif chosen not in (None, "function", "custom", "allowed_tools"):
        payload = {**payload, "tool_choice": "auto"}
    return payload
