"""The task list of a connector's page, and its failed tasks on the board."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connectors.models import Connector, Operation
from connectors.states import State
from tests.templates.conftest import Estate

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)


def broken(estate: Estate, vendor: str = "kafka-connect", **fields: object) -> Connector:
    estate.account.vendor = vendor
    estate.account.save()
    task = {"vendor_state": "", "worker": "10.0.4.17:8083", "trace": ""}
    tasks = [{"id": "0", "state": "running", **task}, {"id": "1", "state": "failed", **task}]
    return estate.connector(State.DEGRADED, tasks=tasks, tasks_total=2, tasks_failed=1, **fields)


def test_only_the_failed_task_has_a_button(estate: Estate) -> None:
    connector = broken(estate)

    page = estate.client("operator").get(f"/connectors/{connector.pk}/").content.decode()

    assert f"/connectors/{connector.pk}/operations/?task=1" in page
    assert f"/connectors/{connector.pk}/operations/?task=0" not in page
    assert ">Restart task 1<" in page


def test_its_button_restarts_it_with_a_script_and_without(estate: Estate) -> None:
    connector = broken(estate)
    client, path = estate.client("operator"), f"/connectors/{connector.pk}/operations/?task=1"

    answer = client.post(path, {"kind": "restart_task"}, headers=HTMX)
    asked = Operation.objects.get()
    Operation.objects.all().delete()
    plain = client.post(path, {"kind": "restart_task"})

    assert (answer.status_code, plain.status_code) == (202, 302)
    assert f"Restart task 1 of {connector.name} asked." in answer.content.decode()
    assert (asked.kind, asked.task) == ("restart_task", "1")
    assert Operation.objects.get().task == "1"


def test_two_tasks_in_a_row_are_two_presses(estate: Estate) -> None:
    connector = broken(estate)
    client = estate.client("operator")

    first = client.post(f"/connectors/{connector.pk}/operations/?task=1", {"kind": "restart_task"}, headers=HTMX)
    same = client.post(f"/connectors/{connector.pk}/operations/?task=1", {"kind": "restart_task"}, headers=HTMX)
    other = client.post(f"/connectors/{connector.pk}/operations/?task=0", {"kind": "restart_task"}, headers=HTMX)

    assert (first.status_code, same.status_code, other.status_code) == (202, 202, 409)
    assert Operation.objects.count() == 1


def test_who_may_not_operate_is_told_why(estate: Estate) -> None:
    connector = broken(estate)

    page = estate.client("viewer").get(f"/connectors/{connector.pk}/").content.decode()
    answer = estate.client("viewer").post(
        f"/connectors/{connector.pk}/operations/?task=1", {"kind": "restart_task"}, headers=HTMX
    )

    assert "Restart task 1<span" in page
    assert answer.status_code == 403
    assert not Operation.objects.exists()


def test_a_vendor_that_restarts_only_the_whole_says_so(estate: Estate) -> None:
    connector = broken(estate, vendor="confluent")

    page = estate.client("operator").get(f"/connectors/{connector.pk}/").content.decode()

    assert "Confluent Cloud restarts a connector as a whole, not one task of it." in page
    assert "Restart task 1" not in page


def test_the_boards_menu_has_the_failed_task(estate: Estate) -> None:
    connector = broken(estate)

    page = estate.client("operator").get("/").content.decode()

    assert f"/connectors/{connector.pk}/operations/?task=1" in page


def test_failed_tasks_cost_no_query(estate: Estate) -> None:
    client = estate.client("operator")
    counts = []
    for number in (1, 9):
        for _ in range(number):
            broken(estate)
        with CaptureQueriesContext(
            connection,
        ) as found:
            client.get("/")
        counts.append(len(found))

    assert counts[0] == counts[1]


def test_one_task_is_not_offered_for_many_or_by_the_clock(estate: Estate) -> None:
    connector = broken(estate)
    client = estate.client("lead")

    assert client.get("/schedules/new/").content.decode().count("restart_task") == 0
    assert client.get(f"/batches/new/?kind=restart_task&id={connector.pk}").status_code == 404
