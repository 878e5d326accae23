"""System checks: what an operator should know before the first request.

They see the settings only; where the server really listens is for its own start to say (``config/gunicorn.conf.py``).

bridge.E001  MODEL_MAP_JSON cannot be read
bridge.E002  OPENAI_BASE_URL is no http(s) address
bridge.E003  HOST is reachable from outside while anybody may use the bridge
bridge.W003  HOST is reachable from outside while the admin answers to loopback names only
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from bridge_api.mapping import ModelMap


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on ``host``."""
    name = host.strip().strip("[]").casefold()
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


@register(Tags.compatibility)
def check_upstream(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    try:
        ModelMap.parse(settings.MODEL_MAP_JSON, settings.OPENAI_DEFAULT_MODEL)
    except ValueError as error:
        found.append(Error(str(error), hint='An example: {"claude-haiku": "gpt-6-luna"}', id="bridge.E001"))
    if not settings.OPENAI_BASE_URL.startswith(("http://", "https://")):
        found.append(
            Error(
                "OPENAI_BASE_URL must begin with http:// or https://",
                hint="https://api.openai.com/v1",
                id="bridge.E002",
            )
        )
    return found


def exposed_to_anybody(host: str, client_auth: str) -> str | None:
    """Why the bridge may not listen on ``host``; None when it may."""
    if client_auth != "open" or is_loopback(host):
        return None
    return (
        f"{host or 'Every address'} (HOST, or what the server was told to bind) is not a loopback address and "
        "BRIDGE_CLIENT_AUTH is open: anybody who reaches the bridge would spend your OpenAI budget. Set "
        "BRIDGE_CLIENT_AUTH=keys (or passthrough), or bind to 127.0.0.1."
    )


@register(Tags.security)
def check_clients(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    reason = exposed_to_anybody(settings.HOST, settings.BRIDGE_CLIENT_AUTH)
    return [Error(reason, hint="`manage.py create_client_key LABEL` makes a key.", id="bridge.E003")] if reason else []


@register(Tags.security, deploy=True)
def check_exposure(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not is_loopback(settings.HOST) and all(map(is_loopback, settings.ALLOWED_HOSTS)):
        found.append(
            Warning(
                "HOST is not a loopback address and ALLOWED_HOSTS has loopback names only: the admin answers 400 to "
                "every other name.",
                hint="Set ALLOWED_HOSTS to the names under which browsers reach the admin.",
                id="bridge.W003",
            )
        )
    return found
