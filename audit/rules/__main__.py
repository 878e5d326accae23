"""``python -m audit.rules``: the table of docs/redaction.md."""

from __future__ import annotations

import sys

from audit.rules import markdown

sys.stdout.write(markdown())
