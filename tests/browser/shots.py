"""``make screenshots``: the pictures in docs/images, taken of a running bridge."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.browser.admin import DESK, PHONE, Admin, admin, unavailable
from tests.browser.pages import PAGES, Page
from tests.live import ROOT

FOLDER = ROOT / "docs" / "images"


def looks(page: Page) -> Iterator[tuple[str, str, dict[str, int]]]:
    """Name, colour scheme and window of each picture of a page."""
    desk = {**DESK, "height": page.height or DESK["height"]}
    yield page.name, "light", desk
    if page.looks:
        yield f"{page.name}-dark", "dark", desk
        yield f"{page.name}-phone", "light", PHONE


def take(seen: Admin, page: Page) -> Iterator[str]:
    for name, scheme, window in looks(page):
        seen.page.set_viewport_size(window)
        seen.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        seen.open(page.path)
        if page.at:
            seen.page.locator(page.at).evaluate("(found) => found.scrollIntoView()")
        seen.page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
        yield name


def main() -> None:
    reason = unavailable()
    if reason:
        sys.exit(reason)
    FOLDER.mkdir(exist_ok=True)
    wanted = sys.argv[1:]
    with admin() as seen:
        for page in PAGES:
            if page.picture and (not wanted or page.name in wanted):
                for name in take(seen, page):
                    print(f"docs/images/{name}.png")


if __name__ == "__main__":
    main()
