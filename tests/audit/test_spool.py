"""The spool: whole entries, one owner, nothing let go before it is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from audit.spool import Spool, orphans
from tests.audit.payloads import beginning, end


def test_a_file_has_one_owner(tmp_path: Path) -> None:
    own = Spool(tmp_path, "w1")
    with pytest.raises(BlockingIOError):
        Spool(tmp_path, "w1", wait=False)
    assert list(orphans(tmp_path)) == []
    own.append([beginning()])
    own.close()
    (found,) = orphans(tmp_path)
    assert (found.worker, found.waiting) == ("w1", 1)
    found.close()


def test_there_are_no_orphans_where_there_is_no_folder(tmp_path: Path) -> None:
    assert list(orphans(tmp_path / "none")) == []


def test_a_disk_that_is_full_keeps_all_of_a_group_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, "w1")
    spool.append([beginning(1)])
    write = os.write
    monkeypatch.setattr("audit.spool.os.write", lambda file, data: write(file, data[:10]))
    with pytest.raises(OSError, match="full"):
        spool.append([beginning(2)])
    monkeypatch.undo()
    spool.append([beginning(3)])
    entries, _ = spool.batch(10)
    assert [entry.values["request_id"] for entry in entries] == ["req_1", "req_3"]
    assert spool.waiting == 2
    spool.close()


def test_a_line_that_a_crash_cut_short_is_skipped(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "w1")
    spool.append([end(1), end(2)])
    spool.close()
    path = tmp_path / "w1.spool"
    path.write_bytes(path.read_bytes()[:-20])
    (found,) = orphans(tmp_path)
    entries, at = found.batch(10)
    assert [entry.values["request_id"] for entry in entries] == ["req_1"]
    found.done(at, 1)
    found.cut_short()
    found.close()
    assert not path.exists()
    assert b"req_2" in (tmp_path / "w1.rejected").read_bytes()


def test_a_line_that_cannot_be_read_is_put_aside_once_and_stops_no_other(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "w1")
    spool.append([end(1)])
    with spool.path.open("ab") as file:
        file.write(b'{"kind": "finished", "values": [], "attempts": []}\n' + b"\x00" * 30 + b"\n")
    spool.append([end(2)])
    assert spool.batch(10) == spool.batch(10)
    entries, at = spool.batch(10)
    assert [entry.values["request_id"] for entry in entries] == ["req_1", "req_2"]
    spool.done(at, 2)
    assert (tmp_path / "w1.rejected").read_bytes().count(b"\n") == 2
    assert (spool.waiting, spool.path.stat().st_size) == (0, 0)
    spool.close()


def test_what_was_written_is_let_go_and_what_came_meanwhile_stays(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "w1")
    spool.append([end(number) for number in range(5)])
    first, at = spool.batch(3)
    assert len(first) == 3
    spool.append([end(9)])
    spool.done(at, 3)
    rest, at = spool.batch(10)
    assert [entry.values["request_id"] for entry in rest] == ["req_3", "req_4", "req_9"]
    spool.done(at, 3)
    assert (spool.waiting, spool.path.stat().st_size) == (0, 0)
    spool.append([end(10)])
    assert len(spool.batch(10)[0]) == 1
    spool.close()


def test_an_empty_file_goes_with_its_owner_and_is_private(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "new", "w1")
    assert spool.path.stat().st_mode & 0o077 == 0
    assert spool.path.parent.stat().st_mode & 0o077 == 0
    spool.close()
    assert not spool.path.exists()


def test_an_entry_that_no_database_takes_is_put_aside(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "w1")
    spool.reject(end(1))
    assert b"req_1" in (tmp_path / "w1.rejected").read_bytes()
    assert (tmp_path / "w1.rejected").stat().st_mode & 0o077 == 0
    spool.close()
