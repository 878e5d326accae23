"""The simulator against recorded traffic: it takes what the real API took, and refuses what it refused, likewise."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.recordings.check import recordings_dir
from tests.simulator.strict import RULES, ApiError, validate

FOLDER = recordings_dir()
needs_recordings = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no recordings in {FOLDER}: set RECORDINGS_DIR to judge the simulator by real traffic"
)


def recorded(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """(name, whole record) of requests to this endpoint."""
    found = []
    lines = (FOLDER / "manifest.jsonl").read_text().splitlines()
    here = {one["name"] for one in map(json.loads, lines) if (one.get("urlpath") or "").endswith("/responses")}
    for path in sorted((FOLDER / kind).glob("*.json")):
        if path.name.removesuffix(".json").removesuffix(".request") not in here:
            continue
        kept = json.loads(path.read_bytes())
        kept = {"request": kept, "status": 200} if path.name.endswith(".request.json") else kept
        if isinstance(kept.get("request"), dict) and "input" in kept["request"]:
            found.append((path.name, kept))
    return found


@needs_recordings
def test_no_rule_refuses_what_the_real_api_took() -> None:
    """The types are narrower than the server here and there; the rules must not be."""
    refused: dict[str, str] = {}
    taken = recorded("streams") + recorded("responses")
    for name, kept in taken:
        for rule in RULES:
            try:
                rule(kept["request"])
            except ApiError as error:
                refused[f"{rule.__name__}: {name}"] = error.message
    assert len(taken) > 1_500
    assert refused == {}


# What the server took and the package's types do not know, so that the bridge must never send it.
NARROWER = {
    "a function without strict": "Missing required parameter: 'tools[",
    "a field of Codex": "Unknown parameter: 'client_metadata'",
    "an image without detail": ".detail'.",
    "reasoning without an id": ".id'.",
    "null sources of a search": "action.sources",
    "an image call without its result": ".result'.",
    "a status of null or another kind": ".status'.",
    "arguments on a message": ".arguments'.",
}


@needs_recordings
def test_what_only_the_types_refuse_is_known_by_kind() -> None:
    seen: Counter[str] = Counter()
    others = {}
    for name, kept in recorded("streams"):
        try:
            validate(kept["request"], own_reasoning=False)
        except ApiError as error:
            kind = next((kind for kind, words in NARROWER.items() if words in error.message), "")
            seen[kind] += 1
            if not kind:
                others[name] = error.message
    assert others == {}
    assert sum(seen.values()) < 70


# Recorded errors that follow from what the simulator cannot know: the key, what is behind an address, the window.
BEYOND = {"invalid_api_key", "unsupported_file", "context_length_exceeded"}


@needs_recordings
def test_what_the_real_api_refused_is_refused_in_the_same_way() -> None:
    compared = 0
    for name, kept in recorded("errors"):
        error = kept["response"]["error"]
        if error["code"] in BEYOND or kept["status"] is None:
            continue
        with pytest.raises(ApiError) as caught:
            validate(kept["request"], own_reasoning=False)
        found = caught.value
        assert (found.status, found.code, found.param) == (kept["status"], error["code"], error["param"]), name
        assert found.message[:60] == error["message"][:60], name
        compared += 1
    assert compared >= 15
