"""Tokens that a person makes for themselves: they reach all of their teams, and never more than they do."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connectors.models import ApiToken, AuditEvent, Membership
from connectors.permissions import viewer_of
from connectors.services import actors, tokens
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import Permission, Role
from tests.cast import Estate
from tests.connectors.conftest import estate

__all__ = ["estate"]
PAGE = "/account/tokens/new/"


def browser(estate: Estate, name: str) -> Client:
    """This will sign one of the cast in."""
    client = Client()
    client.force_login(estate.people[name])
    return client


def make(client: Client, *permissions: str) -> str:
    """This will make a token on the page, and give its text."""
    page = client.post(PAGE, {"name": "laptop", "permissions": permissions, "days": "30"}).content.decode()
    found = re.search(r'id="token" value="(swy_\w+)"', page)
    assert found, page
    return found[1]


def ask(clear: str, path: str) -> int:
    return Client(headers={"Authorization": f"Token {clear}"}).get(f"/api/v1/{path}").status_code


def test_own_token_reaches_all_teams_of_its_owner_and_no_other(estate: Estate) -> None:
    Membership.objects.create(user=estate.people["operator"], team=estate.other, role=Role.VIEWER)
    foreign = estate.add("foreign", team=estate.other)

    clear = make(browser(estate, "operator"), "operate")

    assert [ask(clear, f"connectors/{c.pk}/") for c in (estate.connectors[0], foreign)] == [200, 200]
    assert [ask(clear, f"teams/{slug}/") for slug in ("payments", "retail")] == [200, 200]
    assert ask(make(browser(estate, "viewer")), f"connectors/{foreign.pk}/") == 404
    event = AuditEvent.objects.filter(action="token.created").order_by("id")[0]
    assert (event.actor, (event.after or {})["team"]) == ("operator", None)


def test_own_token_falls_with_the_roles_of_its_owner(estate: Estate) -> None:
    clear = make(browser(estate, "operator"), "operate")
    assert ask(clear, f"connectors/{estate.connectors[0].pk}/") == 200

    Membership.objects.filter(user=estate.people["operator"]).delete()

    assert ask(clear, f"connectors/{estate.connectors[0].pk}/") == 404


@pytest.mark.parametrize(
    ("name", "offered"),
    [("viewer", set()), ("operator", {"see_configuration", "operate"}), ("auditor", {"see_configuration", "review"}),
     ("lead", {"see_configuration", "operate", "protect", "manage_accounts", "manage_team"}),
     ("admin", set(Permission) - {"see"})],
)  # fmt: skip
def test_the_page_offers_what_the_person_holds_and_takes_no_more(estate: Estate, name: str, offered: set[str]) -> None:
    client = browser(estate, name)

    page = client.get(PAGE).content.decode()

    assert set(re.findall(r'name="permissions" value="(\w+)"', page)) == {str(word) for word in offered}
    for beyond in set(Permission) - offered - {Permission.SEE}:
        answer = client.post(PAGE, {"name": "x", "permissions": [beyond], "days": "30"})
        assert (beyond, answer.status_code) == (beyond, 422)
    assert not ApiToken.objects.exists()


def test_a_token_makes_no_token_and_none_lasts_for_ever(estate: Estate) -> None:
    lead: User = estate.people["lead"]
    token, _ = tokens.issue(user=lead, name="ci", expires_at=None, actor=actors.behind(lead, None))
    more = {"user": lead, "name": "x", "permissions": [Permission.OPERATE], "actor": actors.behind(lead, None)}

    with pytest.raises(NotAllowed, match="makes no other token"):
        tokens.issue_own(viewer=viewer_of(lead, token), lasts=timedelta(days=1), **more)  # type: ignore[arg-type]  # as above
    with pytest.raises(NotNow, match="a year at most"):
        tokens.issue_own(viewer=viewer_of(lead), lasts=timedelta(days=400), **more)  # type: ignore[arg-type]  # as above


def test_the_token_is_shown_once_and_kept_by_no_cache(estate: Estate) -> None:
    client = browser(estate, "operator")

    answer = client.post(PAGE, {"name": "laptop", "permissions": [], "days": "30"})
    found = re.search(r"swy_\w{30,}", answer.content.decode())
    page = client.get("/account/").content.decode()

    assert found
    assert "no-store" in answer["Cache-Control"]
    assert "laptop" in page
    assert found[0] not in page
