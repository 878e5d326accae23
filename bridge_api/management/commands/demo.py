"""Play a sample conversation on the scripted upstream: no key, no network, the real server in between."""

from __future__ import annotations

import http.client
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console

TOOL = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string"}},
        "required": ["city"],
    },
}


class Command(BaseCommand):
    help = "Plays a sample conversation through the bridge, streaming, with a tool call."

    def handle(self, *args: Any, **options: Any) -> None:
        from tests.live import start_bridge
        from tests.simulator.script import Call, Reasoning, Request, Text, Turn, outputs_after_last_user
        from tests.simulator.server import Simulator

        def brain(request: Request) -> Turn:
            if outputs_after_last_user(request):
                return Turn((Text("It is 7 °C in Oslo and raining. Take a coat.", "final_answer"),), step=3, delay=0.02)
            thought = "The user wants to know about Oslo. I will ask for the weather there."
            call = Call("get_weather", '{"city":"Oslo","unit":null}')
            return Turn((Reasoning((thought,)), Text("Let me look.", "commentary"), call), step=3, delay=0.02)

        console = Console(soft_wrap=True)
        with Simulator(brain=brain) as simulator, tempfile.TemporaryDirectory() as folder:
            bridge = start_bridge(Path(folder), simulator.base_url)
            try:
                console.print(f"[dim]upstream (scripted): {simulator.base_url}[/]")
                console.print(f"[dim]bridge:              {bridge.base_url}[/]\n")
                _play(console, int(bridge.base_url.rpartition(":")[2]))
            finally:
                bridge.stop()
        console.print("\n[dim]What the model was asked the second time:[/]")
        for item in simulator.requests[-1]["input"]:
            console.print(f"[dim]  {item['type']:22} {_short(item)}[/]", highlight=False)


def _play(console: Console, port: int) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "What is the weather in Oslo?"}]
    console.print("[bold]user[/]      What is the weather in Oslo?")
    while True:
        content = _turn(console, port, messages)
        messages.append({"role": "assistant", "content": content})
        calls = [block for block in content if block["type"] == "tool_use"]
        if not calls:
            return
        results = []
        for call in calls:
            console.print(f"[bold]tool[/]      {call['name']} {json.dumps(call['input'])} -> 7 °C, rain")
            results.append({"type": "tool_result", "tool_use_id": call["id"], "content": "7 °C, rain"})
        messages.append({"role": "user", "content": results})


def _turn(console: Console, port: int, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    body = {
        "model": "claude-opus-5-5",
        "max_tokens": 1000,
        "stream": True,
        "messages": messages,
        "tools": [TOOL],
        "thinking": {"type": "adaptive", "display": "summarized"},
    }
    content: list[dict[str, Any]] = []
    answer = _ask(port, body)
    for event in _events(answer):
        if event["type"] == "error":
            raise SystemExit(event["error"]["message"])
        if event["type"] == "content_block_start":
            content.append({**event["content_block"], "_json": ""})
            label = {"thinking": "thinks", "text": "assistant", "tool_use": "calls"}.get(content[-1]["type"], "")
            console.print(f"[bold]{label:9}[/] ", end="")
        elif event["type"] == "content_block_delta":
            _show(console, content[-1], event["delta"])
        elif event["type"] == "content_block_stop":
            block = content[-1]
            partial = block.pop("_json")
            if block["type"] == "tool_use":
                block["input"] = json.loads(partial or "{}")
            console.print()
        elif event["type"] == "message_delta":
            usage = event["usage"]
            reason = event["delta"]["stop_reason"]
            console.print(f"[dim]          {reason}, {usage['output_tokens']} tokens out[/]", highlight=False)
    ids = f"{answer.headers['request-id']}, correlation {answer.headers['x-correlation-id']}"
    console.print(f"[dim]          in the trail: {ids}[/]", highlight=False)
    return content


def _show(console: Console, block: dict[str, Any], delta: dict[str, Any]) -> None:
    if delta["type"] == "input_json_delta":
        block["_json"] += delta["partial_json"]
        console.print(delta["partial_json"], end="", markup=False, highlight=False)
    elif delta["type"] == "signature_delta":
        block["signature"] = delta["signature"]
    else:
        kind = "thinking" if delta["type"] == "thinking_delta" else "text"
        block[kind] += delta[kind]
        console.print(
            delta[kind], end="", markup=False, highlight=False, style="italic" if kind == "thinking" else None
        )


def _ask(port: int, body: dict[str, Any]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/v1/messages", json.dumps(body), {"content-type": "application/json"})
    return connection.getresponse()


def _events(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    with answer:
        for line in answer:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


def _short(item: dict[str, Any]) -> str:
    shown = {key: value for key, value in item.items() if key not in ("type", "encrypted_content")}
    text = json.dumps(shown, ensure_ascii=False)
    return text if len(text) <= 100 else text[:97] + "..."
