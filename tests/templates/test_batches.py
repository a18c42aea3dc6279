"""Acting on many, on the pages: works, refuses GET, hidden from a stranger, refused to a viewer, harmless twice."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connectors.models import Approval, AuditEvent, Batch, BatchItem, Connector, Hold, Operation, Protection
from connectors.services import batch_steps
from connectors.states import State
from tests.templates.conftest import Estate

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)
    monkeypatch.setattr("connectors.tasks.wake_batch", lambda batch_id: None)


def pause_all(estate: Estate, client: Client | None = None, query: str = "all=yes", **data: Any) -> Any:
    client = client or estate.client("operator")
    return client.post(f"/batches/?{query}", {"kind": "pause", "reason": "move", **data}, headers=HTMX)


def test_dialog_counts_what_is_done_and_says_what_is_skipped(estate: Estate) -> None:
    for _ in range(3):
        estate.connector()
    estate.connector(State.PAUSED, name="resting")

    html = estate.client("operator").get("/batches/new/?kind=pause&all=yes", headers=HTMX).content.decode()

    assert html.startswith("<dialog")
    assert "Pause 3 connectors, skip 1" in html
    assert "already paused" in html
    assert ">resting</a>" in html
    assert 'name="expected" value="3"' in html


def test_dialog_is_a_page_without_script(estate: Estate) -> None:
    picked = [estate.connector(), estate.connector()]
    estate.connector()

    answer = estate.client("operator").get(f"/batches/new/?kind=pause&row={picked[0].pk}&row={picked[1].pk}")

    html = answer.content.decode()
    assert html.startswith("<!doctype html>")
    assert "Pause 2 connectors" in html
    assert f"row={picked[0].pk}&amp;row={picked[1].pk}" in html


@pytest.mark.parametrize("query", ["", "kind=explode&all=yes"])
def test_dialog_needs_a_verb(estate: Estate, query: str) -> None:
    assert estate.client("operator").get(f"/batches/new/?{query}").status_code == 404


def test_batch_is_made_of_all_that_match_the_filter(estate: Estate) -> None:
    wanted = [estate.connector(name=f"orders-{n}") for n in range(3)]
    estate.connector(name="other")

    answer = pause_all(estate, query="all=yes&search=orders", expected=3)

    batch = Batch.objects.get()
    assert (answer.status_code, answer["HX-Redirect"]) == (204, f"/batches/{batch.pk}/")
    assert (batch.selection, batch.reason) == ("search:orders", "move")
    assert set(batch.items.values_list("connector_id", flat=True)) == {c.pk for c in wanted}


def test_plain_browser_is_sent_to_the_batch(estate: Estate) -> None:
    estate.connector()

    answer = estate.client("operator").post("/batches/?all=yes", {"kind": "pause"}, follow=True)

    assert answer.redirect_chain == [(f"/batches/{Batch.objects.get().pk}/", 302)]
    assert "Pause of every connector asked." in answer.content.decode()


def test_press_twice_is_one_batch(estate: Estate) -> None:
    estate.connector()
    client = estate.client("operator")

    places = {pause_all(estate, client, key="one-dialog")["HX-Redirect"] for _ in range(2)}

    assert len(places) == 1
    assert Batch.objects.count() == 1


def test_dialog_is_shown_again_when_the_list_has_changed(estate: Estate) -> None:
    estate.connector()

    answer = pause_all(estate, expected=7)

    assert answer.status_code == 409
    assert "has changed from 7 to 1" in answer.content.decode()
    assert 'value="move"' in answer.content.decode()
    assert not Batch.objects.exists()


@pytest.mark.parametrize(
    ("name", "words"), [("viewer", "operator or lead in team payments"), ("stranger", "that you may see")]
)
def test_batch_is_refused_to_whoever_may_not(estate: Estate, name: str, words: str) -> None:
    estate.connector()

    answer = pause_all(estate, estate.client(name))

    assert answer.status_code == 409
    assert words in answer.content.decode()
    assert not Batch.objects.exists()


def test_batch_refuses_a_time_that_was_not_named(estate: Estate) -> None:
    estate.connector()

    answer = pause_all(estate, until="at")

    assert answer.status_code == 422
    assert "Name the day and the time." in answer.content.decode()


def test_batch_reads_times_on_the_clock_of_whoever_asks(estate: Estate) -> None:
    estate.connector()

    pause_all(estate, until="at", until_at="2099-01-01T02:00", offset="-120")

    assert Batch.objects.count() == 1
    batch = Batch.objects.get()
    assert batch.until is not None
    assert f"{batch.until:%Y-%m-%d %H:%M %Z}" == "2099-01-01 00:00 UTC"


def test_page_shows_progress_stages_and_each_item(estate: Estate) -> None:
    for _ in range(3):
        estate.connector()
    estate.connector(State.PAUSED, name="resting")
    client = estate.client("operator")
    pause_all(estate, client, canary="1", until="1h")
    batch = Batch.objects.get()
    batch_steps.advance(str(batch.pk))

    html = client.get(f"/batches/{batch.pk}/").content.decode()

    assert "Pause 3 connectors" in html
    assert "0 of 3 confirmed" in html
    assert re.findall(r"<b>(Counted|Canary 1|The rest|Done|Resume)</b>", html) == [
        "Counted", "Canary 1", "The rest", "Done", "Resume",
    ]  # fmt: skip
    assert "already paused" in html
    assert html.count('id="item-') == 4
    assert client.get(f"/batches/{batch.pk}/?show=skipped").content.decode().count('id="item-') == 1
    assert Hold.objects.count() == 1


@pytest.mark.parametrize(("name", "status"), [("viewer", 200), ("auditor", 200), ("stranger", 404)])
def test_page_is_for_those_who_see_its_connectors(estate: Estate, name: str, status: int) -> None:
    estate.connector()
    pause_all(estate)

    assert estate.client(name).get(f"/batches/{Batch.objects.get().pk}/").status_code == status


@pytest.mark.parametrize("number", [1, 30])
def test_page_takes_the_same_queries_for_few_and_many(
    estate: Estate, number: int, django_assert_num_queries: Any
) -> None:
    for _ in range(number):
        estate.connector()
    client = estate.client("operator")
    pause_all(estate, client)
    address = f"/batches/{Batch.objects.get().pk}/"
    client.get(address)

    with django_assert_num_queries(13):
        client.get(address)
    with django_assert_num_queries(6):
        client.get("/batches/")


@pytest.mark.parametrize("verb", ["cancellation", "retry", "restoration"])
@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("stranger", 404)])
def test_changes_are_refused_to_whoever_may_not(estate: Estate, verb: str, name: str, status: int) -> None:
    estate.connector()
    pause_all(estate)
    batch = Batch.objects.get()
    address = f"/batches/{batch.pk}/{verb}/"
    refused = {"cancellation": status}.get(verb, status if status == 404 else 409)

    assert estate.client("operator").get(address).status_code == 405
    assert estate.client(name).post(address, headers=HTMX).status_code == refused
    assert Batch.objects.count() == 1


def test_cancel_retry_and_restore_from_the_page(estate: Estate) -> None:
    connectors = [estate.connector(), estate.connector()]
    client = estate.client("operator")
    pause_all(estate, client)
    batch = Batch.objects.get()
    batch_steps.advance(str(batch.pk))
    first, second = Operation.objects.all()
    Operation.objects.filter(pk=first.pk).update(status="confirmed", finished_at=first.requested_at)
    Operation.objects.filter(pk=second.pk).update(status="failed", finished_at=first.requested_at, error="no")
    Connector.objects.filter(operations=first).update(state="paused")
    batch_steps.advance(str(batch.pk))
    html = client.get(f"/batches/{batch.pk}/").content.decode()
    assert ("Retry 1<" in html, "Lead back 1<" in html, "Cancel the rest" in html) == (True, True, False)

    answers = [client.post(f"/batches/{batch.pk}/{v}/", headers=HTMX).status_code for v in ("retry", "restoration")]
    again = client.post(f"/batches/{batch.pk}/cancellation/", headers=HTMX)

    assert answers == [204, 204]
    assert (again.status_code, 'role="alert"' in again.content.decode()) == (409, True)
    made = {b.kind: [i.connector_id for i in b.items.all()] for b in Batch.objects.filter(parent=batch)}
    assert made == {"pause": [second.connector_id], "resume": [first.connector_id]}
    assert {c.pk for c in connectors} == {first.connector_id, second.connector_id}


def test_board_offers_the_verbs_that_its_vendors_have(estate: Estate) -> None:
    for _ in range(60):
        estate.connector()

    html = estate.client("operator").get("/?team=payments").content.decode()
    bar = html[html.index('id="selection"') : html.index("</form>", html.index('id="selection"'))]

    assert re.findall(r'name="kind" value="(\w+)"', bar) == ["pause", "resume", "restart"]
    assert "All 60 that match" in bar
    assert '<input type="hidden" name="team" value="payments">' in bar
    assert html.count('name="row"') == 50


def test_each_step_is_on_record(estate: Estate) -> None:
    estate.connector()
    client = estate.client("operator")
    pause_all(estate, client)
    client.post(f"/batches/{Batch.objects.get().pk}/cancellation/", headers=HTMX)

    events = AuditEvent.objects.filter(action__startswith="batch.").order_by("id")
    assert [(e.action, e.actor) for e in events] == [
        ("batch.pause.requested", "operator"), ("batch.pause.cancelled", "operator"),
    ]  # fmt: skip
    assert BatchItem.objects.get().status == "dropped"


def protected(estate: Estate, number: int) -> list[Connector]:
    """This will add connectors whose pause takes a second person."""
    made = [estate.connector(name=f"cards-{place}") for place in range(number)]
    for connector in made:
        Protection.objects.create(connector=connector, set_by="lead", set_at=timezone.now(), reason="card payments")
    return made


def test_protected_ones_are_asked_of_a_second_person_together(estate: Estate) -> None:
    cards, free = protected(estate, 3), estate.connector(name="free")
    client = estate.client("operator")

    html = client.get("/batches/new/?kind=pause&all=yes", headers=HTMX).content.decode()
    answer = pause_all(estate, client, second_person="ask", ticket="INC-7", until="1h")

    approval = Approval.objects.get()
    assert "Ask a second person for 3" in html
    assert (answer.status_code, answer["HX-Redirect"]) == (204, f"/approvals/{approval.pk}/")
    assert {item.connector_id for item in approval.targets.all()} == {c.pk for c in cards}
    assert (approval.kind, approval.reason, approval.until is None) == ("pause", "move (INC-7)", False)
    assert not Operation.objects.exists()
    estate.client("lead").post(f"/approvals/{approval.pk}/decision/", {"choice": "approve"})
    assert set(Operation.objects.values_list("connector_id", flat=True)) == {c.pk for c in cards}
    assert Hold.objects.count() == 3
    assert not free.operations.exists()


def test_the_dialog_asks_a_second_person_when_nothing_else_is_left(estate: Estate) -> None:
    protected(estate, 2)
    client = estate.client("operator")

    html = client.get("/batches/new/?kind=pause&all=yes", headers=HTMX).content.decode()
    unsaid = pause_all(estate, client, second_person="ask", reason="")

    assert "Pause 0" not in re.findall(r"<footer>.*?</footer>", html, re.S)[0]
    assert 'name="reason"' in html
    assert unsaid.status_code == 409
    assert "Say why" in unsaid.content.decode()
    plain = client.post("/batches/?all=yes", {"kind": "pause", "reason": "x", "second_person": "ask"})
    assert plain["Location"] == f"/approvals/{Approval.objects.get().pk}/"


def test_only_what_takes_a_second_person_is_asked_of_one(estate: Estate) -> None:
    estate.connector()
    client = estate.client("operator")

    html = client.get("/batches/new/?kind=pause&all=yes", headers=HTMX).content.decode()
    answer = pause_all(estate, client, second_person="ask")

    assert "Ask a second person" not in html
    assert answer.status_code == 409
    assert not Approval.objects.exists()


def test_whoever_may_not_operate_asks_nobody(estate: Estate) -> None:
    protected(estate, 1)

    for name in ("viewer", "stranger"):
        assert pause_all(estate, estate.client(name), second_person="ask").status_code == 409
    assert not Approval.objects.exists()
