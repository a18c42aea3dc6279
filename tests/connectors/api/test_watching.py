"""Auto-heal and alerts by program."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from connectors.models import HealState
from tests.cast import Estate

ClientOf = Callable[[str], APIClient]
API = "/api/v1/"
RULE = {"name": "Broken", "team": "payments", "conditions": ["failed"], "target": "https://chat.example/hook-4711"}


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake_message", lambda pk: None)


def post(client: APIClient, path: str, **body: Any) -> Any:
    """This will post JSON."""
    return client.post(API + path, body, format="json")


def test_policy_is_set_listed_and_removed(client_of: ClientOf, estate: Estate) -> None:
    lead = client_of("lead")

    made = post(lead, "heal-policies/", team="payments", budget=2)
    own = post(lead, "heal-policies/", team="payments", connector=estate.connectors[0].pk, is_on=False)

    assert (made.status_code, made.json()["budget"], own.json()["name"]) == (200, 2, "orders")
    assert lead.get(f"{API}heal-policies/").json()["count"] == 2
    assert lead.delete(f"{API}heal-policies/{made.json()['id']}/").status_code == 204
    assert post(lead, "heal-policies/", team="payments", states=["paused"]).status_code == 409


def test_given_up_is_listed_and_healed_again(client_of: ClientOf, estate: Estate) -> None:
    connector = estate.connectors[2]
    HealState.objects.create(connector=connector, opened_at=timezone.now(), why="no use", attempts=3)
    operator = client_of("operator")

    assert operator.get(f"{API}heal-states/").json()["results"][0]["why"] == "no use"
    assert client_of("viewer").post(f"{API}connectors/{connector.pk}/heal-again/").status_code == 403
    assert operator.post(f"{API}connectors/{connector.pk}/heal-again/").status_code == 204
    assert operator.post(f"{API}connectors/{connector.pk}/heal-again/").status_code == 409


def test_rule_is_made_changed_tried_and_removed_and_its_address_stays_inside(
    client_of: ClientOf, estate: Estate
) -> None:
    lead = client_of("lead")
    made = post(lead, "alert-rules/", **RULE)
    one = f"{API}alert-rules/{made.json()['id']}/"

    changed = lead.put(one, RULE | {"target": "", "minutes": 7}, format="json")
    tried = lead.post(f"{one}test/")

    assert (made.status_code, changed.json()["minutes"], tried.status_code) == (201, 7, 202)
    answers = [made, changed, tried, lead.get(one), lead.get(f"{one}messages/"), lead.get(f"{API}alerts/")]
    assert "hook-4711" not in "".join(answer.content.decode() for answer in answers)
    assert lead.delete(one).status_code == 204


@pytest.mark.parametrize(("name", "status"), [("operator", 403), ("viewer", 403), ("stranger", 404), ("admin", 201)])
def test_who_may_make_a_rule(client_of: ClientOf, estate: Estate, name: str, status: int) -> None:
    assert post(client_of(name), "alert-rules/", **RULE).status_code == status


def test_condition_nobody_knows_is_refused(client_of: ClientOf, estate: Estate) -> None:
    assert post(client_of("lead"), "alert-rules/", **(RULE | {"conditions": ["odd"]})).status_code == 400
