"""A frozen estate is broken open with a reason, and whoever reviews finds it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Running, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("stack")]

WHY = "INC-4711: card data is being lost"


def test_frozen_estate_is_broken_open_and_found_by_the_auditor(stack: Running, sign_in: Callable[..., Page]) -> None:
    def running() -> dict[str, object] | None:
        found = stack.api("connectors/?team=payments&vendor=kafka-connect&state=running&page_size=100")["results"]
        free = [
            c
            for c in found
            if not c["open_operation"] and any(v["kind"] == "pause" and v["possible"] for v in c["verbs"])
        ]
        return free[0] if free else None

    connector = wait_for("a running connector", running)
    here = f"{stack.url}connectors/{connector['id']}/"
    lead, operator, auditor = sign_in("lead"), sign_in("operator"), sign_in("auditor")

    lead.goto(f"{stack.url}freezes/new/")
    lead.get_by_label("Name", exact=True).fill("Incident drill")
    lead.get_by_label("Reason", exact=True).fill("Nothing moves until it is over")
    lead.get_by_label("When", exact=True).select_option("open")
    lead.get_by_role("button", name="Freeze", exact=True).click()
    expect(lead.get_by_text("frozen now")).to_be_visible()
    freeze = lead.url

    try:
        operator.goto(here)
        off = operator.get_by_role("button", name=re.compile("^Pause.*off: Frozen until somebody ends it")).first
        expect(off).to_have_attribute("aria-disabled", "true")
        expect(operator.get_by_text("Break the glass…")).to_have_count(0)

        lead.goto(here)
        lead.get_by_role("link", name="Break the glass…").click()
        lead.get_by_label("Reason", exact=True).fill(WHY)
        lead.get_by_role("button", name="Break the glass").click()
        lead.goto(here)
        expect(lead.get_by_text("You pass it now.")).to_be_visible()
        lead.locator(".head .verbs").get_by_role("button", name="Pause").first.click()
        wait_for("paused", lambda: stack.api(f"connectors/{connector['id']}/")["state"] == "paused")

        auditor.goto(f"{stack.url}audit/?action=freeze.break_glass")
        expect(auditor.locator("#main")).to_contain_text(WHY)
        auditor.goto(f"{stack.url}audit/?action=connector.pause.break_glass")
        expect(auditor.locator("#main")).to_contain_text(str(connector["name"]))
    finally:
        lead.goto(freeze)
        lead.get_by_role("button", name="End this freeze").click()
        expect(lead.get_by_role("button", name="End this freeze")).to_have_count(0)


MADE_BY = {"protections": "set_by", "schedules": "created_by", "heal-policies": "set_by"}


def test_demo_shows_one_of_each_guard_rail(stack: Running) -> None:
    # Other journeys make some of their own, as an admin; those of the demo are its lead's.
    made = {
        name: [found[whose] for found in stack.api(f"{name}/?page_size=100", token="admin")["results"]].count("lead")
        for name, whose in MADE_BY.items()
    }

    assert made == dict.fromkeys(MADE_BY, 1)
    assert stack.api("freezes/", token="admin")["count"] >= 1
