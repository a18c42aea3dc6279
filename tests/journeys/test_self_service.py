"""Teams help themselves: an account of one's own, access for an hour, and a passkey, each the whole way."""

import re
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from connectors.vendors.sandbox import Bench, find
from dashboard.stack import folders
from dashboard.stack.postgres import Postgres
from tests.journeys.conftest import SOON, Running, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("stack")]

Serve = Callable[..., tuple[Bench, str]]
PASSWORD = "quite-long-enough-7"


@pytest.fixture
def empty(chromium: Browser) -> Iterator[Callable[[], Page]]:
    """This will give a function that opens a browser in which nobody is signed in."""
    contexts: list[BrowserContext] = []

    def open_page() -> Page:
        contexts.append(chromium.new_context(viewport={"width": 1440, "height": 900}))
        contexts[-1].set_default_timeout(SOON * 1000)
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()


def join(stack: Running, page: Page, login: str, host: str = "127.0.0.1") -> None:
    """This will make somebody new, who belongs to a team of guests and to no other."""
    team = f"guests-{uuid.uuid4().hex[:6]}"
    stack.api("teams/", "admin", slug=team, name="Guests")
    made = stack.api(f"teams/{team}/invitations/", "admin", address=f"{login}@example.org", role="viewer")
    page.goto(made["link"].replace("127.0.0.1", host))
    page.get_by_label("Login", exact=True).fill(login)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    page.wait_for_url(re.compile(f"/teams/{team}/"))


def test_lead_adds_an_account_and_owns_its_connectors_by_rule_without_an_admin(
    stack: Running, sign_in: Callable[..., Page], serve: Serve
) -> None:
    app, url = serve("kafka-connect")
    app.populate(6)
    account = find("kafka-connect").accounts[0]
    stack.api("teams/", "admin", slug="cards", name="Cards")
    stack.api("teams/cards/members/lead/", "admin", "PUT", role="lead")
    last_of_admin = by_admin(stack)
    lead = sign_in("lead")

    lead.goto(f"{stack.url}accounts/new/")
    lead.get_by_role("link", name=re.compile("Kafka Connect")).click()
    lead.get_by_label("Name", exact=True).fill("lead-own")
    lead.get_by_label("Team", exact=True).select_option("payments")
    lead.get_by_label("Address", exact=True).fill(f"{url}{account.path}")
    lead.get_by_label("User name").fill("somebody")
    lead.get_by_label("Password").fill("wrong")
    lead.get_by_role("button", name="Test it").click()
    checks = lead.locator("#checks")
    expect(checks).to_contain_text("Does not work")
    lead.get_by_label("User name").fill(account.credentials["username"])
    lead.get_by_label("Password").fill(account.credentials["password"])
    lead.get_by_role("button", name="Test it").click()
    expect(checks).not_to_contain_text("Does not work")
    expect(checks.locator(".is-good-text")).not_to_have_count(0)
    lead.get_by_role("button", name="Add this account").click()
    lead.wait_for_url(re.compile(r"/accounts/\d+/$"))
    pk = int(lead.url.rstrip("/").rpartition("/")[2])
    assert account.credentials["password"] not in lead.content()

    def found() -> list[dict[str, Any]]:
        answer = stack.api("connectors/?account=lead-own&page_size=50", "admin")
        return list(answer["results"]) if answer["count"] >= 6 else []

    names = [c["name"] for c in wait_for("connectors of the new account", found)]
    chosen = names[0]

    lead.goto(f"{stack.url}rules/new/")
    lead.get_by_label("Team that owns").select_option("cards")
    lead.get_by_label("Account", exact=True).select_option("lead-own")
    lead.get_by_label("Connector optional").fill(chosen)
    lead.get_by_role("button", name="Show what it moves").click()
    preview = lead.locator("#preview tbody tr")
    expect(preview).to_have_count(1)
    expect(preview).to_contain_text(chosen)
    lead.get_by_role("button", name="Add the rule").click()
    lead.wait_for_url(re.compile("/rules/"))

    teams = {c["name"]: c["team"] for c in found()}
    assert teams.pop(chosen) == "cards"
    assert set(teams.values()) == {"payments"}
    lead.goto(f"{stack.url}?team=cards")
    expect(lead.locator(".board")).to_contain_text(chosen)
    assert by_admin(stack) == last_of_admin
    stack.api(f"accounts/{pk}/", "admin", "DELETE")


def by_admin(stack: Running) -> int:
    """This will give the last event that an admin made."""
    return int(stack.api("audit-events/?q=actor:admin*", "admin")["results"][0]["id"])


def end_grants(stack: Running, login: str, seconds: float) -> None:
    """This will let time pass for somebody's grants: they end so soon from now."""
    with psycopg.connect(Postgres(folders.servers_home(stack.state)).url) as database:
        database.execute(
            "UPDATE connectors_accessrequest SET ends_at = now() + %s "
            "WHERE user_id = (SELECT id FROM auth_user WHERE username = %s)",
            [timedelta(seconds=seconds), login],
        )


def heard(page: Page, address: str, seconds: float = 3) -> str:
    """This will listen to the event stream for a while, as the person of a page."""
    session = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies())
    text, end = b"", time.monotonic() + seconds
    request = urllib.request.Request(address, headers={"Cookie": session})
    with suppress(TimeoutError), urllib.request.urlopen(request, timeout=seconds) as stream:
        while time.monotonic() < end:
            text += stream.readline()
    assert b": open" in text
    return text.decode()


def running_of_payments(stack: Running) -> dict[str, Any] | None:
    """This will find a connector that may be paused alone."""
    found = stack.api("connectors/?team=payments&vendor=kafka-connect&state=running&page_size=100")["results"]
    return next((c for c in found if not c["open_operation"] and not c["stale"]
                 and any(v["kind"] == "pause" and v["possible"] for v in c["verbs"])), None)  # fmt: skip


def status_of(page: Page, token: str, path: str) -> int:
    """This will ask the API with somebody's own token."""
    return int(page.request.get(path, headers={"Authorization": f"Token {token}"}).status)


def test_stranger_asks_for_access_operates_for_an_hour_and_is_a_stranger_again(
    stack: Running, sign_in: Callable[..., Page], empty: Callable[[], Page]
) -> None:
    connector = wait_for("a running connector of payments", lambda: running_of_payments(stack))
    here, login = f"{stack.url}connectors/{connector['id']}/", f"eve-{uuid.uuid4().hex[:6]}"
    api = f"{stack.url}api/v1/connectors/{connector['id']}/"
    eve, lead = empty(), sign_in("lead")
    join(stack, eve, login)
    eve.goto(f"{stack.url}account/tokens/new/")
    eve.get_by_label("Name", exact=True).fill("laptop")
    eve.get_by_role("button", name="Make the token").click()
    token = eve.locator("#token").input_value()

    answer = eve.goto(here)
    assert answer is not None
    assert (answer.status, status_of(eve, token, api)) == (404, 404)
    eve.get_by_role("link", name="Ask a team for access…").click()
    eve.get_by_label("Team", exact=True).select_option("payments")
    eve.get_by_label("Role", exact=True).select_option("operator")
    eve.get_by_label("For", exact=True).select_option("60")
    eve.get_by_label("Reason", exact=True).fill("on call tonight")
    eve.get_by_role("button", name="Ask", exact=True).click()
    expect(eve.locator("#main")).to_contain_text("on call tonight")

    lead.goto(f"{stack.url}access/")
    asked = lead.locator(".banner", has_text=login)
    expect(asked).to_contain_text("operator of Payments for 1 h")
    asked.get_by_role("button", name="Grant 1 h").click()
    expect(lead.locator(".banner", has_text=login)).to_have_count(0)

    end_grants(stack, login, seconds=25)
    eve.goto(here)
    pair = eve.locator(".pair").first
    eve.locator(".head .verbs").get_by_role("button", name="Pause").first.click()
    if eve.locator("dialog[open] footer button").count():
        eve.locator("dialog[open] footer button").first.click()
    wait_for("paused", lambda: stack.api(f"connectors/{connector['id']}/")["state"] == "paused")
    expect(pair).to_contain_text("Paused")  # by the event stream
    assert status_of(eve, token, api) == 200
    assert connector["name"] in heard(eve, f"{stack.url}events/?connector={connector['id']}&rows={connector['id']}")

    wait_for("a stranger again", lambda: status_of(eve, token, api) == 404)
    watching = sign_in("operator")
    watching.goto(here)
    stack.api("operations/", connector=connector["id"], kind="resume")
    expect(watching.locator(".pair.is-active").first).to_be_visible()

    expect(eve.locator(".pair.is-active")).to_have_count(0)  # what was open says nothing new
    last = eve.goto(here)
    assert last is not None
    assert last.status == 404
    assert connector["name"] not in heard(eve, f"{stack.url}events/?connector={connector['id']}&rows={connector['id']}")
    pressed = eve.request.post(f"{stack.url}connectors/{connector['id']}/operations/", form={"kind": "pause"})
    assert pressed.status in {403, 404}
    on_record = stack.api("audit-events/?q=action:access.*", "admin")["results"]
    assert {"access.asked", "access.granted"} <= {event["action"] for event in on_record if login in str(event)}


@pytest.fixture
def key(empty: Callable[[], Page]) -> Page:
    """This will give a page in a browser with a key that always says yes."""
    page = empty()
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
               "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


def test_passkey_signs_in_alone_and_a_recovery_code_stands_in_for_it_once(
    stack: Running, key: Page, empty: Callable[[], Page]
) -> None:
    home = stack.url.replace("127.0.0.1", "localhost")  # a key belongs to a name, never to a number
    login = f"pat-{uuid.uuid4().hex[:6]}"
    join(stack, key, login, "localhost")

    key.goto(f"{home}account/")
    key.get_by_role("row", name="Passkeys and security keys").get_by_role("link", name="Add…").click()
    prove(key)
    key.get_by_label("What you call it").fill("Laptop")
    key.get_by_label("Sign in with it alone").check()
    key.get_by_role("button", name="Add it").click()
    codes = key.get_by_label("Codes that were not used")
    expect(codes).to_be_visible()
    first = codes.input_value().split()[0]

    sign_out(key)
    key.get_by_role("button", name="Use a passkey").click()
    key.wait_for_url(home)
    expect(key.locator("details.person summary")).to_contain_text(login)

    for opens in (True, False):
        other = empty()
        other.goto(f"{home}sign-in/")
        other.get_by_label("Login", exact=True).fill(login)
        other.get_by_label("Password", exact=True).fill(PASSWORD)
        other.get_by_role("button", name="Sign in").click()
        expect(other.get_by_role("heading", name="Your second factor")).to_be_visible()
        other.get_by_label("Code", exact=True).fill(first)
        other.get_by_role("button", name="Sign in").click()
        if opens:
            other.wait_for_url(home)
        else:
            expect(other.get_by_text("That code does not fit.")).to_be_visible()

    key.goto(f"{home}account/")
    key.get_by_role("row", name="Passkeys and security keys").get_by_role("link", name="Manage…").click()
    expect(key.get_by_role("row", name="Laptop")).to_contain_text("passkey")
    key.get_by_role("link", name="Remove… Laptop").click()
    prove(key)
    key.get_by_role("button", name="Remove it").click()
    sign_out(key)
    key.get_by_role("button", name="Use a passkey").click()
    expect(key).to_have_url(re.compile("/sign-in/"))
    expect(key.locator("details.person")).to_have_count(0)


def prove(page: Page) -> None:
    """This will type the password where it is asked for once more."""
    if page.get_by_label("Your password").count():
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()


def sign_out(page: Page) -> None:
    """This will sign out by the menu."""
    page.locator("details.person summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(re.compile("/sign-in/"))
