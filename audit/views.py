"""``GET /metrics``. Nothing here opens the database or holds up the event loop."""

from __future__ import annotations

import asyncio

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST

from audit import metrics


@require_GET
async def prometheus(request: HttpRequest) -> HttpResponse:
    """The figures of all workers, for those who may ask; others find nothing here."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    address = str(request.META.get("REMOTE_ADDR", ""))
    if not metrics.may_ask(settings.METRICS, settings.METRICS_TOKEN, headers, address):
        return HttpResponse(status=404)
    return HttpResponse(await asyncio.to_thread(metrics.exposition), content_type=CONTENT_TYPE_LATEST)
