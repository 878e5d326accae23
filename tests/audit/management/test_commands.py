"""The trail's commands, as an operator types them."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit import export
from audit.models import AuditRecord, ContentViewing, UsageHour
from audit.record import session_hash
from audit.store import write
from tests.audit.payloads import end
from tests.live import ROOT

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


@pytest.fixture
def rows() -> None:
    days = [NOW - timedelta(days=at) for at in range(10)]
    write([end(at, received_at=day, finished_at=day) for at, day in enumerate(days)])
    write(
        [
            end(
                20,
                received_at=NOW,
                finished_at=NOW,
                outcome="failed",
                status=529,
                key="=HYPERLINK(1)",
                response={"content": ["zq"]},
            )
        ]
    )


def run(*args: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command(*args, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


# -- audit_prune ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [["--days=-1"], ["--max-size=big"], ["--days=1", "--batch=0"]])
def test_a_limit_without_sense_is_refused(args: list[str]) -> None:
    with pytest.raises(CommandError):
        run("audit_prune", *args)


def test_pruning_without_a_limit_is_refused(settings: Any) -> None:
    settings.AUDIT_RETENTION_DAYS = settings.AUDIT_ROLLUP_DAYS = 0
    with pytest.raises(CommandError, match="no limit is set"):
        run("audit_prune")


@pytest.mark.usefixtures("rows")
def test_pruning_by_size_may_be_the_installations(settings: Any) -> None:
    settings.AUDIT_RETENTION_DAYS, settings.AUDIT_MAX_SIZE = 0, "1K"
    assert " rows from before " in run("audit_prune", "--dry-run")
    assert run("audit_prune", "--dry-run", "--max-size=1T") == "Nothing has to go.\n"
    settings.AUDIT_MAX_SIZE = "big"
    with pytest.raises(CommandError, match="AUDIT_MAX_SIZE"):
        run("audit_prune")


@pytest.mark.usefixtures("rows")
def test_pruning_tells_first_and_then_does(settings: Any) -> None:
    settings.AUDIT_RETENTION_DAYS = 4
    assert run("audit_prune", "--dry-run").startswith("6 rows from before ")
    assert AuditRecord.objects.count() == 11
    assert run("audit_prune").startswith("6 rows from before ")
    assert AuditRecord.objects.count() == 5
    assert run("audit_prune") == "Nothing has to go.\n"


@pytest.mark.usefixtures("rows")
def test_sums_stay_until_they_are_asked_for(settings: Any) -> None:
    settings.AUDIT_RETENTION_DAYS = 4
    run("audit_prune")
    hours = UsageHour.objects.count()
    settings.AUDIT_ROLLUP_DAYS = 6
    assert "sums from before" in run("audit_prune")
    assert 0 < UsageHour.objects.count() < hours
    assert run("audit_prune") == "Nothing has to go.\n"


# -- audit_export -----------------------------------------------------------------------------------------


def test_an_export_of_a_time_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(CommandError, match="24h"):
        run("audit_export", "--since=soon")


@pytest.mark.usefixtures("rows")
def test_rows_are_exported_oldest_first_and_filtered() -> None:
    every = [json.loads(line) for line in run("audit_export").splitlines()]
    assert [one["request_id"] for one in every][:2] == ["req_9", "req_8"]
    assert len(every) == 11
    assert "request" not in every[0]
    recent = run("audit_export", "--since=60h", "--outcome=completed", "--limit=2")
    assert [json.loads(line)["request_id"] for line in recent.splitlines()] == ["req_2", "req_1"]
    (failed,) = run("audit_export", "--status=529", "--with-content").splitlines()
    assert json.loads(failed)["response"] == {"content": ["zq"]}


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("limit", [0, 1, 3, 4, 11, 100])
def test_an_export_in_pages_is_whole(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 3)
    AuditRecord.objects.update(received_at=NOW)
    every = [json.loads(line)["request_id"] for line in run("audit_export", f"--limit={limit}").splitlines()]
    assert len(every) == len(set(every)) == min(limit, 11)
    table = run("audit_export", "--format=csv", f"--limit={limit}").splitlines()
    assert len(table) == min(limit, 11) + 1


def test_an_export_of_fewer_than_no_rows_is_refused() -> None:
    with pytest.raises(CommandError, match="negative"):
        run("audit_export", "--limit=-1")


@pytest.mark.usefixtures("rows")
def test_a_conversation_is_exported_by_the_session_id_or_its_hash(settings: Any) -> None:
    hashed = session_hash("session-of-anna", settings.SECRET_KEY.encode())
    AuditRecord.objects.filter(request_id="req_3").update(session=hashed)
    for name in ("session-of-anna", hashed):
        (line,) = run("audit_export", f"--session={name}").splitlines()
        assert json.loads(line)["request_id"] == "req_3"


@pytest.mark.usefixtures("rows")
def test_an_export_with_content_is_a_viewing() -> None:
    AuditRecord.objects.filter(request_id__in=("req_1", "req_2")).update(redaction="partial")
    run("audit_export")
    assert not ContentViewing.objects.exists()
    run("audit_export", "--with-content", "--since=9d", "--session=")
    run("audit_export", "--with-content", "--request-id=req_9")
    found = ContentViewing.objects.get()
    assert (found.rows, found.redaction, found.chosen, found.user) == (2, "partial", "--since=9d", None)
    assert found.user_name.endswith("(shell)")


@pytest.mark.usefixtures("rows")
def test_a_spreadsheet_gets_no_formula() -> None:
    (row,) = csv.DictReader(io.StringIO(run("audit_export", "--format=csv", "--outcome=failed")))
    assert row["key"] == "'=HYPERLINK(1)"


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_has_enough_ends_the_export_quietly(tmp_path: Path) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "DATABASE_URL": f"sqlite:///{tmp_path}/trail.sqlite3",
        "SECRET_KEY": "x" * 50,
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    manage = f"{sys.executable} manage.py"
    fill = f"{manage} migrate -v0 && {sys.executable} -m tests.audit.trail --rows 3000 >/dev/null"
    command = f"{fill} && {manage} audit_export --format=csv | head -2"
    told = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(told.stdout.splitlines()) == 2
    assert "Traceback" not in told.stderr
    assert "Exception" not in told.stderr


# -- audit_rollup and verify_audit ------------------------------------------------------------------------


@pytest.mark.usefixtures("rows")
def test_sums_are_told_to_differ_and_made_anew(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_SPOOL_DIR = tmp_path
    assert "none" in run("verify_audit")
    UsageHour.objects.filter(hour__lt=NOW - timedelta(days=2)).update(requests=5)
    with pytest.raises(CommandError, match="findings"):
        run("verify_audit", f"--json={tmp_path}/found.json")
    found = {one["check"]: one["number"] for one in json.loads((tmp_path / "found.json").read_text())}
    assert found["hours whose sums differ from their rows"] == 8
    assert "8 differ from their rows" in run("audit_rollup", "--dry-run")
    assert "8 differed" in run("audit_rollup")
    assert "none" in run("verify_audit")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["audit_export", "--since=0001-01-01T00:00+05:00"], "24h, 7d"),
        (["audit_export", "--model=\udcff"], "--model is not UTF-8"),
        (["audit_rollup", "--until=9999-12-31T23:59-05:00"], "24h, 7d"),
        (["verify_audit", "--max-age=99999999999999"], "between 0 and"),
        (["verify_audit", "--max-age=-1"], "between 0 and"),
        (["verify_audit", "--json=/nowhere/found.json"], "/nowhere/found.json cannot be written: No such file"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(args: list[str], told: str, settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_SPOOL_DIR = tmp_path
    with pytest.raises(CommandError, match=told):
        run(*args)


@pytest.mark.parametrize("command", ["audit_export", "audit_prune", "audit_rollup", "verify_audit"])
def test_a_database_without_tables_is_told_in_a_line(command: str, tmp_path: Path) -> None:
    environment = {"DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3", "SECRET_KEY": "x" * 50}
    told = subprocess.run(
        [sys.executable, "manage.py", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert told.stderr.startswith("CommandError: the database says: no such table")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_an_export_to_a_disk_that_is_full_is_told_in_a_line(tmp_path: Path) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "DATABASE_URL": f"sqlite:///{tmp_path}/trail.sqlite3",
        "SECRET_KEY": "x" * 50,
    }
    manage = f"{sys.executable} manage.py"
    command = f"{manage} migrate -v0 && {manage} audit_export --format=csv > /dev/full"
    told = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert told.stderr == "CommandError: the rows cannot be written: No space left on device\n"


def test_a_rollup_of_a_time_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(CommandError, match="24h"):
        run("audit_rollup", "--until=soon")
