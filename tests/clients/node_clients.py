"""Where the clients from npm are; installed by ``make install-clients`` into tests/clients/node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "node"
CLAUDE = FOLDER / "node_modules" / ".bin" / "claude"
SDK = FOLDER / "node_modules" / "@anthropic-ai" / "sdk"


def _works(command: Path) -> bool:
    try:
        return subprocess.run([str(command), "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except OSError:
        return False


needs_claude = pytest.mark.skipif(
    not CLAUDE.exists() or not _works(CLAUDE),
    reason="CLAUDE CODE IS NOT INSTALLED: run `make install-clients` (needs npm); its tests did not run",
)
needs_typescript = pytest.mark.skipif(
    not SDK.exists() or shutil.which("node") is None,
    reason="THE TYPESCRIPT SDK IS NOT INSTALLED: run `make install-clients` (needs npm); its tests did not run",
)
