"""``make screenshots``: the pictures in docs/images, taken of a running bridge."""

from __future__ import annotations

import sys

from tests.browser.admin import admin, unavailable
from tests.browser.pages import PAGES
from tests.live import ROOT

FOLDER = ROOT / "docs" / "images"


def main() -> None:
    reason = unavailable()
    if reason:
        sys.exit(reason)
    FOLDER.mkdir(exist_ok=True)
    with admin() as seen:
        seen.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        for page in PAGES:
            if page.picture:
                seen.open(page.path)
                seen.page.screenshot(path=FOLDER / f"{page.name}.png", animations="disabled")
                print(f"docs/images/{page.name}.png")


if __name__ == "__main__":
    main()
