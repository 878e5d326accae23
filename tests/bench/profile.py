"""``python -m tests.bench --profile SCENARIO``: where the bridge's own time goes.

The application runs in this process under cProfile, with the worker's own server settings; requests before the
profile begins are warm-up. cProfile makes calls dearer and so favours long functions over many short ones: it shows
where to look, the bench shows what was gained.
"""

from __future__ import annotations

import asyncio
import cProfile
import os
import pstats
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.running import ask
from tests.bench.scenarios import BY_NAME, Scenario
from tests.bench.servers import bridge_environment, free_port, migrate, server, upstream

_SHOWN = 45


def profile(name: str, requests: int | None) -> None:
    """Profile ``requests`` of the scenario ``name`` and print the functions with the most time of their own."""
    scenario = BY_NAME[name]
    count = requests or scenario.requests
    with tempfile.TemporaryDirectory() as place:
        folder, upstream_port, port = Path(place), free_port(), free_port()
        environment = bridge_environment(folder, port, f"http://127.0.0.1:{upstream_port}/{scenario.kind}")
        with server(upstream(upstream_port), upstream_port, folder / "upstream.log", os.environ):
            migrate(environment)
            os.environ.update(environment)
            with _output_to(folder / "bridge.log"):
                profiler = _profiled(scenario, port, count)
    stats = pstats.Stats(profiler)
    print(f"{name}: {count} requests, {stats.total_tt / count * 1e6:.0f} us each under the profiler")  # type: ignore[attr-defined]
    stats.sort_stats("tottime").print_stats(_SHOWN)


@contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """The bridge logs as always, for that costs CPU too, but not between the lines of the table."""
    kept = os.dup(1), os.dup(2)
    with log.open("wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    try:
        yield
    finally:
        for number, old in zip((1, 2), kept, strict=True):
            os.dup2(old, number)
            os.close(old)


def _profiled(scenario: Scenario, port: int, count: int) -> cProfile.Profile:
    # The settings are read at import, so the application comes after the environment.
    import uvicorn
    import uvloop

    from config.asgi import application
    from config.worker import BridgeWorker

    class Server(uvicorn.Server):
        ready = asyncio.Event()

        async def startup(self, *given: Any, **named: Any) -> None:
            await super().startup(*given, **named)
            self.ready.set()

    profiler = cProfile.Profile()
    options: dict[str, Any] = {**BridgeWorker.CONFIG_KWARGS, "log_level": "error", "port": port}
    running = Server(uvicorn.Config(application, **options))

    async def load() -> None:
        await running.ready.wait()
        try:
            await asyncio.to_thread(ask, scenario, port, scenario.path, scenario.connections * 4, raw=False)
            profiler.enable()
            await asyncio.to_thread(ask, scenario, port, scenario.path, count, raw=False)
        finally:
            profiler.disable()
            running.should_exit = True

    async def both() -> None:
        await asyncio.gather(running.serve(), load())

    uvloop.run(both())
    return profiler


if __name__ == "__main__":
    profile(sys.argv[1], None)
