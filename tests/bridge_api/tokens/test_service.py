"""Counting for the API: what is remembered, what is done at once, what waits for a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bridge_api.tokens import counting, encodings, service
from tests.bridge_api.tokens.test_media import jpeg, url

LONG = "A sentence that is told again and again. " * 200


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[service.Memory]:
    """A memory of its own for each test."""
    fresh = service.Memory(limit=100)
    monkeypatch.setattr(service, "memory", fresh)
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
    encoded = watched(monkeypatch)
    await service.count(request())
    assert encoded
    assert threading.main_thread() not in [thread for thread, _ in encoded]


async def test_no_part_of_a_large_request_is_looked_at_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = {"input": [{"role": "user", "content": "a"}] * 3}
    threads: list[threading.Thread] = []
    real = counting.count

    def count(*args: Any) -> int:
        threads.append(threading.current_thread())
        return real(*args)

    def look(looked: dict[str, Any]) -> int:
        threads.append(threading.current_thread())
        return len(looked)

    monkeypatch.setattr(counting, "count", count)
    counted = await service.count(payload, large=True)
    assert counted == real(payload, encodings.length)
    assert await service.beside(payload, look, large=True) == len(payload)
    assert len(threads) == 2
    assert threading.main_thread() not in threads
    threads.clear()
    assert await service.beside(payload, look, large=False) == len(payload)
    assert threads == [threading.main_thread()]


def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[threading.Thread, int]]:
    """The thread and the characters of everything that is encoded from now on."""
    encoded: list[tuple[threading.Thread, int]] = []
    real = encodings.length

    def length(text: str) -> int:
        encoded.append((threading.current_thread(), len(text)))
        return real(text)

    monkeypatch.setattr(encodings, "length", length)
    return encoded


async def test_a_thread_encodes_only_so_much_for_one_count(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [{"role": "user", "content": f"{at} {LONG}"} for at in range(20)]
    payload = {"model": "gpt-5.4", "input": items}
    exact = plain(payload)
    encoded = watched(monkeypatch)
    monkeypatch.setattr(service, "WORK", 20_000)
    counted = await service.count(payload)
    assert isinstance(counted, counting.Rough)
    assert abs(counted - exact) < exact / 50
    assert sum(length for _, length in encoded) <= 20_000
    assert len(service.memory) == 2, "what was judged by its length is not remembered"
    assert service.remembered_or_cheap({"model": "gpt-5.4", "input": items[:2]}) is not None


async def test_very_many_small_texts_are_work_too(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = watched(monkeypatch)
    monkeypatch.setattr(service, "WORK", 1_000)
    items = [{"role": "user", "content": str(at)} for at in range(1_000)]
    assert service.remembered_or_cheap({"model": "gpt-5.4", "input": items}) is None
    assert isinstance(await service.count({"model": "gpt-5.4", "input": items}), counting.Rough)
    assert sum(length > 0 for _, length in encoded) < 300


async def test_one_count_reads_files_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def pages(encoded: str) -> counting.Pages:
        opened.append(encoded)
        return counting.Pages(["text"], 1)

    def file(at: int) -> dict[str, Any]:
        return {"type": "input_file", "file_data": f"data:application/pdf;base64,JVBERi0x{at}" + "A" * 8_000}

    monkeypatch.setattr(service.documents, "pages", pages)
    monkeypatch.setattr(service, "monotonic", iter(range(99)).__next__)
    payload = {"model": "gpt-5.4", "input": [{"role": "user", "content": [file(at) for at in range(9)]}]}
    counted = await service.count(payload)
    assert isinstance(counted, counting.Rough)
    assert len(opened) == service.READING == len(service.memory)
    assert counted > 6 * 100


def test_many_texts_are_not_cheap_together_even_when_they_are_remembered() -> None:
    def asked(texts: int) -> dict[str, Any]:
        return {"model": "gpt-5.4", "input": [{"role": "user", "content": "a"}] * texts}

    assert service.remembered_or_cheap(asked(500)) == plain(asked(500))
    assert service.remembered_or_cheap(asked(1_500)) is None


def test_a_picture_is_cheap_unless_its_header_is_long() -> None:
    def asked(data_url: str) -> dict[str, Any]:
        parts = [{"type": "input_image", "image_url": data_url}]
        return {"model": "gpt-5.4", "input": [{"role": "user", "content": parts}]}

    light, heavy = url(jpeg(640, 480) + bytes(400_000)), url(jpeg(640, 480, camera_data=300_000))
    assert service.remembered_or_cheap(asked(light)) == plain(asked(light))
    assert service.remembered_or_cheap(asked(heavy)) is None


def test_functions_nested_beyond_what_has_a_key_are_not_counted_at_once() -> None:
    shape: dict[str, Any] = {}
    for _ in range(2_000):
        shape = {"type": "object", "properties": {"a": shape}}
    tool = {"type": "function", "name": "f", "parameters": shape}
    assert service.remembered_or_cheap({**request("hi"), "tools": [tool]}) is None


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
