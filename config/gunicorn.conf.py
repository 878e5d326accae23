"""gunicorn's configuration, from the bridge's own settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from config import settings

for _name in ("HEADER_READ_TIMEOUT", "GRACEFUL_TIMEOUT"):
    os.environ.setdefault(_name, str(getattr(settings, _name)))

wsgi_app = "config.asgi:application"
bind = [f"{settings.HOST}:{settings.PORT}"]
workers = settings.WEB_CONCURRENCY
worker_class = "config.worker.BridgeWorker"
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
keepalive = 75
graceful_timeout = settings.GRACEFUL_TIMEOUT
timeout = 120
accesslog = None
errorlog = "-"
loglevel = "warning"
proc_name = "bridge"
forwarded_allow_ips = ""


def when_ready(server: Any) -> None:
    host, port = settings.HOST, settings.PORT
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    lines = [
        "",
        f"The bridge listens on http://{shown}:{port}",
        "",
        "Claude Code on it:",
        f"  export ANTHROPIC_BASE_URL=http://{shown}:{port}",
        "  export ANTHROPIC_AUTH_TOKEN=anything",
        "  claude",
        "",
    ]
    if not settings.OPENAI_API_KEY:
        lines.insert(2, "OPENAI_API_KEY is not set: requests will be answered with 401.")
    print("\n".join(lines), flush=True)
