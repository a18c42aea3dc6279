"""The pages of auto-heal and of alerts."""

from typing import Any

import pytest
from django.utils import timezone

from connectors.models import AlertMessage, AlertRule, HealPolicy, HealState
from connectors.states import State
from tests.templates.conftest import Estate

HEAL = {"team": "payments", "is_on": "on", "states": "failed", "first_wait": 60, "longest_wait": 600, "budget": 3,
        "reset_after": 600, "stops_at": "sign_in"}  # fmt: skip
ALERT = {"name": "Broken", "team": "payments", "conditions": ["failed", "drift"], "minutes": 2, "repeat_minutes": 0,
         "target": "https://chat.example/hook-secret-4711", "is_on": "on"}  # fmt: skip


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake_message", lambda pk: None)


def test_lead_sets_changes_and_removes_a_policy(estate: Estate) -> None:
    client, connector = estate.client("lead"), estate.connector(State.FAILED)

    client.post("/healing/new/", HEAL)
    client.post("/healing/new/", HEAL | {"connector": connector.name, "budget": 7})

    assert sorted(HealPolicy.objects.values_list("budget", flat=True)) == [3, 7]
    page = client.get("/healing/").content.decode()
    assert "all of team payments" in page
    assert "at most 7 tries an hour" in page
    own = HealPolicy.objects.get(connector=connector)
    client.post(f"/healing/{own.pk}/", {"remove": "1"})
    assert HealPolicy.objects.get().connector is None
    wrong = client.post("/healing/new/", HEAL | {"connector": "nobody", "longest_wait": 5})
    assert (wrong.status_code, "no connector of that name" in wrong.content.decode()) == (422, True)


def test_given_up_is_shown_and_closed_by_an_operator(estate: Estate) -> None:
    connector = estate.connector(State.FAILED)
    HealState.objects.create(connector=connector, attempts=3, opened_at=timezone.now(), why="3 tries did not help")
    assert "Heal it again" not in estate.client("viewer").get("/healing/").content.decode()
    client = estate.client("operator")
    assert "3 tries did not help" in client.get("/healing/").content.decode()

    client.post(f"/connectors/{connector.pk}/heal-again/")

    assert not HealState.objects.exists()


def test_lead_sets_tries_out_and_removes_a_rule_and_its_address_never_comes_back(estate: Estate) -> None:
    client = estate.client("lead")

    client.post("/alerts/new/", ALERT)
    rule = AlertRule.objects.get()
    client.post(f"/alerts/{rule.pk}/", {"test": "1"})

    assert AlertMessage.objects.get().kind == "test"
    pages = [client.get(path).content.decode() for path in ("/alerts/", f"/alerts/{rule.pk}/")]
    assert "Test of “Broken”" in pages[1]
    assert "hook-secret" not in "".join(pages)
    client.post(f"/alerts/{rule.pk}/", ALERT | {"target": "", "minutes": 9})
    rule.refresh_from_db()
    assert rule.minutes == 9
    client.post(f"/alerts/{rule.pk}/", {"remove": "1"})
    assert not AlertRule.objects.exists()


@pytest.mark.parametrize(
    ("name", "form", "see", "change"),
    [("viewer", 403, 200, 403), ("operator", 403, 200, 403), ("lead", 200, 200, 302), ("auditor", 403, 200, 403),
     ("admin", 200, 200, 302), ("stranger", 200, 404, 404)],
)  # fmt: skip
def test_who_may_what(estate: Estate, name: str, form: int, see: int, change: int) -> None:
    estate.client("lead").post("/alerts/new/", ALERT)
    estate.client("lead").post("/healing/new/", HEAL)
    rule, policy, client = AlertRule.objects.get(), HealPolicy.objects.get(), estate.client(name)

    assert client.get("/alerts/new/").status_code == form
    assert client.get("/healing/new/").status_code == form
    assert client.get(f"/alerts/{rule.pk}/").status_code == see
    assert client.post(f"/alerts/{rule.pk}/", {"test": "1"}).status_code == change
    assert client.post(f"/healing/{policy.pk}/", {"remove": "1"}).status_code == change
    assert client.post(f"/alerts/{rule.pk}/", {"remove": "1"}).status_code == change


@pytest.mark.parametrize("path", ["/alerts/", "/healing/"])
@pytest.mark.parametrize("rows", [1, 3])
def test_lists_take_the_same_queries_for_any_number_of_rows(
    estate: Estate, path: str, rows: int, django_assert_max_num_queries: Any
) -> None:
    lead = estate.client("lead")
    for _ in range(rows):
        connector = estate.connector(State.FAILED)
        lead.post("/alerts/new/", ALERT)
        HealState.objects.create(connector=connector, attempts=1)
        lead.post("/healing/new/", HEAL | {"connector": connector.name})
    client = estate.client("lead")

    with django_assert_max_num_queries(12):
        assert client.get(path).status_code == 200
