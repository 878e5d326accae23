"""Counting for the API: what is remembered, what is done at once, what waits for a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bridge_api.tokens import counting, encodings, service

LONG = "A sentence that is told again and again. " * 200


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[service.Memory]:
    """A memory of its own for each test."""
    fresh = service.Memory(limit=100)
    monkeypatch.setattr(service, "memory", fresh)
    monkeypatch.setattr(
        service,
        "_thorough",
        counting.Means(encodings.length, fresh.remember, service.documents.pages, service._seen),
    )
    encodings.encoding()
    yield fresh


def request(text: str = LONG) -> dict[str, Any]:
    return {"model": "gpt-5.4", "input": [{"role": "user", "content": text}]}


def plain(payload: dict[str, Any]) -> int:
    return counting.count(payload, encodings.length)


def test_before_the_vocabulary_is_there_an_estimate_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    monkeypatch.setattr(encodings, "is_loaded", lambda: False)
    monkeypatch.setattr(encodings, "warm", lambda: begun.append(True))
    assert service.remembered_or_cheap(request("hi")) is None
    assert begun == [True]


def test_a_long_text_that_is_new_is_not_encoded_at_once() -> None:
    assert service.remembered_or_cheap(request()) is None


def test_many_small_texts_are_not_cheap_together() -> None:
    items = [{"role": "user", "content": f"{at}" + "x" * 400} for at in range(20)]
    assert service.remembered_or_cheap({"model": "gpt-5.4", "input": items}) is None


def test_a_tool_whose_schema_refers_to_others_is_not_counted_at_once() -> None:
    tool = {
        "type": "function",
        "name": "f",
        "parameters": {"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}}},
    }
    assert service.remembered_or_cheap({**request("hi"), "tools": [tool]}) is None


def test_a_small_request_is_counted_at_once() -> None:
    assert service.remembered_or_cheap(request("hi")) == plain(request("hi"))


async def test_what_was_counted_once_is_remembered() -> None:
    counted = await service.count(request())
    assert counted == plain(request())
    assert service.remembered_or_cheap(request()) == counted


async def test_the_next_turn_costs_only_what_is_new() -> None:
    await service.count(request())
    longer = request()
    longer["input"].append({"role": "user", "content": "and now?"})
    assert service.remembered_or_cheap(longer) == plain(longer)


async def test_long_work_runs_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    real = encodings.length

    def length(text: str) -> int:
        threads.append(threading.current_thread())
        return real(text)

    monkeypatch.setattr(service, "_thorough", counting.Means(length, service.memory.remember))
    await service.count(request())
    assert threads
    assert threading.main_thread() not in threads


async def test_a_file_is_never_read_on_the_event_loop() -> None:
    part = {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0x"}
    payload = {"model": "gpt-5.4", "input": [{"role": "user", "content": [part]}]}
    assert service.remembered_or_cheap(payload) is None
    counted = await service.count(payload)
    assert service.remembered_or_cheap(payload) == counted


async def test_a_model_that_is_given_is_counted_for() -> None:
    for request_ in ({"input": "hi"}, {"input": "hi", "model": "gpt-5"}):
        assert await service.count(request_, "gpt-4o") == plain({"input": "hi", "model": "gpt-4o"})
    assert await service.count({"input": "hi", "model": "gpt-5"}) == plain({"input": "hi", "model": "gpt-5"})


async def test_the_size_of_reasoning_is_remembered_from_its_answer() -> None:
    thought = {"type": "reasoning", "encrypted_content": "gAAAA" + "x" * 3000, "summary": []}
    usage = {"output_tokens": 50, "output_tokens_details": {"reasoning_tokens": 37}}
    service.remember_answer([thought], usage, "gpt-5.6")
    while service.memory.get("answer", thought["encrypted_content"]) is None:  # noqa: ASYNC110 - learned by a thread
        await asyncio.sleep(0.001)
    assert await service.count({"model": "gpt-5.6", "input": [thought]}) == 2 + 37 + 2


def test_the_memory_is_bounded_and_forgets_what_was_not_used() -> None:
    small = service.Memory(limit=2)
    for text in ("a", "b"):
        small.put("text", text, 1)
    assert small.get("text", "a") == 1
    small.put("text", "c", 1)
    assert small.get("text", "b") is None
    assert small.get("text", "a") == 1
    assert len(small) == 2


def test_kinds_are_kept_apart() -> None:
    small = service.Memory()
    small.put("text", "a", 1)
    assert small.get("tools", "a") is None
