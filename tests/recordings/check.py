"""Checks of one recorded upstream stream: translated, it must be what Anthropic's own clients accept.

Four judges: the grammar, the accumulator of the Anthropic SDK, the bridge's own whole-message translation,
and the upstream's final items (text, arguments and summaries must arrive unchanged).
"""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anthropic._models import construct_type
from anthropic._streaming import SSEDecoder
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent

from bridge_api import capabilities
from bridge_api.errors import BridgeError
from bridge_api.schemas.stream import encode, error_record
from bridge_api.sse import Decoder
from bridge_api.translation import response
from bridge_api.translation.filler_policy import FillerPolicy
from bridge_api.translation.plan import AnswerPlan, ToolInfo
from bridge_api.translation.stream import AnswerMachine
from tests import grammar

DEFAULT_DIR = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "recordings"


def recordings_dir() -> Path:
    return Path(os.environ.get("RECORDINGS_DIR") or DEFAULT_DIR).resolve()


@dataclass(frozen=True)
class Recording:
    name: str
    stream: bytes
    request: dict[str, Any] | None


def load(folder: Path) -> Iterator[Recording]:
    """The recorded streams below ``folder`` (or its ``streams``); one that holds several responses is split."""
    streams = folder / "streams" if (folder / "streams").is_dir() else folder
    for path in sorted(streams.glob("**/*.sse")):
        raw = path.read_bytes()
        if not _is_responses_stream(raw):
            continue
        known = path.with_suffix(".request.json")
        request = json.loads(known.read_bytes()) if known.exists() else None
        for at, part in enumerate(_split(raw)):
            yield Recording(f"{path.stem}{f'#{at}' if at else ''}", part, request)


def _is_responses_stream(raw: bytes) -> bool:
    return b'"type":"response.' in raw[:5000].replace(b" ", b"") or b"event: response." in raw[:5000]


def _split(raw: bytes) -> list[bytes]:
    """Some sources keep two responses of one conversation in one file."""
    starts = [match.start() for match in re.finditer(rb"(?m)^event: response\.created", raw)]
    if len(starts) < 2:
        return [raw]
    return [raw[start:end] for start, end in zip(starts, [*starts[1:], len(raw)], strict=True)]


def plan_for(recording: Recording) -> AnswerPlan:
    request = recording.request or {}
    model = str(request.get("model") or "gpt-6.1-sol")
    tools = {}
    for tool in request.get("tools") or []:
        if isinstance(tool, dict) and tool.get("type") == "function" and tool.get("name"):
            policy = FillerPolicy.from_schema(tool.get("parameters") or {})
            tools[tool["name"]] = ToolInfo(tool["name"], None, policy)
    return AnswerPlan("claude-opus-5-5", model, capabilities.of(model), tools=tools, show_thinking=True)


@dataclass
class Translation:
    stream: bytes
    message: dict[str, Any] | None
    failure: BridgeError | None


def translate(plan: AnswerPlan, chunks: Iterable[bytes], *, whole: bool = False) -> Translation:
    """What the bridge makes of an upstream stream that arrives in ``chunks``; ``whole``: for a client that
    does not stream."""
    machine = AnswerMachine(plan, message_id="msg_0", input_tokens=1, whole=whole)
    decoder, fold, out = Decoder(), response.Fold(), []
    for chunk in chunks:
        events = machine.receive(decoder.feed(chunk))
        fold.add(events)
        out += [encode(event) for event in events]
    events = machine.close("eof")
    fold.add(events)
    out += [encode(event) for event in events]
    if machine.failure is not None:
        out.append(error_record(machine.failure, "req_0"))
        return Translation(b"".join(out), None, machine.failure)
    message = json.loads(response.encode(fold.message(machine)))
    return Translation(b"".join(out), message, None)


def accumulated(stream: bytes) -> dict[str, Any]:
    """The Message that the Anthropic SDK makes of a stream."""
    snapshot = None
    json_bufs: dict[int, bytes] = {}
    for record in SSEDecoder().iter_bytes(iter([stream])):
        if record.event in (None, "ping", "error"):
            continue
        event = construct_type(type_=RawMessageStreamEvent, value=record.json())
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=json_bufs)
    assert snapshot is not None
    return json.loads(snapshot.to_json())


def check(recording: Recording, *, partitions: int = 3) -> None:
    """Raise AssertionError with a reason where the translation of ``recording`` is wrong."""
    plan = plan_for(recording)
    whole = translate(plan, [recording.stream])
    grammar.check(whole.stream)
    final = final_response(recording.stream)
    if whole.failure is not None:
        assert final is None or final.get("status") == "failed", f"failed: {whole.failure.code}"
        return
    assert whole.message is not None
    _same_message(whole.message, accumulated(whole.stream))
    unwatched = translate(plan, [recording.stream], whole=True)
    assert unwatched.message == whole.message, "the answer differs for a client that does not stream"
    if final is not None:
        _same_content(whole.message, final, recording.stream)
    draw = random.Random(recording.name)
    for _ in range(partitions):
        assert translate(plan, _partition(recording.stream, draw)).stream == whole.stream, "split changes output"


def _partition(stream: bytes, draw: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(stream):
        step = draw.choice((1, 2, 7, 40, 300, 3000))
        yield stream[at : at + step]
        at += step


_ONLY_WHOLE = ("cache_creation", "service_tier", "speed", "inference_geo")


def _same_message(message: dict[str, Any], streamed: dict[str, Any]) -> None:
    mine, theirs = dict(message), dict(streamed)
    for side in (mine, theirs):
        side.pop("container", None)
        side["usage"] = {
            key: value for key, value in side["usage"].items() if value is not None and key not in _ONLY_WHOLE
        }
        side["content"] = [
            {key: value for key, value in block.items() if not (key == "citations" and not value)}
            for block in side["content"]
        ]
        if side["stop_reason"] in ("max_tokens", "refusal"):
            # The stream has shown the start of a call that was cut off; the whole message leaves it out.
            side["content"] = [block for block in side["content"] if block["type"] != "tool_use"]
    assert mine == theirs, "stream and whole message differ"


def final_response(stream: bytes) -> dict[str, Any] | None:
    """The terminal response object, with its output rebuilt from finished items where it has none."""
    final, items = None, []
    for record in SSEDecoder().iter_bytes(iter([stream])):
        if not record.data.startswith("{"):
            continue
        data = record.json()
        if data.get("type") == "response.output_item.done":
            items.append(data["item"])
        if data.get("type") in ("response.completed", "response.incomplete", "response.failed"):
            final = data["response"]
            break
    if final is not None and not final.get("output"):
        final = {**final, "output": items}
    return final


def _same_content(message: dict[str, Any], final: dict[str, Any], stream: bytes) -> None:
    texts, calls, thoughts = [], [], []
    for item in final["output"]:
        if item["type"] == "message":
            texts += [part.get("text") or part.get("refusal") or "" for part in item["content"]]
        elif item["type"] == "function_call" and item.get("status") != "incomplete":
            calls.append((item["call_id"], item["name"], json.loads(item["arguments"] or "{}")))
        elif item["type"] == "reasoning":
            thoughts.append("\n\n".join(part["text"] for part in item["summary"]))
    content = message["content"]
    text = "".join(block["text"] for block in content if block["type"] == "text")
    if "".join(texts) and not _rewritten(stream, "output_text", "text"):
        assert text == "".join(texts), "text differs from the upstream's"
    uses = [(block["id"], block["name"], block["input"]) for block in content if block["type"] == "tool_use"]
    assert [use[:2] for use in uses] == [call[:2] for call in calls], "tool calls differ from the upstream's"
    for (_, _, mine), (_, _, theirs) in zip(uses, calls, strict=True):
        if not _rewritten(stream, "function_call_arguments", "arguments"):
            assert mine == {key: value for key, value in theirs.items() if key in mine}, "arguments differ"
            assert all(theirs[key] in (None, "", [], {}) for key in theirs if key not in mine), "argument lost"
    shown = [block["thinking"] for block in content if block["type"] == "thinking"]
    if not _rewritten(stream, "reasoning_summary_text", "text"):
        assert [text for text in shown if text] == [text for text in thoughts if text], "summaries differ"


def _rewritten(stream: bytes, kind: str, field: str) -> bool:
    """Whether the deltas do not join to the final text: a recorder masked some, or the upstream wrote anew."""
    joined, final = "", ""
    for record in SSEDecoder().iter_bytes(iter([stream])):
        if record.data.startswith("{"):
            data = record.json()
            if data.get("type") == f"response.{kind}.delta":
                joined += data["delta"]
            elif data.get("type") == f"response.{kind}.done":
                final += data[field]
    return joined != final
