"""Undo and timed pauses on the page."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import AuditEvent, Batch, Connector, Hold, Operation
from connectors.states import OperationStatus, State
from tests.templates.conftest import Estate

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    for name in ("wake", "wake_batch"):
        monkeypatch.setattr(f"connectors.tasks.{name}", lambda found: None)


def held(estate: Estate, minutes: int = 60) -> Hold:
    connector = estate.connector()
    ask = {"kind": "pause", "reason": "release", "until": "1h"}
    estate.client("operator").post(f"/connectors/{connector.pk}/operations/", ask, headers=HTMX)
    hold = Hold.objects.get(connector=connector)
    Connector.objects.filter(pk=connector.pk).update(state=State.PAUSED)
    Operation.objects.filter(pk=hold.operation_id).update(status=OperationStatus.CONFIRMED, finished_at=timezone.now())
    Hold.objects.filter(pk=hold.pk).update(until=timezone.now() + timedelta(minutes=minutes))
    return Hold.objects.get(pk=hold.pk)


def test_toast_offers_to_undo_what_can_be(estate: Estate) -> None:
    client = estate.client("operator")

    paused = client.post(f"/connectors/{estate.connector().pk}/operations/", {"kind": "pause"}, headers=HTMX)
    kicked = client.post(f"/connectors/{estate.connector().pk}/operations/", {"kind": "restart"}, headers=HTMX)

    url = f"/operations/{Operation.objects.get(kind='pause').pk}/undo/"
    assert f'hx-post="{url}"' in paused.content.decode()
    assert "/undo/" not in kicked.content.decode()


def test_undo_answers_with_the_row_or_says_why_not(estate: Estate) -> None:
    connector = estate.connector()
    client = estate.client("operator")
    client.post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, headers=HTMX)
    url = f"/operations/{Operation.objects.get().pk}/undo/"

    first, second = (client.post(url, headers=HTMX) for _ in range(2))

    assert (first.status_code, second.status_code) == (202, 409)
    assert f'hx-target="#connector-{connector.pk}"' in first.content.decode()
    assert 'role="alert">Pause cannot be undone' in second.content.decode()
    assert Operation.objects.get().status == OperationStatus.CANCELLED


def test_undo_works_without_javascript(estate: Estate) -> None:
    connector = estate.connector()
    client = estate.client("operator")
    page = client.post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, follow=True).content.decode()
    (url,) = re.findall(r'formaction="(/operations/[^"]+/undo/)"', page)

    answer = client.post(url, follow=True)

    assert f"Pause of {connector.name} is taken back." in answer.content.decode()


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("stranger", 404)])
def test_undo_and_extension_are_for_operators(estate: Estate, name: str, status: int) -> None:
    hold = held(estate)
    client = estate.client(name)

    answers = [client.post(f"/operations/{hold.operation_id}/undo/", headers=HTMX),
               client.post(f"/holds/{hold.pk}/extension/", {"until": "4h"}, headers=HTMX)]  # fmt: skip

    assert [answer.status_code for answer in answers] == [status, status]
    assert client.get(f"/holds/{hold.pk}/extension/").status_code == 405


def test_pause_until_is_asked_in_a_dialog(estate: Estate) -> None:
    connector = estate.connector()
    client = estate.client("operator")
    page = client.get(f"/connectors/{connector.pk}/").content.decode()
    (url,) = re.findall(r'href="([^"]+)"[^>]*>Pause until…', page)

    dialog = client.get(url.replace("&amp;", "&"), headers=HTMX).content.decode()

    assert 'name="until" value="1h" checked' in dialog
    assert "Nothing flows to team payments" in dialog


def test_timed_pause_shows_its_end_and_is_extended(estate: Estate) -> None:
    hold = held(estate, minutes=5)
    client = estate.client("operator")
    page = client.get(f"/connectors/{hold.connector_id}/").content.decode()
    here = HTMX | {"HX-Current-URL": f"http://testserver/connectors/{hold.connector_id}/"}

    answer = client.post(f"/holds/{hold.pk}/extension/", {"until": "4h"}, headers=here)

    hold.refresh_from_db()
    assert "extend it now if that is too soon" in page
    assert answer.status_code == 202
    assert "extend it now" not in answer.content.decode()
    assert timedelta(hours=3, minutes=59) < hold.until - timezone.now() < timedelta(hours=4)
    assert AuditEvent.objects.filter(action="connector.hold.extended").count() == 1


def test_timed_pause_is_left_held(estate: Estate) -> None:
    hold = held(estate)

    estate.client("operator").post(f"/holds/{hold.pk}/extension/", {"until": "", "from": "list"})

    hold.refresh_from_db()
    assert hold.outcome == "left held"


@pytest.mark.parametrize("rows", [1, 3])
def test_list_of_timed_pauses(estate: Estate, rows: int, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    names = [held(estate).target.name for _ in range(rows)]
    client = estate.client("operator")

    with django_assert_max_num_queries(6):
        html = client.get("/holds/").content.decode()

    assert all(name in html for name in names)
    assert (html.count("Leave held"), estate.client("viewer").get("/holds/").content.decode().count("Leave held")) == (
        rows, 0,
    )  # fmt: skip
    assert names[0] not in estate.client("stranger").get("/holds/").content.decode()


def test_operation_that_begins_later_is_a_batch_of_one(estate: Estate) -> None:
    connector = estate.connector()
    tomorrow = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    ask = {"kind": "pause", "dialog": "yes", "starts": "at", "starts_at": tomorrow, "offset": "0", "until": ""}

    answer = estate.client("operator").post(f"/connectors/{connector.pk}/operations/", ask, headers=HTMX)

    batch = Batch.objects.get()
    assert (answer.status_code, answer["HX-Redirect"]) == (204, f"/batches/{batch.pk}/")
    assert (batch.status, batch.selection, Operation.objects.count()) == ("waiting", connector.name, 0)


def test_refusal_is_shown_in_the_dialog_with_what_was_typed(estate: Estate) -> None:
    connector = estate.connector(State.PAUSED)
    ask = {"kind": "pause", "dialog": "yes", "reason": "a long story"}

    answer = estate.client("operator").post(f"/connectors/{connector.pk}/operations/", ask, headers=HTMX)

    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Pause does not apply while it is paused." in html
    assert "a long story" in html
    assert html.startswith('<dialog class="dialog"')


def test_dialog_keeps_a_time_that_cannot_be_read(estate: Estate) -> None:
    ask = {"kind": "pause", "dialog": "yes", "until": "at", "until_at": ""}

    answer = estate.client("operator").post(f"/connectors/{estate.connector().pk}/operations/", ask, headers=HTMX)

    assert (answer.status_code, Operation.objects.count()) == (422, 0)
    assert "Name the day and the time." in answer.content.decode()
