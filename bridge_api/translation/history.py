"""The conversation as input items, in order.

Invariants: every ``function_call`` is followed by exactly one ``function_call_output``; a reasoning item is
followed by the item of its turn that it led to, or it is left out; the items of a conversation are a prefix
of the items of the same conversation continued, byte for byte, because prompt caches match prefixes.

Source: OpenAI's pairing errors ("No tool output found for function call ...", "... was provided without its
required following item") and Anthropic's rules for tool results and system-role messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from bridge_api.capabilities import Capabilities
from bridge_api.schemas import blocks as b
from bridge_api.schemas.anthropic import Message, Tool
from bridge_api.schemas.wording import from_validation, invalid
from bridge_api.translation import frames, web_search
from bridge_api.translation.content import ContentRules, Part, input_text, mark, result_output, user_parts
from bridge_api.translation.names import NameMap, upstream_call_id
from bridge_api.translation.notes import Notes
from bridge_api.translation.reasoning import Sealed, open_seal
from bridge_api.translation.tools import ToolChanges

Item = dict[str, Any]
_tool_decoder = msgspec.json.Decoder(Tool)


class _Reference(msgspec.Struct):
    type: str = ""
    name: str = ""
    definition: msgspec.Raw = msgspec.Raw(b"null")


_reference_decoder = msgspec.json.Decoder(_Reference)


def tool_changes(messages: list[Message]) -> ToolChanges:
    """What the history loads, adds and removes, in order. Raises InvalidRequest for a malformed change."""
    changes = ToolChanges()
    for at, message in enumerate(messages):
        if isinstance(message.content, list):
            for place, block in enumerate(message.content):
                _collect_change(block, f"messages.{at}.content.{place}", changes)
    return changes


def _collect_change(block: b.Block, path: str, changes: ToolChanges) -> None:
    if isinstance(block, b.ToolResult) and isinstance(block.content, list):
        for inner in block.content:
            if isinstance(inner, b.ToolReference):
                changes.add(inner.tool_name)
    elif isinstance(block, b.ToolSearchResult) and isinstance(block.content, dict):
        for reference in block.content.get("tool_references") or []:
            if isinstance(reference, dict) and isinstance(reference.get("tool_name"), str):
                changes.add(reference["tool_name"])
    elif isinstance(block, (b.ToolAddition, b.ToolRemoval)):
        _apply_change(block, f"{path}.tool", changes)
    elif isinstance(block, b.Compaction):
        for inner in block.tool_changes or []:
            _collect_change(inner, path, changes)


def _apply_change(block: b.ToolAddition | b.ToolRemoval, path: str, changes: ToolChanges) -> None:
    try:
        reference = _reference_decoder.decode(block.tool)
        if isinstance(block, b.ToolRemoval):
            changes.remove(reference.name)
        elif reference.type == "tool_definition":
            tool = _tool_decoder.decode(reference.definition)
            changes.inline.append(tool)
            changes.add(tool.name or "")
        else:
            changes.add(reference.name)
    except msgspec.ValidationError as error:
        raise from_validation(str(error), path) from None


@dataclass(slots=True)
class HistoryRules:
    """What the walk must know: names, model, credential, and whether ``phase`` is understood."""

    names: NameMap
    caps: Capabilities
    upstream_id: str
    notes: Notes
    rules: ContentRules = field(init=False)

    def __post_init__(self) -> None:
        self.rules = ContentRules.of(self.caps, self.notes)


def translate_history(messages: list[Message], rules: HistoryRules) -> list[Item]:
    """The input items of ``messages``. Raises InvalidRequest naming the block that has no place."""
    walk = _Walk(rules, _answered(messages))
    last_user = max((at for at, message in enumerate(messages) if message.role == "user"), default=-1)
    for at, message in enumerate(messages):
        path = f"messages.{at}"
        if message.role == "system":
            hidden = message.clear_at == "next_user_message" and at < last_user
            if not hidden:
                walk.system(message, path)
        elif message.role == "assistant":
            walk.assistant(message, path)
        else:
            walk.user(message, path)
    walk.finish()
    return walk.items


def _answered(messages: list[Message]) -> set[str]:
    return {
        block.tool_use_id
        for message in messages
        if message.role == "user" and isinstance(message.content, list)
        for block in message.content
        if isinstance(block, b.ToolResult)
    }


class _Walk:
    """One pass over the messages; ``items`` grows only at its end."""

    def __init__(self, rules: HistoryRules, answered: set[str]) -> None:
        self.items: list[Item] = []
        self._rules = rules
        self._notes = rules.notes
        self._answered = answered
        self._open_calls: dict[str, None] = {}
        self._held_system: list[Item] = []
        self._reasoning: list[tuple[Item, str]] = []

    # -- system ---------------------------------------------------------------------------------------

    def system(self, message: Message, path: str) -> None:
        content = message.content
        parts: list[Part] = []
        if isinstance(content, str):
            parts = [input_text(content)] if content else []
        for at, block in enumerate(content if isinstance(content, list) else []):
            if isinstance(block, b.Text):
                parts += user_parts(block, f"{path}.content.{at}", self._rules.rules)
            elif not isinstance(block, (b.ToolAddition, b.ToolRemoval)):
                where = f"{path}.content.{at}.type"
                raise invalid(where, f"'{b.type_of(block)}' blocks are not permitted in system messages")
        if not parts:
            return
        item = developer_item(parts)
        if self._open_calls:
            # Nothing may stand between a call and its result upstream.
            self._notes.add("changed.system_order", path)
            self._held_system.append(item)
        else:
            self._end_of_assistant()
            self.items.append(item)

    # -- assistant ------------------------------------------------------------------------------------

    def assistant(self, message: Message, path: str) -> None:
        content = message.content
        if content is None or isinstance(content, str):
            if content:
                self._assistant_text(content, "final_answer")
            return
        last_call = max((at for at, block in enumerate(content) if isinstance(block, _CALLS)), default=-1)
        replayed: set[str] = set()
        for at, block in enumerate(content):
            where = f"{path}.content.{at}"
            if isinstance(block, b.Text):
                self._text_block(block, "commentary" if at < last_call else "final_answer", where)
            elif isinstance(block, b.ToolUse):
                self._tool_use(block, where)
            elif isinstance(block, b.Thinking):
                self._thinking(open_seal(block.signature), where)
            elif isinstance(block, b.RedactedThinking):
                self._thinking(open_seal(block.data), where)
            else:
                self._other_assistant_block(block, where, replayed)
        self._answer_interrupted(content)

    def _text_block(self, block: b.Text, phase: str, where: str) -> None:
        if block.citations:
            self._notes.add("dropped.citation_history", where)
        if block.text:
            self._assistant_text(block.text, phase)
        else:
            self._notes.add("dropped.empty_text", where)

    def _assistant_text(self, text: str, phase: str) -> None:
        item: Item = {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": text}],
        }
        if self._rules.caps.phase:
            item["phase"] = phase
        self._append_assistant(item)

    def _append_assistant(self, item: Item) -> None:
        self.items.extend(reasoning for reasoning, _ in self._reasoning)
        self._reasoning.clear()
        self.items.append(item)

    def _tool_use(self, block: b.ToolUse, where: str) -> None:
        arguments = frames.compact(block.input)
        if not arguments.startswith("{"):
            raise invalid(f"{where}.input", "Input should be a valid dictionary")
        name = f"{block.toolset_name}__{block.name}" if block.toolset_name else block.name
        call_id = upstream_call_id(block.id)
        if call_id != block.id:
            self._notes.add("changed.tool_id", where)
        self._append_assistant(
            {
                "type": "function_call",
                "call_id": call_id,
                "name": self._rules.names.upstream(name),
                "arguments": arguments,
            }
        )
        if block.id in self._answered:
            self._open_calls[block.id] = None

    def _answer_interrupted(self, content: list[b.Block]) -> None:
        """Calls that no later message answers get their placeholder right after the calls of the turn."""
        for block in content:
            if isinstance(block, b.ToolUse) and block.id not in self._answered:
                self._notes.add("changed.orphan_tool_use")
                self._output(block.id, frames.INTERRUPTED)

    def _thinking(self, sealed: Sealed | None, where: str) -> None:
        rules = self._rules
        if sealed is None:
            self._notes.add("dropped.foreign_reasoning", where)
        elif sealed.kind == "commentary":
            for text in sealed.texts:
                self._assistant_text(text, "commentary")
        elif sealed.family != rules.caps.family or sealed.upstream != rules.upstream_id:
            self._notes.add("dropped.foreign_reasoning", where)
        else:
            self._reasoning.append((sealed.item(), where))

    def _other_assistant_block(self, block: b.Block, where: str, replayed: set[str]) -> None:
        """Server tools, MCP and markers: replayed when they are ours, told as text when they are not."""
        if isinstance(block, b.ServerToolUse):
            item = web_search.replay(block)
            if item is not None:
                replayed.add(block.id)
                self._append_assistant(item)
                return
            self._told(frames.server_call(block.name, frames.compact(block.input)), where)
        elif isinstance(block, b.SERVER_RESULTS):
            if block.tool_use_id in replayed:
                return
            if isinstance(block, b.WebSearchResult):
                self._told(frames.web_results(block.content), where)
            else:
                self._told(frames.server_result(b.type_of(block), block.content), where)
        elif isinstance(block, b.McpToolUse):
            self._told(frames.server_call(f"{block.server_name}.{block.name}", frames.compact(block.input)), where)
        elif isinstance(block, b.McpToolResult):
            content = (
                block.content
                if isinstance(block.content, (str, type(None)))
                else [part.text for part in block.content if isinstance(part, b.Text)]
            )
            self._told(frames.server_result("mcp_tool_result", content), where)
        elif isinstance(block, b.McpToolListing):
            self._notes.add("dropped.server_tool_history", where)
        elif isinstance(block, b.Fallback):
            self._notes.add("dropped.fallback_block", where)
        elif isinstance(block, b.Compaction):
            self._compaction(block, where)
        elif isinstance(block, (b.Image, b.Document, b.SearchResult)):
            self._append_assistant(user_item(user_parts(block, where, self._rules.rules)))
        elif isinstance(block, b.ContainerUpload):
            self._notes.add("dropped.server_tool_history", where)
        else:
            raise invalid(f"{where}.type", f"'{b.type_of(block)}' blocks are not permitted in assistant messages")

    def _told(self, text: str, where: str) -> None:
        self._notes.add("dropped.server_tool_history", where)
        self._assistant_text(text, "commentary")

    def _compaction(self, block: b.Compaction, where: str) -> None:
        """A summary replaces all before it; a failed one (null) stands for nothing."""
        if not block.content:
            return
        self._notes.add("dropped.compaction_history", where)
        self.items.clear()
        self._reasoning.clear()
        self._open_calls.clear()
        self._held_system.clear()
        text = f"[summary of the conversation so far]\n{block.content}"
        self.items.append(user_item([input_text(text)]))

    # -- user -----------------------------------------------------------------------------------------

    def user(self, message: Message, path: str) -> None:
        self._end_of_assistant()
        content = message.content
        if isinstance(content, str) and content:
            self._close_calls()
            self.items.append(user_item([input_text(content)]))
            return
        if not content:
            raise invalid(path, "messages must have non-empty content")
        parts: list[Part] = []
        last = len(content) - 1
        for at, block in enumerate(content):
            where = f"{path}.content.{at}"
            if isinstance(block, b.ToolResult):
                self._flush(parts)
                parts = self._tool_result(block, where)
                continue
            self._close_calls()
            fresh = user_parts(block, where, self._rules.rules)
            self._mark(fresh, getattr(block, "cache_control", None), at == last)
            parts += fresh
        self._flush(parts)
        if not self._open_calls:
            self._release_system()

    def _mark(self, parts: list[Part], control: b.CacheControl | None, ends_message: bool) -> None:
        """A mark inside a message is a lasting one (a document before a question). A mark at its end moves on
        with every turn: the automatic breakpoint covers it, and the item's bytes stay the same."""
        if control is None or not parts:
            return
        if ends_message:
            self._notes.add("ignored.cache_control")
        else:
            mark(parts[-1], control, self._rules.rules)

    def _flush(self, parts: list[Part]) -> None:
        if parts:
            self.items.append(user_item(parts))

    def _tool_result(self, block: b.ToolResult, where: str) -> list[Part]:
        """Append the output; a result without its call comes back as parts of the user's turn."""
        if block.cache_control is not None:
            self._notes.add("ignored.cache_control")
        output = result_output(block.content, bool(block.is_error), f"{where}.content", self._rules.rules)
        if block.tool_use_id in self._open_calls:
            del self._open_calls[block.tool_use_id]
            self._output(block.tool_use_id, output)
            if not self._open_calls:
                self._release_system()
            return []
        self._notes.add("changed.orphan_tool_result", where)
        return [input_text(f"[tool result] {output}")] if isinstance(output, str) else list(output)

    def _output(self, tool_use_id: str, output: str | list[Part]) -> None:
        self.items.append({"type": "function_call_output", "call_id": upstream_call_id(tool_use_id), "output": output})

    # -- seams ----------------------------------------------------------------------------------------

    def _release_system(self) -> None:
        self.items.extend(self._held_system)
        self._held_system.clear()

    def _close_calls(self) -> None:
        """Something other than a result follows open calls: their results come too late to pair."""
        for tool_use_id in self._open_calls:
            self._notes.add("changed.orphan_tool_use")
            self._output(tool_use_id, frames.INTERRUPTED)
        self._open_calls.clear()
        self._release_system()

    def _end_of_assistant(self) -> None:
        for _, where in self._reasoning:
            self._notes.add("dropped.orphan_reasoning", where)
        self._reasoning.clear()

    def finish(self) -> None:
        self._end_of_assistant()
        self._close_calls()


_CALLS = (b.ToolUse, b.ServerToolUse, b.McpToolUse)


def user_item(parts: list[Part]) -> Item:
    return {"type": "message", "role": "user", "content": parts}


def developer_item(parts: list[Part]) -> Item:
    return {"type": "message", "role": "developer", "content": parts}
