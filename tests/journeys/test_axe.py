"""axe-core finds nothing on any page, in either theme."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from dashboard.stack import folders
from tests.journeys.conftest import Running, start_stack
from tests.journeys.places import MORE, PLACES, Place, World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("stack")]


@pytest.fixture(scope="module")
def world(stack: Running) -> World:
    """This will share the examples among both themes."""
    return World(stack)


@pytest.fixture
def tab(chromium: Browser, stack: Running, sign_in: Callable[..., Page]) -> Iterator[Callable[[str, str], Page]]:
    """This will give a function that finds somebody's tab in a theme; empty: nobody's."""
    tabs: dict[str, Page] = {}
    contexts: list[BrowserContext] = []

    def find(who: str, theme: str) -> Page:
        if who not in tabs:
            if who:
                tabs[who] = sign_in(who, color_scheme=theme)
            else:
                contexts.append(chromium.new_context(color_scheme=theme))  # type: ignore[arg-type]
                tabs[who] = contexts[-1].new_page()
        return tabs[who]

    yield find
    for context in contexts:
        context.close()


def violations(page: Page) -> list[str]:
    """This will name what axe finds: rule, and where."""
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['target'][0]} {node.get('failureSummary', '')}"
            for rule in found for node in rule["nodes"]]  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(
    stack: Running, world: World, tab: Callable[[str, str], Page], theme: str
) -> None:
    found: dict[str, list[str]] = {}
    places: dict[str, Place] = {**PLACES, **MORE}

    for name, place in places.items():
        page = tab(place.who, theme)
        answer = page.goto(stack.url + place.path(world))
        assert answer is not None
        assert answer.status == place.status, (name, page.url)
        if complaints := violations(page):
            found[name] = complaints

    assert found == {}


def test_axe_finds_nothing_in_what_opens_over_a_page(stack: Running, sign_in: Callable[..., Page]) -> None:
    page = sign_in("operator")
    page.locator('.board tbody input[name="row"]').first.check()
    page.locator(".board tbody details.menu summary").first.click()
    opened = violations(page)

    page.keyboard.press("Escape")
    page.locator("#selection button[name=kind]").first.click()
    page.locator("dialog[open] h2").wait_for()
    opened += violations(page)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    opened += violations(page)

    assert opened == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_the_form_of_a_view(stack: Running, sign_in: Callable[..., Page], theme: str) -> None:
    page = sign_in("operator", color_scheme=theme)
    page.goto(f"{stack.url}views/new/?state=failed")
    page.get_by_label("Name").fill(f"Broken, {theme}")
    page.locator("dialog form button.is-main").click()
    page.wait_for_url(lambda url: "/views/" not in url)
    page.goto(f"{stack.url}views/")

    page.goto(stack.url.rstrip("/") + str(page.get_by_role("link", name="Change…").first.get_attribute("href")))

    assert page.url.rstrip("/").rpartition("/")[2].isdigit()
    assert violations(page) == []


def test_axe_finds_nothing_behind_the_password(stack: Running, sign_in: Callable[..., Page]) -> None:
    page = sign_in("viewer")
    found = []

    for path in ("totp/activate/", "webauthn/add/", "webauthn/"):
        answer = page.goto(f"{stack.url}account/second-factor/{path}")
        assert answer is not None
        assert answer.status == 200, path
        if "confirmation" in page.url:
            page.get_by_label("Your password").fill("demo")
            page.locator("main form button").first.click()
            page.wait_for_url(f"**/{path}")
        found += violations(page)

    assert found == []


def test_axe_finds_nothing_on_the_first_admins_page(chromium: Browser, tmp_path: Path) -> None:
    empty = start_stack(tmp_path, DEMO="0")
    try:
        link = next(word for line in empty.lines for word in line.split() if "/first-admin/" in word)
        page = chromium.new_page()
        page.goto(link)
        found = violations(page)
        page.close()
    finally:
        empty.stop()
        folders.wipe(tmp_path)

    assert found == []
