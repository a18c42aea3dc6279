"""The board under load, in a real browser: small, one request and one stream, and calm under many changes."""

import json
import os
import re
import time
from collections.abc import Callable
from itertools import chain, cycle

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from connectors.models import Connector
from connectors.states import State
from tests.journeys.conftest import SOON
from tests.journeys.crowded import Crowded, crowded, site, transactional_db

__all__ = ["crowded", "site", "transactional_db"]

# Files are read whole by a server with an event loop; that is said once in the log of a real one, too.
READS_WHOLE = "ignore:StreamingHttpResponse must consume synchronous iterators"
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings(READS_WHOLE)]

SECONDS = float(os.environ.get("JOURNEY_SECONDS", "10"))
"""For how long rows change; a minute where there is time for it."""
A_MINUTE = 500
Figures = Callable[[str, object], None]
CLS = """() => { window.shifts = 0; new PerformanceObserver((list) => {
  for (const shift of list.getEntries()) if (!shift.hadRecentInput) window.shifts += shift.value;
}).observe({ type: "layout-shift", buffered: true }) }"""
YARDSTICK = """() => { window.yardstick = setInterval(function yardstick() {
  let sum = 0;
  for (let n = 0; n < 5e5; n++) sum = Math.sin(n + sum);
  window.sum = sum;
}, 200) }"""
"""The same work again and again: what it takes beyond its usual time was done to the processor, not by the page."""
LONGEST = 50.0
"""Milliseconds that a task may take."""
OF_YARDSTICK = 2.2
"""The same in yardsticks, for a machine in trouble: where one takes 22 ms, as on a slow machine at rest, no more."""


def test_first_board_of_ten_thousand_is_small_and_asks_once(
    crowded: Crowded, chromium: Browser, record_property: Figures
) -> None:
    page = crowded.open(chromium)
    expect(page.locator("#live [data-when=live]")).to_be_visible()
    page.goto("about:blank")  # what the page before asks for is not counted
    sizes: dict[str, int] = {}
    requests: dict[str, tuple[str, str]] = {}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on(
        "Network.requestWillBeSent", lambda e: requests.update({e["requestId"]: (e["type"], e["request"]["url"])})
    )
    session.on("Network.loadingFinished", lambda e: sizes.update({e["requestId"]: e["encodedDataLength"]}))
    streamed: list[int] = []
    session.on(
        "Network.dataReceived", lambda e: streamed.append(e["dataLength"]) if is_stream(e["requestId"]) else None
    )

    def is_stream(pk: str) -> bool:
        return "/events/" in requests[pk][1]

    with page.expect_request("**/events/*"):
        page.goto(crowded.url, wait_until="load")
    page.wait_for_timeout(1500)

    kinds = sorted(kind for kind, url in requests.values() if "/static/" not in url)
    documents = [size for pk, size in sizes.items() if requests[pk][0] == "Document"]
    assert page.locator(".board tr[data-activity]").count() == 50
    assert kinds == ["Document", "Fetch"], requests.values()
    assert documents[0] <= 25_000
    assert sum(sizes.values()) + sum(streamed) <= 120_000
    record_property("figures", f"{documents[0]} B of HTML, {sum(sizes.values())} B at all, {sum(streamed)} B by stream")


def test_five_hundred_changes_a_minute_leave_everything_where_it_is(
    crowded: Crowded, chromium: Browser, record_property: Figures
) -> None:
    page = crowded.open(chromium)
    expect(page.locator("#live [data-when=live]")).to_be_visible()
    rows = page.locator(".board tr[data-activity]")
    page.locator(".board tr[data-activity] .name a").nth(6).focus()
    page.evaluate("scrollTo(0, 400)")
    page.evaluate(CLS)
    page.evaluate(YARDSTICK)
    before = standing(page)
    changed, longest, yardstick = watched(crowded, chromium, page)
    assert changed >= SECONDS * A_MINUTE / 60 * 0.9
    expect(page.locator(".board tr[data-activity='paused']").first).to_be_visible()
    assert standing(page) == before
    shifts = page.evaluate("window.shifts")
    record_property("figures", f"{changed} changes: layout shift {shifts:.4f}, longest task {longest:.1f} ms, "
                    f"the yardstick's {yardstick:.1f} ms")  # fmt: skip
    assert shifts <= 0.02
    # What the page does, it does in every stretch; what one shows and the next does not was done to the processor.
    stretches = chain([(longest, yardstick)], (watched(crowded, chromium, page)[1:] for _ in range(4)))
    assert any(task <= max(LONGEST, OF_YARDSTICK * yardstick) for task, yardstick in stretches)
    page.evaluate("clearInterval(window.yardstick)")

    # While rows are selected or a menu is open they wait, and say so; then they come in.
    for place in (2, 3):
        rows.nth(place).locator("[name=row]").check()
    rows.nth(4).locator(".act summary").click()
    before = standing(page)
    page.evaluate("window.shifts = 0")  # of this stretch, however often the one before was looked at
    change(crowded, page, SECONDS / 4)

    expect(page.locator("#live [data-when=held]")).to_contain_text("wait")
    assert standing(page) == before
    assert page.locator(".act details[open]").count() == 1
    assert page.locator("[name=row]:checked").count() == 2
    assert page.evaluate("window.shifts") <= 0.02
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#live [data-when=held]")).to_be_hidden()


def test_rows_that_come_to_match_wait_until_they_are_asked_for(crowded: Crowded, chromium: Browser) -> None:
    page = crowded.open(chromium)
    page.goto(f"{crowded.url}?search=ledger&state=paused")
    expect(page.locator("#live [data-when=live]")).to_be_visible()
    shown = page.locator(".board tr[data-activity]").evaluate_all("rows => rows.map(row => row.id)")
    more = crowded.do(lambda: list(
        Connector.objects.filter(name__startswith="ledger", state="running", pipeline__state="running")
        .order_by("name").values_list("pk", flat=True)[:3]
    ))  # fmt: skip

    crowded.move(more, State.PAUSED)

    expect(page.locator("[data-news]")).to_have_text("3 new, show them")
    assert page.locator(".board tr[data-activity]").evaluate_all("rows => rows.map(row => row.id)") == shown
    page.keyboard.press("n")
    for pk in more:
        expect(page.locator(f"#connector-{pk}")).to_be_visible()
    expect(page.locator("[data-news]")).to_have_count(0)


def test_search_answers_while_one_types(crowded: Crowded, chromium: Browser) -> None:
    page = crowded.open(chromium)
    expect(page.locator("#live [data-when=live]")).to_be_visible()
    box = page.get_by_role("searchbox", name="Search connectors")

    box.press_sequentially("payouts-s3", delay=40)

    expect(page.locator(".sheet header > b")).to_contain_text("match")
    page.wait_for_url("**/?search=payouts-s3")
    names = page.locator(".board .name a").all_inner_texts()
    assert names
    assert all(name.startswith("payouts-s3") for name in names)
    assert box.input_value() == "payouts-s3"
    assert page.evaluate("document.activeElement.name") == "search"


def test_what_is_typed_while_the_page_loads_is_searched(crowded: Crowded, chromium: Browser) -> None:
    page = crowded.open(chromium)
    held: list[Route] = []
    page.route("**/js/app*.js", lambda route: held.append(route))
    page.goto(crowded.url, wait_until="commit")

    page.get_by_role("searchbox", name="Search connectors").press_sequentially("payouts-s3")
    while not held:
        page.wait_for_timeout(50)
    held.pop().continue_()

    page.wait_for_url("**/?search=payouts-s3")
    expect(page.locator(".sheet header > b")).to_contain_text("match")
    assert page.get_by_role("searchbox", name="Search connectors").input_value() == "payouts-s3"


def test_another_search_opens_one_stream_and_ends_the_one_before(crowded: Crowded, chromium: Browser) -> None:
    page = crowded.open(chromium)
    expect(page.locator("#live [data-when=live]")).to_be_visible()
    streams: list[Request] = []
    page.on("request", lambda asked: streams.append(asked) if "/events/" in asked.url else None)
    ended: list[Request] = []
    page.on("requestfailed", lambda asked: ended.append(asked))

    for search in ("pay", "payouts", "payouts-s3"):
        with page.expect_request(re.compile(f"/events/.*search%3D{search}$")):
            page.get_by_role("searchbox", name="Search connectors").fill(search)
        page.wait_for_timeout(1000)

    assert [asked.url.rpartition("%3D")[2] for asked in streams] == ["pay", "payouts", "payouts-s3"]
    page.get_by_role("searchbox", name="Search connectors").press_sequentially("-orders", delay=180)
    page.wait_for_timeout(1000)
    assert set(streams[:-1]) <= set(ended)
    with page.expect_request(re.compile("/events/.*search%3Dpay$")):
        page.get_by_role("searchbox", name="Search connectors").fill("pay")
    expect(page.locator(".board tr[data-activity]")).to_have_count(50)
    row = page.locator(".board tr[data-activity]").first
    crowded.move([int((row.get_attribute("id") or "").removeprefix("connector-"))], State.PAUSED)
    expect(row.locator(".track")).to_contain_text("Paused")


def test_a_stream_that_is_not_answered_yet_ends_with_its_search(crowded: Crowded, chromium: Browser) -> None:
    page = crowded.open(chromium)
    expect(page.locator("#live [data-when=live]")).to_be_visible()
    page.route("**/events/*search%3Dpayouts", lambda route: None)  # answered by nobody
    search = page.get_by_role("searchbox", name="Search connectors")
    with page.expect_request("**/events/*search%3Dpayouts"):
        search.fill("payouts")

    with (
        page.expect_event(
            "requestfailed",
            lambda asked: asked.url.endswith("search%3Dpayouts"),
            timeout=SOON * 1000 / 3,  # htmx gives up by itself after a minute
        ),
        page.expect_response("**/events/*search%3Dpayouts-s3"),
    ):
        search.fill("payouts-s3")
    page.wait_for_timeout(2000)
    expect(page.locator("#live [data-when=live]")).to_be_visible()


def test_page_is_followed_though_the_script_for_streams_comes_last(crowded: Crowded, chromium: Browser) -> None:
    page = crowded.open(chromium)
    held: list[Route] = []
    page.route("**/hx-sse*", lambda route: held.append(route))
    page.goto(crowded.url, wait_until="commit")
    page.locator("[data-htmx-powered]").first.wait_for(state="attached")
    while not held:
        page.wait_for_timeout(50)

    with page.expect_response("**/events/*"):
        held.pop().continue_()


def test_page_without_its_stream_says_so(crowded: Crowded, chromium: Browser) -> None:
    page = crowded.open(chromium)
    held: list[Route] = []
    page.route("**/events/*", lambda route: held.append(route), times=1)
    page.reload(wait_until="commit")
    expect(page.locator("#live [data-when=cut]")).to_be_visible()
    held.pop().abort()
    expect(page.locator("#live [data-when=live]")).to_be_visible()


def test_a_stream_that_is_answered_late_is_asked_for_once(crowded: Crowded, chromium: Browser) -> None:
    page = crowded.open(chromium)
    expect(page.locator("#live [data-when=live]")).to_be_visible()
    page.clock.install()
    page.reload()
    held: list[Route] = []
    page.route("**/events/*search%3Dpayouts", lambda route: held.append(route))
    page.get_by_role("searchbox", name="Search connectors").fill("payouts")
    while not held:
        page.clock.run_for(50)
    page.clock.run_for(20_000)

    first = held.pop()
    with page.expect_response(first.request.url):
        first.continue_()
    page.wait_for_timeout(500)

    assert held == []


def test_back_leads_to_the_page_before_and_not_through_each_letter(crowded: Crowded, chromium: Browser) -> None:
    page = crowded.open(chromium)
    page.goto(f"{crowded.url}teams/")
    page.get_by_role("link", name="Board", exact=True).click()
    expect(page.locator("#live [data-when=live]")).to_be_visible()

    page.get_by_role("searchbox", name="Search connectors").press_sequentially("payouts", delay=150)
    page.wait_for_url("**/?search=payouts")
    page.go_back()

    page.wait_for_url("**/teams/")


def test_a_groups_box_selects_its_rows_and_follows_them(crowded: Crowded, chromium: Browser) -> None:
    page = crowded.open(chromium)
    page.goto(f"{crowded.url}?group=vendor")
    expect(page.locator("#live [data-when=live]")).to_be_visible()
    part = page.locator(".board tbody").first
    box, rows = part.locator("[data-pick-group]"), part.locator('input[name="row"]')

    box.focus()
    page.keyboard.press("Space")
    assert rows.evaluate_all("boxes => boxes.every(box => box.checked)")
    rows.first.uncheck()
    assert box.evaluate("box => [box.checked, box.indeterminate]") == [False, True]
    rows.first.check()
    assert box.evaluate("box => [box.checked, box.indeterminate]") == [True, False]
    expect(page.locator("[data-picked]")).to_have_text(f"{rows.count()} selected")


def test_rows_that_changed_are_said_aloud_once_in_a_while(crowded: Crowded, chromium: Browser) -> None:
    page = crowded.open(chromium)
    expect(page.locator("#live [data-when=live]")).to_be_visible()
    rows = page.locator(".board tr[data-activity]").evaluate_all("rows => rows.map(row => Number(row.id.slice(10)))")

    crowded.move(rows[:2], State.PAUSED)

    expect(page.locator("#said")).to_have_text("2 paused.")
    crowded.move(rows[2:3], State.RUNNING)
    name = page.locator(f"#connector-{rows[2]} .name a").inner_text()
    expect(page.locator("#said")).to_have_text(f"{name} active again.")


def watched(crowded: Crowded, chromium: Browser, page: Page) -> tuple[int, float, float]:
    """This will change rows for a stretch, and give how many, and the longest tasks of page and yardstick meanwhile."""
    chromium.start_tracing(
        page=page, categories=["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
    )
    changed = change(crowded, page, SECONDS)
    return changed, *longest_tasks(chromium.stop_tracing())


def change(crowded: Crowded, page: Page, seconds: float) -> int:
    """This will change rows that are in sight, five hundred a minute, and give how many it was."""
    ids = page.locator(".board tr[data-activity]").evaluate_all("rows => rows.map(row => Number(row.id.slice(10)))")
    states = cycle([State.RUNNING, State.PAUSED, State.FAILED])
    pace, begin, changed = 60 / A_MINUTE, time.monotonic(), 0
    while time.monotonic() - begin < seconds:
        crowded.move([ids[(changed + n) % len(ids)] for n in range(5)], next(states))
        changed += 5
        page.wait_for_timeout(max(0.0, begin + changed * pace - time.monotonic()) * 1000)
    page.wait_for_timeout(1500)
    return changed


def standing(page: Page) -> dict[str, object]:
    """This will tell where everything is: focus, scroll, rows and their places."""
    return dict(
        page.evaluate("""() => ({
      focus: document.activeElement.closest("tr")?.id,
      scroll: scrollY,
      rows: [...document.querySelectorAll(".board tr[data-activity]")].map((row) => row.id),
      selected: [...document.querySelectorAll("[name=row]:checked")].map((box) => box.value),
      open: [...document.querySelectorAll("details[open]")].map((menu) => menu.closest("tr")?.id),
      tops: [...document.querySelectorAll(".board tr[data-activity]")].map((row) => row.getBoundingClientRect().top),
    })""")
    )


def longest_tasks(trace: bytes) -> tuple[float, float]:
    """
    This will find the longest tasks of the main thread: the page's own, and the yardstick's.

    Both in milliseconds of their time on a processor.
    """
    events = json.loads(trace)["traceEvents"]
    main = {
        (e["pid"], e["tid"]) for e in events if e["name"] == "thread_name" and e["args"]["name"] == "CrRendererMain"
    }
    events = [e for e in events if (e["pid"], e["tid"]) in main]
    called = {
        (e["pid"], e["tid"], e["ts"])
        for e in events
        if e["name"] == "FunctionCall" and e["args"]["data"].get("functionName") == "yardstick"
    }
    tasks: dict[bool, list[float]] = {True: [], False: []}
    for e in events:
        if "tdur" in e and "RunTask" in e["name"]:
            end = e["ts"] + e["dur"]
            is_yardstick = any(c[:2] == (e["pid"], e["tid"]) and e["ts"] <= c[2] <= end for c in called)
            tasks[is_yardstick].append(e["tdur"] / 1000)
    return max(tasks[False]), max(tasks[True])
