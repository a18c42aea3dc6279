"""Saved views by program."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from connectors.models import AuditEvent, SavedView
from connectors.services import tokens
from connectors.states import Permission
from tests.cast import Estate
from tests.connectors.services import guarding

ClientOf = Callable[[str], APIClient]
PATH = "/api/v1/views/"


def keep(client: APIClient, **body: Any) -> Any:
    """This will keep a view."""
    return client.post(PATH, {"name": "broken", "query": "state=failed", **body}, format="json")


def test_a_view_is_kept_in_the_boards_order_and_says_where_it_is_shown(client_of: ClientOf) -> None:
    answer = keep(client_of("viewer"), query="?group=team&state=failed&class=a.B&label=tier%3D1")

    body = answer.json()
    assert (answer.status_code, body["owner"], body["team"]) == (201, "viewer", None)
    assert body["query"] == "state=failed&label=tier%3D1&class=a.B&group=team"
    assert body["path"] == f"/?{body['query']}"
    event = AuditEvent.objects.get(action="view.saved")
    assert (event.actor, event.after and event.after["query"]) == ("viewer/test", body["query"])


def test_words_that_a_view_does_not_keep_are_refused_by_name(client_of: ClientOf) -> None:
    answer = keep(client_of("viewer"), query="page=2&nonsense=1&state=failed")

    assert answer.status_code == 400
    assert answer.json()["errors"]["query"][0].startswith("nonsense, page: not kept by a view.")


def test_a_private_view_exists_for_its_owner_alone_and_a_shared_one_for_the_team(client_of: ClientOf) -> None:
    keep(client_of("operator"), name="mine")
    keep(client_of("operator"), name="ours", team="payments")

    def names(who: str) -> list[str]:
        return [view["name"] for view in client_of(who).get(PATH).json()["results"]]

    assert (names("operator"), names("viewer"), names("stranger")) == (["mine", "ours"], ["ours"], [])
    mine = SavedView.objects.get(name="mine")
    assert client_of("viewer").get(f"{PATH}{mine.pk}/").status_code == 404


@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("stranger", 404), ("operator", 201)])
def test_sharing_takes_the_role_operator(client_of: ClientOf, who: str, status: int) -> None:
    assert keep(client_of(who), team="payments").status_code == status


def test_patch_changes_only_what_is_given_and_is_on_record(client_of: ClientOf) -> None:
    pk = keep(client_of("operator"), team="payments").json()["id"]

    answer = client_of("operator").patch(f"{PATH}{pk}/", {"query": "state=paused"}, format="json")

    assert (answer.json()["name"], answer.json()["team"], answer.json()["query"]) == (
        "broken", "payments", "state=paused",
    )  # fmt: skip
    event = AuditEvent.objects.get(action="view.changed")
    assert (event.before, event.after) == (
        {"name": "broken", "query": "state=failed", "team": "payments"},
        {"name": "broken", "query": "state=paused", "team": "payments"},
    )


def test_what_a_team_shares_is_changed_by_its_owner_and_its_lead(client_of: ClientOf) -> None:
    pk = keep(client_of("operator"), team="payments").json()["id"]
    path = f"{PATH}{pk}/"

    assert client_of("viewer").patch(path, {"name": "x"}, format="json").status_code == 403
    assert client_of("viewer").delete(path).status_code == 403
    assert client_of("lead").patch(path, {"team": None}, format="json").status_code == 200
    assert client_of("operator").delete(path).status_code == 204
    assert not SavedView.objects.exists()


def test_the_same_name_twice_is_refused(client_of: ClientOf) -> None:
    keep(client_of("viewer"))

    assert keep(client_of("viewer")).status_code == 409


def test_a_token_of_one_team_reaches_what_is_shared_there_alone(estate: Estate, client_of: ClientOf) -> None:
    keep(client_of("lead"), name="mine")
    actor, _ = guarding.who(estate, "lead")
    _, text = tokens.issue(user=estate.people["lead"], name="ci", expires_at=None, actor=actor, team=estate.team,
                           permissions=[Permission.OPERATE])  # fmt: skip
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")

    assert client.get(PATH).json()["results"] == []
    assert keep(client, name="own").status_code == 403
    made = keep(client, name="ours", team="payments")
    assert made.status_code == 201
    assert client.patch(f"{PATH}{made.json()['id']}/", {"team": None}, format="json").status_code == 403
    assert client.delete(f"{PATH}{made.json()['id']}/").status_code == 204
