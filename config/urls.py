"""Addresses: the admin, the API at the root, the figures, and a front page that leads a browser to the admin."""

from __future__ import annotations

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path

from bridge_api.api import api


async def front_page(request: HttpRequest) -> HttpResponse:
    """Claude Code asks with HEAD whether anybody is there; a browser wants the admin."""
    return HttpResponse(status=204) if request.method == "HEAD" else HttpResponseRedirect("/admin/")


urlpatterns = [path("admin/", admin.site.urls), path("", front_page), path("", api.urls)]
if apps.is_installed("audit"):
    from audit.views import prometheus

    urlpatterns.insert(0, path("metrics", prometheus))
