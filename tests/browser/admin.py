"""A bridge with something to see in its admin, and a browser that is logged in.

Debian's Chromium, driven by playwright: nothing is downloaded, and no page may ask another machine.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.live import ROOT, Bridge, start_bridge
from tests.simulator.script import Call, Text, Turn, error_turn
from tests.simulator.server import Simulator

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 375, "height": 812}
USER, PASSWORD = "admin", "only-for-tests-7"
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
OPTIONS += ["--disable-sync", "--no-first-run", "--hide-scrollbars", "--force-color-profile=srgb"]
VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
    console.error("policy:", event.violatedDirective, event.blockedURI, event.sourceFile));
"""
DECIDED = """
import json
from bridge_api.models import ClientKey, ModelCapability, ModelMapping
opus = ModelMapping.objects.create(kind="family", pattern="opus", served="gpt-6.2-sol", effort_mode="at_least",
    effort="medium", max_input_tokens=400000, note="The big one thinks first.", changed_by="ada")
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
for flag, message in ((ADDITION, [{"added": {}}]), (CHANGE, "Served by: gpt-6.1-sol → gpt-6.2-sol; Effort: low → medium")):
    LogEntry.objects.log_actions(User.objects.get().pk, [opus], flag, message, single_object=True)
ModelMapping.objects.create(kind="exact", pattern="claude-haiku-4-5", served="gpt-5.4-mini", service_tier="flex",
    max_output_tokens=8000, changed_by="ada")
ModelMapping.objects.create(kind="glob", pattern="*-legacy", served="gpt-4.1", priority=5, changed_by="grace",
    enabled=False)
ModelCapability.objects.create(model="qwen3", efforts="-", images=False, context_window=131072, source="its model card")
from datetime import timedelta
from django.utils import timezone
ClientKey.make("team a", owner="Ada", requests_per_minute=60, tokens_per_minute=200000, concurrent_streams=8,
    daily_token_budget=5000000, expires_at=timezone.now() + timedelta(days=90), changed_by="ada")
ClientKey.make("nightly", owner="CI", tokens_per_minute=200000, changed_by="ada")[0].revoke("grace")
from audit.models import AuditRecord
from tests.audit.trail import make_trail
make_trail(6000, seed=3, days=8)
AuditRecord.objects.filter(rule="database:1").update(rule=f"database:{opus.pk}")
told = AuditRecord.objects.filter(outcome="completed", attempt_count=2, note_count__gte=2, cached_tokens__gt=0)
told = told.filter(stop_reason="tool_use", reasoning_tokens__gt=50, counts__messages__gte=5).exclude(session="").exclude(key="")
record = told.filter(redaction="partial").first() or told.first()
failed = AuditRecord.objects.filter(outcome="failed", attempt_count=3).first()
interrupted = AuditRecord.objects.filter(outcome="interrupted").first()
# Every name as long as its column takes; older than the time that the pictures show.
before = timezone.now() - timedelta(days=40)
long = AuditRecord.objects.create(request_id="req_" + "r" * 60, correlation_id="c" * 64, received_at=before,
    finished_at=before, endpoint="/v1/messages", key="k" * 80, model_asked="a" * 128, model_served="s" * 128,
    client="l" * 128, outcome="failed", status=502, error_type="e" * 64, error_code="x" * 80, duration_ms=90000,
    input_tokens=2**31 - 1, output_tokens=2**31 - 1, cost=0.00001, attempt_count=1, redaction="partial")
long.attempts.create(number=1, started_ms=0, duration_ms=90000, error_code="x" * 80, upstream_request_id="u" * 64)
long.viewings.create(user_name="n" * 150, viewed_at=before, redaction="partial")
print(json.dumps({"mapping": opus.pk, "record": record.pk, "failed": failed.pk, "interrupted": interrupted.pk,
    "long": long.pk}))
"""


def unavailable() -> str | None:
    """Why no browser can be used; None when one can."""
    if CHROMIUM is None:
        return "Chromium is not installed (Debian: chromium)"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "playwright is not installed"
    return None


@dataclass
class Admin:
    """A browser's page on the admin. ``faults`` are the errors and foreign requests of all pages so far."""

    bridge: Bridge
    page: Any
    rows: dict[str, int]
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> Any:
        """Go to a page of the bridge; its response."""
        return self.page.goto(self.bridge.base_url + path.format(**self.rows), wait_until="networkidle")

    def new_faults(self) -> list[str]:
        found, self.faults[:] = list(self.faults), []
        return found


@contextmanager
def admin() -> Iterator[Admin]:
    """A running bridge with rules, keys and some requests in its trail; a browser that is logged in."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, Simulator() as simulator:
        bridge = start_bridge(Path(folder), simulator.base_url)
        try:
            rows = _fill(bridge, simulator)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
                try:
                    found = Admin(bridge, browser.new_page(viewport=DESK), rows)
                    watch(found)
                    _log_in(found)
                    yield found
                finally:
                    browser.close()
        finally:
            bridge.stop()


def _fill(bridge: Bridge, simulator: Simulator) -> dict[str, int]:
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{bridge.database}",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }

    def manage(*args: str) -> str:
        command = [sys.executable, "manage.py", *args]
        return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout

    manage("createsuperuser", "--noinput", "--username", USER, "--email", "admin@example.org")
    rows: dict[str, int] = json.loads(manage("shell", "-v0", "-c", DECIDED).strip().splitlines()[-1])
    time.sleep(2)  # the rules are in force
    body = {"model": "claude-opus-5-5", "max_tokens": 500, "messages": [{"role": "user", "content": "Hi"}]}
    turns = (Turn((Text("Hello."),)), Turn((Call("get_weather", "{}"),)), error_turn(400, "invalid_prompt"))
    for turn in turns:
        simulator.queue(turn)
        httpx.post(f"{bridge.base_url}/v1/messages", json=body, timeout=20)
    time.sleep(0.5)  # their rows are written
    return rows


def watch(found: Admin) -> None:
    """Collect what goes wrong on the page from now on, and what its policy forbids."""

    def asked(request: Any) -> None:
        if not request.url.startswith((found.bridge.base_url, "data:", "blob:")):
            found.faults.append(f"asks another machine: {request.url}")

    def said(message: Any) -> None:
        if message.type == "error":
            found.faults.append(f"console: {message.text}")

    def answered(response: Any) -> None:
        if response.status >= 400:
            found.faults.append(f"{response.status}: {response.url}")

    found.page.add_init_script(VIOLATIONS)
    found.page.on("request", asked)
    found.page.on("console", said)
    found.page.on("response", answered)
    found.page.on("pageerror", lambda error: found.faults.append(f"script: {error}"))


def _log_in(found: Admin) -> None:
    found.open("/admin/")
    found.page.fill("input[name=username]", USER)
    found.page.fill("input[name=password]", PASSWORD)
    found.page.click("button[type=submit]")
    found.page.wait_for_url("**/admin/")
