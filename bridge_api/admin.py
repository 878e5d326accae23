"""What operators decide, in the admin: mappings, what models take, client keys.

Invariants: what a page refuses, the commands refuse with the same words (the models' ``clean``); who changed a row is
written onto it; a key's text is on one page once and nowhere else.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display

from bridge_api import explain, keys, rules, service
from bridge_api.errors import NotFound
from bridge_api.limits import DAILY, DAY
from bridge_api.models import FLAGS, ClientKey, KeyUsage, ModelCapability, ModelMapping
from bridge_api.renewal import load
from bridge_api.signals import rules_used

COLOURS = {"active": "success", "expired": "warning", "revoked": "danger"}


class Decided(ModelAdmin):  # type: ignore[misc]
    """A table of rows that the API reads."""

    actions_on_top = True
    warn_unsaved_form = True
    compressed_fields = True
    readonly_fields: tuple[str, ...] = ("changed_by", "changed_at")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.changed_by = request.user.get_username()
        super().save_model(request, obj, form, change)


@admin.register(ModelMapping)
class ModelMappingAdmin(Decided):
    list_display = ("rule_of", "served", "changes", "priority", "is_enabled", "used", "changed")
    list_display_links = ("rule_of",)
    list_filter = ("enabled", "kind", "effort_mode", "service_tier")
    search_fields = ("pattern", "served", "note")
    actions = ("enable", "disable", "duplicate")
    list_before_template = "admin/bridge_api/try_it.html"
    fieldsets = (
        (None, {"fields": ("kind", "pattern", "served", "enabled", "priority", "note")}),
        ("How it is asked", {"fields": ("effort_mode", "effort", "service_tier", "verbosity")}),
        ("Limits", {"fields": ("max_output_tokens", "max_input_tokens")}),
        ("History", {"fields": ("changed_by", "changed_at")}),
    )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        query = request.GET.copy()
        asked = "".join(query.pop("try", [])).strip()[: rules.LONGEST]
        request.GET = query  # type: ignore[assignment]
        context = {**(extra_context or {}), "asked": asked, "told": _told(asked) if asked else None}
        found: HttpResponse = super().changelist_view(request, context)
        return found

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelMapping]:
        rows: QuerySet[ModelMapping] = super().get_queryset(request)
        if request.resolver_match is None or request.resolver_match.url_name != "bridge_api_modelmapping_changelist":
            # Only the list shows how often rules were used, and counting a busy day takes time.
            return rows
        counted = [When(pk=_row_of(rule), then=Value(count)) for rule, count in _used_today().items() if _row_of(rule)]
        return rows.annotate(used_today=Case(*counted, default=Value(0), output_field=IntegerField()))

    @admin.display(description="Asked for", ordering="pattern")
    def rule_of(self, row: ModelMapping) -> str:
        return f"{row.get_kind_display()}: {row.pattern}"

    @admin.display(description="The rule sets")
    def changes(self, row: ModelMapping) -> str:
        return "; ".join(explain.changed(row.rule().adjustments)) or "–"

    @admin.display(description="Enabled", ordering="enabled", boolean=True)
    def is_enabled(self, row: ModelMapping) -> bool:
        return row.enabled

    @admin.display(description="Changed", ordering="changed_at")
    def changed(self, row: ModelMapping) -> str:
        return f"{row.changed_at:%Y-%m-%d %H:%M}" + (f", {row.changed_by}" if row.changed_by else "")

    @admin.display(description="Used in 24 h", ordering="used_today")
    def used(self, row: Any) -> int:
        return int(row.used_today)

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[ModelMapping]) -> None:
        refused = []
        for row in queryset.filter(enabled=False):
            others = [other.rule() for other in ModelMapping.objects.filter(enabled=True)]
            trouble = rules.trouble(row.rule(), others)
            if trouble:
                refused.append(f"{row.pattern}: {trouble}")
            else:
                row.enabled = True
                self._keep(request, row, "enabled")
        for text in refused:
            self.message_user(request, text, messages.ERROR)

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[ModelMapping]) -> None:
        for row in queryset.filter(enabled=True):
            row.enabled = False
            self._keep(request, row, "disabled")

    @admin.action(description="Duplicate (disabled)", permissions=["add"])
    def duplicate(self, request: HttpRequest, queryset: QuerySet[ModelMapping]) -> None:
        for row in queryset:
            row.pk, row.enabled = None, False
            row._state.adding = True
            self._keep(request, row, "duplicated")

    def _keep(self, request: HttpRequest, row: ModelMapping, what: str) -> None:
        with transaction.atomic():
            row.changed_by = request.user.get_username()
            row.save()
            self.log_change(request, row, f"{what.capitalize()} by an action.")


def _told(asked: str) -> dict[str, Any]:
    """What the try-it field says of a name: (label, value) pairs, or why there are none."""
    try:
        return {"pairs": explain.explained(load(service.settings_map()), asked)}
    except NotFound:
        return {"nobody": "Nothing serves this name: it is answered with 404."}


def _row_of(rule: str) -> int | None:
    """The row of a rule as the trail names it (``database:12``)."""
    kind, _, number = rule.partition(":")
    return int(number) if kind == "database" and number.isdigit() else None


def _used_today() -> dict[str, int]:
    """How often each rule was used in the last day, as far as somebody has counted."""
    found: dict[str, int] = {}
    for _, counted in rules_used.send_robust(sender=ModelMapping, since=timezone.now() - timedelta(days=1)):
        if isinstance(counted, dict):
            found |= counted
    return found


@admin.register(ModelCapability)
class ModelCapabilityAdmin(Decided):
    list_display = ("model", "like", "efforts", "context_window", "max_output", "enabled", "source", "changed_by")
    list_filter = ("enabled",)
    search_fields = ("model", "like", "source", "note")
    fieldsets = (
        (None, {"fields": ("model", "like", "source", "enabled", "note")}),
        ("Reasoning and sampling", {"fields": ("efforts", "sampling")}),
        ("Sizes", {"fields": ("context_window", "max_input", "max_output")}),
        ("What it takes", {"fields": FLAGS}),
        ("History", {"fields": ("changed_by", "changed_at")}),
    )


@admin.register(ClientKey)
class ClientKeyAdmin(Decided):
    list_display = (
        "label",
        "owner",
        "shown",
        "state_of",
        "expires_at",
        "spent_today",
        "daily_token_budget",
        "changed_by",
    )
    search_fields = ("label", "owner", "shown", "note")
    list_filter = ("owner",)
    actions = ("revoke",)
    readonly_fields = ("shown", "state_of", "spent_today", "revoked_at", "changed_by", "changed_at")
    fieldsets = (
        (None, {"fields": ("label", "owner", "expires_at", "allowed_models", "note")}),
        (
            "Limits",
            {
                "fields": ("requests_per_minute", "tokens_per_minute", "concurrent_streams", "daily_token_budget"),
                "description": "Empty is no limit. They hold over all workers together.",
            },
        ),
        ("State", {"fields": ("shown", "state_of", "spent_today", "revoked_at", "changed_by", "changed_at")}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keys are revoked, so that the audit's labels keep their meaning."""
        return False

    @display(description="State", label=COLOURS)  # type: ignore[untyped-decorator]
    def state_of(self, row: ClientKey) -> str:
        return row.state if row.pk else "–"

    @admin.display(description="Tokens today")
    def spent_today(self, row: ClientKey) -> int:
        today = int(timezone.now().timestamp()) // DAY * DAY
        usage = KeyUsage.objects.filter(key_id=row.pk, kind=DAILY, window=today)
        return usage.values_list("amount", flat=True).first() or 0

    def save_model(self, request: HttpRequest, obj: ClientKey, form: Any, change: bool) -> None:
        if not change:
            request.new_key = keys.new_key()  # type: ignore[attr-defined]
            text: str = request.new_key  # type: ignore[attr-defined]
            obj.shown, obj.hash = text[: keys.SHOWN], keys.hashed(text)
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: ClientKey, post_url_continue: Any = None) -> HttpResponse:
        """The one page that shows the key: an answer, not a redirect, so that it is kept nowhere."""
        context = {
            **self.admin_site.each_context(request),
            "title": "The key is made",
            "key": request.new_key,  # type: ignore[attr-defined]
            "row": obj,
            "opts": self.model._meta,
        }
        response = TemplateResponse(request, "admin/bridge_api/key_made.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description="Revoke", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ClientKey]) -> None:
        for row in queryset.filter(revoked_at=None):
            row.revoke(request.user.get_username())
            self.log_change(request, row, "Revoked.")
