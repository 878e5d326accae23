"""The server process: uvicorn under gunicorn, with a deadline for a request's headers.

Neither server has a deadline for receiving a request; a client that sends a byte now and then holds a connection
for ever. The body has its deadline in the guard, the headers have theirs here.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn_worker import UvicornWorker

HEADER_READ_TIMEOUT = float(os.environ.get("HEADER_READ_TIMEOUT") or 15)
GRACEFUL_TIMEOUT = int(os.environ.get("GRACEFUL_TIMEOUT") or 30)


class DeadlineProtocol(HttpToolsProtocol):
    """HTTP/1.1 that closes a connection whose request headers are not complete in time."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        if self._deadline is None:
            self._arm()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._disarm()
        super().on_headers_complete()

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(HEADER_READ_TIMEOUT, self._too_slow)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self.transport.close()


class BridgeWorker(UvicornWorker):  # type: ignore[misc]
    """A gunicorn worker for config.asgi."""

    CONFIG_KWARGS: dict[str, Any] = {
        "loop": "uvloop",
        "http": DeadlineProtocol,
        "lifespan": "off",
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "date_header": True,
        "proxy_headers": False,
        "timeout_graceful_shutdown": GRACEFUL_TIMEOUT,
    }
