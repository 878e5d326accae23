"""What the server behind OPENAI_BASE_URL takes of a Responses request, and what must be left out.

Why: servers that speak OpenAI's Responses API refuse, or choke on, some of what the real one takes; a request that
fits them still gets its answer.

A profile is data. ``refuses`` names places in the payload by dotted paths, a ``*`` for each element of a list:
``service_tier``, ``text.verbosity``, ``input.*.content.*.prompt_cache_breakpoint``. What a server ignores is on the
list only where something is lost by that, so that the loss is said; what it ignores without a loss is sent.

Invariants: pure; ``fit`` never changes its argument, gives the very same object back where nothing is to be done,
and is idempotent; whatever is left out is noted, once for each place. Not noted are a value that says no more than
the server does by itself, and text parts that are joined to a string: neither loses anything.

Sources: docs/upstreams.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import is_
from typing import Any, Literal

from bridge_api.capabilities import EFFORT_ORDER, Capabilities
from bridge_api.translation.notes import Note

Payload = dict[str, Any]
_Notes = dict[Note, None]

HOSTED_TOOLS = frozenset(
    {
        "web_search",
        "web_search_preview",
        "file_search",
        "code_interpreter",
        "image_generation",
        "mcp",
        "tool_search",
        "computer",
        "computer_use_preview",
        "local_shell",
        "shell",
        "apply_patch",
        "programmatic_tool_calling",
    }
)
"""The tools that OpenAI itself runs or defines (``ToolParam`` of the ``openai`` package)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of server.

    key_header       where the key goes: ``authorization`` as a bearer token, ``api-key`` bare
    refuses          dotted paths of the payload that are not sent
    developer_role   whether messages may be a developer's; else they are the system's
    reasoning_items  whether reasoning comes back in the input
    counts           whether it has ``POST /responses/input_tokens``
    hosted_tools     the hosted tools that it has
    efforts          the reasoning efforts that it takes; empty is any
    strings          where text must be a string, not parts: ``content`` of earlier answers, ``output`` of tool results
    """

    name: str
    key_header: Literal["authorization", "api-key"] = "authorization"
    refuses: frozenset[str] = frozenset()
    developer_role: bool = True
    reasoning_items: bool = True
    counts: bool = True
    hosted_tools: frozenset[str] = HOSTED_TOOLS
    efforts: tuple[str, ...] = ()
    strings: frozenset[str] = frozenset()

    @property
    def takes_all(self) -> bool:
        """Whether nothing ever has to be left out."""
        limited = self.refuses or self.efforts or self.strings or HOSTED_TOOLS - self.hosted_tools
        return self.developer_role and self.reasoning_items and not limited


_MARKS = frozenset(
    (
        "prompt_cache_options",
        "input.*.content.*.prompt_cache_breakpoint",
        "input.*.output.*.prompt_cache_breakpoint",
    )
)
_OPENAIS_OWN = _MARKS | {"service_tier", "text.verbosity", "reasoning.context", "input.*.phase"}

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("openai"),
        Profile(
            "azure",
            key_header="api-key",
            refuses=_MARKS,
            counts=False,
            hosted_tools=frozenset(("web_search", "file_search", "code_interpreter", "mcp", "tool_search")),
        ),
        Profile(
            "vllm",
            refuses=_OPENAIS_OWN | {"include"},
            developer_role=False,
            reasoning_items=False,
            counts=False,
            hosted_tools=frozenset(),
            strings=frozenset(("content", "output")),
        ),
        Profile(
            "ollama",
            refuses=_OPENAIS_OWN | {"tool_choice", "parallel_tool_calls"},
            developer_role=False,
            counts=False,
            hosted_tools=frozenset(),
            efforts=("none", "low", "medium", "high", "max"),
            strings=frozenset(("output",)),
        ),
        Profile(
            "lmstudio",
            refuses=_OPENAIS_OWN | {"include", "metadata", "reasoning.summary", "safety_identifier", "stream_options"},
            developer_role=False,
            reasoning_items=False,
            counts=False,
            hosted_tools=frozenset(("mcp",)),
            efforts=("none", "low", "medium", "high"),
            strings=frozenset(("output",)),
        ),
    )
}
OPENAI = PROFILES["openai"]

# The functions of the client; every other type of tool is a hosted one.
_OWN_TOOLS = ("function", "custom")
# The hosted tools whose earlier calls the translation sends back.
_CALLS_OF = {"web_search_call": "web_search"}
# What a server does that never heard of the parameter. ``include`` asks for parts of things that a server which does
# not take it does not have; their own loss is noted.
_BY_ITSELF: dict[str, tuple[Any, ...]] = {
    "include": (["reasoning.encrypted_content"], ["reasoning.encrypted_content", "web_search_call.action.sources"]),
    "parallel_tool_calls": (True,),
    "service_tier": ("auto", "default"),
    "stream_options": ({"include_obfuscation": False},),
    "tool_choice": ("auto",),
}


def profile_of(name: str) -> Profile:
    """The profile called ``name``; case and surrounding blanks do not matter. Raises ValueError with the known ones."""
    found = PROFILES.get(name.strip().lower())
    if found is None:
        raise ValueError(f"UPSTREAM_PROFILE: one of {', '.join(PROFILES)} is needed")
    return found


def fit(payload: Payload, profile: Profile) -> tuple[Payload, tuple[Note, ...]]:
    """``payload`` as the server takes it, and a note for each thing that was left out or changed."""
    if profile.takes_all:
        return payload, ()
    notes: _Notes = {}
    fitted = _tools(payload, profile, notes)
    fitted = _parameters(fitted, profile, notes)
    fitted = _effort(fitted, profile, notes)
    items = fitted.get("input")
    if isinstance(items, list):
        fitted = _replaced(fitted, "input", _items(items, profile, notes))
    return fitted, tuple(notes)


# -- parameters -------------------------------------------------------------------------------------------


def _parameters(payload: Payload, profile: Profile, notes: _Notes) -> Payload:
    if "tool_choice" in profile.refuses and payload.get("tool_choice") == "none":
        # Who cannot be told to call no tool must not see one.
        payload = _without(payload, "tools")
    for path in sorted(profile.refuses):
        steps = tuple(path.split("."))
        fitted = _left_out(payload, steps)
        if fitted is payload:
            continue
        if any(value is not None and value not in _BY_ITSELF.get(path, ()) for value in _found(payload, steps)):
            notes[Note("dropped.upstream_parameter", path)] = None
        payload = fitted
    return payload


def _found(node: Any, steps: tuple[str, ...]) -> Iterator[Any]:
    """The values at a path."""
    if not steps:
        yield node
    elif steps[0] == "*":
        for one in node if isinstance(node, list) else ():
            yield from _found(one, steps[1:])
    elif isinstance(node, dict) and steps[0] in node:
        yield from _found(node[steps[0]], steps[1:])


def _left_out(node: Any, steps: tuple[str, ...]) -> Any:
    """``node`` without what stands at a path; the same object where nothing does. An object that becomes empty goes
    with it: LM Studio refuses ``text: {}``."""
    step, rest = steps[0], steps[1:]
    if step == "*":
        return _unless_same(node, [_left_out(one, rest) for one in node]) if isinstance(node, list) else node
    if not isinstance(node, dict) or step not in node:
        return node
    if not rest:
        return _without(node, step)
    inner = _left_out(node[step], rest)
    return _without(node, step) if inner == {} and node[step] else _replaced(node, step, inner)


def _effort(payload: Payload, profile: Profile, notes: _Notes) -> Payload:
    reasoning = payload.get("reasoning")
    effort = reasoning.get("effort") if isinstance(reasoning, dict) else None
    if not profile.efforts or effort not in EFFORT_ORDER or effort in profile.efforts:
        return payload
    notes[Note("changed.effort", "reasoning.effort")] = None
    nearest = Capabilities(profile.name, efforts=profile.efforts).clamp_effort(effort)
    return {**payload, "reasoning": {**payload["reasoning"], "effort": nearest}}


# -- input ------------------------------------------------------------------------------------------------


def _items(items: list[Any], profile: Profile, notes: _Notes) -> list[Any]:
    fitted = []
    for item in items:
        if not isinstance(item, dict):
            fitted.append(item)
        elif item.get("type") == "reasoning" and not profile.reasoning_items:
            notes[Note("dropped.upstream_reasoning")] = None
        elif _CALLS_OF.get(str(item.get("type")), "") in HOSTED_TOOLS - profile.hosted_tools:
            notes[Note("dropped.upstream_tool", str(item["type"]))] = None
        else:
            fitted.append(_item(item, profile, notes))
    return _unless_same(items, fitted)


def _item(item: Payload, profile: Profile, notes: _Notes) -> Payload:
    if item.get("role") == "developer" and not profile.developer_role:
        notes[Note("changed.upstream_role")] = None
        item = {**item, "role": "system"}
    place = "content" if item.get("role") == "assistant" else "output"
    if place in profile.strings:
        item = _replaced(item, place, _joined(item.get(place))) if place in item else item
    return item


def _joined(parts: Any) -> Any:
    """The text of ``parts`` as one string; ``parts`` as they are where there is more than text."""
    if not isinstance(parts, list) or not parts:
        return parts
    texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return "\n".join(texts) if len(texts) == len(parts) else parts


# -- tools ------------------------------------------------------------------------------------------------


def _tools(payload: Payload, profile: Profile, notes: _Notes) -> Payload:
    """Without hosted tools that the server does not have, and without a choice of one."""
    had = profile.hosted_tools.union(_OWN_TOOLS)
    tools = payload.get("tools")
    missing = [tool for tool in tools if _type(tool) not in had] if isinstance(tools, list) else []
    for tool in missing:
        notes[Note("dropped.upstream_tool", _type(tool)[:40])] = None
    if tools and len(missing) == len(tools):
        return _without(payload, "tools", "tool_choice", "parallel_tool_calls", "max_tool_calls")
    if tools and missing:
        payload = {**payload, "tools": [tool for tool in tools if _type(tool) in had]}
        if not profile.hosted_tools:
            payload = _without(payload, "max_tool_calls")  # counts the calls of hosted tools only
    choice = payload.get("tool_choice")
    if isinstance(choice, dict):
        payload = _replaced(payload, "tool_choice", _choice(choice, had, notes))
    return payload


def _choice(choice: Payload, had: frozenset[str], notes: _Notes) -> Any:
    """A choice among the tools that are left. One that leaves none of them is the model's own."""
    among = choice.get("tools") or [] if choice.get("type") == "allowed_tools" else [choice]
    left = [tool for tool in among if _type(tool) in had]
    if len(left) == len(among):
        return choice
    if left:
        return {**choice, "tools": left}
    notes[Note("dropped.upstream_parameter", "tool_choice")] = None
    return "auto"


def _type(tool: Any) -> str:
    return str(tool.get("type")) if isinstance(tool, dict) else ""


# -- copies -----------------------------------------------------------------------------------------------


def _without(node: Payload, *names: str) -> Payload:
    return {key: value for key, value in node.items() if key not in names}


def _replaced(node: Payload, name: str, value: Any) -> Payload:
    return node if value is node.get(name) else {**node, name: value}


def _unless_same(old: list[Any], new: list[Any]) -> list[Any]:
    """``old`` where ``new`` holds the very same things."""
    return old if len(old) == len(new) and all(map(is_, old, new)) else new
