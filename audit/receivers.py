"""From the API's signals to the sink. A receiver never raises and never waits.

Invariant: what was said goes into the writer's thread as it came, and is redacted there before it goes anywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from django.conf import settings
from django.db.models import Count

from audit import metrics, telemetry
from audit.checks import kept_plain
from audit.content import Document, Keep, Redactor
from audit.promise import Promise
from audit.record import attempt_values, finished_values, opened_values
from audit.sink import sink
from audit.store import Entry
from bridge_api.signals import ExchangeFinished, ExchangeOpened, exchange_finished, exchange_opened, rules_used

log = logging.getLogger("bridge.audit")


def connect() -> None:
    exchange_opened.connect(on_opened, dispatch_uid="audit.opened")
    exchange_finished.connect(on_finished, dispatch_uid="audit.finished")
    rules_used.connect(on_rules_asked, dispatch_uid="audit.rules_used")
    metrics.connect()
    telemetry.connect()
    sink.folder, sink.required = settings.AUDIT_SPOOL_DIR, settings.AUDIT_REQUIRED


def on_opened(*, payload: ExchangeOpened, **kwargs: Any) -> Promise:
    """Queue the beginning of a row; the answer waits until it is kept."""
    promise = Promise(required=sink.required)
    sink.running += 1
    sink.put(partial(_opened, payload), urgent=True, promise=promise)
    return promise


def on_finished(*, payload: ExchangeFinished, **kwargs: Any) -> Promise | None:
    """Queue the end of a row; what never began is waited for, too."""
    try:
        promise = Promise(required=sink.required)
    except RuntimeError:
        # No event loop: nobody can wait.
        promise = None
    announced = payload.opened is not None and not payload.opened.request
    sink.running -= announced
    sink.put(partial(_finished, payload), urgent=not announced, promise=None if announced else promise)
    return None if announced else promise


def _opened(payload: ExchangeOpened) -> Entry:
    redactor = _redactor()
    values = opened_values(payload, _key())
    values["redaction"] = redactor.mode
    values["request"] = _safely(lambda: redactor.request(payload.request, payload.headers), payload)
    return Entry("opened", values)


def _finished(payload: ExchangeFinished) -> Entry:
    redactor, opened = _redactor(), payload.opened
    values = finished_values(payload, _key())
    # Also where the beginning has the request: should that be lost, the answer's redaction is known.
    values["redaction"], values["request"] = redactor.mode, {}
    if opened is None or opened.request:
        # It did not go upstream; else its beginning has the request. Counts are many, and all alike.
        body = opened.request if opened is not None else payload.request
        keep: Keep = "hash" if opened is None else "size" if payload.endpoint.endswith("tokens") else "parts"
        values["request"] = _safely(lambda: redactor.request(body, payload.headers, keep=keep), payload)
    answer = payload.answer
    masked: dict[str, int] = {}
    values["error_message"] = redactor.words(payload.error_message, masked)
    values["response"] = _safely(lambda: redactor.answer(answer()), payload) if answer else {}
    if masked:
        values["response"] = {**values["response"], "error_masked": masked}
    return Entry("finished", values, attempt_values(payload))


def _safely(make: Callable[[], Document], payload: ExchangeOpened | ExchangeFinished) -> Document:
    """A document that cannot be made is left out: the row matters more."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - see above
        told = {"fields": {"correlation_id": payload.correlation_id}}
        log.error("content could not be redacted and is not kept: %s", type(error).__name__, extra=told)
        return {"failed": type(error).__name__}


def _key() -> bytes:
    return str(settings.SECRET_KEY).encode()


@lru_cache(1)
def _redactor() -> Redactor:
    """``full`` where plain content is asked for and not confirmed: the servers' own start refuses that already."""
    mode = settings.AUDIT_REDACTION
    if why := kept_plain(mode, debug=settings.DEBUG, confirmed=settings.AUDIT_PLAIN_CONFIRMED):
        log.error("%s; until then AUDIT_REDACTION=full holds", why)
        mode = "full"
    return Redactor(mode, _key())


def on_rules_asked(*, since: datetime, **kwargs: Any) -> dict[str, int]:
    """How often each rule was used since ``since``."""
    from audit.models import AuditRecord

    rows = (
        AuditRecord.objects.filter(received_at__gte=since)
        .exclude(rule="")
        .values_list("rule")
        .annotate(times=Count("*"))
    )
    return dict(rows.order_by())
