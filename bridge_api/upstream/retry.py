"""Whether and when to try the upstream again.

Invariants: pure (the random source is given); never after the first byte went to the client (the caller sees to
that); never beyond the deadline: an upstream that asks for a longer wait is not asked again, the client is told
its wait instead.

Source: OpenAI's error guide (exponential backoff with full jitter) and the retry rules of both SDKs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge_api.errors import BridgeError

FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """``retries``: further tries after the first; ``deadline``: seconds from the first try's start."""

    retries: int
    deadline: float

    def delay(self, failure: BridgeError, *, attempt: int, elapsed: float, random: Callable[[], float]) -> float | None:
        """Seconds to wait before another try, or None to give up.

        ``attempt`` counts the tries made (from 1), ``elapsed`` the seconds since the first one began,
        ``random`` gives numbers in [0, 1).
        """
        if not failure.retryable or attempt > self.retries:
            return None
        backoff = min(FIRST_DELAY * 2 ** (attempt - 1), LONGEST_DELAY)
        wait = backoff * random()
        if failure.retry_after is not None:
            wait = max(wait, failure.retry_after)
        return wait if elapsed + wait < self.deadline else None
