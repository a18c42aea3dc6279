"""Exports in the background: whole, provable, and none the worse for a worker that dies."""

import csv
import io
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.test import Client
from django.utils import timezone

from connectors import permissions, verifier
from connectors.actor import SET_UP, Actor
from connectors.models import AuditEvent, AuditExport, AuditExportPart
from connectors.services import audit, checkpoints, export_lines, exporting, retention, sealing
from tests.cast import Estate

pytestmark = pytest.mark.django_db
ACTOR = Actor("person", "auditor")


def add(number: int, who: str = "operator", **values: Any) -> None:
    """This will record and seal some events."""
    with transaction.atomic():
        for place in range(number):
            said = {"result": "done", "reason": f"naïve {place}", **values}
            audit.record("site.test.done", actor=Actor("person", who), **said)
    sealing.seal()


@pytest.fixture
def record(monkeypatch: Any) -> None:
    """This will store five stretches between checkpoints, of which two hold what `needle` did, and a tail."""
    monkeypatch.setattr(export_lines, "WINDOW", 7)
    for who in ("a", "needle", "b", "needle", "c"):
        add(10, "hay")
        add(2, who)
        checkpoints.make()
    add(3, "hay")


def ask(estate: Estate, query: str = "", form: str = "jsonl", name: str = "auditor") -> AuditExport:
    """This will ask for an export as one of the cast."""
    viewer = permissions.viewer_of(estate.people[name])
    return exporting.request(query=query, form=form, actor=ACTOR, viewer=viewer)


def finish(export: AuditExport) -> list[str]:
    """This will write all of it, and give its lines."""
    while exporting.advance(export.pk):
        pass
    export.refresh_from_db()
    assert export.status == "done"
    return b"".join(exporting.read(export=export, actor=ACTOR)).decode().splitlines()


async def whole(pieces: Any) -> bytes:
    """This will read a stream to its end."""
    return b"".join([piece async for piece in pieces])


def report(lines: list[str]) -> verifier.Report:
    """This will verify an export as an auditor does."""
    export = verifier.read(lines)
    return verifier.check(
        export.links, export.checkpoints, export.chain, jumps=export.jumps, is_excerpt=export.is_excerpt,
        trusted=[checkpoints.fingerprint()],
    )  # fmt: skip


def test_export_of_everything_verifies(estate: Estate, record: None) -> None:
    export = ask(estate)
    add(4)  # later than the export was asked for

    found = report(finish(export))

    assert (found.finding, found.first, found.last, found.signed_to) == (None, 1, 63, 60)
    assert (export.done, export.total) == (63, 63)


def test_excerpt_holds_what_fits_and_proves_it(estate: Estate, record: None) -> None:
    export = ask(estate, "actor:needle")

    lines = finish(export)

    texts = [json.loads(line)["event"] for line in lines if '"event"' in line]
    assert [json.loads(text)["actor"] for text in texts] == ["needle"] * 4
    assert report(lines).finding is None
    assert "hay" not in "".join(lines)
    assert [json.loads(line)["jump"] for line in lines if '"jump"' in line] == [12, 36]
    assert (export.done, export.total) == (4, 4)


def test_change_in_an_excerpt_is_found(estate: Estate, record: None) -> None:
    lines = finish(ask(estate, "actor:needle"))

    for place, line in enumerate(lines):
        said = json.loads(line)
        if "event" in said:
            edited = [*lines]
            edited[place] = json.dumps({**said, "event": said["event"].replace("needle", "nobody")})
            found = report(edited).finding
            assert found is not None
            assert (found.kind, found.position) == ("edited", said["position"])
        if "position" in said:
            assert not report(lines[:place] + lines[place + 1 :]).is_whole


def test_forged_event_is_found_also_where_its_checkpoint_was_cut_off(estate: Estate, record: None) -> None:
    """Rechained up to the end of its stretch, and the signed event left out: nothing signed would contradict it."""
    lines = [json.loads(line) for line in finish(ask(estate, "actor:needle"))]
    (at, *_) = [place for place, said in enumerate(lines) if "event" in said]
    head = bytes.fromhex(lines[at - 1]["hash"])
    lines[at]["event"] = lines[at]["event"].replace("needle", "nobody")
    lines[at]["hash"] = verifier.link(head, lines[at]["position"], verifier.digest(lines[at]["event"])).hex()
    del lines[at + 1]

    found = report([json.dumps(line) for line in lines]).finding

    assert found is not None
    assert (found.kind, found.position) == ("cut off", lines[at]["position"] + 1)


def test_excerpt_without_anything_is_whole_too(estate: Estate, record: None) -> None:
    assert report(finish(ask(estate, "actor:nobody"))).is_whole


def test_export_begins_behind_a_tombstone(estate: Estate, record: None) -> None:
    late = timezone.now() + timedelta(days=40)
    retention.prune(actor=SET_UP, days=30, now=late)
    sealing.seal()

    found = report(finish(ask(estate)))

    assert (found.finding, found.pruned_to, found.first) == (None, 60, 61)


def test_worker_that_dies_leaves_nothing_double_and_nothing_out(estate: Estate, record: None, monkeypatch: Any) -> None:
    export = ask(estate)
    plain = exporting._put
    puts: list[int] = []

    def dies(export: AuditExport, text: str) -> None:
        plain(export, text)
        puts.append(1)
        if len(puts) in (2, 5):
            raise SystemExit

    monkeypatch.setattr(exporting, "_put", dies)
    now = timezone.now()
    for number in range(2):
        with pytest.raises(SystemExit):
            exporting.advance(export.pk, now + number * timedelta(minutes=2))
        assert exporting.due() == []  # claimed by the dead one
    later = now + timedelta(minutes=5)

    assert exporting.due(later) == [export.pk]
    assert exporting.advance(export.pk, later) is False
    export.refresh_from_db()
    lines = b"".join(exporting.read(export=export, actor=ACTOR)).decode().splitlines()
    assert (report(lines).finding, report(lines).events, export.done) == (None, 63, 63)


def test_two_workers_do_not_write_at_once(estate: Estate, record: None) -> None:
    export = ask(estate)
    AuditExport.objects.update(claimed_until=timezone.now() + exporting.CLAIM)

    assert exporting.advance(export.pk) is False
    assert not AuditExportPart.objects.exists()


def test_cancelled_export_stops_and_leaves_nothing(estate: Estate, record: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(exporting, "SLICE", timedelta(0))
    export = ask(estate)
    exporting.advance(export.pk)

    exporting.cancel(export=export, actor=ACTOR)

    assert exporting.advance(export.pk) is False
    assert not AuditExportPart.objects.exists()
    with pytest.raises(exporting.NotPossible):
        exporting.read(export=export, actor=ACTOR)


def test_csv_holds_each_event_once_and_no_formula(estate: Estate, monkeypatch: Any) -> None:
    monkeypatch.setattr(export_lines, "WINDOW", 3)
    add(7, reason="=HYPERLINK(1)", error="@SUM(1)", after={"a": "–"})
    export = ask(estate, "actor:operator", "csv")

    rows = list(csv.DictReader(io.StringIO("\n".join(finish(export)))))

    assert sorted(int(row["position"]) for row in rows) == [1, 2, 3, 4, 5, 6, 7]
    assert {(row["reason"], row["error"]) for row in rows} == {("'=HYPERLINK(1)", "'@SUM(1)")}
    assert export.done == 7


def test_file_is_kept_for_a_time(estate: Estate, record: None) -> None:
    finish(ask(estate))

    assert exporting.forget() == 0
    assert exporting.forget(timezone.now() + timedelta(days=8)) == 1
    assert not AuditExportPart.objects.exists()


def test_asking_and_fetching_are_on_record(estate: Estate, record: None) -> None:
    finish(ask(estate, "actor:needle"))

    events = AuditEvent.objects.filter(action__startswith="audit.export.").order_by("pk")
    assert [event.action for event in events] == ["audit.export.requested", "audit.export.downloaded"]
    assert (events[0].after or {})["query"] == "actor:needle"


@pytest.mark.parametrize("name", ["viewer", "operator", "lead", "stranger"])
def test_export_takes_a_role(estate: Estate, name: str) -> None:
    with pytest.raises(exporting.NotPossible):
        ask(estate, name=name)


def test_export_of_what_cannot_be_read_and_too_many_are_refused(estate: Estate) -> None:
    with pytest.raises(exporting.NotPossible, match="Column 1"):
        ask(estate, "actr:x")
    for _ in range(exporting.MOST_OPEN):
        ask(estate)
    with pytest.raises(exporting.NotPossible, match="under way"):
        ask(estate)


def test_page_shows_own_exports_alone(estate: Estate, client: Any, record: None) -> None:
    client.force_login(estate.people["auditor"])
    assert client.post("/audit/exports/", {"q": "actor:needle", "format": "jsonl"}).status_code == 302
    export = AuditExport.objects.get()
    assert 'hx-trigger="every 1s"' in client.get("/audit/exports/").content.decode()
    finish(export)

    html = client.get("/audit/exports/").content.decode()
    assert f"/audit/exports/{export.pk}/content/" in html
    assert 'hx-trigger="every 1s"' not in html
    assert client.get(f"/audit/exports/{uuid.uuid4()}/content/").status_code == 404
    assert client.get(f"/audit/exports/{export.pk}/cancellation/").status_code == 405
    client.force_login(estate.people["admin"])
    assert client.get(f"/audit/exports/{export.pk}/content/").status_code == 404
    assert client.post(f"/audit/exports/{export.pk}/cancellation/").status_code == 404
    client.force_login(estate.people["operator"])
    assert client.get("/audit/exports/").status_code == 403


def test_api_asks_follows_and_fetches(estate: Estate, record: None) -> None:
    auditor = Client(headers={"Authorization": f"Token {estate.token('auditor')}"})
    operator = Client(headers={"Authorization": f"Token {estate.token('operator')}"})

    asked = auditor.post("/api/v1/audit-exports/", {"q": "actor:needle"}, content_type="application/json")
    path = f"/api/v1/audit-exports/{asked.json()['id']}/"
    early = auditor.get(f"{path}content/")
    finish(AuditExport.objects.get())
    content = auditor.get(f"{path}content/")

    assert (asked.status_code, early.status_code) == (202, 409)
    assert auditor.get(path).json()["done"] == 4
    stream: Any = content
    assert report(async_to_sync(whole)(stream.streaming_content).decode().splitlines()).is_whole
    assert operator.get("/api/v1/audit-exports/").status_code == 403
    assert auditor.delete(path).status_code == 204
