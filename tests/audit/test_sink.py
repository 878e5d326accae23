"""The way to the database: nobody waits longer than needed, and nothing is lost."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DataError, OperationalError

from audit import promise as promise_module
from audit import recovery
from audit import sink as module
from audit.promise import Promise
from audit.sink import Sink
from audit.spool import Spool
from audit.store import Entry
from tests.audit.payloads import beginning, end

Make = Callable[..., Sink]


class Database:
    """Stands for the database: ``away`` refuses all, ``odd`` those entries that it would never take."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.again: list[bool] = []
        self.away = False
        self.odd: set[str] = set()
        self.why: Exception = DataError("no")
        self.gate = threading.Event()
        self.gate.set()

    def write(self, entries: list[Entry], *, again: bool = False) -> None:
        self.gate.wait(10)
        if self.away:
            raise OperationalError("database is locked")
        ids = [str(entry.values["request_id"]) for entry in entries]
        if self.odd & set(ids):
            raise self.why
        self.groups.append(ids)
        self.again.append(again)

    @property
    def rows(self) -> list[str]:
        return [one for group in self.groups for one in group]


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def make(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Make]:
    """A sink on ``database`` with a spool, without Django's connection."""
    made: list[Sink] = []
    monkeypatch.setattr(Sink, "_connect", lambda self, patience: None)
    monkeypatch.setattr(module, "say_alive", lambda *args: None)
    monkeypatch.setattr(module, "say_goodbye", lambda worker: None)
    monkeypatch.setattr(recovery, "adopt", lambda folder, own: 0)
    monkeypatch.setattr(module, "AGAIN", 0.02)
    monkeypatch.setattr(module, "LINGER", 0.02)

    def new(**changed: Any) -> Sink:
        made.append(Sink(tmp_path, writer=database.write, **changed))
        return made[-1]

    yield new
    database.away = False
    database.gate.set()
    for one in made:
        one.stop()


def ask(sink: Sink, number: int, *, required: bool = False) -> Promise:
    promise = Promise(required=required)
    sink.put(lambda: beginning(number), urgent=True, promise=promise)
    return promise


async def eventually(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")


async def test_an_entry_that_cannot_be_made_is_counted_and_stops_no_other(
    make: Make, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    sink = make()

    def broken() -> Entry:
        raise KeyError("secret text")

    sink.put(broken)
    assert await ask(sink, 1).wait()
    assert sink.flush()
    assert (database.rows, sink.lost) == (["req_1"], 1)
    assert "1 audit rows were lost: KeyError" in caplog.text
    assert "secret text" not in caplog.text


async def test_an_answer_waits_until_its_beginning_is_written(make: Make, database: Database) -> None:
    sink = make()
    database.gate.clear()
    waiting = asyncio.create_task(ask(sink, 1).wait())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    database.gate.set()
    assert await waiting
    assert database.rows == ["req_1"]


async def test_a_cancelled_wait_harms_nobody(make: Make, database: Database) -> None:
    sink = make()
    database.gate.clear()
    first, second = (asyncio.create_task(ask(sink, number).wait()) for number in (1, 2))
    await asyncio.sleep(0.02)
    first.cancel()
    database.gate.set()
    assert await second
    assert database.rows == ["req_1", "req_2"]


async def test_who_waits_too_long_goes_on_unless_the_trail_is_required(
    make: Make, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promise_module, "LONGEST_WAIT", 0.01)
    sink = make()
    database.gate.clear()
    assert await ask(sink, 1).wait()
    assert not await ask(sink, 2, required=True).wait()


async def test_a_database_that_is_away_is_caught_up_with_from_disk(
    make: Make, database: Database, tmp_path: Path
) -> None:
    sink = make()
    database.away = True
    assert all(await asyncio.gather(*(ask(sink, number).wait() for number in range(20))))
    sink.put(lambda: end(1))
    await eventually(lambda: sink.spooled == 21)
    assert database.rows == []
    assert (tmp_path / f"{sink.worker}.spool").stat().st_size > 0
    database.away = False
    assert sink.flush(5)
    assert sorted(database.rows) == sorted([f"req_{number}" for number in range(20)] + ["req_1"])
    assert all(database.again)
    assert (tmp_path / f"{sink.worker}.spool").stat().st_size == 0


async def test_a_trail_that_is_required_refuses_while_the_database_is_away_and_keeps_the_rows(
    make: Make, database: Database
) -> None:
    sink = make(required=True)
    database.away = True
    assert not await ask(sink, 1, required=True).wait()
    database.away = False
    assert sink.flush(5)
    assert database.rows == ["req_1"]
    assert await ask(sink, 2, required=True).wait()


@pytest.mark.parametrize("why", [DataError("no"), OverflowError("too large"), AttributeError("no")])
async def test_a_row_that_the_database_refuses_is_put_aside_and_stops_no_other(
    make: Make, database: Database, tmp_path: Path, why: Exception
) -> None:
    sink = make()
    database.why = why
    database.odd = {"req_2"}
    database.gate.clear()
    promises = [ask(sink, number) for number in range(1, 4)]
    database.gate.set()
    assert all([await promise.wait() for promise in promises])
    assert database.rows == ["req_1", "req_3"]
    assert b"req_2" in (tmp_path / f"{sink.worker}.rejected").read_bytes()
    assert sink.lost == 0


async def test_a_disk_that_is_full_too_keeps_the_rows_in_memory(
    make: Make, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: Spool, entries: list[Entry]) -> None:
        raise OSError(28, "No space left on device")

    sink = make()
    database.away = True
    monkeypatch.setattr(Spool, "append", full)
    monkeypatch.setattr(module, "HEARTBEAT", 0.01)
    beats: list[int] = []
    sink.on_beat.append(lambda one: beats.append(one.queued))
    with caplog.at_level(logging.WARNING, logger="bridge.audit"):
        assert await ask(sink, 1).wait()
        await eventually(lambda: 1 in beats)
        # Nobody waits for what cannot be promised, and the operator is told once.
        monkeypatch.setattr(module, "AGAIN", 5.0)
        await asyncio.wait_for(ask(sink, 2).wait(), 2)
        monkeypatch.setattr(module, "AGAIN", 0.02)
        assert (sink.lost, database.rows) == (0, [])
        database.away = False
        assert sink.flush(10)
    assert sorted(database.rows) == ["req_1", "req_2"]
    assert [one.getMessage() for one in caplog.records if "memory" in one.getMessage()] == [
        "audit rows wait in memory: neither the database nor the disk takes them",
        "audit rows that waited in memory have a place again",
    ]


async def test_when_nothing_takes_a_row_its_loss_is_counted_and_logged(
    make: Make, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: Spool, entries: list[Entry]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spool, "append", full)
    sink = make(capacity=2)
    database.gate.clear()
    with caplog.at_level(logging.ERROR, logger="bridge.audit"):
        for number in range(5):
            sink.put(lambda number=number: beginning(number))  # type: ignore[misc]
    database.gate.set()
    assert sink.flush(5)
    assert sink.lost + len(database.rows) == 5
    assert sink.lost > 0
    assert "audit rows were lost" in caplog.text


async def test_a_queue_that_is_full_goes_straight_to_disk(make: Make, database: Database) -> None:
    sink = make(capacity=3)
    database.gate.clear()
    promises = [ask(sink, number) for number in range(10)]
    await asyncio.sleep(0.05)
    database.gate.set()
    assert all([await promise.wait() for promise in promises])
    assert sink.flush(5)
    assert sorted(database.rows) == [f"req_{number}" for number in range(10)]
    assert sink.lost == 0


async def test_a_database_that_hangs_holds_up_nobody_for_long(
    make: Make, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STUCK", 0.05)
    monkeypatch.setattr(promise_module, "LONGEST_WAIT", 0.2)
    sink = make()
    database.gate.clear()
    assert await ask(sink, 1).wait()
    # Who goes on may be killed: what was promised is on disk by then.
    assert sink.spooled == 1
    # Known to hang by now: the next ones go to the disk and wait for nothing.
    monkeypatch.setattr(promise_module, "LONGEST_WAIT", 60.0)
    assert await ask(sink, 2).wait()
    sink.required = True
    assert not await ask(sink, 3, required=True).wait()
    sink.required = False
    assert sink.spooled == 3
    database.gate.set()
    assert sink.flush(5)
    assert set(database.rows) == {"req_1", "req_2", "req_3"}


async def test_a_database_that_hangs_and_a_full_disk_together_lose_nothing_that_memory_has_room_for(
    make: Make, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Spool, entries: list[Entry]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spool, "append", full)
    monkeypatch.setattr(module, "STUCK", 0.05)
    monkeypatch.setattr(promise_module, "LONGEST_WAIT", 0.1)
    sink = make()
    database.gate.clear()
    for number in range(4):
        assert await ask(sink, number).wait()
    database.gate.set()
    assert sink.flush(5)
    assert (sink.lost, set(database.rows)) == (0, {"req_0", "req_1", "req_2", "req_3"})


async def test_what_others_have_left_is_looked_for_now_and_then(
    make: Make, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that never comes back is settled by those that run."""
    looks: list[str] = []
    monkeypatch.setattr(recovery, "adopt", lambda folder, own: looks.append(own) or 0)
    monkeypatch.setattr(module, "RECOVERY", 0.01)
    sink = make()
    assert await ask(sink, 1).wait()
    await eventually(lambda: len(looks) >= 3)
    assert set(looks) == {sink.worker}


async def test_a_database_that_is_away_is_told_once(
    make: Make, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    sink = make()
    database.away = True
    with caplog.at_level(logging.WARNING, logger="bridge.audit"):
        for number in range(5):
            await ask(sink, number).wait()
            await asyncio.sleep(0.03)
        database.away = False
        assert sink.flush(5)
    assert [one.getMessage() for one in caplog.records] == [
        "audit rows wait on disk: the database says OperationalError",
        "audit rows that waited on disk are in the database: 5",
    ]


async def test_what_waits_together_is_written_together(make: Make, database: Database) -> None:
    sink = make()
    database.gate.clear()
    promises = [ask(sink, number) for number in range(50)]
    await asyncio.sleep(0.02)
    database.gate.set()
    for promise in promises:
        assert await promise.wait()
    assert len(database.groups) <= 3


def test_an_end_needs_no_event_loop_and_is_written_without_anybody_waiting(make: Make, database: Database) -> None:
    sink = make()
    sink.put(lambda: end(1))
    assert sink.flush()
    assert database.rows == ["req_1"]


def test_what_is_queued_at_the_end_of_the_process_is_written_first(make: Make, database: Database) -> None:
    sink = make()
    for number in range(100):
        sink.put(lambda number=number: end(number))  # type: ignore[misc]
    sink.stop()
    assert len(database.rows) == 100


def test_a_process_that_ends_without_a_database_leaves_its_rows_on_disk(
    make: Make, database: Database, tmp_path: Path
) -> None:
    sink = make()
    database.away = True
    sink.put(lambda: end(1))
    sink.stop()
    assert (tmp_path / f"{sink.worker}.spool").read_bytes().count(b"\n") == 1


def test_a_process_that_cannot_say_goodbye_leaves_its_file_so_that_the_next_settles_the_rest(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def away(worker: str) -> None:
        raise OperationalError("database is locked")

    first, second = make(), make()
    for sink in (first, second):
        sink.put(lambda: end(1))
        assert sink.flush()
    first.stop()
    monkeypatch.setattr(module, "say_goodbye", away)
    second.stop()
    assert [path.stem for path in tmp_path.glob("*.spool")] == [second.worker]


def test_every_entry_carries_its_process(make: Make, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    sink, written = make(), []
    sink._writer = lambda entries: written.extend(entries)
    sink.put(lambda: beginning(1))
    assert sink.flush()
    assert written[0].values["worker"] == sink.worker
