"""The trail's pages in a browser: chosen, opened, exported, in the dark, on a phone, under the admin's policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import admin as admin_module
from tests.browser.admin import DESK, PHONE, USER, Admin, watch
from tests.browser.pages import BY_NAME

REASON = admin_module.unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))
LIST = "/admin/audit/auditrecord/"


@pytest.fixture(scope="module")
def running() -> Iterator[Admin]:
    with admin_module.admin() as found:
        yield found


@pytest.fixture
def seen(running: Admin) -> Iterator[Admin]:
    """The admin on a desk; nothing may have gone wrong at the end, and nothing been forbidden by the policy."""
    running.page.set_viewport_size(DESK)
    running.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    running.new_faults()
    yield running
    assert running.new_faults() == []


def stranger(running: Admin) -> Admin:
    """Somebody who is not logged in, in a window of their own."""
    page = running.page.context.browser.new_page(viewport=DESK)
    found = Admin(running.bridge, page, running.rows)
    watch(found)
    return found


def overflow(seen: Admin) -> int:
    wide: int = seen.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return wide


def test_choosing_a_model_shows_its_rows_and_stands_in_the_address(seen: Admin) -> None:
    seen.open(LIST + "?range=7d")
    with seen.page.expect_navigation():
        seen.page.select_option("select[name=model]", "gpt-6-luna")
    assert "model=gpt-6-luna" in seen.page.url
    assert "range=7d" in seen.page.url
    served = seen.page.locator("td.field-models").all_inner_texts()
    assert served
    assert all("gpt-6-luna" in text for text in served)
    counted = seen.page.locator("select[name=model] option:checked").inner_text()
    assert f"({seen.page.locator('.au-tile dd.value').first.inner_text()})" in counted
    with seen.page.expect_navigation():
        seen.page.click("text=Clear")
    assert "model=" not in seen.page.url


def test_a_choice_by_keyboard_is_shown_when_it_is_made(seen: Admin) -> None:
    seen.open(LIST + "?range=7d")
    choice = seen.page.locator("select[name=model]")
    choice.focus()
    for _ in range(3):
        seen.page.keyboard.press("ArrowDown")
    seen.page.wait_for_timeout(300)
    assert "model=" not in seen.page.url
    assert choice.evaluate("(choice) => choice === document.activeElement")
    wanted = choice.input_value()
    assert wanted == choice.locator("option").nth(3).get_attribute("value")
    with seen.page.expect_navigation():
        seen.page.get_by_role("button", name="Show").press("Enter")
    assert f"model={wanted}" in seen.page.url


def test_own_times_take_the_place_of_a_range(seen: Admin) -> None:
    seen.open(LIST + "?range=7d&outcome=completed")
    seen.page.fill("input[name=from]", "2026-01-01T00:00")
    with seen.page.expect_navigation():
        seen.page.click("button:has-text('Show')")
    assert "from=2026-01-01T00%3A00" in seen.page.url
    assert "range=" not in seen.page.url
    assert "outcome=completed" in seen.page.url


def test_a_line_leads_to_its_page_and_the_page_to_its_conversation(seen: Admin) -> None:
    seen.open(LIST + "?outcome=completed")
    with seen.page.expect_navigation():
        seen.page.click("#result_list th.field-time a >> nth=5")
    assert seen.page.locator("section[aria-label=Timeline] svg").first.is_visible()
    seen.open(BY_NAME["audit-detail"].path)
    with seen.page.expect_navigation():
        seen.page.click("section[aria-label=Conversation] >> text=All of it")
    assert "?q=" in seen.page.url
    assert seen.page.locator("#result_list tbody").count() > 1


def test_content_folds(seen: Admin) -> None:
    seen.open(BY_NAME["audit-detail"].path)
    content = seen.page.locator("section[aria-label=Request]")
    fold = content.locator("details details").first
    assert fold.get_attribute("open") is None
    fold.locator("summary").first.click()
    assert fold.get_attribute("open") is not None
    folded = content.locator(".au-tree details:not([open])")
    content.get_by_text("Unfold all").click()
    assert folded.count() == 0
    content.get_by_text("Fold all", exact=True).click()
    assert content.locator(".au-tree details[open]").count() == 0


def test_kept_content_is_shown_without_what_the_rules_find(seen: Admin) -> None:
    seen.open(BY_NAME["audit-detail"].path)
    content = seen.page.locator("section[aria-label=Request]")
    assert "Taken out:" in content.inner_text()
    content.get_by_text("As JSON").click()
    told = json.loads(content.locator("pre").inner_text())
    said = json.dumps(told)
    assert told["headers"]["user-agent"]
    assert "You are a careful engineer." in said
    for secret in ("sk-proj-Qm3v", "mara.lindqvist@", "10.20.30.41", "DE89 3704", "901820"):
        assert secret not in said


def test_the_list_on_a_phone_is_dense_and_its_fold_says_which_filters_act(seen: Admin) -> None:
    seen.page.set_viewport_size(PHONE)
    seen.open(LIST + "?range=7d&outcome=completed&stop=tool_use")
    rows = seen.page.locator("#result_list tr.data-row")
    assert max(rows.nth(at).bounding_box()["height"] for at in range(10)) < 170
    fold = seen.page.locator(".au-more > summary")
    assert fold.inner_text() == "Filters 2 outcome Completed, stop reason tool_use"
    assert not seen.page.locator("select[name=model]").is_visible()
    fold.click()
    assert seen.page.locator("select[name=model]").is_visible()


@pytest.mark.parametrize("window", [PHONE, {"width": 800, "height": 900}, DESK], ids=["phone", "tablet", "desk"])
def test_long_names_leave_room_for_the_rest_of_a_line(seen: Admin, window: dict[str, int]) -> None:
    seen.page.set_viewport_size(window)
    seen.open(BY_NAME["audit-long-list"].path)
    row = seen.page.locator("#result_list tr.data-row")
    for field in ("time", "ending", "models", "tokens", "cost_shown", "duration", "key_shown", "correlation"):
        cell = row.locator(f".field-{field}").bounding_box()
        assert cell["width"] > 45, field
        assert cell["x"] + cell["width"] <= window["width"], field


def test_the_longest_outcome_is_shown_whole(seen: Admin) -> None:
    seen.open(LIST + "?range=7d&outcome=client_disconnected")
    label = seen.page.locator("#result_list .field-ending .au-cell > span > *").first.bounding_box()
    cell = seen.page.locator("#result_list .field-ending .au-cell").first.bounding_box()
    assert label["x"] + label["width"] <= cell["x"] + cell["width"]


@pytest.mark.parametrize("wide", [375, 700, 1000, 1280])
def test_long_names_stay_in_their_card_on_a_rows_page(seen: Admin, wide: int) -> None:
    seen.page.set_viewport_size({"width": wide, "height": 900})
    seen.open(BY_NAME["audit-long"].path)
    assert overflow(seen) == 0
    beyond = seen.page.evaluate(
        """[...document.querySelectorAll(".au-card")].filter((card) => [...card.querySelectorAll("*")].some((part) =>
            !part.closest(".au-x") && part.getBoundingClientRect().right > card.getBoundingClientRect().right + 1
        )).map((card) => card.getAttribute("aria-label"))"""
    )
    assert beyond == []


def test_a_figure_stays_in_its_tile(seen: Admin) -> None:
    seen.open(LIST + "?range=7d&slow=1")
    wide = seen.page.evaluate(
        "[...document.querySelectorAll('.au-tile dd.value')].filter((one) => one.scrollWidth > one.clientWidth).length"
    )
    assert wide == 0


def test_an_export_is_a_file_of_the_chosen_rows(seen: Admin, tmp_path: Path) -> None:
    seen.open(LIST + "?range=7d&outcome=failed")
    with seen.page.expect_download() as found:
        seen.page.click("text=Export JSONL")
    target = tmp_path / found.value.suggested_filename
    found.value.save_as(target)
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert rows
    assert {row["outcome"] for row in rows} == {"failed"}
    assert target.suffix == ".jsonl"


@pytest.mark.parametrize("name", ["audit-dashboard", "audit-list", "audit-detail", "audit-failed"])
def test_a_page_is_readable_in_the_dark_and_on_a_phone(seen: Admin, name: str) -> None:
    seen.page.emulate_media(color_scheme="dark")
    seen.open(BY_NAME[name].path)
    dark = seen.page.evaluate("getComputedStyle(document.querySelector('.au-card')).backgroundColor")
    seen.page.emulate_media(color_scheme="light")
    seen.page.set_viewport_size(PHONE)
    seen.open(BY_NAME[name].path)
    light = seen.page.evaluate("getComputedStyle(document.querySelector('.au-card')).backgroundColor")
    assert dark != light
    assert overflow(seen) <= 0


def test_a_drawing_is_told_to_those_who_cannot_see_it(seen: Admin) -> None:
    seen.open(BY_NAME["audit-dashboard"].path)
    drawing = seen.page.get_by_role("img", name="Requests by outcome")
    assert drawing.count() == 1
    assert "completed" in seen.page.locator("#outcomes-desc").text_content()
    seen.page.locator("section[aria-labelledby=outcomes-heading] summary").click()
    assert seen.page.locator("section[aria-labelledby=outcomes-heading] tbody tr").count() == 43


def test_unfolds_own_parts_work_without_eval(seen: Admin) -> None:
    page = seen.page
    seen.open("/admin/")
    sidebar = page.locator("#nav-sidebar")
    assert sidebar.is_visible()
    page.locator("span.material-symbols-outlined:visible", has_text="dock_to_right").click()
    assert not sidebar.is_visible()
    seen.open("/admin/")
    assert not sidebar.is_visible(), "it is remembered"
    page.locator("span.material-symbols-outlined:visible", has_text="dock_to_right").click()
    assert sidebar.is_visible()
    page.keyboard.press("Control+k")
    page.locator("#search-input-command").press_sequentially("mappings", delay=20)
    page.locator("#command-results-list li").first.wait_for()
    with page.expect_navigation():
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
    assert "/modelmapping/" in page.url


def test_the_look_is_changed_by_hand(seen: Admin) -> None:
    page = seen.page
    seen.open("/admin/")
    page.locator("#nav-sidebar").get_by_text(USER, exact=True).click()
    page.get_by_text("Dark", exact=True).click()
    assert "dark" in page.locator("html").get_attribute("class")
    page.get_by_text("System", exact=True).click()
    assert "dark" not in (page.locator("html").get_attribute("class") or "")


def test_an_action_is_run_on_a_list(seen: Admin) -> None:
    seen.open("/admin/bridge_api/modelmapping/")
    row = seen.page.locator("#result_list tbody", has_text="*-legacy")
    row.locator("input.action-select").check()
    seen.page.select_option("select[name=action]", "enable")
    with seen.page.expect_navigation():
        seen.page.click("#changelist-actions button:has-text('Run')")
    wide = seen.page.evaluate("document.getElementById('changelist-actions').style.width")
    assert wide.endswith("px")


PAGES = ("/admin/", LIST, "/admin/audit/auditrecord/{record}/change/", "/admin/bridge_api/modelmapping/",
         "/admin/bridge_api/modelmapping/{mapping}/change/", "/admin/bridge_api/clientkey/add/",
         "/admin/password_change/")  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_the_policy_forbids_nothing_that_a_page_needs(seen: Admin, path: str) -> None:
    answer = seen.open(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy + ";"
    assert "unsafe" not in policy


def test_the_policy_forbids_what_is_foreign(running: Admin) -> None:
    found = stranger(running)
    found.open("/admin/login/")
    assert found.new_faults() == []
    found.page.evaluate(
        "() => { const script = document.createElement('script'); script.textContent = 'window.ran = 1';"
        " document.body.append(script); document.body.setAttribute('style', 'color: red'); }"
    )
    found.page.wait_for_timeout(200)
    assert found.page.evaluate("window.ran") is None
    assert len([fault for fault in found.new_faults() if "policy:" in fault]) == 2
    found.page.close()


def test_a_login_is_closed_after_five_wrong_passwords(running: Admin) -> None:
    found = stranger(running)
    answers: list[Any] = []
    found.page.on("response", lambda answer: answers.append(answer) if answer.request.method == "POST" else None)
    found.open("/admin/login/")
    for _ in range(5):
        found.page.fill("input[name=username]", "mallory")
        found.page.fill("input[name=password]", "guess")
        found.page.click("button[type=submit]")
        found.page.wait_for_load_state("networkidle")
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 429]
    assert "Too many failed logins" in found.page.inner_text("h1")
    assert not [fault for fault in found.new_faults() if "policy" in fault]
    assert "guess" not in running.bridge.logs()
    found.page.close()
