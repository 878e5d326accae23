"""The trail in the admin: to look at, not to change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from audit.models import AuditRecord


@admin.register(AuditRecord)
class AuditRecordAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = (
        "received_at",
        "outcome",
        "status",
        "model_asked",
        "model_served",
        "stop_reason",
        "input_tokens",
        "output_tokens",
        "duration_ms",
        "key",
        "correlation_id",
    )
    list_filter = ("outcome", "status", "key", "stream", "model_served", "stop_reason", "error_type")
    search_fields = ("=correlation_id", "=request_id", "=session")
    date_hierarchy = "received_at"
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in AuditRecord._meta.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
