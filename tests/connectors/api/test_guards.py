"""Freezes, protections and approvals by program."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from connectors.models import Approval, FreezeWindow, Operation
from tests.cast import Estate
from tests.connectors.services.guarding import freeze, protect, second_operator

ClientOf = Callable[[str], APIClient]
API = "/api/v1/"
WISH = {"name": "Year end", "team": "payments", "reason": "books close", "mode": "open"}


def post(client: APIClient, path: str, **body: Any) -> Any:
    """This will post JSON."""
    return client.post(API + path, body, format="json")


def test_freeze_refuses_glass_opens_end_ends(client_of: ClientOf, estate: Estate) -> None:
    lead, pk = client_of("lead"), estate.connectors[0].pk

    made = post(lead, "freezes/", **WISH).json()

    assert (made["holds"], made["span"]["ends_at"], made["team"]) == (True, None, "payments")
    refused = post(lead, "operations/", connector=pk, kind="pause")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:switchyard:problem:frozen")
    glass = post(lead, f"freezes/{made['id']}/break-glass/", reason="INC-7", minutes=15)
    assert glass.status_code == 201
    assert post(lead, "operations/", connector=pk, kind="pause").status_code == 202
    assert lead.delete(f"{API}freezes/{made['id']}/break-glass/").status_code == 204
    assert post(lead, f"freezes/{made['id']}/end/").json()["holds"] is False
    assert lead.get(f"{API}freezes/").json()["count"] == 1


@pytest.mark.parametrize(("name", "create", "see"), [("operator", 403, 200), ("viewer", 403, 200), ("lead", 201, 200),
                                                     ("stranger", 404, 404), ("admin", 201, 200)])  # fmt: skip
def test_who_may_freeze(client_of: ClientOf, estate: Estate, name: str, create: int, see: int) -> None:
    window = freeze(estate, team=estate.team)

    assert post(client_of(name), "freezes/", **WISH).status_code == create
    assert client_of(name).get(f"{API}freezes/{window.pk}/").status_code == see


def test_freeze_that_makes_no_sense_is_a_problem(client_of: ClientOf, estate: Estate) -> None:
    answer = post(client_of("lead"), "freezes/", **(WISH | {"mode": "repeating", "cron": "x", "minutes": 5}))

    assert (answer.status_code, answer.json()["detail"]) == (
        409, "'x' is no cron line: it takes five fields, minute hour day month weekday.",
    )  # fmt: skip
    assert not FreezeWindow.objects.exists()


def test_protected_takes_a_second_person(client_of: ClientOf, estate: Estate) -> None:
    second_operator(estate)
    pk = estate.connectors[0].pk
    lead, operator, second = client_of("lead"), client_of("operator"), client_of("second")
    body = {"verbs": ["pause"], "approver": "operator", "is_always_on": True, "reason": "cards"}
    assert lead.put(f"{API}connectors/{pk}/protection/", body, format="json").status_code == 200

    refused = post(operator, "operations/", connector=pk, kind="pause")
    asked = post(operator, "approvals/", connectors=[pk], kind="pause", reason="INC-7").json()

    assert (refused.status_code, refused.json()["type"]) == (409, "urn:switchyard:problem:approval_needed")
    assert (asked["status"], asked["targets"][0]["name"]) == ("waiting", "orders")
    assert post(operator, f"approvals/{asked['id']}/approve/").status_code == 403
    done = post(second, f"approvals/{asked['id']}/approve/", said="go").json()
    assert done["status"] == "used"
    assert str(Operation.objects.get().pk) == done["targets"][0]["operation"]


def test_protection_is_lifted_by_two(client_of: ClientOf, estate: Estate) -> None:
    protect(estate, estate.connectors[0])
    lead, admin, path = client_of("lead"), client_of("admin"), f"{API}connectors/{estate.connectors[0].pk}/protection/"

    asked = lead.delete(path)
    weaker = lead.put(path, {"verbs": ["pause"]}, format="json")
    decide = f"loosenings/{weaker.json()['id']}/decision/"

    assert (asked.status_code, asked.json()["is_lift"], weaker.status_code) == (202, True, 202)
    assert admin.get(f"{API}loosenings/").json()["count"] == 1
    assert client_of("stranger").get(f"{API}loosenings/").json()["count"] == 0
    assert post(lead, decide, choice="approve").status_code == 403
    assert post(admin, decide, choice="approve", said="fine").json()["outcome"] == "approved"
    assert lead.get(path).json()["verbs"] == ["pause"]
    assert admin.delete(f"{API}loosenings/{weaker.json()['id']}/").status_code == 403


def test_approvals_are_declined_taken_back_and_listed(client_of: ClientOf, estate: Estate) -> None:
    second_operator(estate)
    protect(estate, estate.connectors[0])
    operator, second, pk = client_of("operator"), client_of("second"), estate.connectors[0].pk
    first = post(operator, "approvals/", connectors=[pk], kind="pause", reason="x").json()
    assert post(second, f"approvals/{first['id']}/decline/").json()["status"] == "declined"
    other = post(operator, "approvals/", connectors=[pk], kind="pause", reason="x").json()
    assert second.get(f"{API}approvals/?open=true").json()["count"] == 1

    assert second.delete(f"{API}approvals/{other['id']}/").status_code == 403
    assert operator.delete(f"{API}approvals/{other['id']}/").status_code == 204

    assert client_of("stranger").get(f"{API}approvals/").json()["count"] == 0
    assert client_of("stranger").get(f"{API}approvals/{other['id']}/").status_code == 404
    assert set(Approval.objects.values_list("status", flat=True)) == {"declined", "void"}
