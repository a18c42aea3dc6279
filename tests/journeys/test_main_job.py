"""The main job, as a person does it: find a connector, press, and see it confirmed because the vendor says so."""

import json
import re
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from connectors.vendors import registry
from tests.journeys.conftest import Running, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("stack")]

HOLDS = ("pause", "stop")


def a_running_one(stack: Running, vendor: str, *, tasks: int = 0) -> dict[str, Any]:
    """This will find a connector of a vendor that can be paused, or else stopped, with so many tasks at least."""

    def fetch() -> dict[str, Any] | None:
        found = stack.api(f"connectors/?vendor={vendor}&state=running&page_size=100")["results"]
        free = [c for c in found if not c["stale"] and not c["open_operation"] and c["activity"]["active"] == "yes"]
        return next((c for c in free if c["tasks"]["total"] >= tasks), None)

    return dict(wait_for(f"a running connector of {vendor}", fetch))


def truth(stack: Running, vendor: str, name: str) -> str:
    """This will ask the sandbox itself."""
    with urllib.request.urlopen(f"{stack.sandbox(vendor)}/_sandbox/truth") as answer:
        rows = json.loads(answer.read())
    return str(next(row["state"] for row in rows if row["target"] == "connector" and row["name"] == name))


def press(page: Page, pk: int, label: str) -> None:
    """This will press a verb on a row: the button itself or, behind it, the menu's; and say yes where it asks."""
    verbs = page.locator(f"#connector-{pk} .verbs")
    button = verbs.get_by_text(re.compile(f"^{label}…?$")).first
    if not button.is_visible():
        verbs.locator("summary").click()
    asks = button.inner_text().strip().endswith("…")
    button.click()
    if asks:
        dialog = page.locator("dialog[open]")
        expect(dialog).to_be_visible()
        dialog.get_by_role("button", name=label).click()


@pytest.mark.parametrize("vendor", sorted(registry.vendors()))
def test_operator_holds_a_connector_and_sees_it_confirmed(
    stack: Running, sign_in: Callable[..., Page], vendor: str
) -> None:
    connector = a_running_one(stack, vendor)
    verb = next(c.verb for hold in HOLDS for c in registry.get(vendor).capabilities
                if c.verb == hold and c.target == "connector")  # fmt: skip
    page = sign_in("operator")
    page.goto(f"{stack.url}?search={connector['name']}")
    row = page.locator(f"#connector-{connector['id']}")

    press(page, connector["id"], verb.capitalize())

    expect(row.locator(".op")).to_contain_text(verb.capitalize())
    expect(row.locator(".op")).to_contain_text("seen after")
    held = {"pause": "paused", "stop": "stopped"}[verb]
    expect(row.locator(".track")).to_contain_text(held.capitalize())
    assert truth(stack, vendor, connector["name"]) == held
    (operation,) = stack.api(f"operations/?connector={connector['id']}")["results"][:1]
    assert operation["status"] == "confirmed"


def test_two_browsers_see_the_same(stack: Running, sign_in: Callable[..., Page]) -> None:
    connector = a_running_one(stack, "kafka-connect")
    pages = [sign_in("operator"), sign_in("viewer")]
    for page in pages:
        page.goto(f"{stack.url}?search={connector['name']}")
        page.wait_for_timeout(500)

    stack.api("operations/", connector=connector["id"], kind="pause", reason="two browsers")

    for page in pages:
        expect(page.locator(f"#connector-{connector['id']} .track")).to_contain_text("Paused")


def test_no_javascript_does_the_same_by_full_pages(stack: Running, sign_in: Callable[..., Page]) -> None:
    connector = a_running_one(stack, "kafka-connect")
    page = sign_in("operator", java_script_enabled=False)
    page.goto(f"{stack.url}?search={connector['name']}")

    page.locator(f"#connector-{connector['id']} .verbs").get_by_role("button", name="Pause").first.click()

    page.wait_for_url(f"{stack.url}**")
    wait_for("confirmed", lambda: stack.api(f"connectors/{connector['id']}/")["state"] == "paused")
    page.goto(f"{stack.url}?search={connector['name']}")
    expect(page.locator(f"#connector-{connector['id']} .op")).to_contain_text("seen after")


def test_viewer_sees_why_a_button_is_off(stack: Running, sign_in: Callable[..., Page]) -> None:
    connector = a_running_one(stack, "kafka-connect")
    page = sign_in("viewer")
    page.goto(f"{stack.url}connectors/{connector['id']}/")

    button = page.get_by_role("button", name="Pause").first

    expect(button).to_have_attribute("aria-disabled", "true")
    assert "operator or lead" in page.content()


def test_no_page_breaks_its_own_security_policy(stack: Running, sign_in: Callable[..., Page]) -> None:
    page = sign_in("admin")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    connector = a_running_one(stack, "kafka-connect")

    for path in ("", f"connectors/{connector['id']}/", f"pipelines/{connector['pipeline']['id']}/", "audit/"):
        page.goto(stack.url + path)
        page.wait_for_timeout(300)

    assert complaints == []
