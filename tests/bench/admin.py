"""``make bench-admin``: how long the admin's pages take over the trail that DATABASE_URL names, and their queries.

The pages are asked for in this process, three times each, and the quickest is told: what else the machine does is not
the page's. Makes itself an account, and takes it away again. ``python -m tests.audit.trail --rows 1000000`` makes a trail.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Count  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, override_settings  # noqa: E402
from django.urls import reverse  # noqa: E402

from audit.models import AuditRecord  # noqa: E402

FILTERS = (
    "outcome=failed", "outcome=completed", "status=429", "stream=1", "stop=tool_use", "error=overloaded_error", "notes=1", "slow=1",
    "outcome=failed&error=rate_limit_error", "stream=0&stop=end_turn",
)  # fmt: skip
NAME = "bench-admin"


def pages() -> Iterator[tuple[str, str]]:
    """Each page's name and address."""
    listed = reverse("admin:audit_auditrecord_changelist")
    common = {
        name: AuditRecord.objects.values_list(column).annotate(n=Count("id")).order_by("-n")[0][0]
        for name, column in (("model", "model_served"), ("key", "key"))
    }
    row = AuditRecord.objects.order_by("-id")[1000]
    yield "list, last 24 h", listed
    for span in ("7d", "30d", "all"):
        yield f"list, {span}", f"{listed}?range={span}"
    yield "list, 30d, page 20", f"{listed}?range=30d&p=20"
    for chosen in (*FILTERS, *(f"{name}={value}" for name, value in common.items())):
        yield f"list, 30d, {chosen}", f"{listed}?range=30d&{chosen}"
    for name in ("correlation_id", "request_id", "session"):
        yield f"search by {name}", f"{listed}?q={getattr(row, name)}"
    yield "one request", reverse("admin:audit_auditrecord_change", args=[row.pk])
    for span in ("24h", "7d", "30d"):
        yield f"dashboard, {span}", f"{reverse('admin:index')}?range={span}"


@contextmanager
def signed_in() -> Iterator[Client]:
    user = get_user_model().objects.create_superuser(NAME, password=None)
    try:
        client = Client()
        client.force_login(user, settings.AUTHENTICATION_BACKENDS[-1])
        yield client
    finally:
        user.delete()


def main() -> None:
    with override_settings(ALLOWED_HOSTS=["*"], SECURE_SSL_REDIRECT=False), signed_in() as client:
        print(f"{AuditRecord.objects.count():,} rows, {connection.vendor}")
        for name, address in pages():
            taken = []
            for _ in range(3):
                began = time.perf_counter()
                answer = client.get(address)
                taken.append((time.perf_counter() - began) * 1000)
                assert answer.status_code == 200, (address, answer.status_code)
            with CaptureQueriesContext(connection) as asked:
                client.get(address)
            print(f"{name:<58} {min(taken):7.0f} ms   {len(asked):2} queries", flush=True)


if __name__ == "__main__":
    main()
