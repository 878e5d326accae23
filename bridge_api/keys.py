"""Client keys: how they are made, kept and recognised.

Invariants: pure; a key is told once, when it is made, and only its hash is kept; a key is looked up by its hash, so
that nothing of it is compared byte by byte; whatever stands in the headers, the answer is a key or a 401.

A key is ``brk_`` and 43 random characters (256 bits), so that its plain SHA-256 cannot be guessed from.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge_api import errors
from bridge_api.rules import normalise, whole, wildcard

PREFIX = "brk_"
SHOWN = 12
"""Characters of a key by which people tell it from others."""
LONGEST = 8_192
"""Characters of a credential that is passed on: tokens of Microsoft Entra have some thousands."""
ANTHROPICS = "sk-ant-"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a key may use; None is no limit. A minute and a day are those of the clock (UTC)."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent: int | None = None
    tokens_per_day: int | None = None

    def __bool__(self) -> bool:
        return any(
            limit is not None
            for limit in (self.requests_per_minute, self.tokens_per_minute, self.concurrent, self.tokens_per_day)
        )

    @property
    def tokens(self) -> int | None:
        """The most tokens that one request could ever have."""
        given = [limit for limit in (self.tokens_per_minute, self.tokens_per_day) if limit is not None]
        return min(given, default=None)


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A key as the API knows it. ``expires`` is Unix seconds; ``models`` are names or patterns, none is all."""

    id: int
    label: str
    expires: float | None = None
    revoked: bool = False
    models: tuple[str, ...] = ()
    limits: Limits = field(default=Limits())

    def may_ask(self, model: str) -> bool:
        """Whether the key may ask for ``model`` (as the client names it)."""
        name = normalise(model)
        return not self.models or any(wildcard(pattern, name) for pattern in self.models)


NOBODYS = ("\n",)
"""Patterns that no name fits, since names are trimmed: what a list comes to of which nothing can be understood."""


def patterns(text: str) -> list[str]:
    """The names and patterns of a list that an operator wrote: one a line, or with commas between."""
    return [whole(part) for part in re.split(r"[,\r\n]", text) if part.strip()]


def fault_in(text: str) -> str | None:
    """What is wrong with such a list, in words for an operator; None when it is sound."""
    given = patterns(text)
    if text.strip() and not given:
        return "There is no name in it. Leave it empty for all models."
    return next((f"{pattern}: {_fault(pattern)}" for pattern in given if _fault(pattern)), None)


def _fault(pattern: str) -> str | None:
    if len(pattern.split()) > 1:
        return "a name has no blanks; write one a line, or commas between them."
    if normalise(pattern) != pattern:
        return "suffixes such as [1m] are left aside when names are compared; write the name without."
    return None


def allowed(text: str) -> tuple[str, ...]:
    """The patterns of a list as it is kept; empty only where the list is, so that a bad one never allows all."""
    sound = tuple(pattern for pattern in patterns(text) if not _fault(pattern))
    return sound or (NOBODYS if text.strip() else ())


def new_key() -> str:
    """A fresh key."""
    return PREFIX + secrets.token_urlsafe(32)


def hashed(key: str) -> str:
    """What is kept of ``key``."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def given_in(headers: Mapping[str, str]) -> list[str]:
    """The credentials of a request: ``x-api-key``, and ``Authorization: Bearer``. ``headers`` are in lower case."""
    found = [headers.get("x-api-key", "").strip()]
    scheme, _, value = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer":
        found.append(value.strip())
    return [credential for credential in found if credential]


def for_upstream(headers: Mapping[str, str]) -> str:
    """The client's own key for the upstream, in either header. Raises AuthenticationFailed.

    Clients that have a field for each header fill one of them with anything: OpenAI's keys begin with ``sk-``, and of
    others the bearer token is the more likely one. A key of the bridge's or of Anthropic's is nothing to the upstream,
    and not for it to see.
    """
    given = given_in(headers)
    if not given:
        raise errors.AuthenticationFailed("x-api-key header is required", code="key_missing")
    sendable = [one for one in given if one.isascii() and one.isprintable() and " " not in one and len(one) <= LONGEST]
    found = [one for one in reversed(sendable) if not one.startswith((PREFIX, ANTHROPICS))]
    if not found:
        text = "This is no key for the bridge's upstream. The bridge passes its clients' own keys on: give yours."
        raise errors.AuthenticationFailed(text, code="key_not_for_upstream", headers=errors.NO_RETRY)
    return next((one for one in found if one.startswith("sk-")), found[0])


def recognised(headers: Mapping[str, str], keys: Mapping[str, ClientKey], now: float) -> ClientKey:
    """The key of a request, by the hash of either header. ``now``: Unix seconds. Raises AuthenticationFailed."""
    credentials = given_in(headers)
    if not credentials:
        raise errors.AuthenticationFailed("x-api-key header is required", code="key_missing")
    for credential in credentials:
        key = keys.get(hashed(credential))
        if key is None:
            continue
        if key.revoked:
            raise errors.AuthenticationFailed("This API key has been revoked.", code="key_revoked")
        if key.expires is not None and now >= key.expires:
            raise errors.AuthenticationFailed("This API key has expired.", code="key_expired")
        return key
    raise errors.AuthenticationFailed("invalid x-api-key", code="key_unknown")
