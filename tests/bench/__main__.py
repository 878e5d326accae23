"""``make bench``: CPU ms per request of the bridge, its ratio to the raw pass-through of the same run."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench import payloads
from tests.live import ROOT, free_port, start_bridge

TARGETS = {"json": 12, "sse": 12, "big": 14}


@dataclass
class Scenario:
    name: str
    body: bytes
    upstream: str
    requests: int
    connections: int = 16
    ending: str = "message_stop"


def scenarios() -> list[Scenario]:
    return [
        Scenario("json", payloads.small(False), "text", 2000, ending="}"),
        Scenario("sse", payloads.small(True), "text", 1500),
        Scenario("big", payloads.big(True), "text", 600),
        Scenario("tool", payloads.tool(True), "tool", 1500),
        Scenario("paced", payloads.small(True), "paced", 512, connections=256),
        Scenario("first", payloads.small(True), "text", 300, connections=1),
    ]


def cpu_seconds(root: int) -> float:
    """CPU of a process and all its descendants, those that have ended included."""
    tick = os.sysconf("SC_CLK_TCK")
    parents: dict[int, tuple[int, float]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = (int(fields[1]), sum(map(int, fields[11:15])) / tick)
    tree, total = {root}, 0.0
    for _ in range(6):
        tree |= {pid for pid, (parent, _) in parents.items() if parent in tree}
    for pid in tree:
        total += parents.get(pid, (0, 0.0))[1]
    return total


def drive(port: int, path: str, scenario: Scenario, requests: int, ending: str) -> float:
    command = [
        sys.executable,
        "-m",
        "tests.bench.driver",
        str(port),
        path,
        str(requests),
        str(scenario.connections),
        ending,
    ]
    done = subprocess.run(command, input=scenario.body, capture_output=True, cwd=ROOT, timeout=300, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-2000:])
    return float(done.stdout)


@dataclass
class Reading:
    scenario: str
    requests: int
    limit_ms: float
    bridge_ms: float
    ratio: float
    first_delta_ms: float


def measure(pid: int, port: int, path: str, scenario: Scenario, ending: str, repeat: int) -> tuple[float, float]:
    """(CPU ms per request, first delta in ms), medians of ``repeat`` runs."""
    drive(port, path, scenario, max(scenario.connections, 50), ending)
    costs, firsts = [], []
    for _ in range(repeat):
        before = cpu_seconds(pid)
        firsts.append(drive(port, path, scenario, scenario.requests, ending))
        costs.append((cpu_seconds(pid) - before) / scenario.requests * 1000)
    return statistics.median(costs), statistics.median(firsts) * 1000


def run(only: str | None, repeat: int) -> list[Reading]:
    readings = []
    with tempfile.TemporaryDirectory() as folder:
        upstream_port, limit_port = free_port(), free_port()
        upstream = subprocess.Popen([sys.executable, "-m", "tests.bench.upstream", str(upstream_port)], cwd=ROOT)
        environment = {**os.environ, "BENCH_UPSTREAM": str(upstream_port)}
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "tests.bench.limit:app",
            "--port",
            str(limit_port),
            "--loop",
            "uvloop",
        ]
        command += ["--http", "httptools", "--lifespan", "off", "--no-access-log", "--log-level", "error"]
        limit = subprocess.Popen(command, cwd=ROOT, env=environment)
        time.sleep(1.5)
        try:
            for scenario in scenarios():
                if only and scenario.name != only:
                    continue
                readings.append(_one(scenario, Path(folder), upstream_port, limit.pid, limit_port, repeat))
                show(readings[-1])
        finally:
            limit.kill()
            upstream.kill()
    return readings


def _one(scenario: Scenario, folder: Path, upstream_port: int, limit_pid: int, limit_port: int, repeat: int) -> Reading:
    raw_kind = "json" if scenario.name == "json" else scenario.upstream
    raw_ending = "}"
    limit_ms, _ = measure(limit_pid, limit_port, f"/{raw_kind}", scenario, raw_ending, repeat)
    below = folder / scenario.name
    below.mkdir()
    base = f"http://127.0.0.1:{upstream_port}/{scenario.upstream}"
    bridge = start_bridge(below, base, LOG_LEVEL="WARNING")
    try:
        port = int(bridge.base_url.rpartition(":")[2])
        ms, first = measure(bridge.process.pid, port, "/v1/messages", scenario, scenario.ending, repeat)
    finally:
        bridge.stop()
    return Reading(scenario.name, scenario.requests, limit_ms, ms, ms / limit_ms if limit_ms else 0.0, first)


def show(reading: Reading) -> None:
    target = TARGETS.get(reading.scenario)
    aim = f"   aim {target}x" if target else ""
    print(
        f"{reading.scenario:6} {reading.requests:5} requests   limit {reading.limit_ms:6.3f} ms   "
        f"bridge {reading.bridge_ms:6.3f} ms   {reading.ratio:5.1f}x   first delta {reading.first_delta_ms:6.2f} ms{aim}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="one scenario: json, sse, big, tool, paced, first")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", help="write the readings to this file")
    arguments = parser.parse_args()
    readings = run(arguments.only, arguments.repeat)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps([asdict(reading) for reading in readings], indent=2))


if __name__ == "__main__":
    main()
