"""Every button answers: works, refuses GET, hidden from a stranger, refused to a viewer, harmless twice, audited."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from connectors.models import AuditEvent, Connector, Operation, Team
from connectors.states import State
from tests.templates.conftest import Estate

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)


def test_pause_answers_with_the_row(estate: Estate) -> None:
    connector = estate.connector()

    answer = estate.client("operator").post(
        f"/connectors/{connector.pk}/operations/", {"kind": "pause", "reason": "INC-1"}, headers=HTMX
    )

    html = answer.content.decode()
    assert answer.status_code == 202
    assert f'hx-target="#connector-{connector.pk}"' in html
    assert "asked" in html
    assert AuditEvent.objects.get().action == "connector.pause.requested"


def test_ticket_is_on_record_beside_the_reason_and_shown(estate: Estate) -> None:
    connector, client = estate.connector(), estate.client("operator")
    words = {"kind": "pause", "reason": "release 4.2", "ticket": "CHG-7"}

    client.post(f"/connectors/{connector.pk}/operations/", words, headers=HTMX)
    html = client.get(f"/connectors/{connector.pk}/").content.decode()

    event = AuditEvent.objects.get(action="connector.pause.requested")
    assert (event.reason, event.ticket) == ("release 4.2", "CHG-7")
    connector.refresh_from_db()
    assert connector.desired_reason == "release 4.2 (CHG-7)"
    assert '<small class="mono">CHG-7</small>' in html


def test_pause_from_its_own_page_answers_with_that_page(estate: Estate) -> None:
    connector = estate.connector()
    here = HTMX | {"HX-Current-URL": f"http://testserver/connectors/{connector.pk}/"}

    answer = estate.client("operator").post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, headers=here)

    assert f'id="connector-live-{connector.pk}"' in answer.content.decode()


def test_pause_sends_a_plain_browser_back_with_a_message(estate: Estate) -> None:
    connector = estate.connector()
    client = estate.client("operator")

    answer = client.post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, follow=True)

    assert answer.redirect_chain == [(f"/connectors/{connector.pk}/", 302)]
    assert f"Pause of {connector.name} asked." in answer.content.decode()


def test_pause_twice_from_the_same_screen_is_one_operation(estate: Estate) -> None:
    connector = estate.connector()
    client = estate.client("operator")
    press = {"kind": "pause", "after": "first"}

    statuses = [
        client.post(f"/connectors/{connector.pk}/operations/", press, headers=HTMX).status_code for _ in range(2)
    ]

    assert statuses == [202, 202]
    assert Operation.objects.count() == 1


def test_second_verb_while_one_is_open_is_refused_in_the_row(estate: Estate) -> None:
    connector = estate.connector()
    client = estate.client("operator")
    client.post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, headers=HTMX)

    answer = client.post(f"/connectors/{connector.pk}/operations/", {"kind": "restart"}, headers=HTMX)

    assert answer.status_code == 409
    assert 'role="alert">Pause is still under way' in answer.content.decode()


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("auditor", 403), ("stranger", 404)])
def test_pause_is_refused_to_whoever_may_not(estate: Estate, name: str, status: int) -> None:
    connector = estate.connector()

    answer = estate.client(name).post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, headers=HTMX)

    assert answer.status_code == status
    assert Operation.objects.count() == 0
    assert [e.result for e in AuditEvent.objects.all()] == ["refused"] * (status == 403)


def test_operations_refuse_get_and_words_that_are_no_verbs(estate: Estate) -> None:
    connector = estate.connector()
    client = estate.client("operator")

    assert client.get(f"/connectors/{connector.pk}/operations/").status_code == 405
    assert client.post(f"/connectors/{connector.pk}/operations/", {"kind": "explode"}, headers=HTMX).status_code == 422


def test_operations_need_the_token_against_forgery(estate: Estate) -> None:
    connector = estate.connector()
    client = Client(enforce_csrf_checks=True)
    client.cookies = estate.client("operator").cookies

    assert client.post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}).status_code == 403


@pytest.mark.parametrize(("headers", "is_page"), [(HTMX, False), ({}, True)])
def test_dialog_is_a_fragment_or_a_page(estate: Estate, headers: dict[str, str], is_page: bool) -> None:
    connector = estate.connector()

    html = (
        estate.client("operator")
        .get(f"/connectors/{connector.pk}/operations/new/?kind=pause", headers=headers)
        .content.decode()
    )

    assert html.lstrip().startswith("<!doctype html>" if is_page else "<dialog")
    assert 'name="reason"' in html


def test_row_holds_no_token_of_a_person(estate: Estate) -> None:
    estate.connector()

    html = estate.client("operator").get("/").content.decode()

    assert "csrf" not in html[html.index("<tbody role") : html.rindex("</tbody>")]


def test_viewer_is_told_why_a_button_is_off(estate: Estate) -> None:
    estate.connector(State.PAUSED)

    html = estate.client("viewer").get("/").content.decode()

    assert 'aria-disabled="true"' in html
    assert "operator or lead in team payments" in html


def test_cancel_takes_back_what_was_not_sent(estate: Estate) -> None:
    connector = estate.connector()
    client = estate.client("operator")
    client.post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, headers=HTMX)
    operation = Operation.objects.get()
    address = f"/operations/{operation.pk}/cancellation/"

    statuses = [
        client.get(address).status_code,
        estate.client("stranger").post(address, headers=HTMX).status_code,
        estate.client("viewer").post(address, headers=HTMX).status_code,
        client.post(address, headers=HTMX).status_code,
        client.post(address, headers=HTMX).status_code,
    ]

    assert statuses == [405, 404, 403, 202, 409]
    operation.refresh_from_db()
    assert operation.status == "cancelled"


@pytest.mark.parametrize(("name", "is_offered"), [("operator", True), ("viewer", False)])
def test_cancel_is_offered_to_whoever_may_operate(estate: Estate, name: str, is_offered: bool) -> None:
    connector = estate.connector()
    estate.client("operator").post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, headers=HTMX)
    client = estate.client(name)

    for page in ("/", f"/connectors/{connector.pk}/"):
        assert ("/cancellation/" in client.get(page).content.decode()) == is_offered


def make_unwritable() -> None:
    """This will let the database refuse every event."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;"
            "CREATE TRIGGER unwritable BEFORE INSERT ON connectors_auditevent EXECUTE FUNCTION refuse_events();"
        )


def test_pause_says_why_nothing_is_sent_while_the_record_takes_no_events(estate: Estate) -> None:
    connector = estate.connector()
    client = estate.client("operator")
    make_unwritable()

    answer = client.post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, headers=HTMX)

    assert answer.status_code == 503
    assert "The audit record cannot be written, so nothing was changed and nothing is sent." in answer.content.decode()
    assert not Operation.objects.exists()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_every_form_says_why_nothing_is_changed_while_the_record_takes_no_events(
    estate: Estate, headers: dict[str, str]
) -> None:
    client = estate.client("admin")
    make_unwritable()

    answer = client.post("/teams/new/", {"slug": "ledger", "name": "Ledger"}, headers=headers)

    assert answer.status_code == 503
    assert "The audit record cannot be written, so nothing was changed" in answer.content.decode()
    assert not Team.objects.filter(slug="ledger").exists()


def test_an_operation_that_takes_too_long_stands_out(estate: Estate) -> None:
    connector = estate.connector()
    client = estate.client("operator")
    client.post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, headers=HTMX)
    Operation.objects.update(requested_at=timezone.now() + timedelta(seconds=9))  # however slow this machine is
    quick = client.get("/").content.decode()

    Operation.objects.update(requested_at=timezone.now() - timedelta(minutes=9))
    slow = client.get("/").content.decode()

    assert "longer than nearly all" not in quick
    assert "longer than nearly all" in slow


@pytest.fixture
def drifted(estate: Estate) -> Connector:
    """A connector that runs though somebody wanted it paused."""
    connector = estate.connector()
    Connector.objects.filter(pk=connector.pk).update(
        desired_state=State.PAUSED, desired_by="lead", drift_since=timezone.now() - timedelta(minutes=5)
    )
    return connector


def test_drift_is_shown_with_its_three_ways_out(estate: Estate, drifted: Connector) -> None:
    page = estate.client("operator").get(f"/connectors/{drifted.pk}/").content.decode()
    looking = estate.client("viewer").get(f"/connectors/{drifted.pk}/").content.decode()

    assert [word in page for word in ("Re-apply", "Accept as intended", "Snooze 8 h")] == [True] * 3
    assert "Nothing is undone by itself." in looking
    assert "Re-apply" not in looking


@pytest.mark.parametrize(("choice", "status"), [("reapply", 202), ("accept", 202), ("snooze", 202), ("forget", 422)])
def test_drift_decisions_answer_in_place(estate: Estate, drifted: Connector, choice: str, status: int) -> None:
    path = f"/connectors/{drifted.pk}/drift/"

    answer = estate.client("operator").post(path, {"choice": choice}, headers=HTMX)

    assert answer.status_code == status
    assert f'hx-target="#connector-{drifted.pk}"' in answer.content.decode()
    assert estate.client("operator").get(path).status_code == 405
    assert estate.client("viewer").post(path, {"choice": "accept"}, headers=HTMX).status_code in {403, 409}


def test_retry_and_resending_are_pressed_on_the_page(estate: Estate) -> None:
    connector = estate.connector()
    client = estate.client("operator")
    here = HTMX | {"HX-Current-URL": f"http://testserver/connectors/{connector.pk}/"}
    client.post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, headers=here)
    operation = Operation.objects.get()

    Operation.objects.update(status="accepted")
    assert "Send again" in client.get(f"/connectors/{connector.pk}/").content.decode()
    assert client.post(f"/operations/{operation.pk}/resending/", headers=here).status_code == 202
    Operation.objects.update(status="failed", finished_at=timezone.now())
    assert "Ask again" in client.get(f"/connectors/{connector.pk}/").content.decode()
    assert client.post(f"/operations/{operation.pk}/retry/", headers=here).status_code == 202
    assert client.post(f"/operations/{operation.pk}/retry/", headers=here).status_code == 202
    assert Operation.objects.count() == 2
