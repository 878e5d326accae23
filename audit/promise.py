"""What the first byte of an answer waits for: that its exchange is kept.

Invariants: a wait ends after ``LONGEST_WAIT`` seconds, and what the rescue takes then, at the latest; a promise is settled once, in its own event loop, and
the first word counts; a wait that is cancelled harms nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

LONGEST_WAIT = 2.0


class Promise:
    """What the answer to an exchange waits for. Belongs to the event loop that it was made in. ``first``: nothing is
    asked upstream before it is kept, and not to know within ``LONGEST_WAIT`` is a no; else ``rescue`` says then whether
    the answer may go on."""

    __slots__ = ("_future", "_kept", "first", "hurry", "loop", "rescue")

    def __init__(self, *, required: bool = False) -> None:
        self.loop = asyncio.get_running_loop()
        self.hurry: Callable[[], None] = _nobody
        self.rescue: Callable[[], bool] = _granted
        self.first = required
        self._kept: bool | None = None
        self._future: asyncio.Future[None] | None = None

    async def wait(self) -> bool:
        if self._kept is None:
            self._future = self.loop.create_future()
            timer = self.loop.call_later(LONGEST_WAIT, self._late)
            self.hurry()
            try:
                await self._future
            finally:
                timer.cancel()
        return bool(self._kept)

    def _late(self) -> None:
        if self.first or self._kept is not None:
            self.settle(False)
            return
        # Redacting and writing are not for the event loop.
        self.loop.run_in_executor(None, self.rescue).add_done_callback(self._rescued)

    def _rescued(self, done: asyncio.Future[bool]) -> None:
        self.settle(not done.cancelled() and done.exception() is None and done.result())

    def settle(self, kept: bool) -> None:
        if self._kept is None:
            self._kept = kept
        if self._future is not None and not self._future.done():
            self._future.set_result(None)


def _nobody() -> None:
    """Nobody to hurry."""


def _granted() -> bool:
    """Nobody to rescue it."""
    return True


def settle(promises: Sequence[Promise], kept: bool) -> None:
    """Wake those who wait: one call for each event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[Promise]] = {}
    for promise in promises:
        loops.setdefault(promise.loop, []).append(promise)
    for loop, some in loops.items():
        with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle_all, some, kept)


def _settle_all(promises: list[Promise], kept: bool) -> None:
    for promise in promises:
        promise.settle(kept)
