"""That a process lives, for the dashboard and for those who settle what the gone ones have left.

Invariant: a process that has said goodbye, or that was settled, has no row.
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime


def say_alive(worker: str, queued: int, spooled: int, lost: int) -> None:
    from audit.models import Worker

    now = datetime.now(UTC)
    Worker.objects.update_or_create(
        id=worker,
        defaults={"seen_at": now, "queue": queued, "spool": spooled, "lost": lost},
        create_defaults={
            "host": socket.gethostname()[:128],
            "pid": os.getpid(),
            "started_at": now,
            "seen_at": now,
            "queue": queued,
            "spool": spooled,
            "lost": lost,
        },
    )


def say_goodbye(worker: str) -> None:
    from audit.models import Worker

    Worker.objects.filter(id=worker).delete()
