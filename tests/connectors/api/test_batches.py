"""Acting on many by program."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from connectors.models import Batch, Operation
from connectors.services import batch_steps
from tests.cast import Estate

ClientOf = Callable[[str], APIClient]
PATH = "/api/v1/batches/"


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)
    monkeypatch.setattr("connectors.tasks.wake_batch", lambda batch_id: None)


def post(client: APIClient, path: str = PATH, body: Any = None, **headers: str) -> Any:
    return client.post(path, body or {}, format="json", headers=headers)


def test_preview_counts_and_asks_nothing(client_of: ClientOf, estate: Estate) -> None:
    answer = post(client_of("operator"), PATH + "preview/", {"kind": "pause", "filter": {"team": ["payments"]}})

    body = answer.json()
    assert (answer.status_code, body["match"], body["act"]) == (200, 3, 1)
    assert {"why": "already paused", "number": 1, "examples": ["invoices"]} in body["skips"]
    assert [(a["account"], a["act"], a["skip"]) for a in body["accounts"]] == [("box-prod", 1, 2)]
    assert not Batch.objects.exists()


def test_post_makes_a_batch_that_can_be_followed(client_of: ClientOf, estate: Estate) -> None:
    client = client_of("operator")
    wish = {"kind": "pause", "connectors": [c.pk for c in estate.connectors], "reason": "move"}

    answer = post(client, body=wish)

    body = answer.json()
    assert (answer.status_code, body["status"], body["selection"]) == (202, "running", "3 picked")
    assert body["progress"] == {
        "total": 3, "waiting": 1, "asked": 0, "confirmed": 0, "failed": 0, "skipped": 2, "dropped": 0,
    }  # fmt: skip
    assert answer["Location"].endswith(f"{PATH}{body['id']}/")
    batch_steps.advance(body["id"])
    assert client.get(f"{PATH}{body['id']}/").json()["progress"]["asked"] == 1
    items = client.get(f"{PATH}{body['id']}/items/?status=asked").json()["results"]
    assert [(i["name"], i["status"], i["operation_status"]) for i in items] == [("orders", "asked", "queued")]
    assert [b["id"] for b in client.get(PATH).json()["results"]] == [body["id"]]


def test_post_with_the_same_key_is_harmless(client_of: ClientOf, estate: Estate) -> None:
    client, body = client_of("operator"), {"kind": "pause", "filter": {}}

    first, second = (post(client, body=body, **{"Idempotency-Key": "k"}) for _ in range(2))

    assert first.json()["id"] == second.json()["id"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "pause"}, 400, "invalid"),
        ({"kind": "explode", "filter": {}}, 400, "invalid"),
        ({"kind": "pause", "filter": {"colour": "red"}}, 400, "invalid"),
        ({"kind": "pause", "filter": {}, "connectors": [1]}, 400, "invalid"),
        ({"kind": "pause", "connectors": []}, 400, "invalid"),
        ({"kind": "pause", "filter": {}, "expected": 9}, 409, "changed"),
        ({"kind": "resume", "filter": {"search": "nothing like it"}}, 409, "nothing_to_do"),
        ({"kind": "restart", "filter": {}, "until": "2099-01-01T00:00:00Z"}, 409, "not_now"),
    ],
)
def test_post_refuses_what_cannot_be_done(
    client_of: ClientOf, estate: Estate, body: Any, status: int, code: str
) -> None:
    answer = post(client_of("operator"), body=body)

    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:switchyard:problem:{code}")
    assert not Batch.objects.exists()


def test_stranger_finds_nothing(client_of: ClientOf, estate: Estate) -> None:
    made = post(client_of("operator"), body={"kind": "pause", "filter": {}}).json()
    stranger = client_of("stranger")

    statuses = [
        stranger.get(f"{PATH}{made['id']}/").status_code,
        stranger.get(f"{PATH}{made['id']}/items/").status_code,
        *(post(stranger, f"{PATH}{made['id']}/{verb}/").status_code for verb in ("cancel", "retry", "restore")),
        post(stranger, body={"kind": "pause", "connectors": [estate.connectors[0].pk]}).status_code,
    ]

    assert statuses == [404, 404, 404, 404, 404, 409]
    assert stranger.get(PATH).json()["count"] == 0


def test_cancel_retry_and_restore(client_of: ClientOf, estate: Estate) -> None:
    client = client_of("operator")
    made = post(client, body={"kind": "pause", "filter": {}}).json()
    batch_steps.advance(made["id"])

    cancelled = post(client, f"{PATH}{made['id']}/cancel/")
    batch_steps.advance(made["id"])
    again = post(client, f"{PATH}{made['id']}/retry/")
    back = post(client, f"{PATH}{made['id']}/restore/")

    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    assert (again.status_code, again.json()["parent"]) == (202, made["id"])
    assert (back.status_code, back.json()["type"]) == (409, "urn:switchyard:problem:nothing_to_do")
    assert Operation.objects.get().status == "cancelled"


def test_viewer_may_look_and_not_cancel(client_of: ClientOf, estate: Estate) -> None:
    made = post(client_of("operator"), body={"kind": "pause", "filter": {}}).json()
    viewer = client_of("viewer")

    assert viewer.get(f"{PATH}{made['id']}/").status_code == 200
    assert post(viewer, f"{PATH}{made['id']}/cancel/").status_code == 403
