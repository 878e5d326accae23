"""Who saw content that was kept: on a row's page, or in an export.

Invariant: it is written down before the content goes out; where that cannot be, nothing goes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from audit.models import AuditRecord, ContentViewing

KEPT = ("partial", "none")
SHOWN = 20


def viewed(row: AuditRecord, user: Any) -> list[ContentViewing]:
    """Write down that ``user`` looks at the page of ``row``; the viewings of it before this one."""
    if row.redaction not in KEPT:
        return []
    before = list(ContentViewing.objects.filter(record=row)[:SHOWN])
    ContentViewing.objects.create(
        record=row,
        user=user,
        user_name=user.get_username()[:150],
        viewed_at=datetime.now(UTC),
        redaction=row.redaction,
    )
    return before


class Exported:
    """One export: a viewing once its first row with kept words is about to go out, and how many of them there were.
    ``chosen`` says of which rows it is; ``user`` is None for who is not known to the admin."""

    def __init__(self, user: Any, user_name: str, chosen: str) -> None:
        self._user, self._name, self._chosen = user, user_name[:150], chosen[:200]
        self._viewing: ContentViewing | None = None

    def __call__(self, kept: Mapping[str, int]) -> None:
        """``kept``: rows with words, by the redaction that kept them."""
        rows = sum(kept.values())
        if not rows:
            return
        redaction = "none" if kept.get("none") else "partial"
        if self._viewing is None:
            self._viewing = ContentViewing.objects.create(
                user=self._user,
                user_name=self._name,
                viewed_at=datetime.now(UTC),
                redaction=redaction,
                rows=rows,
                chosen=self._chosen or "all",
            )
            return
        self._viewing.rows += rows
        if redaction == "none":
            self._viewing.redaction = redaction
        # Also where it was removed meanwhile: nothing goes out unwritten.
        self._viewing.save()
