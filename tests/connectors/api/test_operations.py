"""Asking for verbs by program."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from connectors import permissions
from connectors.actor import Actor
from connectors.models import AuditEvent, Operation
from connectors.services import operations
from connectors.states import OperationStatus
from tests.cast import Estate

ClientOf = Callable[[str], APIClient]
PATH = "/api/v1/operations/"


def ask(client: APIClient, body: Any, **headers: str) -> Any:
    """This will ask for a verb."""
    return client.post(PATH, body, format="json", headers=headers)


def test_post_queues_an_operation(client_of: ClientOf, estate: Estate) -> None:
    answer = ask(client_of("operator"), {"connector": estate.connectors[0].pk, "kind": "pause", "reason": "release"})

    assert answer.status_code == 202
    body = answer.json()
    assert (body["status"], body["kind"], body["reason"]) == ("queued", "pause", "release")
    assert body["target"] == {"type": "connector", "id": estate.connectors[0].pk, "name": "orders"}
    assert {"requested_at", "sent_at", "accepted_at", "converging_at", "finished_at", "error"} <= set(body)
    assert answer["Location"].endswith(f"{PATH}{body['id']}/")


def test_ticket_stands_on_the_request_and_on_its_outcome(client_of: ClientOf, estate: Estate) -> None:
    body = {"connector": estate.connectors[0].pk, "kind": "pause", "reason": "release", "ticket": "INC-4711"}
    viewer = permissions.viewer_of(estate.people["operator"])

    made = ask(client_of("operator"), body).json()
    operation = Operation.objects.get(pk=made["id"])
    operations.cancel(operation=operation, actor=Actor("person", "operator"), viewer=viewer)
    ask(client_of("viewer"), body)

    said = AuditEvent.objects.filter(action__startswith="connector.").order_by("pk")
    assert made["ticket"] == "INC-4711"
    assert list(said.values_list("action", "ticket", "reason")) == [
        (f"connector.pause.{how}", "INC-4711", "release") for how in ("requested", "cancelled", "refused")
    ]


def test_ticket_is_kept_when_it_is_asked_once_more(client_of: ClientOf, estate: Estate) -> None:
    client = client_of("operator")
    first = ask(client, {"connector": estate.connectors[0].pk, "kind": "pause", "ticket": "INC-4711"}).json()
    Operation.objects.filter(pk=first["id"]).update(status="timed_out", finished_at=timezone.now())

    again = client.post(f"{PATH}{first['id']}/retry/").json()

    assert (again["ticket"], again["id"] != first["id"]) == ("INC-4711", True)


def test_post_is_on_record_under_the_token(client_of: ClientOf, estate: Estate) -> None:
    ask(client_of("operator"), {"connector": estate.connectors[0].pk, "kind": "pause"})

    event = AuditEvent.objects.get(action="connector.pause.requested")
    assert (event.actor_kind, event.actor, event.on_behalf_of) == ("token", "operator/test", "operator")


def test_post_with_the_same_key_is_harmless(client_of: ClientOf, estate: Estate) -> None:
    client, body = client_of("operator"), {"connector": estate.connectors[0].pk, "kind": "pause"}

    first, second = (ask(client, body, **{"Idempotency-Key": "k"}) for _ in range(2))

    assert first.json()["id"] == second.json()["id"]
    assert Operation.objects.count() == 1


def test_post_refuses_a_key_that_belongs_to_another_request(client_of: ClientOf, estate: Estate) -> None:
    client = client_of("operator")
    ask(client, {"connector": estate.connectors[0].pk, "kind": "pause"}, **{"Idempotency-Key": "k"})

    answer = ask(client, {"connector": estate.connectors[1].pk, "kind": "resume"}, **{"Idempotency-Key": "k"})

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:switchyard:problem:key_reused")


@pytest.mark.parametrize(
    ("index", "kind", "status", "code"),
    [
        (0, "explode", 400, "invalid"),
        (0, "stop", 400, "not_supported"),
        (1, "pause", 409, "not_now"),
    ],
)
def test_post_refuses_what_cannot_be_done(
    client_of: ClientOf, estate: Estate, index: int, kind: str, status: int, code: str
) -> None:
    answer = ask(client_of("operator"), {"connector": estate.connectors[index].pk, "kind": kind})

    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:switchyard:problem:{code}")
    assert answer["Content-Type"] == "application/problem+json"
    assert not Operation.objects.exists()


def test_post_refuses_a_second_request_while_one_is_open(client_of: ClientOf, estate: Estate) -> None:
    client, body = client_of("operator"), {"connector": estate.connectors[0].pk, "kind": "pause"}
    ask(client, body)

    answer = ask(client, body)

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:switchyard:problem:in_progress")
    assert Operation.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"connector": 1},
        {"kind": "pause"},
        {"connector": "x", "kind": "pause"},
        {"connector": 1, "pipeline": 1, "kind": "pause"},
        [],
    ],
)
def test_post_refuses_half_a_request(client_of: ClientOf, body: Any) -> None:
    answer = ask(client_of("operator"), body)

    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_post_refuses_broken_json(client_of: ClientOf) -> None:
    answer = client_of("operator").post(PATH, "{nope", content_type="application/json")

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    ("who", "status"), [("stranger", 404), ("viewer", 403), ("auditor", 403), ("lead", 202), ("admin", 202)]
)
def test_post_knows_who_may_operate(client_of: ClientOf, estate: Estate, who: str, status: int) -> None:
    answer = ask(client_of(who), {"connector": estate.connectors[0].pk, "kind": "pause"})

    assert answer.status_code == status
    assert Operation.objects.count() == (status == 202)


def test_a_refused_attempt_is_on_record(client_of: ClientOf, estate: Estate) -> None:
    answer = ask(client_of("viewer"), {"connector": estate.connectors[0].pk, "kind": "pause"})

    assert "operator or lead in team payments" in answer.json()["detail"]
    event = AuditEvent.objects.get(action="connector.pause.refused")
    assert (event.actor, event.result) == ("viewer/test", "refused")


def test_get_hides_operations_of_other_teams(client_of: ClientOf, estate: Estate) -> None:
    made = ask(client_of("operator"), {"connector": estate.connectors[0].pk, "kind": "pause"}).json()["id"]

    assert client_of("viewer").get(f"{PATH}{made}/").json()["id"] == made
    assert client_of("stranger").get(f"{PATH}{made}/").status_code == 404
    assert client_of("stranger").get(PATH).json()["count"] == 0


def test_cancel_takes_back_what_was_not_sent(client_of: ClientOf, estate: Estate) -> None:
    client = client_of("operator")
    made = ask(client, {"connector": estate.connectors[0].pk, "kind": "pause"}).json()["id"]

    first, second = client.post(f"{PATH}{made}/cancel/"), client.post(f"{PATH}{made}/cancel/")

    assert (first.status_code, first.json()["status"], second.status_code) == (200, "cancelled", 409)
    estate.connectors[0].refresh_from_db()
    assert estate.connectors[0].desired_state is None


def test_status_is_one_of_the_promised_words() -> None:
    assert list(OperationStatus) == [
        "queued", "sent", "accepted", "converging", "confirmed", "failed", "timed_out", "overridden", "cancelled",
    ]  # fmt: skip


def test_until_makes_a_pause_end_by_itself_and_its_end_is_moved(client_of: ClientOf, estate: Estate) -> None:
    client, until = client_of("operator"), timezone.now() + timedelta(hours=1)
    ask(client, {"connector": estate.connectors[0].pk, "kind": "pause", "until": until.isoformat()})
    (hold,) = client.get("/api/v1/holds/").json()["results"]
    later = (until + timedelta(hours=1)).isoformat()

    moved = client.post(f"/api/v1/holds/{hold['id']}/extension/", {"until": later}, format="json")
    left = client.post(f"/api/v1/holds/{hold['id']}/extension/", {"until": None}, format="json")

    assert (hold["kind"], hold["connector"]) == ("pause", estate.connectors[0].pk)
    assert datetime.fromisoformat(moved.json()["until"]) == datetime.fromisoformat(later)
    assert (left.json()["outcome"], client.get("/api/v1/holds/").json()["count"]) == ("left held", 0)


def test_until_is_refused_for_a_verb_without_an_end(client_of: ClientOf, estate: Estate) -> None:
    until = (timezone.now() + timedelta(hours=1)).isoformat()

    answer = ask(client_of("operator"), {"connector": estate.connectors[0].pk, "kind": "restart", "until": until})

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:switchyard:problem:not_now")


@pytest.mark.parametrize(("name", "status"), [("operator", 202), ("viewer", 403), ("stranger", 404)])
def test_undo_takes_back_what_was_not_sent(client_of: ClientOf, estate: Estate, name: str, status: int) -> None:
    made = ask(client_of("operator"), {"connector": estate.connectors[0].pk, "kind": "pause"}).json()

    answer = client_of(name).post(f"{PATH}{made['id']}/undo/")

    assert answer.status_code == status
    assert Operation.objects.get().status == (OperationStatus.CANCELLED if status == 202 else OperationStatus.QUEUED)


def broken(estate: Estate) -> Any:
    """Its task 1 failed, at a vendor that restarts one alone."""
    ledger = estate.connectors[2]
    estate.account.vendor = "kafka-connect"
    estate.account.save()
    ledger.tasks = [
        {"id": "0", "state": "running", "vendor_state": "RUNNING", "worker": "w:1", "trace": ""},
        {"id": "1", "state": "failed", "vendor_state": "FAILED", "worker": "w:2", "trace": "refused"},
    ]
    ledger.tasks_total, ledger.tasks_failed = 2, 1
    ledger.save()
    return ledger


def test_one_task_is_asked_for_by_its_id(client_of: ClientOf, estate: Estate) -> None:
    body = {"connector": broken(estate).pk, "kind": "restart_task", "task": "1"}

    answer = ask(client_of("operator"), body)

    assert (answer.status_code, answer.json()["kind"], answer.json()["task"]) == (202, "restart_task", "1")
    after = AuditEvent.objects.get(action="connector.restart_task.requested").after
    assert after
    assert after["task"] == "1"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "restart_task"}, 409, "not_now"),
        ({"kind": "restart_task", "task": "0"}, 409, "not_now"),
        ({"kind": "restart_task", "task": "9"}, 409, "not_now"),
        ({"kind": "restart", "task": "1"}, 409, "not_now"),
        ({"kind": "restart_task", "task": "1", "until": "2099-01-01T00:00:00Z"}, 400, "invalid"),
    ],
)
def test_a_task_that_does_not_fit_is_refused(
    client_of: ClientOf, estate: Estate, body: Any, status: int, code: str
) -> None:
    answer = ask(client_of("operator"), {"connector": broken(estate).pk, **body})

    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:switchyard:problem:{code}")
    assert not Operation.objects.exists()


def test_a_vendor_without_it_says_so(client_of: ClientOf, estate: Estate) -> None:
    answer = ask(client_of("operator"), {"connector": estate.connectors[2].pk, "kind": "restart_task", "task": "1"})

    assert (answer.status_code, answer.json()["type"]) == (400, "urn:switchyard:problem:not_supported")
    assert "cannot restart one task of a connector" in answer.json()["detail"]


def test_one_task_is_not_asked_of_many(client_of: ClientOf, estate: Estate) -> None:
    answer = client_of("operator").post(
        "/api/v1/batches/", {"kind": "restart_task", "connectors": [broken(estate).pk]}, format="json"
    )

    assert answer.status_code == 400
    assert "no verb here" in str(answer.json())
