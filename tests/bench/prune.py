"""``make bench-prune``: what requests feel while half of a long trail is pruned, and how long the statements take.

Needs ``DATABASE_URL`` to name a trail that may be spoiled (``python -m tests.audit.trail --rows 1000000`` makes one).
The bridge serves from that database with its default settings; a steady load is read alone, then beside ``audit_prune``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench import payloads
from tests.bench.servers import BRIDGE, ROOT, bridge_environment, free_port, migrate, server

ALONE_SECONDS = 60.0
UPSTREAM_MS = 100


async def load(port: int, each_second: int, done: Callable[[], bool]) -> list[float]:
    """Milliseconds of each request, sorted; ``each_second`` of them begin until ``done``."""
    body, taken, running = payloads.small(stream=False), list[float](), set[asyncio.Task[None]]()
    async with aiohttp.ClientSession(headers={"content-type": "application/json"}) as session:

        async def ask() -> None:
            began = time.perf_counter()
            async with session.post(f"http://127.0.0.1:{port}/v1/messages", data=body) as answer:
                await answer.read()
                answer.raise_for_status()
            taken.append((time.perf_counter() - began) * 1000)

        while not done():
            task = asyncio.create_task(ask())
            running.add(task)
            task.add_done_callback(running.discard)
            await asyncio.sleep(1 / each_second)
        await asyncio.gather(*running)
    return sorted(taken)


def prune(rows: int) -> dict[str, Any]:
    """Keep ``rows``; how long it took, and how long each statement and each commit did."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    connection: Any = connections["default"]
    statements, commits = list[tuple[float, str]](), list[float]()

    def timed(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            statements.append((time.perf_counter() - began, sql[:60]))

    commit = connection._commit

    def committed() -> None:
        began = time.perf_counter()
        commit()
        commits.append(time.perf_counter() - began)

    connection._commit = committed
    began = time.perf_counter()
    with connection.execute_wrapper(timed):
        call_command("audit_prune", days=0, max_rows=rows)
    seconds = time.perf_counter() - began
    deletes = sorted(one for one in statements if one[1].startswith("DELETE"))
    return {
        "seconds": seconds,
        "deletes": len(deletes),
        "median": deletes[len(deletes) // 2][0],
        "longest": deletes[-1],
        "others": max(one for one in statements if not one[1].startswith("DELETE")),
        "over": sum(1 for took, _ in deletes if took > 0.2),
        "commits": max(commits),
    }


def orphans() -> int:
    import django

    django.setup()
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM audit_upstreamattempt WHERE request_id NOT IN (SELECT request_id FROM audit_auditrecord)"
        )
        return int(cursor.fetchone()[0])


@contextlib.contextmanager
def bridge(folder: Path, database: str) -> Iterator[int]:
    with ExitStack() as stack:
        upstream, port = free_port(), free_port()
        command = [sys.executable, "-m", "tests.bench.trail", "--serve", str(upstream)]
        stack.enter_context(server(command, upstream, folder / "upstream.log", os.environ))
        environment = bridge_environment(folder, port, f"http://127.0.0.1:{upstream}/{UPSTREAM_MS}")
        environment |= {"DATABASE_URL": database, "AUDIT_SPOOL_DIR": str(folder / "spool")}
        migrate(environment)
        stack.enter_context(server(BRIDGE.split(), port, folder / "bridge.log", environment))
        yield port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=int, default=500_000, help="rows to keep")
    parser.add_argument("--each-second", type=int, default=50)
    parser.add_argument("--prune", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.prune:
        print(json.dumps(prune(given.keep)))
        return
    with tempfile.TemporaryDirectory() as name, bridge(Path(name), os.environ["DATABASE_URL"]) as port:
        until = time.monotonic() + ALONE_SECONDS
        asyncio.run(load(port, given.each_second, lambda: time.monotonic() > until - ALONE_SECONDS * 0.9))
        until = time.monotonic() + ALONE_SECONDS
        alone = asyncio.run(load(port, given.each_second, lambda: time.monotonic() > until))
        command = [sys.executable, "-m", "tests.bench.prune", "--prune", "--keep", str(given.keep)]
        pruning = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        beside = asyncio.run(load(port, given.each_second, lambda: pruning.poll() is not None))
        said = (pruning.stdout.read() if pruning.stdout else "").splitlines()
        told = json.loads(said[-1])
    for what, times in (("alone", alone), ("beside it", beside)):
        p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
        print(
            f"{what:<10} {len(times):6} requests   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   longest {times[-1]:7.1f} ms"
        )
    print(
        f"pruned in {told['seconds']:.0f} s; {told['deletes']} DELETEs, median {told['median'] * 1000:.0f} ms, longest "
        f"{told['longest'][0] * 1000:.0f} ms, over 200 ms {told['over']}; longest commit {told['commits'] * 1000:.0f} ms"
    )
    print(
        f"longest other statement {told['others'][0] * 1000:.0f} ms ({told['others'][1]}); tries without a row: {orphans()}"
    )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main()
