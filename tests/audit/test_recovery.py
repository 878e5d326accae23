"""What processes that are gone have left is brought in once."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Sum
from django.db.utils import OperationalError

from audit import recovery
from audit.models import AuditRecord, UsageHour, Worker
from audit.recovery import adopt, mark
from audit.spool import Spool
from audit.store import write
from audit.summing import differs, hours
from tests.audit.payloads import beginning, end

pytestmark = pytest.mark.django_db


def worker(name: str, *, seen: timedelta = timedelta(0), host: str = "") -> None:
    now = datetime.now(UTC)
    Worker.objects.create(id=name, host=host or socket.gethostname(), pid=1, started_at=now, seen_at=now - seen)


def raises(error: Exception) -> Any:
    def fails(*_: object) -> int:
        raise error

    return fails


def outcomes() -> dict[str, str]:
    return dict(AuditRecord.objects.values_list("request_id", "outcome"))


def now(number: int, owner: str) -> object:
    return beginning(number, worker=owner, received_at=datetime.now(UTC))


def test_a_process_that_lives_is_left_alone(tmp_path: Path) -> None:
    living = Spool(tmp_path, "living")
    living.append([end(1)])
    worker("living")
    write([now(2, "living")])  # type: ignore[list-item]
    assert adopt(tmp_path, "own") == 0
    assert outcomes() == {"req_2": "running"}
    assert living.waiting == 1
    living.close()


def test_what_a_process_left_on_disk_comes_in_and_what_it_did_not_end_is_interrupted(tmp_path: Path) -> None:
    dead = Spool(tmp_path, "dead")
    write([now(1, "dead"), now(2, "dead"), now(3, "own")])  # type: ignore[list-item]
    dead.append([end(1, worker="dead"), beginning(4, worker="dead")])
    dead.close()
    worker("dead")
    worker("own")
    assert adopt(tmp_path, "own") == 2
    assert outcomes() == {"req_1": "completed", "req_2": "interrupted", "req_3": "running", "req_4": "interrupted"}
    assert not (tmp_path / "dead.spool").exists()
    assert list(Worker.objects.values_list("id", flat=True)) == ["own"]
    assert UsageHour.objects.aggregate(all=Sum("requests"))["all"] == 3
    assert AuditRecord.objects.filter(finished_at__isnull=True).count() == 1


def test_it_may_be_done_twice(tmp_path: Path) -> None:
    dead = Spool(tmp_path, "dead")
    write([now(1, "dead")])  # type: ignore[list-item]
    dead.append([end(1, worker="dead")])
    kept = dead.path.read_bytes()
    dead.close()
    adopt(tmp_path, "own")
    (tmp_path / "dead.spool").write_bytes(kept)
    adopt(tmp_path, "own")
    assert outcomes() == {"req_1": "completed"}
    assert UsageHour.objects.aggregate(all=Sum("requests"))["all"] == 1


def test_an_entry_that_no_database_takes_holds_up_no_other(tmp_path: Path) -> None:
    dead = Spool(tmp_path, "dead")
    write([now(2, "dead")])  # type: ignore[list-item]
    refused, older = end(3, worker="dead", status=None), end(4, worker="dead")
    del older.values["status"]
    dead.append([end(1, worker="dead"), refused, older])
    dead.close()
    assert adopt(tmp_path, "own") == 1
    assert outcomes() == {"req_1": "completed", "req_2": "interrupted"}
    assert (tmp_path / "dead.rejected").read_bytes().count(b"\n") == 2
    assert not (tmp_path / "dead.spool").exists()


def test_a_file_that_a_crash_cut_short_goes_when_its_owner_is_gone(tmp_path: Path) -> None:
    dead = Spool(tmp_path, "dead")
    dead.append([end(1, worker="dead"), end(2, worker="dead")])
    dead.close()
    path = tmp_path / "dead.spool"
    path.write_bytes(path.read_bytes()[:-20])
    adopt(tmp_path, "own")
    assert outcomes() == {"req_1": "completed"}
    assert [one.name for one in tmp_path.iterdir()] == ["dead.rejected"]


def test_many_entries_come_in_by_and_by(tmp_path: Path) -> None:
    dead = Spool(tmp_path, "dead")
    dead.append([end(number, worker="dead") for number in range(1200)])
    dead.close()
    assert adopt(tmp_path, "own") == 0
    assert AuditRecord.objects.count() == 1200


def test_a_machine_that_nobody_has_seen_for_long_does_not_keep_its_rows_open(tmp_path: Path) -> None:
    worker("far", seen=timedelta(hours=1), host="another-machine")
    worker("near", seen=timedelta(seconds=5), host="another-machine")
    write([beginning(1, worker="far"), beginning(2, worker="near"), beginning(3, worker="nobody")])
    assert adopt(tmp_path, "own") == 2
    assert outcomes() == {"req_1": "interrupted", "req_2": "running", "req_3": "interrupted"}
    assert list(Worker.objects.values_list("id", flat=True)) == ["near"]


def test_a_database_that_fails_in_the_middle_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = Spool(tmp_path, "dead")
    write([now(1, "dead")])  # type: ignore[list-item]
    dead.append([now(2, "dead")])  # type: ignore[list-item]
    dead.close()
    worker("dead")
    with monkeypatch.context() as locked:
        locked.setattr(recovery, "mark", raises(OperationalError("database is locked")))
        with pytest.raises(OperationalError):
            adopt(tmp_path, "own")
    assert adopt(tmp_path, "own") == 2
    assert outcomes() == {"req_1": "interrupted", "req_2": "interrupted"}
    assert not Worker.objects.exists()
    assert not list(tmp_path.iterdir())


def test_a_process_of_this_machine_whose_file_is_gone_is_forgotten_after_a_while(tmp_path: Path) -> None:
    worker("lost", seen=timedelta(hours=1))
    worker("locked", seen=timedelta(hours=1))
    living = Spool(tmp_path, "locked")
    adopt(tmp_path, "own")
    living.close()
    assert list(Worker.objects.values_list("id", flat=True)) == ["locked"]


def test_an_exchange_that_was_given_up_and_ends_after_all_has_its_end_and_is_counted_once(tmp_path: Path) -> None:
    """A process whose database was away for long looks gone to the others."""
    worker("slow", seen=timedelta(hours=1), host="another-machine")
    write([beginning(1, worker="slow")])
    assert adopt(tmp_path, "own") == 1
    assert outcomes() == {"req_1": "interrupted"}
    ended = end(1, worker="slow", duration_ms=3_600_000)
    ended.values["finished_at"] = ended.values["received_at"] + timedelta(hours=1)
    write([ended])
    assert outcomes() == {"req_1": "completed"}
    assert UsageHour.objects.aggregate(all=Sum("requests"))["all"] == 1
    assert UsageHour.objects.get(outcome="completed").requests == 1
    [hour] = hours()
    assert not differs(hour)
    write([ended], again=True)
    assert UsageHour.objects.aggregate(all=Sum("requests"))["all"] == 1


def test_an_end_that_waited_on_disk_takes_the_place_of_the_mark(tmp_path: Path) -> None:
    write([now(1, "dead")])  # type: ignore[list-item]
    mark(AuditRecord.objects.all())
    write([end(1, worker="dead")], again=True)
    assert outcomes() == {"req_1": "completed"}
    assert UsageHour.objects.aggregate(all=Sum("requests"))["all"] == 1
