"""The admin's content security policy, and the templates that make it possible."""

from __future__ import annotations

import hashlib
import re
from importlib.metadata import version
from pathlib import Path

import pytest
import unfold
from django.contrib.auth.models import User
from django.test import Client

from audit.models import AuditRecord
from tests.audit.trail import make_trail
from tests.live import ROOT

STATIC = ROOT / "audit" / "static" / "audit"
# Unfold's templates that ours stand for: look at what changed in them before this is changed.
STANDS_FOR = {
    "unfold/layouts/skeleton.html": "66af9f0bb45f98ba",
    "unfold/helpers/welcomemsg.html": "e8eab02522ba2319",
    "unfold/helpers/command.html": "ae6ce324d8536613",
    "admin/actions.html": "b5332aace8e69192",
}


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


def policy(answer: object) -> dict[str, str]:
    header: str = answer.headers["content-security-policy"]  # type: ignore[attr-defined]
    return dict(part.strip().partition(" ")[::2] for part in header.split(";"))


@pytest.mark.django_db
def test_every_page_of_the_admin_has_a_strict_policy(client: Client) -> None:
    make_trail(20, days=1)
    row = AuditRecord.objects.first()
    assert row is not None
    for path in ("/admin/", "/admin/audit/auditrecord/", f"/admin/audit/auditrecord/{row.pk}/change/",
                 "/admin/bridge_api/modelmapping/", "/admin/bridge_api/modelmapping/add/", "/admin/nowhere/"):  # fmt: skip
        answer = client.get(path)
        found = policy(answer)
        nonce = found.pop("style-src", "").removeprefix("'self' ")
        assert found == {
            "default-src": "'none'",
            "script-src": "'self'",
            "img-src": "'self' data:",
            "font-src": "'self'",
            "connect-src": "'self'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
            "base-uri": "'none'",
        }
        page = answer.content.decode()
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", page), path
        for style in re.findall(r"<style[^>]*>", page):
            assert f'nonce="{nonce.removeprefix(chr(39) + "nonce-").rstrip(chr(39))}"' in style


@pytest.mark.django_db
def test_the_login_has_it_and_its_nonce_is_new_each_time() -> None:
    first, second = (policy(Client().get("/admin/login/"))["style-src"] for _ in range(2))
    assert first != second
    assert first.startswith("'self' 'nonce-")


async def test_the_api_has_none(bridge_in_process: object) -> None:
    answer = await bridge_in_process.get("/v1/models")  # type: ignore[attr-defined]
    assert "content-security-policy" not in answer.headers


def test_the_script_that_needs_no_eval_is_the_published_one() -> None:
    (script,) = (STATIC / "vendor").glob("alpine-csp-*.js")
    said = (STATIC / "vendor" / "README.md").read_text()
    assert hashlib.sha256(script.read_bytes()).hexdigest() in said
    assert script.name in said
    assert not re.search(r"new Function|\beval\(", script.read_text())
    assert script.name in (ROOT / "templates/unfold/layouts/skeleton.html").read_text()


@pytest.mark.parametrize("name", STANDS_FOR)
def test_our_templates_stand_for_those_of_the_unfold_that_is_installed(name: str) -> None:
    theirs = Path(unfold.__file__).parent / "templates" / name
    assert hashlib.sha256(theirs.read_bytes()).hexdigest()[:16] == STANDS_FOR[name], version("django-unfold")
