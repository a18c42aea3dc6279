"""The pages of the audit: found by typing, read by a person, proved to whoever doubts."""

from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from connectors import verifier
from connectors.actor import Actor
from connectors.models import AuditEvent, AuditSearch
from connectors.services import audit, checkpoints, sealing
from tests.templates.conftest import Estate

OPERATOR = Actor("person", "operator", user_id=1, address="10.20.4.31", user_agent="Firefox", request_id="req_1")
READERS_ONLY = [
    "/audit/",
    "/audit/facets/",
    "/audit/completions/?q=a&at=1",
    "/audit/export.csv",
    "/audit/verification/",
    "/audit/verification/verify_audit.py",
    "/audit/verification/checkpoints.jsonl",
]


def add(**values: Any) -> AuditEvent:
    """This will record an event as the product does."""
    said = {"action": "connector.pause.requested", "result": "requested", "actor": OPERATOR, **values}
    with transaction.atomic():
        return audit.record(said.pop("action"), **said)


@pytest.mark.parametrize("name", ["viewer", "operator", "lead", "stranger"])
def test_record_is_for_admins_and_auditors(estate: Estate, name: str) -> None:
    event = add()
    client = estate.client(name)

    for page in [*READERS_ONLY, f"/audit/{event.pk}/", f"/audit/{event.pk}/raw/"]:
        assert client.get(page).status_code == 403, page


@pytest.mark.parametrize("path", ["/audit/searches/", "/audit/searches/1/removal/"])
def test_what_changes_something_refuses_get(estate: Estate, path: str) -> None:
    assert estate.client("auditor").get(path).status_code == 405


def test_event_is_sealing_until_it_is_sealed(estate: Estate) -> None:
    event = add(target=estate.connector())
    client = estate.client("auditor")

    before = [client.get(page).content.decode() for page in ("/audit/", f"/audit/{event.pk}/")]
    sealing.seal()
    after = [client.get(page).content.decode() for page in ("/audit/", f"/audit/{event.pk}/")]

    assert all("sealing" in html for html in before)
    assert not any("sealing" in html for html in after)
    assert "position 1" in after[1]


def test_event_page_says_what_changed_and_proves_it(estate: Estate) -> None:
    connector = estate.connector()
    first = add(target=connector, reason="before")
    event = add(target=connector, reason="redeploy", ticket="CHG-7", before={"desired_state": "running"},
                after={"desired_state": "paused"}, error="the vendor's words")  # fmt: skip
    sealing.seal()
    checkpoints.make()

    html = estate.client("auditor").get(f"/audit/{event.pk}/").content.decode()

    assert "operator asked to pause connector" in html
    for words in ("&#8220;redeploy&#8221;", "CHG-7", "10.20.4.31", "req_1", "signed in checkpoint 1", "running",
                  "paused", "the vendor&#x27;s words", "Same request", f"/audit/{first.pk}/"):  # fmt: skip
        assert words in html, words


def test_stored_text_is_what_is_hashed(estate: Estate) -> None:
    event = add(reason="naïve “quoted”")
    sealing.seal()

    text = estate.client("auditor").get(f"/audit/{event.pk}/raw/").content.decode()

    head = verifier.link(verifier.genesis(sealing.chain()), 1, verifier.digest(text))
    assert head == sealing.head()[1]


def test_trouble_is_shown_with_its_column_and_a_way_out(estate: Estate) -> None:
    add()

    html = estate.client("auditor").get("/audit/", {"q": "actor:operator -sytem"}).content.decode()

    assert "Column 16" in html
    assert "q=actor%3Aoperator%20-system" in html or "q=actor%3Aoperator+-system" in html
    assert html.count('<li class="event"') == 1


def test_facets_narrow_and_widen(estate: Estate) -> None:
    add()
    client = estate.client("auditor")

    plain = client.get("/audit/facets/").content.decode()
    narrowed = client.get("/audit/facets/", {"q": "x actor:operator"}).content.decode()
    within = client.get("/audit/", {"q": "actor:operator", "facets": "on"}).content.decode()

    assert 'href="/audit/?q=actor%3Aoperator"' in plain
    assert "1 event" in plain
    assert "0 event" in narrowed
    assert 'href="/audit/?q=" aria-current="true"' in within


def test_completion_offers_words(estate: Estate) -> None:
    add()

    html = estate.client("auditor").get("/audit/completions/", {"q": "actor:op", "at": "8"}).content.decode()

    assert 'data-word="actor:operator"' in html


def test_search_is_kept_for_its_owner_alone(estate: Estate) -> None:
    auditor, admin = estate.client("auditor"), estate.client("admin")

    auditor.post("/audit/searches/", {"name": "Out of hours", "q": "after:7d -system"})
    auditor.post("/audit/searches/", {"name": "Out of hours", "q": "after:1d -system"})

    kept = AuditSearch.objects.get()
    assert kept.query == "after:1d -system"
    assert "Out of hours" in auditor.get("/audit/").content.decode()
    assert "Out of hours" not in admin.get("/audit/").content.decode()
    assert admin.post(f"/audit/searches/{kept.pk}/removal/").status_code == 404
    assert auditor.post(f"/audit/searches/{kept.pk}/removal/").status_code == 302
    assert not AuditSearch.objects.exists()


def test_live_tail_asks_again_and_older_pages_do_not(estate: Estate) -> None:
    for _ in range(51):
        add()
    client = estate.client("auditor")

    tail = client.get("/audit/", {"tail": "on"}).content.decode()
    plain = client.get("/audit/").content.decode()
    older = plain.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")

    assert 'hx-trigger="every 2s"' in tail
    assert 'hx-trigger="every 2s"' not in plain
    assert client.get(older).content.decode().count('<li class="event"') == 1


@pytest.mark.parametrize("rows", [1, 3])
def test_audit_asks_the_same_number_of_questions_for_any_number_of_rows(
    estate: Estate, rows: int, django_assert_max_num_queries: Any
) -> None:
    for _ in range(rows):
        add(target=estate.connector())
    sealing.seal()
    client = estate.client("auditor")

    with django_assert_max_num_queries(9):
        assert client.get("/audit/").content.decode().count('<li class="event"') == rows


def test_verifier_on_the_page_is_the_one_file(estate: Estate) -> None:
    add()
    sealing.seal()
    made = checkpoints.make()
    client = estate.client("auditor")

    script = client.get("/audit/verification/verify_audit.py").content.decode()
    kept = client.get("/audit/verification/checkpoints.jsonl").content.decode()
    page = client.get("/audit/verification/").content.decode()

    assert script == Path(verifier.__file__).read_text()
    assert [one.body for one in verifier.read_checkpoints(kept.splitlines())] == [made.body]
    assert checkpoints.fingerprint() in page
    assert "Nothing is sent outside." in page
    assert client.get("/audit/verification/passwd").status_code == 404


def test_page_escapes_what_stands_on_record(estate: Estate) -> None:
    evil = "<img src=x onerror=alert(1)>"
    event = add(reason=evil, ticket=evil, error=evil, before={evil: evil}, after={evil: evil})
    client = estate.client("auditor")

    for page in (f"/audit/?q={evil}", f"/audit/?facets=on&q={evil}:", f"/audit/{event.pk}/", "/audit/"):
        assert "<img" not in client.get(page).content.decode(), page


def test_export_is_on_record(estate: Estate) -> None:
    estate.client("auditor").get("/audit/export.csv", {"q": "actor:operator"})

    made = AuditEvent.objects.get(action="audit.exported")
    assert (made.actor, made.after) == ("auditor", {"query": "actor:operator", "format": "csv"})


def test_signed_out_is_sent_to_sign_in(db: None) -> None:
    assert Client().get("/audit/verification/").status_code == 302
