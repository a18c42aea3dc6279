"""Reading connectors and pipelines."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from connectors.states import State
from tests.cast import SECRET, Estate

ClientOf = Callable[[str], APIClient]
LIST = "/api/v1/connectors/"


def names(client: APIClient, query: str = "") -> list[str]:
    """This will give the names in the list."""
    return [row["name"] for row in client.get(f"{LIST}?{query}").json()["results"]]


def test_list_puts_the_most_urgent_first(client_of: ClientOf) -> None:
    assert names(client_of("viewer")) == ["ledger", "invoices", "orders"]


def test_connector_carries_what_programs_rely_on(client_of: ClientOf, estate: Estate) -> None:
    row = client_of("operator").get(f"{LIST}{estate.connectors[0].pk}/").json()

    assert {
        "id", "name", "vendor", "account", "pipeline", "state", "vendor_state", "activity", "desired_state", "drift",
        "team", "tasks", "observed_at", "stale", "open_operation",
    } <= set(row)  # fmt: skip
    assert set(row["pipeline"]) == {"id", "name", "state", "vendor_state"}
    assert row["activity"] == {"active": "yes", "reason": "pipeline and connector are running"}
    assert row["tasks"] == {"total": 0, "failed": 0}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=failed", ["ledger"]),
        ("state=failed&state=paused", ["ledger", "invoices"]),
        ("active=yes", ["orders"]),
        ("active=true", ["orders"]),
        ("active=no", ["ledger", "invoices"]),
        ("search=ord", ["orders"]),
        ("search=connection+refused", ["ledger"]),
        ("vendor=tiny&team=payments&account=box-prod", ["ledger", "invoices", "orders"]),
        ("vendor=another", []),
        ("stale=true", []),
        ("activity=paused", ["invoices"]),
    ],
)
def test_list_filters(client_of: ClientOf, query: str, found: list[str]) -> None:
    assert names(client_of("viewer"), query) == found


@pytest.mark.parametrize(
    ("query", "field"), [("state=asleep", "state"), ("stale=maybe", "stale"), ("colour=red", "colour")]
)
def test_list_names_the_filter_it_cannot_read(client_of: ClientOf, query: str, field: str) -> None:
    answer = client_of("viewer").get(f"{LIST}?{query}")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert list(answer.json()["errors"]) == [field]


def test_list_is_paged(client_of: ClientOf) -> None:
    page = client_of("viewer").get(f"{LIST}?page_size=2").json()

    assert (page["count"], len(page["results"])) == (3, 2)
    assert "page=2" in page["next"]


def test_list_makes_the_same_queries_for_one_row_and_for_many(
    client_of: ClientOf, estate: Estate, django_assert_num_queries: Any
) -> None:
    client = client_of("viewer")
    client.get(LIST)
    with django_assert_num_queries(9) as few:
        client.get(LIST)
    for number in range(20):
        estate.add(f"more-{number}", State.RUNNING)

    with django_assert_num_queries(len(few)):
        client.get(LIST)


def test_stranger_finds_nothing(client_of: ClientOf, estate: Estate) -> None:
    stranger = client_of("stranger")

    assert names(stranger) == []
    assert stranger.get(f"{LIST}{estate.connectors[0].pk}/").status_code == 404
    assert stranger.get(f"/api/v1/pipelines/{estate.pipeline.pk}/").status_code == 404
    assert stranger.get(f"/api/v1/accounts/{estate.account.pk}/").status_code == 404


@pytest.mark.parametrize(
    "path", ["connectors/", "pipelines/", "operations/", "audit-events/", "vendors/", "accounts/", "schema/"]
)
def test_anonymous_is_asked_to_sign_in(db: None, path: str) -> None:
    answer = APIClient().get(f"/api/v1/{path}")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"


def test_configuration_is_for_those_who_operate(client_of: ClientOf, estate: Estate) -> None:
    path = f"{LIST}{estate.connectors[2].pk}/"

    assert client_of("operator").get(path).json()["configuration"] == {"topics": "ledger"}
    assert client_of("viewer").get(path).json()["configuration"] is None


@pytest.mark.parametrize("path", ["connectors/", "pipelines/", "accounts/", "vendors/", "operations/"])
def test_no_list_holds_a_credential(client_of: ClientOf, path: str) -> None:
    assert SECRET not in client_of("admin").get(f"/api/v1/{path}").content.decode()


def test_vendors_list_their_verbs(client_of: ClientOf) -> None:
    tiny = next(v for v in client_of("viewer").get("/api/v1/vendors/").json()["results"] if v["slug"] == "tiny")

    assert tiny["name"] == "Tiny"
    assert [verb["kind"] for verb in tiny["verbs"]] == ["pause", "resume", "restart"]
    assert [field["name"] for field in tiny["form"]] == ["key"]
