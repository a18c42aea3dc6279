"""The event stream: who gets which rows, and what a page is told."""

import re
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient, RequestFactory
from django.utils import timezone

from connectors import permissions
from connectors.models import Connector
from connectors.states import State
from dashboard.hub import Changes, Hub
from dashboard.views import events
from dashboard.views.events import Topics, _parts, _row_parts, _rows_of, _rows_to_tell, _topics, _without_ages
from tests import cast


@pytest.fixture
def estate(db: None, tiny: str) -> cast.Estate:
    """This will make the fixed cast and their estate."""
    return cast.estate(tiny, timezone.now())


def told(estate: cast.Estate, who: str, changes: Changes, topics: Topics) -> list[str]:
    """This will give the ids of what somebody's page is told to change."""
    viewer = permissions.viewer_of(estate.people[who])
    return re.findall(r'hx-target="#([a-z-]+\d+)"', html(viewer, changes, topics))


def html(viewer: permissions.Viewer, changes: Changes, topics: Topics) -> str:
    """This will render all that a page is told."""
    return "".join([*dict(_row_parts(viewer, _rows_of(topics, changes))).values(), *_parts(viewer, topics, changes)])


def test_only_changed_rows_that_the_page_shows_are_sent(estate: cast.Estate) -> None:
    first, second, third = (c.pk for c in estate.connectors)

    sent = told(estate, "viewer", Changes(connectors={first, third}), Topics(rows=frozenset({first, second})))

    assert sent == [f"connector-{first}"]


def test_after_a_lost_connection_every_row_of_the_page_is_sent(estate: cast.Estate) -> None:
    rows = frozenset(c.pk for c in estate.connectors)

    sent = told(estate, "viewer", Changes(is_resync=True), Topics(rows=rows))

    assert sorted(sent) == sorted(f"connector-{pk}" for pk in rows)


async def test_a_page_that_shows_what_is_true_is_sent_no_row_until_one_changes(
    transactional_db: None, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub()
    monkeypatch.setattr(events, "HUB", hub)
    estate = await sync_to_async(cast.estate)(tiny, timezone.now())
    client = AsyncClient()
    await client.aforce_login(estate.people["viewer"])
    page = (await client.get("/")).content.decode()
    address = re.findall(r'hx-sse:connect="([^"]+)"', page)[0].replace("&amp;", "&")
    viewer = await sync_to_async(permissions.viewer_of)(estate.people["viewer"])
    resync = Changes(is_resync=True)

    topics = _topics(RequestFactory().get(address))
    assert await _rows_to_tell(viewer, topics, resync) == frozenset()
    assert len(await _rows_to_tell(viewer, topics, resync)) == 3  # by then it may have missed something

    await Connector.objects.filter(name="orders").aupdate(state=State.FAILED)
    hub.renderings.forget()
    assert len(await _rows_to_tell(viewer, _topics(RequestFactory().get(address)), resync)) == 3
    assert _topics(RequestFactory().get(address, headers={"Last-Event-ID": "1"})).tag == ""
    await sync_to_async(connections.close_all)()


def test_a_stranger_is_told_nothing(estate: cast.Estate) -> None:
    rows = {c.pk for c in estate.connectors}
    topics = Topics(rows=frozenset(rows), connector=estate.connectors[0].pk, pipeline=estate.pipeline.pk)

    assert told(estate, "stranger", Changes(connectors=rows, is_resync=True), topics) == []


def test_a_connectors_page_follows_the_readings_of_its_account(estate: cast.Estate) -> None:
    topics = Topics(connector=estate.connectors[0].pk)

    assert told(estate, "viewer", Changes(accounts={estate.account.pk}), topics) == [
        f"connector-live-{estate.connectors[0].pk}"
    ]
    assert told(estate, "viewer", Changes(accounts={estate.account.pk + 1}), topics) == []


def test_a_connectors_page_gets_each_of_its_parts_when_it_changes_itself(estate: cast.Estate) -> None:
    pk = estate.connectors[0].pk

    sent = told(estate, "viewer", Changes(connectors={pk}), Topics(connector=pk))

    assert sent == [f"connector-{part}-{pk}" for part in ("live", "tasks", "acts", "past")]


def test_a_row_shows_no_secret_and_no_token(estate: cast.Estate) -> None:
    viewer = permissions.viewer_of(estate.people["operator"])

    shown = html(viewer, Changes(is_resync=True), Topics(rows=frozenset({estate.connectors[0].pk})))

    assert "csrfmiddlewaretoken" not in shown
    assert cast.SECRET not in shown


def test_a_head_in_which_only_ages_went_on_is_no_news() -> None:
    piece = b'data: <time data-age datetime="2026-11-21T08:00:00Z">%s</time> <b>%s failed</b>'

    assert _without_ages(piece % (b"3 s", b"2")) == _without_ages(piece % (b"4 s", b"2"))
    assert _without_ages(piece % (b"3 s", b"2")) != _without_ages(piece % (b"3 s", b"3"))
    assert _without_ages(piece % (b"3 s", b"2")) != _without_ages(piece.replace(b"08:", b"09:") % (b"3 s", b"2"))


async def test_signed_out_is_told_by_status_and_never_by_a_form(db: None) -> None:
    answer: Any = await AsyncClient().get("/events/?summary=1")

    assert (answer.status_code, answer.content) == (401, b"")
