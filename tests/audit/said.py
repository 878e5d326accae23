"""What the made-up trail's clients and models say: bodies as a client sends them, answers as blocks of a Message.

Invariants: pure, the same arguments make the same bodies; names, addresses and keys are invented.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

TOOLS = ("Read", "Edit", "Bash", "Grep", "Glob", "TodoWrite", "WebSearch", "mcp__github__search_issues")
TASKS = (
    (
        "The test of the clock fails since Monday. Write to mara.lindqvist@example.org when it passes.",
        "tests/test_clock.py",
    ),
    ("Why does the deployment time out? The host is 10.20.30.41, its log is below.", "deploy/run.sh"),
    ("Please move the settings into one file. OPENAI_API_KEY=sk-proj-Qm3vT81ycNfe0aWzKbLd72RxUhGp5SoJ", "settings.py"),
    ("Call +49 30 901820 if the migration cannot be undone; else go on.", "migrations/0042_orders.py"),
    ("Make the invoice for DE89 3704 0044 0532 0130 00 read as the old one did.", "invoice/render.py"),
    ("Add a page for the orders of a day, with a test.", "orders/views.py"),
)
LINES = (
    "def elapsed(begin: float, end: float) -> float:\n    return max(0.0, end - begin)",
    "E   AssertionError: assert 59.99 == 60\nFAILED tests/test_clock.py::test_a_minute - 1 failed, 41 passed",
    "12:03:07 WARNING pool: 8 of 8 connections in use, waiting for db-2.corp.example.net",
    "class Order(models.Model):\n    number = models.CharField(max_length=20)\n    placed_at = models.DateTimeField()",
)
SYSTEM = "You are a careful engineer. Read before you write, say what you did, and leave the tests green.\n" * 40


def tool(name: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    return {"name": name, "description": f"{name}: see the manual.", "input_schema": schema}


def _turn(task: int, turn: int) -> tuple[list[dict[str, Any]], str]:
    """An assistant's turn, and what its tool gave."""
    words, file = TASKS[task % len(TASKS)]
    name = TOOLS[(task + turn) % 5]
    thinking = f"I have to look at {file} first; {words.split('.')[0].lower()}."
    blocks = [
        {"type": "thinking", "thinking": thinking, "signature": "c2lnbmF0dXJl" * 24},
        {"type": "tool_use", "id": f"toolu_{task:02d}{turn:04d}", "name": name, "input": {"path": f"src/{file}"}},
    ]
    return blocks, LINES[(task + turn) % len(LINES)] * (1 + turn % 3)


@lru_cache(20_000)
def request(model: str, messages: int, tools: int, stream: bool, task: int, session: str) -> bytes:
    """A conversation of ``messages`` (an odd number), as it comes whole with each turn."""
    said: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": TASKS[task % len(TASKS)][0]}]}]
    for turn in range(messages // 2):
        blocks, result = _turn(task, turn)
        given = {"type": "tool_result", "tool_use_id": blocks[-1]["id"], "content": result}
        said += [{"role": "assistant", "content": blocks}, {"role": "user", "content": [given]}]
    body = {
        "model": model,
        "max_tokens": 32_000,
        "stream": stream,
        "system": [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}],
        "messages": said,
        "thinking": {"type": "adaptive"},
    }
    if tools:
        body["tools"] = [tool(name) for name in (*TOOLS, *(f"mcp__wiki__page_{number}" for number in range(9)))[:tools]]
    if session:
        body["metadata"] = {"user_id": f"user_3f_account__session_{session}"}
    return json.dumps(body, separators=(",", ":")).encode()


def answer(task: int, calls: tuple[str, ...], *, cut: bool) -> list[dict[str, Any]]:
    """The blocks of an answer; ``cut``: the client left in its middle."""
    words, file = TASKS[task % len(TASKS)]
    text = f"I read `src/{file}`: the clock is read twice, so that a minute may have 59.99 seconds. {words}"
    blocks: list[dict[str, Any]] = [
        {
            "type": "thinking",
            "thinking": f"What {file} does first is not what its test wants.",
            "signature": "c2ln" * 60,
        },
        {"type": "text", "text": text[: 60 if cut else None]},
    ]
    edit = {"path": f"src/{file}", "old": "now()", "new": "began"}
    uses = [
        {"type": "tool_use", "id": f"toolu_{task}{at}", "name": name, "input": edit} for at, name in enumerate(calls)
    ]
    return blocks + uses
