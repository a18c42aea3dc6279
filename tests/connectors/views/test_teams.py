"""Team pages: who sees and does what, what is shown once, and what nobody may do to themselves."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.actor import Actor
from connectors.models import (
    AccessRequest,
    ApiToken,
    AuditEvent,
    Invitation,
    Membership,
    OwnershipClaim,
    OwnershipRule,
    Team,
)
from connectors.permissions import viewer_of
from connectors.services import tokens
from connectors.states import Permission, Role
from tests.cast import Estate

CAST = ("lead", "operator", "viewer", "stranger", "auditor", "admin")


def client(estate: Estate, name: str) -> Client:
    """This will give a browser in which one of the cast is signed in."""
    made = Client()
    made.force_login(estate.people[name])
    return made


@pytest.mark.parametrize("name", CAST)
def test_the_team_is_there_for_its_members_and_for_those_who_see_all(estate: Estate, name: str) -> None:
    answer = client(estate, name).get("/teams/payments/")

    assert answer.status_code == (404 if name == "stranger" else 200)
    names = client(estate, name).get("/teams/").content.decode()
    assert ("Payments" in names) == (name != "stranger")


def test_tokens_requests_and_links_are_for_those_who_manage(estate: Estate) -> None:
    client(estate, "lead").post("/teams/payments/invitations/new/", {"address": "new@example.org", "role": "viewer"})

    for name, is_shown in {"lead": True, "admin": True, "auditor": True, "operator": False, "viewer": False}.items():
        page = client(estate, name).get("/teams/payments/").content.decode()
        assert ("new@example.org" in page, 'id="tokens"' in page) == (is_shown, is_shown), name


@pytest.mark.parametrize("members", [1, 3])
def test_the_page_asks_the_same_number_of_questions_for_any_number_of_rows(
    estate: Estate, members: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(members):
        user = User.objects.create_user(f"more-{number}")
        Membership.objects.create(user=user, team=estate.team, role=Role.VIEWER)
        Invitation.objects.create(team=estate.team, address=f"{number}@example.org", role="viewer", digest=str(number),
                                  created_at=timezone.now(), expires_at=timezone.now() + timedelta(days=1))  # fmt: skip
        tokens.issue(user=user, name=f"t{number}", expires_at=None, actor=_actor(estate), team=estate.team)
        AccessRequest.objects.create(user=user, team=estate.team, role="operator", minutes=60, reason="on call",
                                     asked_at=timezone.now(), lapses_at=timezone.now() + timedelta(days=1))  # fmt: skip
        OwnershipRule.objects.create(team=estate.team, name=f"n{number}", is_of_site=True, made_at=timezone.now())
    browser = client(estate, "lead")

    with django_assert_max_num_queries(17):
        page = browser.get("/teams/payments/").content.decode()

    assert page.count("asks to be operator") == members


def _actor(estate: Estate) -> Actor:
    return Actor("person", "lead", estate.people["lead"].pk)


def test_a_lead_changes_a_role_and_removes_somebody(estate: Estate) -> None:
    lead = client(estate, "lead")

    lead.post("/teams/payments/members/", {"login": "viewer", "role": "operator"})
    lead.post("/teams/payments/members/", {"login": "operator", "role": ""})

    assert dict(Membership.objects.filter(team=estate.team).values_list("user__username", "role")) == {
        "lead": "lead",
        "viewer": "operator",
    }
    assert set(AuditEvent.objects.values_list("action", flat=True)) == {"team.member.changed", "team.member.removed"}


def test_the_last_lead_stays(estate: Estate) -> None:
    answer = client(estate, "lead").post("/teams/payments/members/", {"login": "lead", "role": "viewer"}, follow=True)

    assert "is the last lead of Payments" in answer.content.decode()
    assert Membership.objects.get(team=estate.team, user=estate.people["lead"]).role == Role.LEAD


@pytest.mark.parametrize("name", ["viewer", "operator", "auditor"])
@pytest.mark.parametrize(
    "path", ["members/", "invitations/new/", "tokens/new/", "invitations/1/removal/", "tokens/1/revocation/"]
)
def test_only_a_lead_or_an_admin_changes_a_team(estate: Estate, name: str, path: str) -> None:
    answer = client(estate, name).post(f"/teams/payments/{path}", {"login": "viewer", "role": "lead"})

    assert answer.status_code == 403
    assert "Managing the team takes the role lead" in answer.content.decode()


def test_an_invitation_lets_in_once_whoever_has_the_link(estate: Estate) -> None:
    made = client(estate, "lead").post(
        "/teams/payments/invitations/new/", {"address": "new@example.org", "role": "operator"}
    )
    link = re.search(r'value="http://testserver(/invitations/[^"]+)"', made.content.decode())
    assert link
    assert link[1] not in client(estate, "lead").get("/teams/payments/").content.decode()
    new = Client()

    typed = {"username": "newcomer", "password1": "long-enough-9", "password2": "long-enough-9"}
    answer = new.post(link[1], typed, follow=True)

    assert answer.status_code == 200
    assert "You are operator" in answer.content.decode()
    assert Client().get(link[1]).status_code == 404


def test_an_invitation_joins_the_login_that_is_there(estate: Estate) -> None:
    made = client(estate, "lead").post("/teams/payments/invitations/new/", {"address": "s@x.example", "role": "viewer"})
    link = re.search(r'value="http://testserver(/invitations/[^"]+)"', made.content.decode())
    assert link

    client(estate, "stranger").post(link[1])

    assert viewer_of(estate.people["stranger"]).roles[estate.team.pk] == Role.VIEWER


def test_an_invitation_for_another_address_lets_nobody_in(estate: Estate) -> None:
    User.objects.filter(username="stranger").update(email="other@example.org")
    made = client(estate, "lead").post("/teams/payments/invitations/new/", {"address": "s@x.example", "role": "viewer"})
    link = re.search(r'value="http://testserver(/invitations/[^"]+)"', made.content.decode())
    assert link

    answer = client(estate, "stranger").post(link[1], follow=True)

    assert "was made for s@x.example" in answer.content.decode()
    assert estate.team.pk not in viewer_of(estate.people["stranger"]).roles


def test_a_token_is_shown_once_and_does_what_it_may(estate: Estate) -> None:
    lead = client(estate, "lead")

    made = lead.post("/teams/payments/tokens/new/", {"name": "ci", "permissions": ["operate"], "days": "30"})

    found = re.search(r"swy_\w+", made.content.decode())
    assert found
    assert made["Cache-Control"].count("no-store") == 1
    token = tokens.verify(found[0])
    assert token
    held = viewer_of(token.user, token)
    assert [p for p in Permission if held.may(p, estate.team.pk)] == [Permission.SEE, Permission.OPERATE]
    assert found[0] not in lead.get("/teams/payments/").content.decode()
    assert found[0] not in str(list(AuditEvent.objects.values())) + str(list(ApiToken.objects.values()))

    lead.post(f"/teams/payments/tokens/{token.pk}/revocation/")

    assert tokens.verify(found[0]) is None


def test_a_stranger_asks_is_granted_an_hour_and_loses_it(estate: Estate) -> None:
    stranger, page = client(estate, "stranger"), f"/connectors/{estate.connectors[0].pk}/"
    assert stranger.get(page).status_code == 404

    asked = {"team": "payments", "role": "operator", "minutes": "60", "reason": "INC-2101"}
    assert stranger.post("/access/", asked, follow=True).content.decode().count("asked") >= 1
    request = AccessRequest.objects.get()
    assert "INC-2101" in client(estate, "lead").get("/teams/").content.decode()
    client(estate, "lead").post(f"/access/{request.pk}/decision/", {"choice": "grant", "said": "go on"})

    assert stranger.get(page).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        stranger.force_login(estate.people["stranger"])
        assert stranger.get(page).status_code == 404


def test_a_grant_can_be_given_back(estate: Estate) -> None:
    stranger = client(estate, "stranger")
    stranger.post("/access/", {"team": "payments", "role": "viewer", "minutes": "60", "reason": "INC-2101"})
    request = AccessRequest.objects.get()
    client(estate, "admin").post(f"/access/{request.pk}/decision/", {"choice": "grant"})

    stranger.post(f"/access/{request.pk}/end/")

    assert estate.team.pk not in viewer_of(estate.people["stranger"]).roles


@pytest.mark.parametrize("name", ["stranger", "operator"])
def test_nobody_decides_who_does_not_lead(estate: Estate, name: str) -> None:
    client(estate, "stranger").post(
        "/access/", {"team": "payments", "role": "viewer", "minutes": "60", "reason": "INC-2101"}
    )
    request = AccessRequest.objects.get()

    answer = client(estate, name).post(f"/access/{request.pk}/decision/", {"choice": "grant"})

    assert answer.status_code == (403 if name == "stranger" else 404)
    assert AccessRequest.objects.get().decided_at is None


def test_a_rule_is_looked_at_before_it_is_made(estate: Estate) -> None:
    admin = client(estate, "admin")
    typed = {"team": "retail", "name": "o*", "match": "glob", "position": "100"}

    looked = admin.post("/rules/new/", {**typed, "preview": "1"}).content.decode()

    assert ("payments" in looked, "orders" in looked, OwnershipRule.objects.count()) == (True, True, 0)
    assert admin.post("/rules/new/", {**typed, "save": "1"}).status_code == 302
    estate.connectors[0].refresh_from_db()
    assert estate.connectors[0].team == estate.other


def test_a_lead_makes_a_rule_for_an_account_of_their_own_only(estate: Estate) -> None:
    lead = client(estate, "lead")

    refused = lead.post("/rules/new/", {"team": "retail", "account": "box-prod", "name": "*", "save": "1"})
    made = lead.post("/rules/new/", {"team": "payments", "account": "box-prod", "name": "o*", "save": "1"})

    assert (refused.status_code, made.status_code) == (422, 302)
    assert OwnershipRule.objects.get().is_of_site is False


def test_rules_change_places_and_what_they_give_follows(estate: Estate) -> None:
    admin = client(estate, "admin")
    for team, name in (("retail", "o*"), ("payments", "or*")):
        admin.post("/rules/new/", {"team": team, "name": name, "save": "1"})
    second = OwnershipRule.objects.get(name="or*")

    admin.post(f"/rules/{second.pk}/move/", {"to": "up"})

    estate.connectors[0].refresh_from_db()
    assert estate.connectors[0].team == estate.team
    page = admin.get("/rules/").content.decode()
    assert page.index("name or*") < page.index("name o*")
    assert 'id="overlaps"' in page


def test_a_lead_claims_an_orphan_and_an_admin_decides(estate: Estate) -> None:
    Membership.objects.create(user=estate.people["stranger"], team=estate.team, role=Role.VIEWER)
    orders = estate.connectors[0]
    retail = client(estate, "stranger")

    retail.post(f"/connectors/{orders.pk}/claims/", {"team": "retail", "reason": "we send the orders"})
    claim = OwnershipClaim.objects.get()
    assert retail.post(f"/claims/{claim.pk}/decision/", {"choice": "grant"}).status_code == 403
    client(estate, "admin").post(f"/claims/{claim.pk}/decision/", {"choice": "grant", "said": "right"})

    orders.refresh_from_db()
    assert orders.team == estate.other
    assert str(OwnershipRule.objects.get()) == "account box-prod, name orders"
    events = AuditEvent.objects.filter(action__startswith="claim").order_by("id")
    assert list(events.values_list("action", flat=True)) == ["claim.asked", "claim.granted"]


def test_what_a_rule_gives_away_cannot_be_claimed(estate: Estate) -> None:
    Membership.objects.create(user=estate.people["stranger"], team=estate.team, role=Role.VIEWER)
    client(estate, "admin").post("/rules/new/", {"team": "payments", "name": "orders", "save": "1"})

    answer = client(estate, "stranger").post(
        f"/connectors/{estate.connectors[0].pk}/claims/", {"team": "retail", "reason": "ours"}, follow=True
    )

    assert "ask its leads" in answer.content.decode()
    assert not OwnershipClaim.objects.exists()


def test_an_admin_makes_a_team(estate: Estate) -> None:
    assert client(estate, "lead").post("/teams/new/", {"name": "Risk", "slug": "risk"}).status_code == 403
    assert client(estate, "admin").post("/teams/new/", {"name": "Risk", "slug": "new"}).status_code == 422
    assert client(estate, "admin").post("/teams/new/", {"name": "Risk", "slug": "risk"}).status_code == 302

    assert Team.objects.filter(slug="risk").exists()
