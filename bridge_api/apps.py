"""The API as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class BridgeApiConfig(AppConfig):
    name = "bridge_api"
    verbose_name = "Bridge"

    def ready(self) -> None:
        from bridge_api import checks  # noqa: F401 - registers the system checks
