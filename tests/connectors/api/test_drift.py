"""Drift through the API: three decisions, and who may take them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from connectors.models import Connector, Operation
from connectors.states import OperationStatus, State, Verb
from tests.cast import Estate

ClientOf = Callable[[str], APIClient]


@pytest.fixture
def path(estate: Estate) -> str:
    """A connector that runs though somebody wanted it paused."""
    row = estate.connectors[0]
    Connector.objects.filter(pk=row.pk).update(
        desired_state=State.PAUSED, desired_by="lead", drift_since=timezone.now() - timedelta(minutes=5)
    )
    return f"/api/v1/connectors/{row.pk}/"


def decide(client: Any, path: str, **wish: Any) -> Any:
    """This will post a decision."""
    return client.post(f"{path}drift/", wish, format="json")


def test_drift_is_told(client_of: ClientOf, path: str) -> None:
    told = client_of("viewer").get(path).json()

    assert (told["drift"], told["drift_snoozed_until"], told["why"]["rule"]) == (True, None, "drift")
    assert told["drift_since"] is not None


def test_reapply_answers_with_an_operation(client_of: ClientOf, path: str) -> None:
    answer = decide(client_of("operator"), path, choice="reapply")

    assert (answer.status_code, answer.json()["kind"], answer.json()["status"]) == (202, "pause", "queued")


def test_accept_ends_it(client_of: ClientOf, path: str) -> None:
    answer = decide(client_of("operator"), path, choice="accept", reason="is right so")

    assert answer.json() == {
        "state": "running", "desired_state": "running", "drift_since": None, "drift_snoozed_until": None,
    }  # fmt: skip
    assert decide(client_of("operator"), path, choice="accept").status_code == 409


def test_snooze_needs_a_time_to_come(client_of: ClientOf, path: str) -> None:
    client = client_of("operator")
    later = (timezone.now() + timedelta(hours=1)).isoformat()

    assert decide(client, path, choice="snooze").status_code == 400
    assert decide(client, path, choice="snooze", until="2020-01-01T00:00:00Z").status_code == 409
    assert decide(client, path, choice="snooze", until=later).json()["drift_snoozed_until"] is not None


@pytest.mark.parametrize(("who", "status"), [("stranger", 404), ("viewer", 403), ("auditor", 403), ("lead", 200)])
@pytest.mark.parametrize("choice", ["accept", "reapply"])
def test_decisions_are_for_those_who_operate(
    client_of: ClientOf, path: str, who: str, status: int, choice: str
) -> None:
    answer = decide(client_of(who), path, choice=choice)

    assert answer.status_code == (202 if (status, choice) == (200, "reapply") else status)


def test_retry_and_resending_say_why_not(client_of: ClientOf, estate: Estate) -> None:
    client = client_of("operator")
    body = {"connector": estate.connectors[0].pk, "kind": "pause"}
    made = client.post("/api/v1/operations/", body, format="json").json()["id"]
    place = f"/api/v1/operations/{made}/"

    assert client.post(f"{place}retry/").status_code == 409
    assert "nothing to send again" in client.post(f"{place}resending/").json()["detail"]
    Operation.objects.update(status=OperationStatus.ACCEPTED)
    assert client.post(f"{place}resending/").json()["status"] == "queued"
    Operation.objects.update(status=OperationStatus.FAILED, finished_at=timezone.now())
    assert client_of("stranger").post(f"{place}retry/").status_code == 404
    again = client.post(f"{place}retry/")
    assert (again.status_code, again.json()["kind"], again.json()["id"] == made) == (202, Verb.PAUSE, False)
