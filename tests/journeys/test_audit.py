"""The audit and its review, as an auditor works in them: by typing, by keys alone, and on paper."""

import re
import urllib.error
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import Running, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("stack")]

WHY = "Who allowed you that?"


def refused(stack: Running, number: int) -> None:
    """This will let the operator try so many verbs that do not apply: each refusal is something to review."""
    running = wait_for("running connectors", lambda: stack.api("connectors/?state=running&page_size=20")["results"])
    for connector in running[:number]:
        with pytest.raises(urllib.error.HTTPError):
            stack.api("operations/", connector=connector["id"], kind="resume", reason="just trying")


def to_review(stack: Running, number: int) -> list[dict[str, Any]]:
    """This will wait until so many refusals of the operator have come to the inbox."""

    def fetch() -> list[dict[str, Any]] | None:
        found = stack.api("reviews/?status=waiting&page_size=100", "admin")["results"]
        theirs = [item for item in found if item["actor"].startswith("operator")]
        return theirs if len(theirs) >= number else None

    return list(wait_for("refusals in the inbox", fetch))


def current(page: Page) -> Locator:
    """This will find the row of the item that is open."""
    return page.locator(".review tr[aria-current=true]")


def test_query_is_completed_by_keys_and_an_error_points_at_its_word(
    stack: Running, sign_in: Callable[..., Page]
) -> None:
    sign_in("operator")  # which is on record
    page = sign_in("auditor")
    page.goto(f"{stack.url}audit/")
    field, offers = page.get_by_label("Query", exact=True), page.locator("#completions")

    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("acto")
    expect(offers.get_by_role("option")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value("actor:")
    page.keyboard.type("operato")
    expect(offers.get_by_role("option", name="actor:operator", exact=True)).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", re.compile("^completion-"))
    page.keyboard.press("Enter")
    expect(field).to_have_value("actor:operator ")
    page.wait_for_url(re.compile(r"audit/\?.*q=actor%3Aoperator"))
    expect(page.locator(".event").first).to_contain_text("operator")

    page.keyboard.type("-sytem")
    trouble = page.locator("#query-troubles")
    expect(trouble).to_contain_text("Column 16, -sytem")
    expect(page.locator(".event").first).to_contain_text("operator")  # found without it
    trouble.get_by_role("link", name="-system").click()
    expect(page.get_by_label("Query", exact=True)).to_have_value("actor:operator -system")
    expect(page.locator("#query-troubles")).to_have_count(0)


def test_inbox_is_worked_by_keys_alone(stack: Running, sign_in: Callable[..., Page]) -> None:
    refused(stack, 3)
    to_review(stack, 3)
    page = sign_in("auditor")
    page.goto(f"{stack.url}review/")
    page.mouse.move(0, 0)
    first = current(page).get_attribute("id")
    page.keyboard.press("j")
    expect(current(page)).not_to_have_attribute("id", str(first))
    page.keyboard.press("k")
    expect(current(page)).to_have_attribute("id", str(first))
    page.keyboard.press("x")
    expect(current(page).get_by_role("checkbox")).to_be_checked()

    page.keyboard.press("a")
    expect(page.get_by_text(re.compile("^Signed off:")).first).to_be_visible()
    expect(page.locator(f"#{first}")).to_have_count(0)
    waiting = re.sub(r"\D", "", page.get_by_role("link", name=re.compile("^To do")).inner_text())
    expect(page.locator(".review tbody tr")).to_have_count(int(waiting))  # others may have come meanwhile
    page.keyboard.press("u")
    expect(page.get_by_text(re.compile("^Taken back:")).first).to_be_visible()
    expect(page.locator(f"#{first}")).to_have_count(1)

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("In the review: approve, question, escalate, undo")
    page.keyboard.press("Escape")


def test_question_goes_by_keys_to_whoever_did_it_and_is_answered(stack: Running, sign_in: Callable[..., Page]) -> None:
    refused(stack, 1)
    item = to_review(stack, 1)[-1]
    page = sign_in("auditor")
    page.goto(f"{stack.url}review/?item={item['id']}")

    page.keyboard.press("q")  # a question needs words: the field takes the focus
    expect(page.get_by_label(re.compile("^Comment"))).to_be_focused()
    page.keyboard.type(WHY)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=re.compile("^Question"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("^Asked:")).first).to_be_visible()

    asked = sign_in("operator")
    asked.get_by_role("link", name=re.compile("^Asked of you")).first.click()
    question = asked.locator("article", has_text=WHY).first
    question.get_by_label("Your answer").fill("Nobody did; I wanted to see what happens.")
    question.get_by_role("button", name="Answer").click()
    expect(asked.get_by_text("Your answer is with the reviewers.")).to_be_visible()

    page.goto(f"{stack.url}review/?item={item['id']}")
    expect(page.locator("#opened")).to_contain_text("Nobody did; I wanted to see what happens.")


def test_page_of_the_audit_prints_with_what_proves_it(stack: Running, sign_in: Callable[..., Page]) -> None:
    sign_in("operator")
    page = sign_in("auditor")
    newest = wait_for("a sealed event", lambda: stack.api("audit-events/?actor=operator", "admin")["results"])[0]
    page.goto(f"{stack.url}audit/?q=actor:operator")
    expect(page.locator(".print-only")).to_be_hidden()
    page.locator(".event .seal", has_not_text="sealing").first.wait_for()
    page.reload()

    page.emulate_media(media="print")

    footer = page.locator(".print-only")
    expect(footer).to_contain_text("Search: actor:operator")
    expect(footer).to_contain_text(re.compile(r"position \d+, [0-9a-f]{64}"))
    for hidden in (".top", "#audit-search", "#facets", ".pager", ".dock"):
        expect(page.locator(hidden)).not_to_be_visible()
    assert newest["actor"] == "operator"
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0
    assert page.pdf(format="A4").startswith(b"%PDF-")
