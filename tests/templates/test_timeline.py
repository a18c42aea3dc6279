"""The time line: everything in one line, the newest first, page by page."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connector, Note, StateChange
from connectors.states import State
from tests.templates.conftest import Estate

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)


def eventful(estate: Estate) -> Connector:
    """A connector that was seen, failed outside, drifted, was snoozed, noted and paused."""
    now = timezone.now()
    connector = estate.connector(
        State.FAILED, desired_state=State.RUNNING, desired_by="lead", drift_since=now - timedelta(minutes=5)
    )
    for minutes, before, after, cause in ((90, "", "running", "first_seen"), (5, "running", "failed", "outside")):
        StateChange.objects.create(
            connector=connector, before=before, after=after, cause=cause, at=now - timedelta(minutes=minutes)
        )
    client = estate.client("operator")
    client.post(f"/connectors/{connector.pk}/drift/", {"choice": "snooze", "hours": 8}, headers=HTMX)
    client.post(f"/connectors/{connector.pk}/notes/", {"text": "database is being moved"}, headers=HTMX)
    client.post(f"/connectors/{connector.pk}/operations/", {"kind": "restart", "reason": "try"}, headers=HTMX)
    return connector


def words(html: str) -> list[str]:
    """The first words of each entry."""
    line = html[html.index('<ol class="timeline">') :]
    line = line[: line.index("</ol>")]
    found = re.findall(r"<li><time.*?<div>(.*?)</div></li>", line, re.DOTALL)
    return [re.sub(r"<small>.*|<[^>]+>", "", entry).strip() for entry in found]


def test_timeline_mixes_all_kinds_newest_first(estate: Estate) -> None:
    connector = eventful(estate)

    html = estate.client("viewer").get(f"/connectors/{connector.pk}/").content.decode()

    found = words(html)
    assert found[0].startswith("operator asked to restart “try”")
    assert found[1] == "Note by operator: database is being moved"
    assert found[2].startswith("operator: drift snoozed until ")
    assert found[3:] == ["Failed, was running", "Running"]
    assert "made outside Switchyard" in html


@pytest.mark.parametrize(("show", "number"), [
    ("", 5), ("states", 2), ("operations", 1), ("outside", 1), ("decisions", 1), ("notes", 1), ("nonsense", 5),
])  # fmt: skip
def test_timeline_is_narrowed(estate: Estate, show: str, number: int) -> None:
    connector = eventful(estate)

    html = estate.client("viewer").get(f"/connectors/{connector.pk}/timeline/?show={show}").content.decode()

    assert len(words(html)) == number


@pytest.mark.parametrize("rows", [1, 80])
def test_timeline_pages_by_fifty_in_few_questions(
    estate: Estate, rows: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    connector = estate.connector()
    now = timezone.now()
    StateChange.objects.bulk_create(
        StateChange(connector=connector, before="running", after="failed", cause="unknown", at=now - timedelta(hours=n))
        for n in range(rows)
    )
    Note.objects.create(
        team=estate.team, connector=connector, text="old", author="x", written_at=now - timedelta(days=9)
    )
    client = estate.client("viewer")

    with django_assert_max_num_queries(8):
        html = client.get(f"/connectors/{connector.pk}/timeline/").content.decode()

    assert len(words(html)) == min(rows + 1, 50)
    assert ('rel="next"' in html) is (rows > 50)
    if rows > 50:
        assert (
            words(client.get(f"/connectors/{connector.pk}/timeline/?page=2").content.decode())[-1] == "Note by x: old"
        )


def test_timeline_is_404_for_a_stranger(estate: Estate) -> None:
    connector = estate.connector()
    client = estate.client("stranger")

    pages = [f"/connectors/{connector.pk}/timeline/", f"/pipelines/{estate.pipeline.pk}/timeline/"]

    assert [client.get(page).status_code for page in pages] == [404, 404]
