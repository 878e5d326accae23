"""The exchange's surroundings, made from Django's settings once for each process.

Invariant: settings are read here and in the checks, nowhere else in the API; the upstream's connections belong
to the event loop that uses them.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache
from weakref import WeakKeyDictionary

from django.conf import settings

from bridge_api.auth import Auth
from bridge_api.counter import Counter
from bridge_api.intake import Service
from bridge_api.last_rules import LastRules
from bridge_api.limits import Limiter
from bridge_api.mapping import FAMILY_MODELS, ModelMap
from bridge_api.profiles import profile_of
from bridge_api.renewal import Renewer
from bridge_api.tokens import service as tokens
from bridge_api.upstream.client import Upstream, UpstreamConfig
from bridge_api.upstream.retry import RetryPolicy

limiter = Limiter()
_upstreams: WeakKeyDictionary[asyncio.AbstractEventLoop, Upstream] = WeakKeyDictionary()


def settings_map() -> ModelMap:
    """The mapping as the settings say it, without the operators' rules."""
    families = FAMILY_MODELS if settings.UPSTREAM_PROFILE == "openai" else {}
    foreign = settings.UPSTREAM_PROFILE not in ("openai", "azure")
    return ModelMap.parse(settings.MODEL_MAP_JSON, settings.OPENAI_DEFAULT_MODEL, families, foreign=foreign)


@lru_cache(maxsize=1)
def renewer() -> Renewer:
    """The operators' decisions in this process."""
    return Renewer(settings_map(), last=LastRules(settings.LAST_RULES_FILE, _database_name()))


def _database_name() -> str:
    """The database, without its password."""
    given = settings.DATABASES["default"]
    return "|".join(str(given.get(name) or "") for name in ("ENGINE", "HOST", "PORT", "NAME"))


@lru_cache(maxsize=1)
def service() -> Service:
    """The shared surroundings. ``reset`` forgets them (tests, changed settings)."""
    secret = settings.SECRET_KEY.encode()
    decisions = renewer()
    profile = profile_of(settings.UPSTREAM_PROFILE)
    own = settings.OPENAI_API_KEY if settings.BRIDGE_CLIENT_AUTH != "passthrough" else ""
    return Service(
        snapshot=decisions.current,
        upstream=upstream,
        retry=RetryPolicy(settings.UPSTREAM_RETRIES, settings.UPSTREAM_RETRY_DEADLINE),
        identity_key=_derived(secret, b"identity"),
        upstream_id=_upstream_ids(_derived(secret, b"upstream"), settings.OPENAI_BASE_URL, own),
        has_credential=bool(own),
        response_timeout=settings.UPSTREAM_RESPONSE_TIMEOUT,
        idle_timeout=settings.UPSTREAM_IDLE_TIMEOUT,
        ping_interval=settings.PING_INTERVAL,
        profile=profile,
        auth=Auth(settings.BRIDGE_CLIENT_AUTH, decisions.loaded.is_set, decisions.knows),
        limiter=limiter,
        counter=Counter(
            settings.COUNT_TOKENS_MODE,
            upstream if profile.counts else None,
            settings.COUNT_TOKENS_TIMEOUT,
            has_credential=bool(own),
        ),
        estimate=tokens.remembered_or_cheap,
        remember=tokens.remember_answer,
        cut=tokens.cut,
    )


def _upstream_ids(secret: bytes, base_url: str, own: str) -> Callable[[str | None], str]:
    """Names for the upstream with a credential: the bridge's own, or a client's."""

    def named(key: str) -> str:
        return hmac.new(secret, f"{base_url}\0{key}".encode(), hashlib.sha256).hexdigest()[:16]

    ours = named(own)
    return lambda key: ours if key is None else named(key)


def upstream() -> Upstream:
    """The upstream connections of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _upstreams.get(loop)
    if found is None:
        found = _upstreams[loop] = Upstream(
            UpstreamConfig(
                base_url=settings.OPENAI_BASE_URL,
                api_key=settings.OPENAI_API_KEY,
                key_header=profile_of(settings.UPSTREAM_PROFILE).key_header,
                organization=settings.OPENAI_ORGANIZATION,
                project=settings.OPENAI_PROJECT,
                connect_timeout=settings.UPSTREAM_CONNECT_TIMEOUT,
                max_connections=settings.UPSTREAM_MAX_CONNECTIONS,
            )
        )
    return found


def reset() -> None:
    """Forget what was made from the settings."""
    if renewer.cache_info().currsize:
        renewer().stop()
    renewer.cache_clear()
    service.cache_clear()
    _upstreams.clear()


async def close() -> None:
    """End what is open to the upstream from the running event loop, and its connections."""
    found = _upstreams.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.aclose()


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return hmac.new(secret, b"bridge/" + purpose, hashlib.sha256).digest()
