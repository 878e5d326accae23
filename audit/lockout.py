"""Who guesses passwords is kept out: by the name and address together, and by the address alone.

Invariants: the name that somebody typed is kept as a keyed hash only (people type passwords into the wrong field); a
login that succeeds clears its own name's failures, never the others' of its address.
"""

from __future__ import annotations

import hmac
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest


def typed_name(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str | None:
    """What stands for the typed name (axes' AXES_USERNAME_CALLABLE)."""
    name = (credentials or request.POST).get("username")
    if name is None:
        return None
    key = str(settings.SECRET_KEY).encode()
    return hmac.digest(key, b"audit/login/" + str(name).encode(errors="replace"), "sha256").hex()[:32]


class Handler(AxesDatabaseHandler):  # type: ignore[misc]
    """axes' own counts failures by name and address; this one sees an address that tries many names, too."""

    def get_failures(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        failures: int = super().get_failures(request, credentials)
        since = get_cool_off_threshold(request)
        of_address = AccessAttempt.objects.filter(ip_address=request.axes_ip_address, attempt_time__gte=since)
        number = of_address.aggregate(number=Sum("failures_since_start"))["number"] or 0
        return max(failures, settings.AXES_FAILURE_LIMIT) if number >= settings.LOGIN_FAILURES_BY_ADDRESS else failures
