"""Brains: what decides the next turn. By rules over the request, by a script, or by ``[[scenario:NAME]]``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from tests.simulator.turns import (
    Call,
    Chooser,
    Reasoning,
    Refusal,
    Request,
    Search,
    Text,
    Turn,
    Wire,
    answered_call,
    error_turn,
    fillers,
    history_index,
    last_user_text,
    page_turn,
)


class Brain:
    """A scenario. ``turn`` sees the request and how many turns of the model it already holds."""

    def __call__(self, request: Request) -> Turn:
        return self.turn(request, history_index(request))

    def turn(self, request: Request, history_index: int) -> Turn:
        raise NotImplementedError


class Steps(Brain):
    """One turn after the other, chosen by the history in the request, so that repeats get the same; the last one
    stays. Safe with retries, unlike a queue."""

    def __init__(self, *turns: Turn) -> None:
        self._turns: Sequence[Turn] = turns

    def turn(self, request: Request, history_index: int) -> Turn:
        return self._turns[min(history_index, len(self._turns) - 1)]


When = str | Callable[[Request], bool]


class Rules(Brain):
    """The first rule that fits: (when, turn or brain). ``when`` is a predicate, or the name of the function whose
    output came last; ``""`` fits where none did."""

    def __init__(self, *rules: tuple[When, Turn | Chooser]) -> None:
        self._rules = rules

    def turn(self, request: Request, history_index: int) -> Turn:
        for when, then in self._rules:
            fits = answered_call(request) == when if isinstance(when, str) else when(request)
            if fits:
                return then if isinstance(then, Turn) else then(request)
        return echo(request)


def file_job(path: str, text: str = "hello\n") -> Brain:
    """A coding job: write a file, read it and count its bytes at once, report."""
    write = Call("Write", json.dumps({"file_path": path, "content": text}))
    read = Call("Read", fillers({"file_path": path}, "offset", "limit"))
    count = Call("Bash", json.dumps({"command": f"wc -c < {path}", "description": "Count bytes"}))
    return Rules(
        (lambda request: not request.get("tools"), echo),
        ("", Turn((Reasoning(("I will write the file.",)), Text("Writing.", "commentary"), write))),
        ("Write", Turn((Reasoning(), read, count))),
        (lambda request: True, Turn((Text("The file is written.", "final_answer"),))),
    )


def weather(request: Request) -> Turn:
    """A thought and a call; once it is answered, the answer in words."""
    if answered_call(request):
        return Turn((Text("It is 7 °C in Oslo.", "final_answer"),))
    return Turn((Reasoning(("Look.",)), Call("get_weather", fillers({"city": "Oslo"}, "unit"))))


def echo(request: Request) -> Turn:
    """Says what the user said; where a schema is asked, a text that fits it."""
    wanted = (request.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_schema":
        return Turn((Text(example(wanted["schema"])),))
    return Turn((Text(f"You said: {last_user_text(request)[:200]}"),))


SCENARIOS: dict[str, Turn | Chooser] = {
    "echo": echo,
    "tool": weather,
    "thinking": Turn((Reasoning(("First this.", "Then that.")), Text("Done."))),
    "search": Turn(
        (
            Search("weather in Oslo", ("https://weather.example/oslo",)),
            Text("Rain.", citations=(("https://weather.example/oslo", "Oslo"),)),
        )
    ),
    "refusal": Turn((Refusal("I can't help with that."),)),
    "long": Turn((Text("word " * 400),), step=5, delay=0.02),
    "tiny_chunks": Turn((Text("Crème brûlée, 東京, 🙂."),), step=2, wire=Wire(split=3)),
    "max_tokens": Turn((Text("This answer is too"),), ending="max_output_tokens"),
    "content_filter": Turn((Text("This answer is"),), ending="content_filter"),
    "failed": Turn((Text("This answer fails."),), ending="failed"),
    "failed_at_once": Turn((), ending="failed"),
    "cut_stream": Turn((Text("This will be cut short by the network."),), ending="eof"),
    "reset": Turn((Text("This will be reset by the network."),), fault="reset"),
    "silence": Turn((Text("This will stop."),), fault="silent_stream"),
    "html": Turn(fault="html"),
    "rate_limit": error_turn(429, "rate_limit_exceeded", "Rate limit reached.", type="tokens", retry_after="1"),
    "quota": error_turn(429, "insufficient_quota", "You exceeded your current quota.", type="insufficient_quota"),
    "overloaded": error_turn(503, "server_is_overloaded", "Overloaded.", type="service_unavailable_error"),
    "server_error": error_turn(500, "server_error"),
    "gateway": page_turn(502),
    "overflow": error_turn(
        400, "context_length_exceeded", "Your input exceeds the context window of this model.", param="input"
    ),
}


def default_brain(request: Request) -> Turn:
    """``[[scenario:NAME]]`` in the user's text chooses a scenario; else an echo."""
    chosen = re.search(r"\[\[scenario:(\w+)\]\]", last_user_text(request))
    return play(SCENARIOS.get(chosen[1], echo) if chosen else echo, request)


def play(scenario: Turn | Chooser, request: Request) -> Turn:
    return scenario if isinstance(scenario, Turn) else scenario(request)


def example(schema: dict[str, Any]) -> str:
    """A JSON text that fits ``schema`` (its strict subset)."""
    definitions = schema.get("$defs") or {}

    def value(shape: dict[str, Any]) -> Any:
        if "$ref" in shape:
            return value(definitions.get(str(shape["$ref"]).rpartition("/")[2], {}))
        if "enum" in shape:
            return shape["enum"][0]
        if "const" in shape:
            return shape["const"]
        if "anyOf" in shape:
            return value(shape["anyOf"][0])
        kind = shape.get("type")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return {name: value(inner) for name, inner in shape.get("properties", {}).items()}
        if kind == "array":
            return [value(shape.get("items") or {})]
        return {"string": "text", "integer": 7, "number": 1.5, "boolean": True}.get(str(kind))

    return json.dumps(value(schema))
