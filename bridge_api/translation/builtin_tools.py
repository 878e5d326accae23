"""The client tools that Anthropic defines by type alone, spelt out as functions for the upstream.

Claude was trained on these tools; another model has to be told. Their calls come back under Anthropic's names
and shapes, so that a client runs them as always.

Invariants: every table row is data; a member of a toolset is one function named ``<toolset>__<member>``;
schemas admit exactly what the ``*Input`` models of the ``anthropic`` package admit.

Source: the ``Tool*Param`` and ``*Input`` types of the ``anthropic`` package 2.12.0 and Anthropic's tool pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FunctionDef:
    """One function: ``name`` upstream, ``client_name`` and ``toolset_name`` as the client knows it."""

    name: str
    description: str
    parameters: Schema
    client_name: str
    toolset_name: str | None = None


def _object(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return schema


def _string(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def _integer(description: str = "") -> Schema:
    return {"type": "integer", **({"description": description} if description else {})}


def _number(description: str = "") -> Schema:
    return {"type": "number", **({"description": description} if description else {})}


def _integers(count: int, description: str) -> Schema:
    return {
        "type": "array",
        "items": {"type": "integer"},
        "minItems": count,
        "maxItems": count,
        "description": description,
    }


_POINT = _integers(2, "[x, y] in pixels of the screenshot")
_REGION = _integers(4, "[x0, y0, x1, y1] in pixels of the screenshot")
_DIRECTION = _string("Where to scroll", enum=["up", "down", "left", "right"])

_BASH = _object(
    command=_string("The command to run"),
    restart={"type": "boolean", "description": "Restart the shell instead of running a command"},
)
_BASH_TEXT = (
    "Runs a command in a persistent bash shell on the user's machine and returns its output. "
    "The working directory and variables stay between calls. Give `command`, or `restart: true` alone."
)

_VIEW_RANGE = _integers(2, "For view: first and last line, 1-indexed; -1 is the end of the file")


def _editor(commands: list[str], *, insert_text: str) -> Schema:
    return _object(
        ("command", "path"),
        command=_string("What to do", enum=commands),
        path=_string("Absolute path of a file or directory"),
        view_range=_VIEW_RANGE,
        file_text=_string("For create: the whole content of the file"),
        old_str=_string("For str_replace: the text to replace; it must stand in the file exactly once"),
        new_str=_string("For str_replace: the text to put in its place"),
        insert_line=_integer("For insert: the line after which to insert; 0 is the top of the file"),
        **({"insert_text": _string("For insert: the text to insert")} if insert_text == "insert_text" else {}),
    )


_EDITOR_TEXT = (
    "Views, creates and edits text files on the user's machine. `view` shows a file with line numbers or lists a "
    "directory; `create` writes a whole file; `str_replace` replaces one exact, unique piece of text; `insert` "
    "adds text after a line."
)
_EDITOR_OLD = _editor(["view", "create", "str_replace", "insert", "undo_edit"], insert_text="new_str")
_EDITOR_NEW = _editor(["view", "create", "str_replace", "insert"], insert_text="insert_text")

_MEMORY = _object(
    ("command",),
    command=_string("What to do", enum=["view", "create", "str_replace", "insert", "delete", "rename"]),
    path=_string("Path below /memories, for all commands but rename"),
    view_range=_VIEW_RANGE,
    file_text=_string("For create: the whole content of the file"),
    old_str=_string("For str_replace: the text to replace"),
    new_str=_string("For str_replace: the text to put in its place"),
    insert_line=_integer("For insert: the line after which to insert"),
    insert_text=_string("For insert: the text to insert"),
    old_path=_string("For rename: the path now"),
    new_path=_string("For rename: the path after"),
)
_MEMORY_TEXT = (
    "Keeps notes in files below /memories that last from one conversation to the next. View the directory before "
    "a task to see what is known, and write down what later work will need."
)

_ACTIONS_2024 = [
    "key",
    "type",
    "mouse_move",
    "left_click",
    "left_click_drag",
    "right_click",
    "middle_click",
    "double_click",
    "screenshot",
    "cursor_position",
]
_ACTIONS_2025 = [
    *_ACTIONS_2024,
    "left_mouse_down",
    "left_mouse_up",
    "scroll",
    "hold_key",
    "wait",
    "triple_click",
]


def _computer(actions: list[str]) -> Schema:
    properties: dict[str, Schema] = {
        "action": _string("What to do", enum=actions),
        "coordinate": _POINT,
        "text": _string("Text to type, or the key or keys to press"),
    }
    if "scroll" in actions:
        properties["start_coordinate"] = _POINT
        properties["scroll_direction"] = _DIRECTION
        properties["scroll_amount"] = _integer("How many steps to scroll")
        properties["duration"] = _number("Seconds, for hold_key and wait")
    if "zoom" in actions:
        properties["region"] = _REGION
    return _object(("action",), **properties)


_COMPUTER_TEXT = (
    "Controls the mouse, the keyboard and the screen of a computer. Take a screenshot to see the screen; "
    "coordinates are pixels of the screenshot, from its top left corner."
)

# type -> (client name, description, schema)
_SINGLE: dict[str, tuple[str, str, Schema]] = {
    "bash_20241022": ("bash", _BASH_TEXT, _BASH),
    "bash_20250124": ("bash", _BASH_TEXT, _BASH),
    "text_editor_20241022": ("str_replace_editor", _EDITOR_TEXT, _EDITOR_OLD),
    "text_editor_20250124": ("str_replace_editor", _EDITOR_TEXT, _EDITOR_OLD),
    "text_editor_20250429": ("str_replace_based_edit_tool", _EDITOR_TEXT, _EDITOR_NEW),
    "text_editor_20250728": ("str_replace_based_edit_tool", _EDITOR_TEXT, _EDITOR_NEW),
    "memory_20250818": ("memory", _MEMORY_TEXT, _MEMORY),
    "computer_20241022": ("computer", _COMPUTER_TEXT, _computer(_ACTIONS_2024)),
    "computer_20250124": ("computer", _COMPUTER_TEXT, _computer(_ACTIONS_2025)),
    "computer_20251124": ("computer", _COMPUTER_TEXT, _computer([*_ACTIONS_2025, "zoom"])),
}

_KEYS = _string("The key or keys, such as ctrl+s")
_HELD = _string("Modifier keys to hold")
_CLICK = _object(coordinate=_POINT, text=_HELD)
_REPEAT = _integer("How many times")

COMPUTER_MEMBERS: dict[str, tuple[str, Schema]] = {
    "key": ("Presses a key or a combination.", _object(("text",), text=_KEYS, repeat=_REPEAT)),
    "hold_key": ("Holds a key down.", _object(("text", "duration"), text=_KEYS, duration=_number("Seconds"))),
    "type": ("Types text.", _object(("text",), text=_string("The text"))),
    "cursor_position": ("Tells where the mouse is.", _object()),
    "mouse_move": ("Moves the mouse.", _object(("coordinate",), coordinate=_POINT)),
    "left_mouse_down": ("Presses the left button.", _object()),
    "left_mouse_up": ("Releases the left button.", _object()),
    "left_click": ("Clicks.", _CLICK),
    "right_click": ("Clicks with the right button.", _CLICK),
    "middle_click": ("Clicks with the middle button.", _CLICK),
    "double_click": ("Clicks twice.", _CLICK),
    "triple_click": ("Clicks three times.", _CLICK),
    "left_click_drag": (
        "Drags from one point to another.",
        _object(("start_coordinate", "coordinate"), start_coordinate=_POINT, coordinate=_POINT, text=_HELD),
    ),
    "scroll": (
        "Scrolls.",
        _object(
            ("scroll_direction", "scroll_amount"),
            scroll_direction=_DIRECTION,
            scroll_amount=_integer("How many steps"),
            coordinate=_POINT,
            text=_HELD,
        ),
    ),
    "wait": ("Waits.", _object(("duration",), duration=_number("Seconds"))),
    "screenshot": ("Takes a screenshot.", _object()),
    "zoom": ("Shows a part of the screen in full resolution.", _object(("region",), region=_REGION)),
}

_REF: Schema = _object(("type", "ref"), type=_string(enum=["ref"]), ref=_string("Reference of an element"))
_AT: Schema = _object(("type", "x", "y"), type=_string(enum=["coordinate"]), x=_integer("Pixels"), y=_integer("Pixels"))
_TARGET: Schema = {"anyOf": [_AT, _REF]}
_MODIFIERS = _string("Modifier keys to hold")
_PRESS = _object(("target",), target=_TARGET, modifiers=_MODIFIERS)

BROWSER_MEMBERS: dict[str, tuple[str, Schema]] = {
    "navigate": ("Opens an address.", _object(("url",), url=_string("The address"))),
    "list_tabs": ("Lists the open tabs.", _object()),
    "new_tab": ("Opens a tab.", _object()),
    "switch_tab": ("Switches to a tab.", _object(("tab_id",))),
    "close_tab": ("Closes a tab.", _object(("tab_id",))),
    "read_page": (
        "Reads the page as a tree of elements with references.",
        _object(
            depth=_integer("How deep to read"),
            filter=_string("Which elements", enum=["all", "interactive"]),
            ref=_string("Read below this element"),
        ),
    ),
    "get_page_text": ("Reads the text of the page.", _object()),
    "read_console": ("Reads the console.", _object()),
    "read_network": ("Reads the network log.", _object()),
    "find": ("Finds elements by a description.", _object(("query",), query=_string("What to find"))),
    "form_input": (
        "Sets the value of a form element.",
        _object(("target", "value"), target=_REF, value={"anyOf": [_string(), _number(), {"type": "boolean"}]}),
    ),
    "file_upload": (
        "Gives files to a file input.",
        _object(
            ("target",),
            target=_REF,
            paths={"type": "array", "items": _string()},
            document_ids={"type": "array", "items": _string()},
        ),
    ),
    "scroll_to": ("Scrolls an element into view.", _object(("target",), target=_REF)),
    "screenshot": ("Takes a screenshot of the page.", _object()),
    "zoom": ("Shows a part of the page in full resolution.", _object(("region",), region=_REGION)),
    "left_click": ("Clicks.", _PRESS),
    "right_click": ("Clicks with the right button.", _PRESS),
    "middle_click": ("Clicks with the middle button.", _PRESS),
    "double_click": ("Clicks twice.", _PRESS),
    "triple_click": ("Clicks three times.", _PRESS),
    "hover": ("Moves the mouse over a place.", _object(("target",), target=_TARGET)),
    "left_click_drag": ("Drags from one point to another.", _object(("from", "target"), **{"from": _AT}, target=_AT)),
    "left_mouse_down": ("Presses the left button.", _object(("target",), target=_AT)),
    "left_mouse_up": ("Releases the left button.", _object(("target",), target=_AT)),
    "mouse_move": ("Moves the mouse.", _object(("target",), target=_AT)),
    "scroll": (
        "Scrolls.",
        _object(
            ("target", "scroll_direction"),
            target=_TARGET,
            scroll_direction=_DIRECTION,
            scroll_amount=_integer("How many steps"),
        ),
    ),
    "type": ("Types text.", _object(("text",), text=_string("The text"))),
    "key": ("Presses a key or a combination.", _object(("text",), text=_KEYS, repeat=_REPEAT)),
    "hold_key": ("Holds a key down.", _object(("text", "duration"), text=_KEYS, duration=_number("Seconds"))),
    "wait": ("Waits.", _object(("duration",), duration=_number("Seconds"))),
    "javascript_exec": ("Runs JavaScript in the page.", _object(("text",), text=_string("The code"))),
}
_WITHOUT_TAB = frozenset({"list_tabs", "new_tab"})
TOOLSETS: dict[str, tuple[str, Mapping[str, tuple[str, Schema]]]] = {
    "computer_toolset_20260801": ("computer", COMPUTER_MEMBERS),
    "browser_toolset_20260801": ("browser", BROWSER_MEMBERS),
}


def definition(kind: str, tool: Mapping[str, Any]) -> list[FunctionDef] | None:
    """The functions for a tool of type ``kind`` (an entry of ``tools``); None when it is not one of ours."""
    if kind in _SINGLE:
        name, description, schema = _SINGLE[kind]
        return [FunctionDef(name, description + _display(tool), schema, name)]
    if kind not in TOOLSETS:
        return None
    toolset, members = TOOLSETS[kind]
    configs = tool.get("configs") or {}
    found = []
    for member, (description, schema) in members.items():
        config = configs.get(member)
        config = config if isinstance(config, Mapping) else {}
        if config.get("enabled") is False or config.get("defer_loading") is True:
            continue
        if toolset == "browser" and member not in _WITHOUT_TAB:
            schema = {**schema, "properties": {**schema["properties"], "tab_id": _string("The tab")}}
        found.append(FunctionDef(f"{toolset}__{member}", description, schema, member, toolset))
    return found


def _display(tool: Mapping[str, Any]) -> str:
    width, height = tool.get("display_width_px"), tool.get("display_height_px")
    return f" The screen is {width} x {height} pixels." if width and height else ""
