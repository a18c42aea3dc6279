"""The board by keyboard, on a phone, in the dark, and when it cannot be read."""

import json
import re
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Running, wait_for
from tests.journeys.test_main_job import a_running_one, truth

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("stack")]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def nudge(stack: Running, vendor: str, name: str, change: str) -> None:
    """This will let somebody else change something at the vendor."""
    data = json.dumps({"external_id": name, "change": change}).encode()
    request = urllib.request.Request(
        f"{stack.sandbox(vendor)}/_sandbox/nudge", data, {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request).close()


def test_operator_finds_the_broken_one_and_restarts_its_failed_tasks(
    stack: Running, sign_in: Callable[..., Page]
) -> None:
    connector = a_running_one(stack, "kafka-connect")
    name, pk = connector["name"], connector["id"]
    page = sign_in("operator")
    expect(page.locator("#live [data-when=live]")).to_be_visible()
    key = next(row["external_id"] for row in truths(stack) if row["name"] == name)
    nudge(stack, "kafka-connect", key, "fail")
    wait_for("failed", lambda: stack.api(f"connectors/{pk}/")["state"] == "failed")

    page.locator(".counts").get_by_role("link", name="Failed").click()
    row = page.locator(f"#connector-{pk}")
    expect(row.locator(".why")).to_contain_text("failed:")
    expect(row.locator(".flow")).to_contain_text(re.compile(r"0/\d tasks?"))
    row.get_by_role("button", name="Restart tasks").click()

    expect(row.locator(".op")).to_contain_text("seen after")
    expect(row.locator(".track")).to_contain_text("Connector: Running")
    assert truth(stack, "kafka-connect", name) == "running"


def test_operator_restarts_one_failed_task_and_leaves_the_others(stack: Running, sign_in: Callable[..., Page]) -> None:
    connector = a_running_one(stack, "kafka-connect", tasks=2)
    name, pk = connector["name"], connector["id"]
    page = sign_in("operator")
    key = next(row["external_id"] for row in truths(stack) if row["name"] == name)
    nudge(stack, "kafka-connect", key, "fail")
    wait_for("failed", lambda: stack.api(f"connectors/{pk}/")["state"] == "failed")

    page.locator(".counts").get_by_role("link", name="Failed").click()
    page.locator(f"#connector-{pk}").get_by_role("link", name=name).click()
    tasks = page.locator(f"#connector-tasks-{pk}")
    tasks.get_by_role("button", name="Restart task 1").click()

    expect(tasks.get_by_role("button", name="Restart task 1")).to_have_count(0)
    expect(tasks.get_by_role("row", name=re.compile("^1 Running"))).to_be_visible()
    expect(tasks.get_by_role("row", name=re.compile("^0 Failed"))).to_be_visible()
    expect(page.locator(f"#connector-acts-{pk}")).to_contain_text("Restart task 1")
    states = [task["state"] for task in stack.api(f"connectors/{pk}/")["task_list"]]
    assert states[:2] == ["failed", "running"]
    nudge(stack, "kafka-connect", key, "recover")


def truths(stack: Running) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{stack.sandbox('kafka-connect')}/_sandbox/truth") as answer:
        return [row for row in json.loads(answer.read()) if row["target"] == "connector"]


def test_on_a_phone_one_finds_reads_why_and_pauses(stack: Running, sign_in: Callable[..., Page]) -> None:
    connector = a_running_one(stack, "kafka-connect")
    page = sign_in("operator", **PHONE)

    failed = page.locator(".board tr[data-activity=failed]").first
    expect(failed.locator(".why")).to_be_visible()
    page.get_by_role("searchbox", name="Search connectors").fill(connector["name"])
    page.wait_for_url("**/?search=*")
    row = page.locator(f"#connector-{connector['id']}")
    row.get_by_role("button", name="Pause", exact=True).first.click()

    expect(row.locator(".track")).to_contain_text("Connector: Paused")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    assert truth(stack, "kafka-connect", connector["name"]) == "paused"


@pytest.mark.parametrize("by", ["system", "menu"])
def test_dark_is_dark_from_the_first_moment(sign_in: Callable[..., Page], by: str) -> None:
    page = sign_in("viewer", color_scheme="dark" if by == "system" else "light")
    if by == "menu":
        page.locator("details.person summary").click()
        page.get_by_role("button", name="Dark", exact=True).click()
        page.reload(wait_until="commit")

    first_frame = "getComputedStyle(document.body).backgroundColor"
    ground = page.evaluate(f"new Promise((seen) => requestAnimationFrame(() => seen({first_frame})))")

    assert ground == "rgb(18, 20, 23)"


def test_palette_jumps_and_acts_by_keyboard_alone(stack: Running, sign_in: Callable[..., Page]) -> None:
    connector = a_running_one(stack, "kafka-connect")
    page = sign_in("operator")
    expect(page.locator("#live [data-when=live]")).to_be_visible()
    box = page.get_by_role("combobox", name="Jump to a connector")

    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name="1 selected…").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog dialog")).to_contain_text("1 picked")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    box.press_sequentially(connector["name"], delay=20)
    option = page.get_by_role("option", name=connector["name"]).first
    expect(option).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", option.get_attribute("id") or "none")
    page.keyboard.press("Enter")

    page.wait_for_url(f"**/connectors/{connector['id']}/")


def test_single_keys_can_be_turned_off(sign_in: Callable[..., Page]) -> None:
    page = sign_in("viewer")
    page.keyboard.press("?")
    page.get_by_label("Single letters work as keys").uncheck()
    page.keyboard.press("Escape")

    page.keyboard.press("/")

    assert page.evaluate("document.activeElement.name ?? ''") != "search"


def test_board_that_cannot_be_read_keeps_what_it_shows_and_offers_to_try_again(sign_in: Callable[..., Page]) -> None:
    page = sign_in("operator")
    expect(page.locator("#live [data-when=live]")).to_be_visible()
    rows = page.locator(".board tr[data-activity]").count()
    page.route("**/?search=*", lambda route: route.fulfill(status=503, body="<main id=main>gone</main>"))

    page.get_by_role("searchbox", name="Search connectors").fill("orders")

    trouble = page.locator("#board-trouble")
    expect(trouble).to_contain_text("The server answered 503.")
    assert page.locator(".board tr[data-activity]").count() == rows
    page.unroute("**/?search=*")
    trouble.get_by_role("button", name="Try again").click()
    expect(trouble).to_be_hidden()
