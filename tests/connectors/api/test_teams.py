"""Teams, tokens, rules and requests for programs: the same services as the pages."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from connectors.models import AccessRequest, ApiToken, AuditEvent, Invitation, Membership, OwnershipRule
from connectors.permissions import viewer_of
from connectors.services import teams, tokens
from connectors.states import Role
from tests.cast import Estate

Clients = Callable[[str], APIClient]
API = "/api/v1/"


def test_a_team_is_listed_with_its_numbers(estate: Estate, client_of: Clients) -> None:
    (team,) = client_of("viewer").get(f"{API}teams/").json()["results"]

    assert team == {"slug": "payments", "name": "Payments", "connectors": 3, "accounts": 1, "members": 3}
    assert client_of("stranger").get(f"{API}teams/payments/").status_code == 404


def test_a_lead_sets_a_role_and_the_last_lead_stays(estate: Estate, client_of: Clients) -> None:
    lead, members = client_of("lead"), f"{API}teams/payments/members/"

    assert lead.put(f"{members}viewer/", {"role": "operator"}, format="json").status_code == 204
    assert lead.delete(f"{members}operator/").status_code == 204
    refused = lead.delete(f"{members}lead/")

    assert (refused.status_code, refused.json()["type"]) == (409, "urn:switchyard:problem:not_now")
    assert lead.get(members).json()["results"] == [
        {"login": "lead", "role": "lead"},
        {"login": "viewer", "role": "operator"},
    ]


@pytest.mark.parametrize("name", ["operator", "viewer", "auditor"])
def test_who_does_not_manage_changes_nothing(estate: Estate, client_of: Clients, name: str) -> None:
    client, team = client_of(name), f"{API}teams/payments/"

    answers = [
        client.put(f"{team}members/viewer/", {"role": "lead"}, format="json"),
        client.delete(f"{team}members/viewer/"),
        client.post(f"{team}invitations/", {"address": "a@b.example", "role": "lead"}, format="json"),
        client.post(f"{team}tokens/", {"name": "x", "days": 1}, format="json"),
        client.get(f"{team}tokens/"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5
    assert Membership.objects.get(user=estate.people["viewer"]).role == Role.VIEWER
    assert not Invitation.objects.exists()


def test_an_invitation_gives_its_link_once(estate: Estate, client_of: Clients) -> None:
    made = client_of("lead").post(
        f"{API}teams/payments/invitations/", {"address": "a@b.example", "role": "operator"}, format="json"
    )

    secret = made.json()["link"].rstrip("/").rsplit("/", 1)[1]
    assert teams.invitation_of(secret).address == "a@b.example"
    (listed,) = client_of("lead").get(f"{API}teams/payments/invitations/").json()["results"]
    assert "link" not in listed
    assert client_of("lead").delete(f"{API}teams/payments/invitations/{listed['id']}/").status_code == 204
    with pytest.raises(teams.LinkSpent):
        teams.invitation_of(secret)


def test_a_token_gives_no_more_than_it_holds(estate: Estate, client_of: Clients) -> None:
    """A token that manages the team makes others, but none that may more than itself."""
    place = f"{API}teams/payments/tokens/"
    first = client_of("lead").post(place, {"name": "ci", "permissions": ["manage_team"], "days": 1}, format="json")
    narrow = APIClient()
    narrow.credentials(HTTP_AUTHORIZATION=f"Token {first.json()['token']}")

    beyond = narrow.post(place, {"name": "more", "permissions": ["operate"], "days": 1}, format="json")
    within = narrow.post(place, {"name": "less", "permissions": [], "days": 1}, format="json")

    assert (beyond.status_code, within.status_code) == (403, 201)
    assert tokens.verify(within.json()["token"])
    assert narrow.delete(f"{place}{within.json()['id']}/").status_code == 204
    assert ApiToken.objects.get(name="less").revoked_at


def test_a_rule_is_tried_made_reported_moved_and_removed(estate: Estate, client_of: Clients) -> None:
    admin, rules = client_of("admin"), f"{API}ownership-rules/"
    wish = {"team": "retail", "name": "o*"}

    (move,) = admin.post(f"{rules}preview/", wish, format="json").json()
    assert (move["source"], move["goal"], move["number"]) == ("payments", "retail", 1)
    first = admin.post(rules, wish, format="json").json()
    second = admin.post(rules, {"team": "payments", "name": "or*"}, format="json").json()
    report = admin.get(f"{rules}report/").json()
    assert report["decided"] == {str(first["id"]): 1, str(second["id"]): 0}
    assert report["overlaps"] == [{"first": first["id"], "second": second["id"], "number": 1}]
    assert report["orphans"] == 2
    assert admin.post(f"{rules}{second['id']}/move/", {"to": "up"}, format="json").status_code == 204
    assert [rule["id"] for rule in admin.get(rules).json()["results"]] == [second["id"], first["id"]]
    assert client_of("lead").delete(f"{rules}{second['id']}/").status_code == 403
    assert admin.delete(f"{rules}{second['id']}/").status_code == 204
    assert OwnershipRule.objects.count() == 1


def test_access_is_asked_granted_and_ended(estate: Estate, client_of: Clients) -> None:
    place = f"{API}access-requests/"
    wish = {"team": "payments", "role": "operator", "minutes": 60, "reason": "INC-1"}

    made = client_of("stranger").post(place, wish, format="json").json()
    (seen,) = client_of("lead").get(place).json()["results"]
    assert (seen["login"], seen["is_granted"]) == ("stranger", False)
    assert (
        client_of("stranger").post(f"{place}{made['id']}/decision/", {"choice": "grant"}, format="json").status_code
        == 403
    )
    granted = client_of("lead").post(f"{place}{made['id']}/decision/", {"choice": "grant"}, format="json")
    assert granted.json()["ends_at"]
    assert viewer_of(estate.people["stranger"]).may_operate(estate.team.pk)
    assert client_of("stranger").post(f"{place}{made['id']}/end/").status_code == 204

    assert not viewer_of(estate.people["stranger"]).may_operate(estate.team.pk)
    assert AccessRequest.objects.get().ended_at
    assert set(AuditEvent.objects.filter(action__startswith="access").values_list("action", flat=True)) == {
        "access.asked", "access.granted", "access.ended",
    }  # fmt: skip


def test_a_claim_is_decided_by_an_admin(estate: Estate, client_of: Clients) -> None:
    Membership.objects.create(user=estate.people["stranger"], team=estate.team, role=Role.VIEWER)
    place, wish = f"{API}ownership-claims/", {"connector": estate.connectors[0].pk, "team": "retail", "reason": "ours"}

    made = client_of("stranger").post(place, wish, format="json").json()
    refused = client_of("stranger").post(f"{place}{made['id']}/decision/", {"choice": "grant"}, format="json")
    declined = client_of("admin").post(
        f"{place}{made['id']}/decision/", {"choice": "decline", "said": "no"}, format="json"
    )

    assert (refused.status_code, declined.json()["decision"], declined.json()["is_granted"]) == (403, "no", False)
    assert not OwnershipRule.objects.exists()
