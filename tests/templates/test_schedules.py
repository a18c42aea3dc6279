"""The pages of schedules."""

import re
from typing import Any

import pytest

from connectors.models import AuditEvent, Schedule
from tests.templates.conftest import Estate

FORM = {"name": "Night stop", "team": "payments", "kind": "pause", "mode": "cron", "cron": "0 22 * * *", "zone": "UTC",
        "missed": "skip"}  # fmt: skip


def test_operator_looks_at_the_next_runs_then_sets_rests_and_removes_it(estate: Estate) -> None:
    client, connector = estate.client("operator"), estate.connector()
    path = f"/schedules/new/?row={connector.pk}"

    look = client.post(path, FORM | {"look": "1", "zone": "Europe/Berlin"}).content.decode()
    assert (look.count(", 22:00</b>"), len(re.findall(r"\bCES?T\b", look))) == (5, 5)  # by the zone's own clock
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


def test_the_connectors_pages_lead_to_a_form_for_just_that_one(estate: Estate) -> None:
    connector = estate.connector()
    client, path = estate.client("operator"), f"/schedules/new/?row={connector.pk}"

    assert f'href="{path}"' in client.get("/").content.decode()
    assert f'href="{path}"' in client.get(f"/connectors/{connector.pk}/").content.decode()
    form = client.get(f"{path}&kind=resume").context["form"]

    assert (form.is_chosen, form.initial) == (True, {"kind": "resume", "team": "payments"})
    assert f'href="{path}"' not in estate.client("viewer").get(f"/connectors/{connector.pk}/").content.decode()


def test_a_schedule_is_changed_by_its_form_and_is_on_record_with_what_it_was(estate: Estate) -> None:
    connector = estate.connector()
    estate.client("lead").post("/schedules/new/", FORM | {"names": connector.name})
    made = Schedule.objects.get()
    client, path = estate.client("operator"), f"/schedules/{made.pk}/edit/"

    shown = client.get(path).context["form"].initial
    look = client.post(path, FORM | {"cron": "0 23 * * *", "look": "1"}).content.decode()
    assert (shown["cron"], shown["name"], look.count(", 23:00</b>")) == ("0 22 * * *", "Night stop", 5)
    assert Schedule.objects.get().cron == "0 22 * * *"

    answer = client.post(path, FORM | {"cron": "0 23 * * *", "name": "Later", "team": "web"})

    made.refresh_from_db()
    assert (answer.status_code, made.name, made.cron, made.team.slug) == (302, "Later", "0 23 * * *", "payments")
    assert made.next_at is not None
    assert (made.next_at.hour, list(made.connectors.all())) == (23, [connector])
    assert (made.created_by, made.user.username if made.user else "") == ("lead", "operator")
    event = AuditEvent.objects.get(action="schedule.changed")
    assert event.before
    assert event.after
    assert (event.before["cron"], event.after["cron"]) == ("0 22 * * *", "0 23 * * *")


def test_filters_and_times_in_a_zone_stay_when_another_thing_is_changed(estate: Estate) -> None:
    estate.client("operator").post("/schedules/new/?all=yes&state=failed", FORM | {
        "mode": "once", "zone": "Europe/Berlin", "at": "2099-07-01T08:00",
    })  # fmt: skip
    made = Schedule.objects.get()
    client, path = estate.client("operator"), f"/schedules/{made.pk}/edit/"

    page = client.get(path).content.decode()
    assert 'value="2099-07-01T08:00"' in page
    client.post(path, FORM | {"mode": "once", "zone": "Europe/Berlin", "at": "2099-07-01T08:00", "reason": "INC-7"})

    after = Schedule.objects.get()
    assert (after.filters, after.at, after.selection, after.reason) == (made.filters, made.at, made.selection, "INC-7")


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("stranger", 404), ("auditor", 403), ("admin", 200)])
def test_changing_takes_the_role_operator(estate: Estate, name: str, status: int) -> None:
    estate.client("lead").post("/schedules/new/", FORM | {"names": estate.connector().name})
    path = f"/schedules/{Schedule.objects.get().pk}/edit/"

    assert estate.client(name).get(path).status_code == status
    if status != 200:
        assert estate.client(name).post(path, FORM).status_code == status
        assert not AuditEvent.objects.filter(action="schedule.changed").exists()


def test_a_change_to_what_never_comes_is_refused_in_the_form(estate: Estate) -> None:
    estate.client("lead").post("/schedules/new/", FORM | {"names": estate.connector().name})
    path = f"/schedules/{Schedule.objects.get().pk}/edit/"

    answer = estate.client("lead").post(path, FORM | {"mode": "once", "at": "2020-01-01T08:00"})

    assert (answer.status_code, Schedule.objects.get().mode) == (422, "cron")
    assert "still to come" in answer.content.decode()
