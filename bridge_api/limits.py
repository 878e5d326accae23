"""The limits of client keys, held in common by all workers.

Invariants: a request of a key with limits is admitted or refused in one transaction that no other of that key runs
beside (a lock on the key's row; SQLite has one writer anyway), so that a limit is never passed, however many workers
there are; the event loop waits for that transaction without being held; requests that come together share one;
settling is synchronous and cannot be lost to a cancellation; a worker that dies frees its running requests within
``LEASE`` seconds; while the database is away requests go on unlimited, with a note.

Cost: two to five statements a request, in one transaction for all that wait (docs/client-keys.md has figures). Keys
without limits cost nothing here.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import connection, transaction

from bridge_api import errors
from bridge_api.keys import ClientKey, Limits

log = logging.getLogger("bridge.limits")
MINUTE, DAY = 60, 86_400
LEASE = 60
RENEW_EVERY = 20.0
KEEP_MINUTES, KEEP_DAYS = 3_600, 40 * DAY
WAIT = 5.0
"""Seconds that a request waits for the database before it goes on unlimited."""
RETRY = 0.5
REQUESTS, TOKENS, DAILY = "requests", "tokens", "daily"


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may go on. ``headers`` tell the client what is left; ``checked``: the limits could be read."""

    key: ClientKey
    request_id: str
    at: int
    reserved: int
    headers: dict[str, str] = field(default_factory=dict)
    checked: bool = True


@dataclass(frozen=True, slots=True)
class Use:
    """What a key has used: in this minute, today, and how many of its requests run."""

    requests: int = 0
    tokens: int = 0
    today: int = 0
    running: int = 0


@dataclass(slots=True)
class _Ask:
    key: ClientKey
    request_id: str
    tokens: int
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Admission | errors.RateLimited]


@dataclass(frozen=True, slots=True)
class _Settled:
    admission: Admission
    used: int


_Job = _Ask | _Settled | threading.Event


class Limiter:
    """One thread a process keeps the books. ``clock`` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._queue: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._process = 0
        self._worker = ""
        self._running: set[str] = set()

    async def admit(self, key: ClientKey, request_id: str, tokens: int) -> Admission:
        """Let a request of ``tokens`` (an estimate of its input) in. Raises RateLimited."""
        loop = asyncio.get_running_loop()
        ask = _Ask(key, request_id, tokens, loop, loop.create_future())
        self._put(ask)
        try:
            async with asyncio.timeout(WAIT):
                found = await ask.answer
        except TimeoutError:
            return _unchecked(ask, self._clock())
        if isinstance(found, errors.RateLimited):
            raise found
        return found

    def settle(self, admission: Admission, used: int) -> None:
        """The request has ended and was billed ``used`` tokens in all. Never waits."""
        if admission.checked:
            self._put(_Settled(admission, used))

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until what was put is written; False when that took longer."""
        done = threading.Event()
        self._put(done)
        return done.wait(seconds)

    # -- the thread -----------------------------------------------------------------------------------

    def _put(self, one: _Job) -> None:
        if self._process != os.getpid():
            self._begin()
        self._queue.put(one)

    def _begin(self) -> None:
        with self._lock:
            if self._process == os.getpid():
                return
            self._process, self._worker = os.getpid(), uuid.uuid4().hex
            self._queue = queue.SimpleQueue()
            self._running = set()
            threading.Thread(target=self._run, args=(self._queue,), name="limits", daemon=True).start()
            atexit.register(self.flush)

    def _run(self, jobs: queue.SimpleQueue[_Job]) -> None:
        renewed = time.monotonic()
        while True:
            group: list[_Job] = []
            with contextlib.suppress(queue.Empty):
                group.append(jobs.get(timeout=RENEW_EVERY / 4))
                while True:
                    group.append(jobs.get_nowait())
            try:
                self._serve(group)
                if self._running and time.monotonic() - renewed > RENEW_EVERY:
                    renewed = time.monotonic()
                    self._renew()
            except Exception as error:  # noqa: BLE001 - the thread must live on, and requests, too
                log.warning("limits could not be checked: %s", type(error).__name__)
                with contextlib.suppress(Exception):
                    connection.close()
                self._give_up(group, jobs)
            finally:
                for one in group:
                    if isinstance(one, threading.Event):
                        one.set()

    def _give_up(self, group: Sequence[_Job], jobs: queue.SimpleQueue[_Job]) -> None:
        """Requests go on; what was used is written as soon as the database is back."""
        for one in group:
            if isinstance(one, _Ask):
                self._tell(one, _unchecked(one, self._clock()))
        time.sleep(RETRY)
        for one in group:
            if isinstance(one, _Settled):
                jobs.put(one)

    def _serve(self, group: Sequence[_Job]) -> None:
        asks = sorted((one for one in group if isinstance(one, _Ask)), key=lambda one: one.key.id)
        settled = sorted((one for one in group if isinstance(one, _Settled)), key=lambda one: one.admission.key.id)
        if not asks and not settled:
            return
        now = int(self._clock())
        with transaction.atomic(), connection.cursor() as cursor:
            books = Books(cursor, now, self._worker)
            # In the order of their ids: two workers never wait for each other's keys.
            books.lock({one.key.id for one in asks} | {one.admission.key.id for one in settled})
            for end in settled:
                books.settle(end.admission, end.used)
            answers = [(ask, books.admit(ask.key, ask.request_id, ask.tokens)) for ask in asks]
        for end in settled:
            self._running.discard(end.admission.request_id)
        for ask, answer in answers:
            if isinstance(answer, Admission):
                self._running.add(ask.request_id)
            self._tell(ask, answer)

    def _tell(self, ask: _Ask, answer: Admission | errors.RateLimited) -> None:
        def answered() -> None:
            if not ask.answer.done():
                ask.answer.set_result(answer)
            elif isinstance(answer, Admission):
                # Its client has gone meanwhile: what was reserved is given back.
                self.settle(answer, 0)

        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            ask.loop.call_soon_threadsafe(answered)

    def _renew(self) -> None:
        now = int(self._clock())
        with transaction.atomic(), connection.cursor() as cursor:
            Books(cursor, now, self._worker).renew()


def _unchecked(ask: _Ask, now: float) -> Admission:
    return Admission(ask.key, ask.request_id, int(now), 0, checked=False)


class Books:
    """The tables, within one transaction at the time ``now``. SQL that SQLite and PostgreSQL both read."""

    def __init__(self, cursor: object, now: int, worker: str) -> None:
        from bridge_api.models import ClientKey as Row
        from bridge_api.models import KeyLease, KeyUsage

        self._cursor = cursor
        self._now = now
        self._worker = worker
        quote = connection.ops.quote_name
        self._keys, self._usage, self._leases = (quote(model._meta.db_table) for model in (Row, KeyUsage, KeyLease))

    def lock(self, ids: set[int]) -> None:
        """Let no other transaction admit or settle for these keys until this one has ended."""
        if connection.features.has_select_for_update:
            for one in sorted(ids):
                self._run(f"SELECT 1 FROM {self._keys} WHERE id = %s FOR UPDATE", one)

    def admit(self, key: ClientKey, request_id: str, tokens: int) -> Admission | errors.RateLimited:
        limits, minute, day = key.limits, self._now // MINUTE * MINUTE, self._now // DAY * DAY
        used = self._use(key, minute, day)
        refused = self._refusal(limits, used, tokens)
        if refused is not None:
            return refused
        if limits.requests_per_minute is not None:
            self._add(key, REQUESTS, minute, 1)
        self._spend(key, minute, day, tokens)
        if limits.concurrent is not None:
            sql = f"INSERT INTO {self._leases} (key_id, request_id, worker, until) VALUES (%s, %s, %s, %s)"
            self._run(sql, key.id, request_id, self._worker, self._now + LEASE)
        now_used = Use(used.requests + 1, used.tokens + tokens, used.today + tokens)
        return Admission(key, request_id, self._now, tokens, told(limits, now_used, self._now))

    def _use(self, key: ClientKey, minute: int, day: int) -> Use:
        limits = key.limits
        requests = self._used(key, REQUESTS, minute) if limits.requests_per_minute is not None else 0
        tokens = self._used(key, TOKENS, minute) if limits.tokens_per_minute is not None else 0
        today = self._used(key, DAILY, day) if limits.tokens_per_day is not None else 0
        running = 0
        if limits.concurrent is not None:
            sql = f"SELECT COUNT(*) FROM {self._leases} WHERE key_id = %s AND until > %s"
            running = self._one(sql, key.id, self._now)
        return Use(requests, tokens, today, running)

    def _refusal(self, limits: Limits, used: Use, tokens: int) -> errors.RateLimited | None:
        """Why a request of so many tokens may not go on; None when it may."""
        headers = told(limits, used, self._now)
        if limits.tokens is not None and tokens > limits.tokens:
            return _too_large(limits, tokens, headers)
        if limits.concurrent is not None and used.running >= limits.concurrent:
            return _refused("concurrent requests", limits.concurrent, 1, headers)
        if limits.tokens_per_day is not None and used.today + tokens > limits.tokens_per_day:
            # Hours away: the retries of a client would all be in vain.
            seconds = DAY - self._now % DAY
            return _refused("tokens per day", limits.tokens_per_day, seconds, {**headers, **errors.NO_RETRY})
        left = MINUTE - self._now % MINUTE
        if limits.tokens_per_minute is not None and used.tokens + tokens > limits.tokens_per_minute:
            return _refused("tokens per minute", limits.tokens_per_minute, left, headers)
        if limits.requests_per_minute is not None and used.requests >= limits.requests_per_minute:
            return _refused("requests per minute", limits.requests_per_minute, left, headers)
        return None

    def settle(self, admission: Admission, used: int) -> None:
        at = admission.at
        self._spend(admission.key, at // MINUTE * MINUTE, at // DAY * DAY, used - admission.reserved)
        if admission.key.limits.concurrent is not None:
            self._run(f"DELETE FROM {self._leases} WHERE request_id = %s", admission.request_id)

    def renew(self) -> None:
        """Keep this worker's leases, and forget what no limit asks for any more."""
        self._run(f"UPDATE {self._leases} SET until = %s WHERE worker = %s", self._now + LEASE, self._worker)
        self._run(f"DELETE FROM {self._leases} WHERE until < %s", self._now - DAY)
        kinds = ((DAILY, KEEP_DAYS), (TOKENS, KEEP_MINUTES), (REQUESTS, KEEP_MINUTES))
        for kind, seconds in kinds:
            self._run(f'DELETE FROM {self._usage} WHERE kind = %s AND "window" < %s', kind, self._now - seconds)

    def _spend(self, key: ClientKey, minute: int, day: int, tokens: int) -> None:
        if tokens and key.limits.tokens_per_minute is not None:
            self._add(key, TOKENS, minute, tokens)
        if tokens and key.limits.tokens_per_day is not None:
            self._add(key, DAILY, day, tokens)

    def _used(self, key: ClientKey, kind: str, window: int) -> int:
        sql = f'SELECT amount FROM {self._usage} WHERE key_id = %s AND kind = %s AND "window" = %s'
        return self._one(sql, key.id, kind, window)

    def _add(self, key: ClientKey, kind: str, window: int, amount: int) -> None:
        sql = (
            f'INSERT INTO {self._usage} (key_id, kind, "window", amount) VALUES (%s, %s, %s, %s) '
            f'ON CONFLICT (key_id, kind, "window") DO UPDATE SET amount = {self._usage}.amount + excluded.amount'
        )
        self._run(sql, key.id, kind, window, amount)

    def _one(self, sql: str, *values: object) -> int:
        self._run(sql, *values)
        row = self._cursor.fetchone()  # type: ignore[attr-defined]
        return int(row[0]) if row else 0

    def _run(self, sql: str, *values: object) -> None:
        self._cursor.execute(sql, values)  # type: ignore[attr-defined]


def told(limits: Limits, used: Use, now: int) -> dict[str, str]:
    """What is left of each limit, in Anthropic's headers. Those of tokens tell of the limit of which less is left
    (Anthropic's page on rate limits: "the most restrictive limit currently in effect")."""
    minute, day = now // MINUTE * MINUTE + MINUTE, now // DAY * DAY + DAY
    headers: dict[str, str] = {}
    if limits.requests_per_minute is not None:
        headers |= _headers(REQUESTS, limits.requests_per_minute, used.requests, minute)
    tokens = [(limits.tokens_per_minute, used.tokens, minute), (limits.tokens_per_day, used.today, day)]
    given = [(limit, spent, reset) for limit, spent, reset in tokens if limit is not None]
    if given:
        headers |= _headers(TOKENS, *min(given, key=lambda one: one[0] - one[1]))
    return headers


def _headers(what: str, limit: int, used: int, reset: int) -> dict[str, str]:
    name, at = f"anthropic-ratelimit-{what}", datetime.fromtimestamp(reset, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {f"{name}-limit": str(limit), f"{name}-remaining": str(max(0, limit - used)), f"{name}-reset": at}


def _refused(what: str, limit: int, seconds: int, headers: Mapping[str, str]) -> errors.RateLimited:
    seconds = max(1, seconds)
    text = f"This API key has reached its limit of {limit:,} {what}. Try again in {seconds} second{'s'[: seconds > 1]}."
    return errors.RateLimited(text, code="key_limit", headers={"retry-after": str(seconds), **headers})


def _too_large(limits: Limits, tokens: int, headers: Mapping[str, str]) -> errors.RateLimited:
    """A request that no waiting helps: no ``retry-after``, and no retries."""
    when = "minute" if limits.tokens == limits.tokens_per_minute else "day"
    text = (
        f"This request has {tokens:,} tokens of input, more than this API key may use in a whole {when} "
        f"({limits.tokens:,}). No retry will help: shorten it, or ask for a larger limit."
    )
    return errors.RateLimited(text, code="key_limit_too_large", headers={**headers, **errors.NO_RETRY})
