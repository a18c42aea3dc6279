"""Figures for Prometheus, as much of them as the token's owner may see."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from connectors.actor import SET_UP
from connectors.models import Operation, VendorAccount
from connectors.permissions import viewer_of
from connectors.services import audit, operations
from connectors.states import State, Verb
from tests.cast import SECRET, Estate

ClientOf = Callable[[str], APIClient]


def scrape(client: APIClient, **headers: str) -> dict[tuple[str, ...], float]:
    """This will give each sample by its name and the values of its labels, in the order of the labels' names."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.content
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (s.name, *(value for _, value in sorted(s.labels.items()))): s.value
        for family in families
        for s in family.samples
    }


def test_connectors_are_counted_as_the_board_does(client_of: ClientOf, estate: Estate) -> None:
    found = scrape(client_of("viewer"))

    vendor = estate.account.vendor
    name = "switchyard_connectors"
    assert found[name, "box-prod", "active", "running", "running", "payments", vendor] == 1
    assert found[name, "box-prod", "paused", "running", "paused", "payments", vendor] == 1
    assert found[name, "box-prod", "failed", "running", "failed", "payments", vendor] == 1


def test_what_is_stale_is_unknown_and_accounts_tell_their_age(client_of: ClientOf, estate: Estate) -> None:
    VendorAccount.objects.update(observed_at=timezone.now() - timedelta(minutes=5), failures=3, rows_expected=7)

    found = scrape(client_of("viewer"))

    vendor = estate.account.vendor
    assert found["switchyard_connectors", "box-prod", "unknown", "running", "running", "payments", vendor] == 1
    assert found["switchyard_account_observed_age_seconds", "box-prod", vendor] == pytest.approx(300, abs=30)
    assert found["switchyard_account_circuit_open", "box-prod", vendor] == 1
    assert found["switchyard_account_rows_missing", "box-prod", vendor] == 7


def test_open_operations_and_the_oldest_of_them(client_of: ClientOf, estate: Estate) -> None:
    operations.request(
        target=estate.connectors[0], verb=Verb.PAUSE, actor=SET_UP, viewer=viewer_of(estate.people["operator"])
    )
    Operation.objects.update(requested_at=timezone.now() - timedelta(seconds=90))

    found = scrape(client_of("viewer"))

    labels = ("pause", "queued", estate.account.vendor)
    assert found["switchyard_operations_open", *labels] == 1
    assert found["switchyard_operations_oldest_age_seconds", *labels] == pytest.approx(90, abs=30)


def test_what_one_may_not_see_is_not_counted(client_of: ClientOf, estate: Estate) -> None:
    found = scrape(client_of("stranger"))

    assert not [key for key in found if key[0] == "switchyard_connectors"]
    assert not [key for key in found if key[0].startswith("switchyard_audit")]


def test_unsealed_events_show_to_who_may_read_the_audit(client_of: ClientOf, estate: Estate) -> None:
    with transaction.atomic():
        audit.record("site.test.done", actor=SET_UP, result="done")

    assert ("switchyard_audit_unsealed_age_seconds",) in scrape(client_of("auditor"))
    assert ("switchyard_audit_unsealed_age_seconds",) not in scrape(client_of("operator"))


def test_a_scraper_s_headers_are_understood(client_of: ClientOf, estate: Estate) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1"

    assert scrape(client_of("viewer"), accept=accept)


def test_without_a_token_there_is_nothing(db: None) -> None:
    answer = APIClient().get("/metrics")

    assert answer.status_code == 401
    assert answer.content.startswith(b"# ")


@pytest.mark.parametrize("number", [1, 40])
def test_queries_do_not_grow(
    client_of: ClientOf, estate: Estate, number: int, django_assert_max_num_queries: Any
) -> None:
    for n in range(number):
        estate.add(f"extra-{n}", State.RUNNING)
    client = client_of("auditor")
    client.get("/metrics")

    with django_assert_max_num_queries(8):
        answer = client.get("/metrics")

    assert SECRET.encode() not in answer.content
