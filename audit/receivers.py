"""From the API's signals to the sink. A receiver never raises and never waits."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count

from audit.record import row_values
from audit.sink import sink
from bridge_api.signals import ExchangeFinished, exchange_finished, rules_used

log = logging.getLogger("bridge.audit")


def connect() -> None:
    exchange_finished.connect(on_finished, dispatch_uid="audit.finished")
    rules_used.connect(on_rules_asked, dispatch_uid="audit.rules_used")


def on_finished(*, payload: ExchangeFinished, **kwargs: Any) -> None:
    """Queue the row of a finished exchange."""
    try:
        sink.put(row_values(payload, settings.SECRET_KEY.encode()))
    except Exception as error:  # noqa: BLE001 - the answer matters more than its row
        log.error("an audit row could not be made: %s", type(error).__name__)


def on_rules_asked(*, since: datetime, **kwargs: Any) -> dict[str, int]:
    """How often each rule was used since ``since``."""
    from audit.models import AuditRecord

    rows = AuditRecord.objects.filter(received_at__gte=since).exclude(rule="").values_list("rule").annotate(Count("id"))
    return dict(rows.order_by())
