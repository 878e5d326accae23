"""Each fault of the trail is found by its check."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit.models import AuditRecord, UpstreamAttempt, UsageHour, Worker
from audit.recovery import adopt
from audit.spool import Spool
from audit.store import write
from audit.verification import verify
from tests.audit.payloads import beginning, end

pytestmark = pytest.mark.django_db


def ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def found(folder: Path) -> dict[str, int]:
    return {one.check: one.number for one in verify(folder) if one.number}


def worker(name: str, seen: datetime, **changed: int) -> None:
    times = {"started_at": ago(180), "seen_at": seen}
    Worker.objects.create(id=name, host=socket.gethostname(), pid=1, **times, **changed)


def test_a_sound_trail_has_no_findings(tmp_path: Path) -> None:
    worker("w1", ago(0))
    write([beginning(1), end(1), end(2), beginning(3, received_at=ago(5))])
    own = Spool(tmp_path, "w1")
    assert found(tmp_path) == {}
    assert all(one.hint for one in verify(tmp_path))
    own.close()


def test_rows_without_an_end_are_found(tmp_path: Path) -> None:
    worker("w1", ago(0))
    write([beginning(1), beginning(2, worker="gone", received_at=ago(5))])
    assert found(tmp_path) == {
        "unfinished rows that are too old": 1,
        "unfinished rows of processes that are gone": 1,
    }


def test_tries_and_rows_that_lack_each_other_are_found(tmp_path: Path) -> None:
    write([end(1), end(2)])
    UpstreamAttempt.objects.filter(record="req_1").update(record="req_x")
    assert found(tmp_path) == {"rows whose tries are missing": 1, "tries without a row": 1}


def test_sums_that_differ_and_clocks_that_run_backwards_are_found(tmp_path: Path) -> None:
    write([end(1)])
    UsageHour.objects.update(requests=7)
    AuditRecord.objects.update(finished_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert found(tmp_path) == {
        "rows whose times run backwards": 1,
        "hours whose sums differ from their rows": 1,
    }


def test_what_a_process_left_on_disk_is_found(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "w9")
    spool.append([end(1), end(2)])
    spool.reject(end(3))
    assert found(tmp_path) == {"files of rows that the database refused": 1}
    spool.close()
    assert found(tmp_path) == {
        "entries on disk of processes that are gone": 2,
        "files of rows that the database refused": 1,
    }
    assert (tmp_path / "w9.spool").exists()


def test_looking_takes_nothing_away_that_the_next_process_needs(tmp_path: Path) -> None:
    write([beginning(1, worker="gone", received_at=ago(0))])
    Spool(tmp_path, "gone").close(keep=True)
    verify(tmp_path)
    assert adopt(tmp_path, "own") == 1


def test_processes_that_lost_rows_or_went_silent_are_found(tmp_path: Path) -> None:
    worker("w1", ago(5), lost=4)
    assert found(tmp_path) == {
        "rows that could be kept nowhere": 4,
        "processes on this machine that have gone silent": 1,
    }
