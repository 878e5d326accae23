"""The trail in the admin: to look at, not to change.

Invariants: nobody adds, changes or deletes a row here, superusers neither; who opens a row whose content was kept, or
exports its words, is written down before they go out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.http.response import HttpResponseRedirect
from django.shortcuts import render as render_page
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from audit import charts, dashboard, export, filters, querysets, render, viewings
from audit.filters import TrailList
from audit.models import AuditRecord, ContentViewing
from audit.querysets import Trail, TrailPaginator


class Read(ModelAdmin):  # type: ignore[misc]
    """Rows that are looked at."""

    actions = None
    show_full_result_count = False
    list_fullwidth = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditRecord)
class AuditRecordAdmin(Read):
    list_display = (
        "time",
        "ending",
        "models",
        "tokens",
        "cost_shown",
        "duration",
        "tries",
        "key_shown",
        "correlation",
    )
    list_display_links = ("time",)
    sortable_by = ()
    list_per_page = 50
    list_max_show_all = 0
    list_before_template = "admin/audit/auditrecord/before_list.html"

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export_view)
        return [path("export/<str:fmt>/", export, name="audit_auditrecord_export"), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TrailList]:
        return TrailList

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Paginator:  # type: ignore[type-arg]
        trail: Trail | None = getattr(request, "trail", None)
        if trail is None:  # the page of a row's history, which is no page of the trail
            return Paginator(*args, **kwargs)
        paginator = TrailPaginator(*args, **kwargs)
        paginator.known = trail.kept
        return paginator

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        now = timezone.now()
        try:
            request.trail = Trail(filters.chosen(request.GET.dict(), now))  # type: ignore[attr-defined]
        except ValueError as error:
            self.message_user(request, f"Not a filter: {error}", "ERROR")
            return HttpResponseRedirect(request.path)
        shown = dashboard.before_list(request.trail, request.GET.dict(), now)  # type: ignore[attr-defined]
        found: HttpResponse = super().changelist_view(request, {**(extra_context or {}), **shown})
        return found

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            gone: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            return gone
        seen_by = viewings.viewed(row, request.user)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Request {row.request_id}",
            **render.page(
                row, querysets.neighbours(row), querysets.conversation(row), querysets.worker_name(row.worker)
            ),
            "viewings": seen_by,
            "preserved_filters": self.get_preserved_filters(request),
        }
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        return TemplateResponse(request, "admin/audit/auditrecord/detail.html", context)

    def export_view(self, request: HttpRequest, fmt: str) -> HttpResponseBase:
        """The rows of the present filter, streamed, newest first."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            chosen = filters.chosen(request.GET.dict(), timezone.now())
            seen = viewings.Exported(request.user, request.user.get_username(), _address(request, chosen))
            lines = export.rows(querysets.rows(chosen), fmt, newest_first=True, seen=seen)
        except ValueError as error:
            raise Http404(str(error)) from None
        found = StreamingHttpResponse(
            _aside(lines) if isinstance(request, ASGIRequest) else lines, content_type=export.TYPES[fmt]
        )
        found["Content-Disposition"] = f'attachment; filename="audit-{timezone.now():%Y%m%d-%H%M%S}.{fmt}"'
        found["Cache-Control"] = "no-store"
        return found

    @admin.display(description="Time (UTC)")
    def time(self, row: AuditRecord) -> str:
        return render.time_of(row)

    @admin.display(description="Model")
    def models(self, row: AuditRecord) -> str:
        return render.model_of(row)

    @admin.display(description="Outcome")
    def ending(self, row: AuditRecord) -> str:
        return render.ending_of(row)

    @admin.display(description="In / out")
    def tokens(self, row: AuditRecord) -> str:
        return render.tokens_of(row)

    @admin.display(description="Cost")
    def cost_shown(self, row: AuditRecord) -> str:
        return render.cost_of(row)

    @admin.display(description="Duration")
    def duration(self, row: AuditRecord) -> str:
        return render.duration_of(row)

    @admin.display(description="Tries")
    def tries(self, row: AuditRecord) -> str:
        return render.tries_of(row)

    @admin.display(description="Key")
    def key_shown(self, row: AuditRecord) -> str:
        return render.two_lines(row.key or render.DASH, title=row.key)

    @admin.display(description="Correlation id")
    def correlation(self, row: AuditRecord) -> str:
        return render.correlation_of(row)


@admin.register(ContentViewing)
class ContentViewingAdmin(Read):
    list_display = ("time", "user_name", "what", "redaction")
    list_display_links = ("time",)
    list_filter = ("redaction",)
    search_fields = ("=user_name", "=record__request_id")
    fields = ("time", "user_name", "what", "redaction")
    readonly_fields = ("time", "what")

    @admin.display(description="Time (UTC)", ordering="viewed_at")
    def time(self, row: ContentViewing) -> str:
        return f"{row.viewed_at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="What")
    def what(self, row: ContentViewing) -> str:
        if row.record_id:
            # In Unfold's colours: the trail's style sheet is for its own pages.
            link = '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>'
            return format_html(link, render.searched(row.record_id), row.record_id)
        return f"export, {charts.many(row.rows, 'row')} with content: {row.chosen.replace('&', ', ')}"


def _address(request: HttpRequest, chosen: filters.Chosen) -> str:
    """What was chosen, as its address says it, with the time that an address without one means; what was searched for
    may be a session's id, which is not told."""
    given = {name: value for name, value in request.GET.dict().items() if value and name not in filters.PAGING}
    if chosen.span != filters.OWN:
        given = {"range": chosen.span, **given}
    if not given.get("q", "req_").startswith("req_"):
        given["q"] = "…"
    return urlencode(given, safe="…")


async def _aside(lines: Iterator[str], size: int = 500) -> AsyncIterator[str]:
    """Lines that are read from the database, for a response that is sent by the event loop."""
    while part := await sync_to_async(_next)(lines, size):
        yield part


def _next(lines: Iterator[str], size: int) -> str:
    return "".join(islice(lines, size))


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """What a login is answered with after too many failed ones (axes' AXES_LOCKOUT_CALLABLE)."""
    context = {
        **admin.site.each_context(request),
        "failure_limit": settings.AXES_FAILURE_LIMIT,
        "failures_by_address": settings.LOGIN_FAILURES_BY_ADDRESS,
    }
    return render_page(request, "admin/locked_out.html", context, status=settings.AXES_HTTP_RESPONSE_CODE)
