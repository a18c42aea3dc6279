"""Pages of the guard rails: who sees and may what, what rows and connector pages say, the whole way by forms."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.utils import timezone

from connectors.models import Approval, AuditEvent, BreakGlass, FreezeWindow, Loosening, Operation, Protection
from tests.templates.conftest import Estate

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
WISH = {"name": "Year end", "team": "payments", "reason": "books close", "mode": "open", "zone": "UTC"}


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)


def frozen(estate: Estate, **fields: Any) -> FreezeWindow:
    values = {
        "team": estate.team, "name": "Year end", "reason": "books close", "mode": "open", "created_by": "lead",
        "starts_at": timezone.now(), "created_at": timezone.now(), **fields,
    }  # fmt: skip
    return FreezeWindow.objects.create(**values)


def protected(estate: Estate, **fields: Any) -> Protection:
    connector = estate.connector()
    return Protection.objects.create(connector=connector, set_by="lead", set_at=timezone.now(), **fields)


def test_lead_freezes_by_a_form_breaks_the_glass_and_ends_it(estate: Estate) -> None:
    client, connector = estate.client("lead"), estate.connector()

    made = client.post("/freezes/", WISH)

    window = FreezeWindow.objects.get()
    assert made.headers["Location"] == f"/freezes/{window.pk}/"
    page = unescape(client.get(f"/connectors/{connector.pk}/").content.decode())
    assert "Break the glass…" in page
    assert "Frozen until somebody ends it" in client.get("/").content.decode()

    broken = client.post(f"/freezes/{window.pk}/glass/", {"reason": "INC-7", "minutes": 15}, follow=True)
    assert "You pass “Year end” until" in broken.content.decode()
    assert client.post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, headers=HTMX).status_code == 202
    client.post(f"/freezes/glass/{BreakGlass.objects.get().pk}/end/")
    client.post(f"/freezes/{window.pk}/")

    window.refresh_from_db()
    assert window.ended_by == "lead"
    said = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert said == [
        "freeze.created", "freeze.break_glass.opened", "connector.pause.requested", "connector.pause.break_glass",
        "freeze.break_glass.closed", "freeze.ended",
    ]  # fmt: skip


def test_form_of_a_freeze_takes_times_by_the_clock_of_its_zone(estate: Estate) -> None:
    day = (timezone.now() + timedelta(days=200)).year + 1
    times = {
        "mode": "once",
        "zone": "Europe/Berlin",
        "starts_at": f"{day}-07-01T08:00",
        "ends_at": f"{day}-07-01T09:00",
    }

    estate.client("lead").post("/freezes/", WISH | times)

    window = FreezeWindow.objects.get()
    assert f"{window.starts_at:%m-%d %H:%M} {window.ends_at:%H:%M}" == "07-01 06:00 07:00"


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"mode": "once"}, "Name its end."), ({"mode": "repeating", "cron": "x"}, "no cron line"),
     ({"zone": "Nowhere"}, "Name a time zone"), ({"reason": ""}, "This field is required."),
     ({"team": "*"}, "Select a valid choice"), ({"spared_people": "ghost"}, "Nobody signs in as ghost")],
)  # fmt: skip
def test_form_of_a_freeze_says_what_is_wrong(estate: Estate, fields: dict[str, str], words: str) -> None:
    answer = estate.client("lead").post("/freezes/", WISH | fields)

    assert answer.status_code in {409, 422}
    assert words in answer.content.decode()
    assert not FreezeWindow.objects.exists()


@pytest.mark.parametrize(
    ("name", "form", "page", "end", "glass"),
    [("viewer", 403, 200, 403, 403), ("operator", 403, 200, 403, 403), ("lead", 200, 200, 302, 302),
     ("auditor", 403, 200, 403, 403), ("admin", 200, 200, 302, 302), ("stranger", 200, 404, 404, 404)],
)  # fmt: skip
def test_who_may_what_with_a_freeze(estate: Estate, name: str, form: int, page: int, end: int, glass: int) -> None:
    window, client = frozen(estate), estate.client(name)

    assert client.get("/freezes/new/").status_code == form
    assert client.get(f"/freezes/{window.pk}/").status_code == page
    assert client.post(f"/freezes/{window.pk}/glass/", {"reason": "x", "minutes": 15}).status_code == glass
    assert client.post(f"/freezes/{window.pk}/").status_code == end


def test_frozen_button_is_off_with_the_freeze_as_its_reason(estate: Estate) -> None:
    connector = estate.connector()
    frozen(estate)

    html = unescape(estate.client("operator").get(f"/connectors/{connector.pk}/").content.decode())
    answer = estate.client("operator").post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, headers=HTMX)

    assert "off: Frozen until somebody ends it by “Year end” of team payments: books close." in html
    assert "Break the glass…" not in html
    assert (answer.status_code, Operation.objects.count()) == (409, 0)
    assert AuditEvent.objects.get().action == "connector.pause.refused"


def test_freeze_to_come_is_announced(estate: Estate) -> None:
    connector = estate.connector()
    frozen(estate, starts_at=timezone.now() + timedelta(days=2))

    html = estate.client("viewer").get(f"/connectors/{connector.pk}/").content.decode()

    assert "Freezes" in html
    assert "Freezes" in estate.client("viewer").get("/").content.decode()


def test_press_on_a_protected_connector_asks_a_second_person_who_approves(estate: Estate) -> None:
    connector = protected(estate).connector
    operator, lead = estate.client("operator"), estate.client("lead")
    dialog = operator.get(f"/connectors/{connector.pk}/operations/new/?kind=pause").content.decode()
    assert "pause takes an approval by a second person" in dialog

    pressed = operator.post(
        f"/connectors/{connector.pk}/operations/", {"kind": "pause", "reason": "INC-7"}, headers=HTMX
    )

    approval = Approval.objects.get()
    assert pressed.status_code == 202
    assert "waits for a second person" in pressed.content.decode()
    assert '<b class="count">1<' in lead.get("/").content.decode()
    assert 'class="count"' not in operator.get("/").content.decode()
    assert "waits for you" in lead.get("/approvals/").content.decode()
    assert "Approve and pause" in lead.get(f"/approvals/{approval.pk}/").content.decode()
    assert "Approve and pause" not in operator.get(f"/approvals/{approval.pk}/").content.decode()

    answer = lead.post(f"/approvals/{approval.pk}/decision/", {"choice": "approve"}, follow=True)

    assert "Approved, and asked of the vendor." in answer.content.decode()
    assert Operation.objects.get().actor == "operator"


def test_press_without_a_reason_asks_nobody(estate: Estate) -> None:
    connector = protected(estate).connector

    answer = estate.client("operator").post(f"/connectors/{connector.pk}/operations/", {"kind": "pause"}, headers=HTMX)

    assert answer.status_code == 409
    assert "Say why" in answer.content.decode()
    assert not Approval.objects.exists()


@pytest.mark.parametrize(("name", "status"), [("operator", 403), ("viewer", 403), ("stranger", 404), ("lead", 302)])
def test_who_decides(estate: Estate, name: str, status: int) -> None:
    connector = protected(estate).connector
    estate.client("operator").post(f"/connectors/{connector.pk}/operations/", {"kind": "pause", "reason": "x"})
    approval = Approval.objects.get()

    answer = estate.client(name).post(f"/approvals/{approval.pk}/decision/", {"choice": "approve"})

    assert answer.status_code == status
    assert Operation.objects.exists() == (name == "lead")


def test_lead_protects_changes_and_lifts_by_a_form(estate: Estate) -> None:
    connector, client = estate.connector(), estate.client("lead")
    path = f"/connectors/{connector.pk}/protection/"

    client.post(path, {"verbs": ["pause", "stop"], "approver": "lead", "is_always_on": "on", "reason": "cards"})

    stands = Protection.objects.get()
    assert (stands.verbs, stands.approver, stands.is_always_on) == (["pause", "stop"], "lead", True)
    assert "Always on" in client.get("/").content.decode()
    assert connector.name in client.get("/protections/").content.decode()
    assert client.post(path, {"approver": "lead"}).status_code == 422


def test_lifting_goes_by_forms_from_one_lead_to_a_second_person(estate: Estate) -> None:
    connector = protected(estate, reason="cards").connector
    path = f"/connectors/{connector.pk}/protection/"
    lead, admin = estate.client("lead"), estate.client("admin")

    said = lead.post(path, {"lift": "1", "reason": "retired"}, follow=True).content.decode()
    mine, theirs = lead.get(path).content.decode(), admin.get(path).content.decode()
    inbox = unescape(admin.get("/approvals/").content.decode())

    asked = Loosening.objects.get()
    assert "waits for a second person" in said
    assert ('value="take_back"' in mine, 'value="approve"' in mine) == (True, False)
    assert ('value="take_back"' in theirs, 'value="approve"' in theirs) == (False, True)
    assert "Protections to be weakened" in inbox
    assert "“retired”" in inbox
    decision = f"/protections/loosenings/{asked.pk}/decision/"
    assert lead.post(decision, {"choice": "approve"}).status_code == 403
    assert Protection.objects.exists()
    assert "is protected as was asked for" in admin.post(decision, {"choice": "approve"}, follow=True).content.decode()
    assert not Protection.objects.exists()


@pytest.mark.parametrize(("name", "status"), [("operator", 403), ("viewer", 403), ("stranger", 404)])
def test_protecting_is_for_leads(estate: Estate, name: str, status: int) -> None:
    connector = estate.connector()

    assert estate.client(name).get(f"/connectors/{connector.pk}/protection/").status_code == status
    assert estate.client(name).post(f"/connectors/{connector.pk}/protection/", {"verbs": "stop"}).status_code == status


@pytest.mark.parametrize("path", ["/freezes/", "/approvals/", "/protections/"])
@pytest.mark.parametrize("rows", [1, 3])
def test_lists_take_the_same_queries_for_any_number_of_rows(
    estate: Estate, path: str, rows: int, django_assert_max_num_queries: Any
) -> None:
    for _ in range(rows):
        frozen(estate)
        connector = protected(estate).connector
        estate.client("operator").post(f"/connectors/{connector.pk}/operations/", {"kind": "pause", "reason": "x"})
    client = estate.client("lead")

    with django_assert_max_num_queries(11):
        answer = client.get(path)

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/freezes/", "/approvals/", "/protections/"])
def test_empty_lists_say_what_they_are_for(estate: Estate, path: str) -> None:
    assert 'class="empty"' in estate.client("viewer").get(path).content.decode()


def test_a_freeze_is_changed_by_its_form_and_is_on_record_with_what_it_was(estate: Estate) -> None:
    window = frozen(estate, spared=["orders*"])
    client, path = estate.client("lead"), f"/freezes/{window.pk}/change/"

    shown = client.get(path).context["form"].initial
    assert (shown["spared"], shown["team"], shown["mode"]) == ("orders*", "payments", window.mode)
    end = (timezone.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    answer = client.post(path, WISH | {"team": "*", "mode": "once", "ends_at": end, "reason": "INC-7"})

    before, began = window.ends_at, window.starts_at
    window.refresh_from_db()
    assert (answer.status_code, window.mode, window.starts_at, window.spared) == (302, "once", began, [])
    assert (window.team_id, window.ends_at != before) == (estate.team.pk, True)
    event = AuditEvent.objects.get(action="freeze.changed")
    assert event.before
    assert event.after
    assert (event.before["except"], event.after["except"], event.reason) == (["orders*"], [], "INC-7")


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("operator", 403), ("stranger", 404), ("admin", 200)])
def test_changing_a_freeze_takes_what_setting_it_takes(estate: Estate, name: str, status: int) -> None:
    path = f"/freezes/{frozen(estate).pk}/change/"

    assert estate.client(name).get(path).status_code == status
    if status != 200:
        assert estate.client(name).post(path, WISH).status_code == status
    assert not AuditEvent.objects.exists()


def test_a_freeze_that_is_over_is_not_changed(estate: Estate) -> None:
    window = frozen(estate, ended_at=timezone.now())

    answer = estate.client("lead").post(f"/freezes/{window.pk}/change/", WISH)

    assert answer.status_code == 409
    assert "It has ended already" in answer.content.decode()


def test_the_team_page_shows_its_freezes_and_those_of_the_site(estate: Estate) -> None:
    frozen(estate, name="Year end")
    frozen(estate, name="Whole house", team=None)
    frozen(estate, name="Long ago", ended_at=timezone.now())

    page = estate.client("lead").get("/teams/payments/").content.decode()

    assert ("Year end" in page, "Whole house" in page, "Long ago" in page) == (True, True, False)
    assert 'href="/freezes/new/?team=payments"' in page
    assert "/freezes/new/" not in estate.client("viewer").get("/teams/payments/").content.decode()
