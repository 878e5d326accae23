"""The audit trail as a Django app: take it out of INSTALLED_APPS and the API still works."""

from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Audit trail"

    def ready(self) -> None:
        from audit import checks, receivers  # noqa: F401 - the checks register themselves

        receivers.connect()
