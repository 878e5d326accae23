"""The admin in a browser: every page is there, whole, on a desk and on a phone, and asks nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import admin as admin_module
from tests.browser.admin import Admin
from tests.browser.pages import BY_NAME, PAGES, Page

REASON = admin_module.unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))


@pytest.fixture(scope="module")
def seen() -> Iterator[Admin]:
    with admin_module.admin() as found:
        yield found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_whole_and_asks_nobody_else(seen: Admin, page: Page, scheme: str) -> None:
    seen.page.set_viewport_size({"width": 1280, "height": 800})
    seen.page.emulate_media(color_scheme=scheme)
    seen.new_faults()
    assert seen.open(page.path).status == 200
    assert page.text in seen.page.content()
    assert seen.new_faults() == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_fits_a_phone(seen: Admin, page: Page) -> None:
    seen.page.set_viewport_size({"width": 390, "height": 844})
    seen.open(page.path)
    wide = seen.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, f"the page is {wide} pixels wide"


def test_a_name_is_tried_in_the_field_above_the_list(seen: Admin) -> None:
    seen.page.set_viewport_size({"width": 1280, "height": 800})
    seen.open("/admin/bridge_api/modelmapping/")
    seen.page.fill("#try-name", "claude-haiku-4-5")
    seen.page.click("text=Resolve")
    assert "gpt-5.4-mini" in seen.page.inner_text("#try-result")
    assert "service tier flex" in seen.page.inner_text("#try-result")


def test_a_key_is_made_and_shown_once(seen: Admin) -> None:
    seen.open(BY_NAME["key"].path)
    seen.page.fill("input[name=label]", "from the browser")
    seen.page.click("button[name=_save]")
    key = seen.page.inner_text("#new-key")
    assert key.startswith("brk_")
    seen.open(BY_NAME["keys"].path)
    assert "from the browser" in seen.page.content()
    assert key not in seen.page.content()
