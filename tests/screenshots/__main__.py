"""
Takes a picture of each kind of page in both themes and at the width of a phone, out of the running demo.

The pictures are WebP where Chromium writes it, else PNG, and land in docs/screenshots/.
"""

import argparse
import base64
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

from dashboard.stack import folders
from tests.conftest import find_browser
from tests.journeys.conftest import CHROMIUM, Running, start_stack
from tests.journeys.places import MORE, PLACES, World

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LOOKS: Mapping[str, dict[str, object]] = {
    "light": {"viewport": WIDE, "color_scheme": "light"},
    "dark": {"viewport": WIDE, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "is_mobile": True, "has_touch": True},
}
TALLEST = 1800
"""Pixels; what lies below is more of the same."""
QUALITY = 62
GROWN = 180.0
"""Seconds that the demo runs first, so that its charts have something to show."""


def main() -> None:
    """This will take them all."""
    parser = argparse.ArgumentParser(prog="bin/screenshots", description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="names such as board or connector")
    parser.add_argument("--grown", type=float, default=GROWN, help="seconds to let the demo run first")
    asked = parser.parse_args()
    browser_path = find_browser()
    if browser_path is None:
        sys.exit("No Chromium was found. Install one, or set BROWSER_PATH.")
    state = Path(tempfile.mkdtemp(prefix="switchyard-shots-"))
    stack = start_stack(state, DEMO="1")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=[*CHROMIUM, "--no-sandbox"])
            _take(stack, browser, asked.only, asked.grown)
            browser.close()
    finally:
        stack.stop()
        folders.wipe(state)


def _take(stack: Running, browser: Browser, only: list[str], grown: float) -> None:
    world = World(stack)
    places = [place for place in (*PLACES.values(), *MORE.values()) if place.shot and (not only or place.shot in only)]
    paths = {place.shot: place.path(world) for place in places}
    time.sleep(grown)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for look, options in LOOKS.items():
        contexts: dict[str, BrowserContext] = {}
        for place in places:
            if place.who not in contexts:
                contexts[place.who] = _signed_in(browser, stack, place.who, options)
            page = contexts[place.who].new_page()
            page.goto(stack.url + paths[place.shot])
            page.wait_for_timeout(700)
            size = _shoot(page, FOLDER / f"{place.shot}-{look}.webp")
            sys.stdout.write(f"{place.shot}-{look}.webp {size // 1024} kB\n")
            page.close()
        for context in contexts.values():
            context.close()


def _signed_in(browser: Browser, stack: Running, who: str, options: dict[str, object]) -> BrowserContext:
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(60_000)
    if who:
        page = context.new_page()
        page.goto(f"{stack.url}sign-in/")
        page.get_by_label("Login", exact=True).fill(who)
        page.get_by_label("Password", exact=True).fill("demo")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(stack.url)
        page.close()
    return context


def _shoot(page: Page, path: Path) -> int:
    """WebP is not among Playwright's own formats; the browser's protocol has it."""
    height = page.evaluate("document.documentElement.scrollHeight")
    size = page.viewport_size or {"width": 1440, "height": 900}
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], min(int(height), TALLEST))})
    page.wait_for_timeout(200)
    session: CDPSession = page.context.new_cdp_session(page)
    answer = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    return path.write_bytes(base64.b64decode(answer["data"]))


if __name__ == "__main__":
    main()
