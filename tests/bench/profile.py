"""``python -m tests.bench.profile SCENARIO``: where the bridge's own time goes (cProfile, in one process)."""

from __future__ import annotations

import cProfile
import os
import pstats
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.bench.__main__ import drive, scenarios
from tests.live import ROOT, free_port


def main() -> None:
    scenario = next(one for one in scenarios() if one.name == sys.argv[1])
    upstream_port, port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            OPENAI_BASE_URL=f"http://127.0.0.1:{upstream_port}/{scenario.upstream}",
            OPENAI_API_KEY="x",
            DATABASE_URL=f"sqlite:///{Path(folder) / 'x.sqlite3'}",
            LOG_LEVEL="WARNING",
        )
        upstream = subprocess.Popen([sys.executable, "-m", "tests.bench.upstream", str(upstream_port)], cwd=ROOT)
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True)
        import uvicorn

        from config.asgi import application

        config = uvicorn.Config(
            application, port=port, loop="uvloop", http="httptools", lifespan="off", access_log=False, log_level="error"
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        profile = cProfile.Profile()

        def client() -> None:
            time.sleep(1)
            drive(port, "/v1/messages", scenario, 100, scenario.ending)
            threading.current_thread().ready = True  # type: ignore[attr-defined]
            drive(port, "/v1/messages", scenario, scenario.requests, scenario.ending)
            server.should_exit = True

        threading.Thread(target=client).start()
        profile.runcall(server.run)
        upstream.kill()
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
