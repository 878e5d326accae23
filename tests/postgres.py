"""A PostgreSQL server for tests: its own cluster in a folder of its own, gone afterwards.

The server will not run as root, so that its programs are then started as the user ``postgres``.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.live import free_port

PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def unavailable() -> str | None:
    """Why there is no PostgreSQL to test with; None when there is."""
    if not _program("initdb") or not _program("postgres"):
        return "PostgreSQL is not installed (Debian: postgresql)"
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "PostgreSQL does not run as root, and there is no user postgres"
    return None


def _program(name: str) -> str | None:
    for place in PLACES:
        if (place / name).exists():
            return str(place / name)
    return shutil.which(name)


@contextmanager
def postgres() -> Iterator[str]:
    """A running server; its URL for DATABASE_URL."""
    user = "postgres" if os.geteuid() == 0 else None
    # Not in pytest's own folder, which other users may not enter.
    folder = Path(tempfile.mkdtemp(prefix="bridge-pg-", dir="/tmp"))
    try:
        if user:
            shutil.chown(folder, user)
        port = free_port()
        data = folder / "data"
        subprocess.run(
            [str(_program("initdb")), "-D", str(data), "-A", "trust", "-U", "bridge", "--no-sync"],
            check=True,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        options = ["-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-c", "fsync=off"]
        server = subprocess.Popen(
            [str(_program("postgres")), "-D", str(data), *options],
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(port)
            yield f"postgres://bridge@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            psycopg.connect(f"postgresql://bridge@127.0.0.1:{port}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("PostgreSQL did not start")
