"""Notes and runbooks: who sees, writes, changes and removes them, and that nothing in them is taken as markup."""

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection

from connectors.models import AuditEvent, Membership, Note
from connectors.states import Role, State
from tests.templates.conftest import Estate

HTMX = {"HX-Request": "true"}
ERROR = "FATAL: remaining connection slots are reserved (pid 4711)"


def write(estate: Estate, name: str = "operator", text: str = "call the database team", **more: str) -> Note:
    connector = estate.made[0] if estate.made else estate.connector(State.FAILED, error=ERROR)
    answer = estate.client(name).post(f"/connectors/{connector.pk}/notes/", {"text": text, **more}, headers=HTMX)
    assert answer.status_code == 200, answer.content.decode()
    return Note.objects.latest("pk")


def test_note_is_kept_shown_and_on_record(estate: Estate) -> None:
    note = write(estate)

    html = estate.client("viewer").get(f"/connectors/{note.connector_id}/").content.decode()

    assert "call the database team" in html
    event = AuditEvent.objects.get(action="connector.note.written")
    assert (event.actor, event.after) == ("operator", {"text": "call the database team"})


def test_runbook_turns_up_wherever_the_error_does(estate: Estate) -> None:
    write(estate, text="halve tasks.max", about="error")
    same = estate.connector(State.FAILED, error="FATAL: remaining connection slots are reserved (pid 12)")
    other = estate.connector(State.FAILED, error="disk full")
    client = estate.client("viewer")

    shown = ["halve tasks.max" in client.get(f"/connectors/{c.pk}/").content.decode() for c in (same, other)]

    assert shown == [True, False]
    assert AuditEvent.objects.get(action="runbook.written").target_kind == "team"


def test_runbook_needs_an_error(estate: Estate) -> None:
    connector = estate.connector()

    answer = estate.client("operator").post(
        f"/connectors/{connector.pk}/notes/", {"text": "x", "about": "error"}, headers=HTMX
    )

    assert (answer.status_code, Note.objects.count()) == (409, 0)
    assert "It shows no error now" in answer.content.decode()


def test_note_is_text_with_safe_links(estate: Estate) -> None:
    text = "<script>alert(1)</script>\n<b>see</b> https://wiki.example/a?b=1&c=2 javascript:alert(1)"

    note = write(estate, text=text)

    html = estate.client("viewer").get(f"/connectors/{note.connector_id}/").content.decode()
    assert "<script>alert" not in html
    assert "&lt;b&gt;see&lt;/b&gt;" in html
    links = re.findall(r'<a href="(https://wiki[^"]+)" rel="([^"]+)"', html)
    assert set(links) == {("https://wiki.example/a?b=1&amp;c=2", "nofollow noreferrer noopener")}
    assert 'href="javascript' not in html


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("auditor", 403), ("stranger", 404)])
def test_note_is_written_by_operators(estate: Estate, name: str, status: int) -> None:
    connector = estate.connector()

    answer = estate.client(name).post(f"/connectors/{connector.pk}/notes/", {"text": "x"}, headers=HTMX)

    assert (answer.status_code, Note.objects.count()) == (status, 0)


@pytest.mark.parametrize(("name", "status"), [
    ("operator", 200), ("lead", 200), ("admin", 200), ("other", 403), ("viewer", 403), ("stranger", 404),
])  # fmt: skip
@pytest.mark.parametrize("act", ["change", "removal"])
def test_note_is_changed_and_removed_by_its_author_and_leads(estate: Estate, name: str, status: int, act: str) -> None:
    other = User.objects.create_user("other")
    Membership.objects.create(user=other, team=estate.team, role=Role.OPERATOR)
    note = write(estate)
    url = f"/notes/{note.pk}/beside/connector/{note.connector_id}/{act}/"

    answer = estate.client(name).post(url, {"text": "call nobody"}, headers=HTMX)

    assert answer.status_code == status
    kept = list(Note.objects.values_list("text", flat=True))
    changed = ["call nobody"] if act == "change" else []
    assert kept == (changed if status == 200 else ["call the database team"])
    events = AuditEvent.objects.filter(action__in=["connector.note.changed", "connector.note.removed"])
    assert events.count() == (status == 200)


def test_note_that_cannot_be_kept_is_not_lost(estate: Estate) -> None:
    connector = estate.connector()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;"
            "CREATE TRIGGER unwritable BEFORE INSERT ON connectors_auditevent EXECUTE FUNCTION refuse_events();"
        )

    answer = estate.client("operator").post(
        f"/connectors/{connector.pk}/notes/", {"text": "a long story"}, headers=HTMX
    )

    assert (answer.status_code, Note.objects.count()) == (503, 0)
    assert ">a long story</textarea>" in answer.content.decode()


def test_note_works_without_javascript(estate: Estate) -> None:
    connector = estate.connector()

    answer = estate.client("operator").post(f"/connectors/{connector.pk}/notes/", {"text": "plain"}, follow=True)

    assert answer.redirect_chain == [(f"/connectors/{connector.pk}/#notes", 302)]
    assert "plain" in answer.content.decode()


def test_note_of_a_pipeline(estate: Estate) -> None:
    url = f"/pipelines/{estate.pipeline.pk}/"

    estate.client("lead").post(f"{url}notes/", {"text": "never on Mondays"})

    assert "never on Mondays" in estate.client("viewer").get(url).content.decode()
    assert "never on Mondays" in estate.client("viewer").get(f"{url}timeline/?show=notes").content.decode()
