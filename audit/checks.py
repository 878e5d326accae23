"""What ``manage.py check`` says about the trail's settings.

audit.E001  everything would be kept as it is, and nobody has confirmed that
audit.E002  there is no place for rows while the database is away
audit.W001  rows are kept for ever (with --deploy)
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


def kept_plain(mode: str, *, debug: bool, confirmed: bool) -> str:
    """Why the bridge must not start with these settings; empty when it may."""
    if mode != "none" or debug or confirmed:
        return ""
    return "AUDIT_REDACTION=none keeps conversations as they are: confirm it with AUDIT_PLAIN_CONFIRMED=true"


@register(Tags.security)
def plain_content_is_confirmed(**kwargs: Any) -> list[CheckMessage]:
    reason = kept_plain(settings.AUDIT_REDACTION, debug=settings.DEBUG, confirmed=settings.AUDIT_PLAIN_CONFIRMED)
    return [Error(reason, hint="Or use full or partial (docs/redaction.md).", id="audit.E001")] if reason else []


@register(Tags.files)
def spool_is_writable(**kwargs: Any) -> list[CheckMessage]:
    folder = Path(settings.AUDIT_SPOOL_DIR)
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return []
    hint = "Set AUDIT_SPOOL_DIR to a folder on a local disk that the bridge may write to."
    return [Error(f"{folder} cannot be written", hint=hint, id="audit.E002")]


@register(Tags.security, deploy=True)
def rows_have_an_end(**kwargs: Any) -> list[CheckMessage]:
    if settings.AUDIT_RETENTION_DAYS or settings.AUDIT_MAX_ROWS or settings.AUDIT_MAX_SIZE:
        return []
    hint = "Set AUDIT_RETENTION_DAYS, AUDIT_MAX_ROWS or AUDIT_MAX_SIZE, and run `manage.py audit_prune` each night."
    return [Warning("The trail is kept for ever", hint=hint, id="audit.W001")]
