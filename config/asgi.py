"""The ASGI application: the guard in front, the slim handler for the API, Django for the rest."""

from __future__ import annotations

import gc
import logging
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

site = get_asgi_application()

from django.apps import apps  # noqa: E402
from django.conf import settings  # noqa: E402

from bridge_api import service  # noqa: E402
from bridge_api.guard import Guard, Scope  # noqa: E402
from bridge_api.story import refused  # noqa: E402
from bridge_api.tokens import service as tokens  # noqa: E402
from config.slim import SlimHandler  # noqa: E402

SITE_PATHS = ("/admin/", "/static/")


def is_api(scope: Scope) -> bool:
    """Whether the slim handler answers: all but the admin, its static files and a browser's front page."""
    path: str = scope["path"]
    if path == "/":
        return bool(scope["method"] == "HEAD")
    return not path.startswith(SITE_PATHS) and path != "/admin"


# Warnings of libraries are lines of the log like all others.
logging.captureWarnings(True)

application = Guard(
    SlimHandler(),
    site,  # type: ignore[arg-type]
    is_api=is_api,
    max_body=settings.MAX_BODY_BYTES,
    read_timeout=settings.BODY_READ_TIMEOUT,
    told=refused,
)

# The operators' decisions are read before the first request, if the database is quick.
service.renewer().current()
# What a process that was killed has left is settled now, not with the next request.
if apps.is_installed("audit"):
    from audit.sink import sink

    sink.start()
# The first count does not wait for the vocabulary.
tokens.warm()

# A full collection holds up every request of the process, and nearly all it walks is what the start has made: that
# is set aside for good. What requests make is freed by reference counts; the collector looks for cycles less often.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 50)
