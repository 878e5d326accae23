"""gunicorn's configuration, from the bridge's own settings."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.exceptions import ImproperlyConfigured

try:
    from audit.checks import kept_plain
    from bridge_api.checks import exposed_to_anybody
    from bridge_api.mapping import ModelMap
    from config import settings

    # What a check of `manage.py` finds, also for who starts gunicorn without it.
    ModelMap.parse(settings.MODEL_MAP_JSON, settings.OPENAI_DEFAULT_MODEL)
    if not settings.OPENAI_BASE_URL.startswith(("http://", "https://")):
        raise ImproperlyConfigured("OPENAI_BASE_URL must begin with http:// or https://")
    _reason = exposed_to_anybody(settings.HOST, settings.BRIDGE_CLIENT_AUTH) or kept_plain(
        settings.AUDIT_REDACTION, debug=settings.DEBUG, confirmed=settings.AUDIT_PLAIN_CONFIRMED
    )
    if _reason:
        raise ImproperlyConfigured(_reason)
except (ImproperlyConfigured, ValueError) as error:
    sys.exit(f"Configuration error: {error}")

for _name in ("HEADER_READ_TIMEOUT", "GRACEFUL_TIMEOUT"):
    os.environ.setdefault(_name, str(getattr(settings, _name)))

wsgi_app = "config.asgi:application"
_address = settings.HOST.strip("[]")
_host = f"[{_address}]" if ":" in _address else _address
bind = [f"{_host}:{settings.PORT}"]
workers = settings.WEB_CONCURRENCY
worker_class = "config.worker.BridgeWorker"
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
keepalive = 75
graceful_timeout = settings.GRACEFUL_TIMEOUT + 5
timeout = 120
accesslog = None
errorlog = "-"
loglevel = "warning"
# gunicorn's and uvicorn's own records: one line each and masked, like all others.
logconfig_dict = settings.LOGGING
proc_name = "bridge"
forwarded_allow_ips = ""


_TOKENS = {
    "open": "anything",
    "keys": "brk_...   (python manage.py create_client_key LABEL)",
    "passthrough": "$OPENAI_API_KEY   (each client brings its own)",
}


def _never_open_to_anybody(hosts: Iterable[str]) -> None:
    """What the settings' check does not see: ``--bind``, GUNICORN_CMD_ARGS, sockets that were handed over."""
    for host in hosts:
        reason = exposed_to_anybody(host, settings.BRIDGE_CLIENT_AUTH)
        if reason:
            sys.exit(f"Configuration error: {reason}")


def _shown(server: Any) -> str:
    """Where a client on this machine reaches the bridge."""
    addresses = server.cfg.address if server is not None else [(_address, settings.PORT)]
    host, port = next((one for one in addresses if isinstance(one, tuple)), (_address, settings.PORT))
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def when_ready(server: Any) -> None:
    names = [listener.sock.getsockname() for listener in getattr(server, "LISTENERS", ())]
    _never_open_to_anybody(name[0] for name in names if isinstance(name, tuple))
    shown = _shown(server)
    lines = [
        "",
        f"The bridge listens on {shown}",
        "",
        "Claude Code on it:",
        f"  export ANTHROPIC_BASE_URL={shown}",
        f"  export ANTHROPIC_AUTH_TOKEN={_TOKENS[settings.BRIDGE_CLIENT_AUTH]}",
        "  claude",
        "",
    ]
    if not settings.OPENAI_API_KEY and settings.BRIDGE_CLIENT_AUTH != "passthrough":
        lines.insert(2, "OPENAI_API_KEY is not set: requests will be answered with 401.")
    print("\n".join(lines), flush=True)


def on_starting(server: Any) -> None:
    """Refuse addresses that the settings do not allow. Then say where the workers count for /metrics: in memory where
    there is a file system for that."""
    _never_open_to_anybody(address[0] for address in server.cfg.address if isinstance(address, tuple))
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="bridge-metrics-", dir=worker_tmp_dir)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = server.counts = folder


def child_exit(server: Any, worker: Any) -> None:
    """A worker has gone: what it has counted stays, what it was doing does not."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    if getattr(server, "counts", ""):
        shutil.rmtree(server.counts, ignore_errors=True)
