"""The exchange's surroundings, made from Django's settings once for each process.

Invariant: settings are read here and in the checks, nowhere else in the API; the upstream's connections belong
to the event loop that uses them.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from functools import lru_cache
from weakref import WeakKeyDictionary

from django.conf import settings

from bridge_api.counter import Counter
from bridge_api.exchange import Service
from bridge_api.mapping import ModelMap
from bridge_api.tokens import service as tokens
from bridge_api.upstream.client import Upstream, UpstreamConfig
from bridge_api.upstream.retry import RetryPolicy

_upstreams: WeakKeyDictionary[asyncio.AbstractEventLoop, Upstream] = WeakKeyDictionary()


@lru_cache(maxsize=1)
def service() -> Service:
    """The shared surroundings. ``reset`` forgets them (tests, changed settings)."""
    secret = settings.SECRET_KEY.encode()
    return Service(
        models=ModelMap.parse(settings.MODEL_MAP_JSON, settings.OPENAI_DEFAULT_MODEL),
        upstream=upstream,
        retry=RetryPolicy(settings.UPSTREAM_RETRIES, settings.UPSTREAM_RETRY_DEADLINE),
        identity_key=_derived(secret, b"identity"),
        upstream_id=hmac.new(
            _derived(secret, b"upstream"),
            f"{settings.OPENAI_BASE_URL}\0{settings.OPENAI_API_KEY}".encode(),
            hashlib.sha256,
        ).hexdigest()[:16],
        has_credential=bool(settings.OPENAI_API_KEY),
        response_timeout=settings.UPSTREAM_RESPONSE_TIMEOUT,
        idle_timeout=settings.UPSTREAM_IDLE_TIMEOUT,
        ping_interval=settings.PING_INTERVAL,
        counter=Counter(
            settings.COUNT_TOKENS_MODE,
            upstream if settings.OPENAI_API_KEY else None,
            settings.COUNT_TOKENS_TIMEOUT,
        ),
        estimate=tokens.remembered_or_cheap,
        remember=tokens.remember_answer,
        cut=tokens.cut,
    )


def upstream() -> Upstream:
    """The upstream connections of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _upstreams.get(loop)
    if found is None:
        found = _upstreams[loop] = Upstream(
            UpstreamConfig(
                base_url=settings.OPENAI_BASE_URL,
                api_key=settings.OPENAI_API_KEY,
                organization=settings.OPENAI_ORGANIZATION,
                project=settings.OPENAI_PROJECT,
                connect_timeout=settings.UPSTREAM_CONNECT_TIMEOUT,
                max_connections=settings.UPSTREAM_MAX_CONNECTIONS,
            )
        )
    return found


def reset() -> None:
    """Forget what was made from the settings."""
    service.cache_clear()
    _upstreams.clear()


async def close() -> None:
    """End what is open to the upstream from the running event loop, and its connections."""
    found = _upstreams.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.aclose()


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return hmac.new(secret, b"bridge/" + purpose, hashlib.sha256).digest()
