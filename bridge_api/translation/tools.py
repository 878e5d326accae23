"""The tools a request offers, as the upstream's functions and hosted tools.

Invariants: ``strict`` is always explicit (left out, the Responses API makes every optional property
required); names fit the upstream and map back; the order of tools is the client's; equal tool lists give
equal bytes. A tool that cannot be offered is refused by name of its place, or noted.

Source: contract of ``ToolUnionParam`` in the ``anthropic`` package; ``ToolParam`` of the ``openai`` package;
OpenAI's function-calling and structured-output guides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from bridge_api.schemas.anthropic import Tool, ToolChoice
from bridge_api.schemas.wording import invalid
from bridge_api.translation import builtin_tools, json_schema, strict_schema
from bridge_api.translation.filler_policy import FillerPolicy
from bridge_api.translation.frames import compact
from bridge_api.translation.names import NameMap
from bridge_api.translation.notes import Notes
from bridge_api.translation.plan import ToolInfo

NULL = msgspec.Raw(b"null")
_REFUSED = {
    "code_execution": "code execution is not available through this bridge",
    "advisor": "the advisor tool is not available through this bridge",
    "mcp_toolset": "MCP servers are not connected by this bridge",
}


@dataclass(slots=True)
class ToolChanges:
    """What the history says about tools: names it has loaded (``tool_reference``, ``tool_addition``), names
    it has removed, and definitions it has added in place."""

    loaded: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    inline: list[Tool] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.loaded.add(name)
        self.removed.discard(name)

    def remove(self, name: str) -> None:
        self.loaded.discard(name)
        self.removed.add(name)


@dataclass(slots=True)
class ToolSet:
    """``upstream``: the ``tools`` of the Responses request; ``info``: by upstream function name."""

    names: NameMap
    upstream: list[dict[str, Any]] = field(default_factory=list)
    info: dict[str, ToolInfo] = field(default_factory=dict)
    web_search: bool = False
    blocked_domains: tuple[str, ...] = ()
    max_tool_calls: int | None = None

    def function_named(self, client_name: str) -> str | None:
        """The upstream name of an offered client tool."""
        name = self.names.upstream(client_name)
        return name if name in self.info else None


def translate_tools(tools: Sequence[Tool], changes: ToolChanges, forced: str | None, notes: Notes) -> ToolSet:
    """Offer ``tools``, as changed by the history, upstream.

    ``forced`` is the name in ``tool_choice``: it is offered even when deferred. Raises InvalidRequest naming
    ``tools.N`` for a tool that is malformed, doubled or impossible here.
    """
    offered = list(tools) + changes.inline
    names = NameMap(tool.name for tool in offered if tool.name)
    found = ToolSet(names)
    load_all = any((tool.type or "").startswith("tool_search_tool") for tool in offered)
    hosted = 0
    for at, tool in enumerate(offered):
        where = f"tools.{at}"
        name = tool.name or ""
        deferred = tool.defer_loading and not load_all and name not in changes.loaded and name != forced
        if deferred or name in changes.removed:
            continue
        hosted += _offer(tool, where, found, notes)
    if found.web_search and hosted > 1:
        found.max_tool_calls = None
    return found


def _offer(tool: Tool, where: str, found: ToolSet, notes: Notes) -> int:
    """Add one tool; 1 when it is hosted upstream, else 0."""
    kind = tool.type or "custom"
    if kind.startswith("tool_search_tool"):
        return 0
    for prefix, why in _REFUSED.items():
        if kind.startswith(prefix):
            raise invalid(where, why)
    if kind.startswith(("web_search", "web_fetch")) or _is_web_search_in_disguise(tool):
        if kind.startswith("web_fetch"):
            notes.add("dropped.web_fetch", where)
        _offer_web_search(tool, where, found, notes)
        return 1
    definitions = builtin_tools.definition(kind, _own_fields(tool)) if kind != "custom" else None
    if definitions is not None:
        for definition in definitions:
            _offer_builtin(definition, where, found)
        return 0
    if kind != "custom" and not _schema_of(tool):
        raise invalid(f"{where}.type", "Input tag does not match any of the expected tags")
    _offer_function(tool, where, found, notes)
    return 0


def _own_fields(tool: Tool) -> dict[str, Any]:
    """What the definitions of Anthropic's client tools read of an entry."""
    return {
        "configs": tool.configs,
        "display_width_px": tool.display_width_px,
        "display_height_px": tool.display_height_px,
    }


def _is_web_search_in_disguise(tool: Tool) -> bool:
    return tool.name == "web_search" and tool.type in (None, "custom") and not _schema_of(tool)


def _register(upstream_name: str, info: ToolInfo, where: str, found: ToolSet) -> None:
    if upstream_name in found.info:
        raise invalid(f"{where}.name", "Tool names must be unique", code="tool_name_conflict")
    found.info[upstream_name] = info


def _offer_builtin(definition: builtin_tools.FunctionDef, where: str, found: ToolSet) -> None:
    policy = FillerPolicy.from_schema(definition.parameters)
    info = ToolInfo(definition.client_name, definition.toolset_name, policy)
    _register(definition.name, info, where, found)
    found.upstream.append(
        {
            "type": "function",
            "name": definition.name,
            "description": definition.description,
            "parameters": definition.parameters,
            "strict": False,
        }
    )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A schema made ready: ``original`` is the client's where nulls must be taken out of arguments again,
    ``note`` the code of what was rewritten."""

    parameters: dict[str, Any]
    strict: bool
    original: dict[str, Any] | None
    policy: FillerPolicy | None
    note: str


# Agents send the same tools with every turn: a schema is rewritten once. The results are shared and read only.
@lru_cache(maxsize=2048)
def prepare(schema: bytes, strict: bool) -> Prepared:
    """The schema (JSON of an object) as it is sent upstream."""
    parsed: dict[str, Any] = msgspec.json.decode(schema)
    note = ""
    if strict:
        bare = {key: value for key, value in parsed.items() if key not in ("$schema", "$id")}
        if strict_schema.in_strict_subset(bare):
            return Prepared(bare, True, None, None, "")
        rewritten = strict_schema.to_strict(bare)
        if rewritten is not None and not rewritten.root_wrapped:
            original = bare if rewritten.optional else None
            return Prepared(rewritten.schema, True, original, None, "changed.tool_schema")
        note = "changed.tool_strict"
    cleaned = json_schema.clean(parsed)
    if cleaned.changes and not note:
        note = "changed.tool_schema"
    return Prepared(cleaned.schema, False, None, FillerPolicy.from_schema(cleaned.schema), note)


def _schema_of(tool: Tool) -> bytes:
    given = tool.input_schema if tool.input_schema != NULL else tool.parameters
    return b"" if given == NULL else bytes(given)


def _offer_function(tool: Tool, where: str, found: ToolSet, notes: Notes) -> None:
    if not tool.name:
        raise invalid(f"{where}.name", "Field required")
    schema = _schema_of(tool)
    if not schema:
        raise invalid(f"{where}.input_schema", "Field required")
    if not schema.startswith(b"{"):
        raise invalid(f"{where}.input_schema", "Input should be a valid dictionary")
    name = found.names.upstream(tool.name)
    if name != tool.name:
        notes.add("changed.tool_name", f"{where}.name")
    try:
        ready = prepare(schema, bool(tool.strict))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise invalid(f"{where}.input_schema", "Input is not valid JSON") from None
    if ready.note:
        notes.add(ready.note, f"{where}.input_schema")
    _register(name, ToolInfo(tool.name, None, ready.policy, ready.original), where, found)
    entry: dict[str, Any] = {"type": "function", "name": name}
    description = _description(tool, where, notes)
    if description:
        entry["description"] = description
    entry["parameters"] = ready.parameters
    entry["strict"] = ready.strict
    found.upstream.append(entry)
    if tool.allowed_callers and "direct" not in tool.allowed_callers:
        notes.add("dropped.allowed_callers", where)
    if tool.cache_control is not None:
        notes.add("ignored.cache_control", where)


def _description(tool: Tool, where: str, notes: Notes) -> str:
    text = tool.description or ""
    if tool.input_examples:
        notes.add("changed.input_examples", where)
        lines = "\n".join(compact(example) for example in tool.input_examples)
        text = f"{text}\n\nExamples of input:\n{lines}".strip()
    return text


def _offer_web_search(tool: Tool, where: str, found: ToolSet, notes: Notes) -> None:
    """Anthropic's web search as the hosted one.

    A missing location means the United States upstream, so that 'approximate' with nothing in it is sent.
    """
    if tool.blocked_domains:
        notes.add("dropped.blocked_domains", f"{where}.blocked_domains")
        found.blocked_domains = tuple(tool.blocked_domains)
    if found.web_search:
        return
    found.web_search = True
    entry: dict[str, Any] = {"type": "web_search"}
    if tool.allowed_domains:
        domains = list(dict.fromkeys(domain.split("/", 1)[0] for domain in tool.allowed_domains))
        if domains != tool.allowed_domains:
            notes.add("dropped.domain_paths", f"{where}.allowed_domains")
        entry["filters"] = {"allowed_domains": domains}
    location: dict[str, Any] = {"type": "approximate"}
    for key in ("city", "country", "region", "timezone"):
        value = (tool.user_location or {}).get(key)
        if isinstance(value, str) and value:
            location[key] = value
    entry["user_location"] = location
    found.upstream.append(entry)
    found.max_tool_calls = tool.max_uses


def translate_choice(choice: ToolChoice | None, found: ToolSet) -> tuple[str | dict[str, Any] | None, bool | None]:
    """(``tool_choice``, ``parallel_tool_calls``); both None when no tool is offered.

    Raises InvalidRequest when the choice names a tool that is not offered.
    """
    if not found.upstream:
        if choice is not None and choice.type in ("any", "tool"):
            raise invalid("tool_choice", "tool_choice may only be specified while providing tools")
        return None, None
    parallel = not (choice is not None and choice.disable_parallel_tool_use)
    if choice is None or choice.type == "auto":
        return "auto", parallel
    if choice.type == "none":
        return "none", parallel
    if choice.type == "any":
        if len(found.upstream) == 1 and found.info:
            return {"type": "function", "name": found.upstream[0]["name"]}, parallel
        return "required", parallel
    if not choice.name:
        raise invalid("tool_choice.name", "Field required")
    name = found.function_named(choice.name)
    if name is not None:
        return {"type": "function", "name": name}, parallel
    if found.web_search and choice.name in ("web_search", "web_fetch"):
        allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]}
        return allowed, parallel
    raise invalid("tool_choice.name", "Tool not found in the provided tools")
