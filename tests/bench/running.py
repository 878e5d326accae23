"""One reading: the same requests to the limit and to the server under measure, in turn, and the CPU of each."""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.bench.cpu import cpu_seconds
from tests.bench.driver import DEADLINE
from tests.bench.scenarios import Scenario
from tests.bench.servers import BRIDGE, ROOT, bridge_environment, free_port, limit, migrate, server, upstream


class Failed(Exception):
    """The driver ended without a measurement; the text says why."""


@dataclass(frozen=True)
class Reading:
    """Medians over the repeats; CPU is ms a request of the whole process tree.

    ``ratio`` is the median of the repeats' own ratios: what disturbs the machine for seconds disturbs both sides of
    one repeat. ``spread`` is the least and the most of them.
    """

    scenario: str
    requests: int
    repeats: int
    limit_ms: float
    target_ms: float
    ratio: float
    spread: tuple[float, float]
    limit_first_ms: float | None
    first_ms: float | None
    first_p99_ms: float | None
    aim: float | None


@dataclass(frozen=True)
class _Subject:
    """A server to measure."""

    pid: int
    port: int
    path: str
    raw: bool

    def cost(self, scenario: Scenario, requests: int) -> tuple[float, dict[str, float]]:
        """CPU ms a request, and what the driver saw."""
        before = cpu_seconds(self.pid)
        seen = ask(scenario, self.port, self.path, requests, raw=self.raw)
        return (cpu_seconds(self.pid) - before) / requests * 1000, seen


def ask(scenario: Scenario, port: int, path: str, requests: int, *, raw: bool) -> dict[str, float]:
    """Let a driver process send ``requests``; what it measured. Raises ``Failed``."""
    command = [sys.executable, "-m", "tests.bench.driver", scenario.name, str(port), path, str(requests)]
    if raw:
        command.append("--raw")
    done = subprocess.run(command, capture_output=True, cwd=ROOT, timeout=DEADLINE + 30, check=False)
    if done.returncode:
        raise Failed(done.stderr.decode(errors="replace").strip()[-2000:])
    result: dict[str, float] = json.loads(done.stdout)
    return result


def measure(scenario: Scenario, folder: Path, *, requests: int | None, repeat: int, target: str | None) -> Reading:
    """Start all servers for one scenario and read it ``repeat`` times. Raises ``Failed`` and ``NotStarted``."""
    folder.mkdir()
    upstream_port, limit_port, port = free_port(), free_port(), free_port()
    environment = bridge_environment(folder, port, f"http://127.0.0.1:{upstream_port}/{scenario.kind}")
    if target is None:
        migrate(environment)
    command = _split(target or BRIDGE, port, environment["OPENAI_BASE_URL"])
    with (
        server(upstream(upstream_port), upstream_port, folder / "upstream.log", os.environ),
        server(
            limit(limit_port), limit_port, folder / "limit.log", {**os.environ, "BENCH_UPSTREAM": str(upstream_port)}
        ) as limit_pid,
        server(command, port, folder / "target.log", environment) as target_pid,
    ):
        floor = _Subject(limit_pid, limit_port, scenario.raw_path, raw=True)
        subject = _Subject(target_pid, port, scenario.path, raw=False)
        return _read(scenario, floor, subject, requests or scenario.requests, repeat)


def _split(command: str, port: int, base_url: str) -> list[str]:
    return [part.replace("{port}", str(port)).replace("{upstream}", base_url) for part in shlex.split(command)]


def _read(scenario: Scenario, floor: _Subject, subject: _Subject, requests: int, repeat: int) -> Reading:
    for one in (floor, subject):
        one.cost(scenario, max(scenario.connections * 2, min(requests, 100)))
    floors, costs, floor_firsts, seen = [], [], [], []
    for _ in range(repeat):
        cost, met = floor.cost(scenario, requests * scenario.limit_factor)
        floors.append(cost)
        floor_firsts.append(met["first"])
        cost, met = subject.cost(scenario, requests)
        costs.append(cost)
        seen.append(met)
    ratios = [cost / base for cost, base in zip(costs, floors, strict=True)]
    limit_ms, target_ms = statistics.median(floors), statistics.median(costs)
    firsts = [statistics.median(met[name] for met in seen) * 1000 for name in ("first", "first_p99")]
    return Reading(
        scenario=scenario.name,
        requests=requests,
        repeats=repeat,
        limit_ms=limit_ms,
        target_ms=target_ms,
        ratio=statistics.median(ratios),
        spread=(min(ratios), max(ratios)),
        limit_first_ms=statistics.median(floor_firsts) * 1000 if scenario.latency else None,
        first_ms=firsts[0] if scenario.latency else None,
        first_p99_ms=firsts[1] if scenario.latency else None,
        aim=scenario.target,
    )
