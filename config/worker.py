"""The server process: uvicorn under gunicorn, with bounds on a request's headers.

Neither server has a deadline for receiving a request, and the parser has no limit for its headers: a client that
sends a byte now and then holds a connection for ever, one that sends headers without end fills the memory. The
body has its bounds in the guard, the headers have theirs here.

Invariants: a connection is either in a request, or closes when HEADER_READ_TIMEOUT (bytes of a next request have
come) or the keep-alive time (nothing has come) is over; of headers that are not complete, at most
MAX_HEADER_BYTES and one read of the socket are held.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn_worker import UvicornWorker

HEADER_READ_TIMEOUT = float(os.environ.get("HEADER_READ_TIMEOUT") or 15)
GRACEFUL_TIMEOUT = int(os.environ.get("GRACEFUL_TIMEOUT") or 30)
MAX_HEADER_BYTES = 64 * 1024

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 that closes a connection whose request headers come too slowly or are too large."""

    _deadline: asyncio.TimerHandle | None = None
    _receiving = False  # from the end of a request's headers to the end of its body
    _held = 0  # bytes that came since the last request was whole, its headers not yet complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._receiving:
            super().data_received(data)
            return
        # Also blank lines before a request: the parser skips them, and uvicorn's keep-alive time ends with them.
        self._arm()
        self._held += len(data)
        super().data_received(data)
        if not self._receiving and self._held > MAX_HEADER_BYTES:
            self._refuse()

    def on_message_begin(self) -> None:
        self._arm()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._disarm()
        self._receiving = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._receiving = False
        self._held = 0

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_READ_TIMEOUT, self._too_slow)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self._answering():
            # A client that sends ahead may not cut the answer that it waits for; its time begins anew.
            self._arm()
        else:
            self.transport.close()

    def _refuse(self) -> None:
        self._disarm()
        if not self._answering():
            self.transport.write(_TOO_LARGE)
        self.transport.close()

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


def _leave(*_: object) -> None:
    sys.exit(0)


class BridgeWorker(UvicornWorker):  # type: ignore[misc]
    """A gunicorn worker for config.asgi."""

    def init_signals(self) -> None:
        """uvicorn raises the signal again once it has stopped. By default that kills the process on the spot:
        requests that were cancelled never tell their clients, and audit rows in the queue are lost. So it ends
        the process as Python ends: tasks run out, exit handlers run."""
        super().init_signals()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)

    async def _serve(self) -> None:
        """Nothing else ends the connections to the upstream while their event loop runs: there is no lifespan."""
        try:
            await super()._serve()
        finally:
            # Only now: the application has set Django up.
            from bridge_api import service

            await service.close()

    CONFIG_KWARGS: dict[str, Any] = {
        "loop": "uvloop",
        "http": BoundedProtocol,
        "lifespan": "off",
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "date_header": True,
        "proxy_headers": False,
        "timeout_graceful_shutdown": GRACEFUL_TIMEOUT,
    }
