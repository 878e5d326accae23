"""What operators decide, in the admin: mappings, what models take, client keys.

Invariants: what a page refuses, the commands refuse with the same words (the models' ``clean``); who changed a row is
written onto it; a key's text is on one page once and nowhere else.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display

from bridge_api import capabilities, explain, keys, rules, service
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

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """What was, and what is: the history is for whoever asks why something answers otherwise than last week."""
        if add or not form.changed_data:
            return super().construct_change_message(request, form, formsets, add)
        return "; ".join(
            f"{form.fields[name].label or name}: {_shown(form.initial.get(name))} → {_shown(getattr(form.instance, name))}"
            for name in form.changed_data
        )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "note" and field is not None:
            field.widget.attrs["rows"] = 3
        return field

    def is_list(self, request: HttpRequest) -> bool:
        """Whether the page is the list, whose columns may cost queries of their own."""
        match = request.resolver_match
        return match is not None and str(match.url_name).endswith("_changelist")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "empty" if value in (None, "") else " ".join(str(value).split())


@admin.register(ModelMapping)
class ModelMappingAdmin(Decided):
    list_display = ("number", "rule_of", "served", "changes", "priority", "is_enabled", "used", "changed")
    list_display_links = ("number", "rule_of")
    list_filter = ("enabled", "kind", "effort_mode", "service_tier")
    search_fields = ("pattern", "served", "note")
    actions = ("enable", "disable", "duplicate")
    list_before_template = "admin/bridge_api/try_it.html"
    fieldsets = (
        (None, {"fields": ("kind", "pattern", "served", "enabled", "priority")}),
        ("How it is asked", {"fields": ("effort_mode", "effort", "service_tier", "verbosity")}),
        ("Limits", {"fields": ("max_output_tokens", "max_input_tokens")}),
        ("History", {"fields": ("note", "changed_by", "changed_at")}),
    )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        query = request.GET.copy()
        asked = "".join(query.pop("try", [])).strip()[: rules.LONGEST]
        request.GET = query  # type: ignore[assignment]
        # What the list is filtered, searched and ordered by stays when a name is tried.
        kept = [(name, value) for name, values in query.lists() for value in values]
        told = _told(asked) if asked else None
        context = {**(extra_context or {}), "asked": asked, "told": told, "kept": kept}
        found: HttpResponse = super().changelist_view(request, context)
        return found

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            found: HttpResponse = super().changeform_view(request, *args, **kwargs)
        except ValidationError as error:
            self.message_user(request, f"Not saved, somebody was quicker: {' '.join(error.messages)}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return found

    def save_model(self, request: HttpRequest, obj: ModelMapping, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        # Since the save the revision's row is ours: whoever has saved a rule in the meantime is seen only now.
        obj.clean()

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelMapping]:
        rows: QuerySet[ModelMapping] = super().get_queryset(request)
        if not self.is_list(request):
            return rows
        counted = [When(pk=_row_of(rule), then=Value(count)) for rule, count in _used_today().items() if _row_of(rule)]
        return rows.annotate(used_today=Case(*counted, default=Value(0), output_field=IntegerField()))

    @admin.display(description="No.", ordering="pk")
    def number(self, row: ModelMapping) -> int:
        return int(row.pk)

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
            row.changed_by = request.user.get_username()
            with transaction.atomic():
                row.save()
                self.log_addition(request, row, "A copy, by an action.")

    def _keep(self, request: HttpRequest, row: ModelMapping, what: str) -> None:
        with transaction.atomic():
            row.changed_by = request.user.get_username()
            row.save()
            self.log_change(request, row, f"{what.capitalize()} by an action.")


def _told(asked: str) -> dict[str, Any]:
    """What the try-it field says of a name: (label, value) pairs, or why there are none."""
    snapshot = load(service.settings_map())
    try:
        return {
            "pairs": explain.explained(snapshot, asked),
            "rule": explain.rule_in(snapshot.models.resolve(asked)),
        }
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
    list_after_template = "admin/bridge_api/built_in.html"
    fieldsets = (
        (None, {"fields": ("model", "like", "source", "enabled")}),
        ("Reasoning and sampling", {"fields": ("efforts", "sampling")}),
        ("Sizes", {"fields": ("context_window", "max_input", "max_output")}),
        ("What it takes", {"fields": FLAGS}),
        ("History", {"fields": ("note", "changed_by", "changed_at")}),
    )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {**(extra_context or {}), "built_in": capabilities.built_in().items()}
        found: HttpResponse = super().changelist_view(request, context)
        return found


class State(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state) for state in COLOURS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ClientKey]) -> QuerySet[ClientKey]:
        over = Q(expires_at__lte=timezone.now())
        wanted = {
            "revoked": Q(revoked_at__isnull=False),
            "expired": Q(revoked_at=None) & over,
            "active": Q(revoked_at=None) & ~over,
        }
        return queryset.filter(wanted.get(self.value() or "", Q()))


@admin.register(ClientKey)
class ClientKeyAdmin(Decided):
    list_display = (
        "label",
        "owner",
        "shown",
        "state_of",
        "expires_at",
        "limits_of",
        "spent_today",
        "changed_by",
    )
    search_fields = ("label", "owner", "shown", "note")
    list_filter = (State, "owner")
    actions = ("revoke",)
    readonly_fields = ("shown", "state_of", "spent_today", "revoked_at", "changed_by", "changed_at")
    fieldsets = (
        (None, {"fields": ("label", "owner", "expires_at", "allowed_models")}),
        (
            "Limits",
            {
                "fields": ("requests_per_minute", "tokens_per_minute", "concurrent_streams", "daily_token_budget"),
                "description": "Empty is no limit. They hold over all workers together.",
            },
        ),
        ("State", {"fields": ("shown", "state_of", "spent_today", "revoked_at", "note", "changed_by", "changed_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClientKey]:
        rows: QuerySet[ClientKey] = super().get_queryset(request)
        today = int(timezone.now().timestamp()) // DAY * DAY
        usage = KeyUsage.objects.filter(key_id=OuterRef("pk"), kind=DAILY, window=today).values("amount")
        return rows.annotate(used_today=Subquery(usage[:1]))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keys are revoked, so that the audit's labels keep their meaning."""
        return False

    @display(description="State", label=COLOURS)  # type: ignore[untyped-decorator]
    def state_of(self, row: ClientKey) -> str:
        return row.state if row.pk else "–"

    @admin.display(description="Tokens today", ordering="used_today")
    def spent_today(self, row: Any) -> str:
        return f"{getattr(row, 'used_today', None) or 0:,}" if row.daily_token_budget else "–"

    @admin.display(description="Limits")
    def limits_of(self, row: ClientKey) -> str:
        limits = (
            (row.requests_per_minute, "requests/min"),
            (row.tokens_per_minute, "tokens/min"),
            (row.concurrent_streams, "at once"),
            (row.daily_token_budget, "tokens/day"),
        )
        return "; ".join(f"{limit:,} {words}" for limit, words in limits if limit is not None) or "none"

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
