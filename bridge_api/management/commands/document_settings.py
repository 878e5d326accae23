"""Write docs/settings.md from the table of settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.settings_table import markdown


class Command(BaseCommand):
    help = "Writes docs/settings.md from config/settings_table.py."

    def handle(self, *args: Any, **options: Any) -> None:
        target = Path(settings.BASE_DIR) / "docs" / "settings.md"
        target.parent.mkdir(exist_ok=True)
        target.write_text(markdown())
        self.stdout.write(f"wrote {target.name}")
