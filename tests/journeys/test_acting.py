"""Acting with confidence: on five hundred, for a time, and taken back; and what holds when something ends meanwhile."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from connectors.states import State
from connectors.vendors.sandbox import Bench, Fault, find
from tests.journeys.conftest import Running, wait_for
from tests.journeys.test_main_job import a_running_one, press, truth

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("stack")]

Serve = Callable[..., tuple[Bench, str]]
MANY = 540
MINUTES = 180_000
"""For five hundred, on a machine that has much else to do."""


def add_account(stack: Running, url: str, name: str) -> int:
    """This will add a Kafka Connect account at an address."""
    demo = find("kafka-connect").accounts[0]
    wish = {"vendor": "kafka-connect", "name": name, "base_url": f"{url}{demo.path}", "team": "payments"}
    made = stack.api("accounts/", "admin", **wish, settings=dict(demo.settings), credentials=dict(demo.credentials))
    return int(made["id"])


def known(stack: Running, name: str, number: int) -> list[dict[str, Any]]:
    """This will wait until so many connectors of an account are known, and give the first of them."""

    def fetch() -> list[dict[str, Any]]:
        answer = stack.api(f"connectors/?account={name}&page_size=100")
        return list(answer["results"]) if answer["count"] == number else []

    return list(wait_for(f"{number} connectors of {name}", fetch))


def paused(app: Bench) -> int:
    app.world.settle()
    return sum(truth.target == "connector" and truth.state is State.PAUSED for truth in app.world.truth())


def test_five_hundred_are_paused_by_filter_and_each_skip_says_why(
    stack: Running, sign_in: Callable[..., Page], serve: Serve
) -> None:
    app, url = serve("kafka-connect")
    app.populate(MANY)
    account = add_account(stack, url, "many")
    known(stack, "many", MANY)
    before = paused(app)
    page = sign_in("operator")
    page.goto(f"{stack.url}?account=many")

    page.locator("[data-pick-all]").check()
    page.locator("[data-pick-match]").check()
    page.locator("#selection").get_by_role("button", name="Pause…").click()
    title = page.locator("dialog[open] h2")
    expect(title).to_contain_text("Pause 5")
    act, skip = (int(word) for word in re.findall(r"\d+", title.inner_text()))
    expect(page.locator("dialog[open]")).to_contain_text("already paused")
    page.locator("dialog[open]").get_by_role("button", name=f"Pause {act}").click()

    page.wait_for_url(re.compile("/batches/"))
    expect(page.locator("#progress")).to_contain_text(f"{act} of {act} confirmed", timeout=MINUTES)
    assert (act >= 500, act + skip) == (True, MANY)
    assert paused(app) == before + act
    page.get_by_role("link", name=re.compile("^Skipped")).click()
    expect(page.locator(".board tbody")).to_contain_text("already paused")
    stack.api(f"accounts/{account}/", "admin", "DELETE")


def test_timed_pause_resumes_by_itself(stack: Running, sign_in: Callable[..., Page]) -> None:
    connector = a_running_one(stack, "kafka-connect")
    page = sign_in("operator")
    page.goto(f"{stack.url}connectors/{connector['id']}/")
    page.get_by_role("link", name="Pause until…").click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_text("15 min", exact=True).click()
    dialog.get_by_label("Reason").fill("Release 4.2")
    dialog.get_by_role("button", name="Pause").click()

    banner = page.locator(".banner", has_text="Then it is led back by itself")
    expect(banner).to_contain_text("14 min left")
    expect(page.locator(".pair").first).to_contain_text("Paused")
    (hold,) = [h for h in stack.api("holds/")["results"] if h["connector"] == connector["id"]]
    soon = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
    stack.api(f"holds/{hold['id']}/extension/", until=soon)

    expect(page.locator(".pair.is-active").first).to_be_visible()
    expect(banner).to_have_count(0)
    assert truth(stack, "kafka-connect", connector["name"]) == "running"
    (last,) = stack.api(f"operations/?connector={connector['id']}")["results"][:1]
    assert (last["kind"], last["actor"]) == ("resume", "system:timer")


def test_undo_brings_back_what_was(stack: Running, sign_in: Callable[..., Page]) -> None:
    connector = a_running_one(stack, "kafka-connect")
    page = sign_in("operator")
    page.goto(f"{stack.url}?search={connector['name']}")
    row = page.locator(f"#connector-{connector['id']}")
    press(page, connector["id"], "Pause")
    expect(row.locator(".track")).to_contain_text("Paused")

    page.locator("#dock").get_by_role("button", name="Undo").click()

    expect(page.locator("#dock")).to_contain_text("is taken back")
    expect(row.locator(".op")).to_contain_text("Resume")
    expect(row.locator(".pair.is-active")).to_be_visible()
    now = stack.api(f"connectors/{connector['id']}/")
    assert (now["state"], now["desired_state"]) == ("running", connector["desired_state"])
    assert truth(stack, "kafka-connect", connector["name"]) == "running"


def test_refusal_is_said_where_the_person_acted(stack: Running, sign_in: Callable[..., Page]) -> None:
    connector = a_running_one(stack, "kafka-connect")
    page = sign_in("operator")
    page.goto(f"{stack.url}connectors/{connector['id']}/operations/new/?kind=pause")
    page.get_by_label("Reason").fill("a reason that is not lost")
    stack.api("operations/", connector=connector["id"], kind="pause")
    wait_for("paused", lambda: stack.api(f"connectors/{connector['id']}/")["state"] == "paused")

    page.locator("dialog[open] footer button").click()

    expect(page.locator("dialog[open] .banner.is-fail")).to_contain_text("Pause does not apply while it is paused.")
    expect(page.get_by_label("Reason")).to_have_value("a reason that is not lost")


def test_session_that_ends_leads_to_the_sign_in_page_and_never_into_a_row(
    stack: Running, sign_in: Callable[..., Page]
) -> None:
    connector = a_running_one(stack, "kafka-connect")
    page = sign_in("operator")
    page.route("**/events/**", lambda _held: None)  # the stream would end within seconds, and lead there by itself
    page.goto(f"{stack.url}?search={connector['name']}")
    forms: list[int] = []
    page.expose_function("told", lambda number: forms.append(number))
    page.evaluate("""new MutationObserver(() => {
        const found = document.querySelectorAll("tr input[type=password], #dialog input[type=password]").length;
        if (found) window.told(found);
    }).observe(document.body, {childList: true, subtree: true})""")
    other = page.context.new_page()
    other.goto(stack.url)
    other.locator("details.person summary").click()
    other.get_by_role("button", name="Sign out").click()
    other.wait_for_url(re.compile("/sign-in/"))

    page.locator(f"#connector-{connector['id']} .verbs").get_by_text("Pause").first.click()

    page.wait_for_url(re.compile("/sign-in/"))
    assert forms == []
    assert stack.api(f"connectors/{connector['id']}/")["state"] == "running"


def test_vendor_that_dies_keeps_its_rows_hatched_under_a_banner(
    stack: Running, sign_in: Callable[..., Page], serve: Serve
) -> None:
    app, url = serve("kafka-connect")
    app.populate(3)
    account = add_account(stack, url, "mortal")
    known(stack, "mortal", 3)
    page = sign_in("operator")
    page.goto(f"{stack.url}?account=mortal")
    rows = page.locator(".board tbody tr")
    expect(rows).to_have_count(3)
    expect(page.locator(".board .pair.is-active")).to_have_count(3)

    app.faults.append(Fault("drop", times=-1))

    banner = page.locator(".banner", has_text="mortal")
    expect(banner).to_contain_text("has not answered")
    expect(page.locator(".board .pair.is-stale")).to_have_count(3)
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("was running")
    expect(page.locator(".board .pair.is-active")).to_have_count(0)
    stack.api(f"accounts/{account}/", "admin", "DELETE")
