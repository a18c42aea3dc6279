"""The pages of schedules."""

from typing import Any

import pytest

from connectors.models import Schedule
from tests.templates.conftest import Estate

FORM = {"name": "Night stop", "team": "payments", "kind": "pause", "mode": "cron", "cron": "0 22 * * *", "zone": "UTC",
        "missed": "skip"}  # fmt: skip


def test_operator_looks_at_the_next_runs_then_sets_rests_and_removes_it(estate: Estate) -> None:
    client, connector = estate.client("operator"), estate.connector()
    path = f"/schedules/new/?row={connector.pk}"

    look = client.post(path, FORM | {"look": "1", "zone": "Europe/Berlin"}).content.decode()
    assert (look.count(", 22:00</b>"), look.count("CE")) == (5, 5)  # by the zone's own clock
    assert not Schedule.objects.exists()

    client.post(path, FORM)
    made = Schedule.objects.get()
    page = client.get(f"/schedules/{made.pk}/").content.decode()
    assert f"Pause {connector.name}: 1 connector now" in page
    assert "Pauses" in client.get("/").content.decode()  # what comes next, on the row
    client.post(f"/schedules/{made.pk}/change/", {"choice": "pause"})
    assert Schedule.objects.get().is_on is False
    client.post(f"/schedules/{made.pk}/change/", {"choice": "delete"})
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"cron": "x"}, "no cron line"), ({"names": "nobody"}, "Not among the connectors"),
     ({"names": ""}, "Name connectors"),
     ({"mode": "once"}, "Name the day"), ({"mode": "office"}, "Name the days")],
)  # fmt: skip
def test_form_says_what_is_wrong(estate: Estate, fields: dict[str, str], words: str) -> None:
    connector = estate.connector()

    answer = estate.client("operator").post("/schedules/new/", FORM | {"names": connector.name} | fields)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Schedule.objects.exists()


def test_filters_of_the_board_are_kept(estate: Estate) -> None:
    estate.client("operator").post("/schedules/new/?all=yes&state=failed&search=thing", FORM)

    made = Schedule.objects.get()
    assert made.filters is not None
    assert (made.filters["state"], made.filters["search"]) == (["failed"], "thing")
    assert made.selection == "search:thing state:failed"


@pytest.mark.parametrize(
    ("name", "new", "see", "change"),
    [("viewer", 403, 200, 403), ("operator", 200, 200, 302), ("stranger", 200, 404, 404), ("auditor", 403, 200, 403)],
)
def test_who_may_what(estate: Estate, name: str, new: int, see: int, change: int) -> None:
    connector = estate.connector()
    estate.client("lead").post("/schedules/new/", FORM | {"names": connector.name})
    made = Schedule.objects.get()
    client = estate.client(name)

    assert client.get("/schedules/new/").status_code == new
    assert client.get(f"/schedules/{made.pk}/").status_code == see
    assert client.post(f"/schedules/{made.pk}/change/", {"choice": "pause"}).status_code == change


@pytest.mark.parametrize("rows", [1, 3])
def test_list_takes_the_same_queries_for_any_number(
    estate: Estate, rows: int, django_assert_max_num_queries: Any
) -> None:
    connector, client = estate.connector(), estate.client("lead")
    for number in range(rows):
        client.post("/schedules/new/", FORM | {"names": connector.name, "name": f"n{number}"})
    client = estate.client("lead")

    with django_assert_max_num_queries(11):
        html = client.get("/schedules/").content.decode()

    assert html.count("Night stop") + html.count(">n") >= rows
