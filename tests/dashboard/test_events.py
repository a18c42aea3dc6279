"""The event stream: who gets which rows, and what a page is told."""

import re
from dataclasses import replace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient, RequestFactory
from django.utils import timezone

from connectors import permissions
from connectors.models import Connector
from connectors.states import State
from dashboard.changes import Changes
from dashboard.heads import without_ages
from dashboard.hub import Hub
from dashboard.streams import lines
from dashboard.telling import PageTeller, Topics, kind_of_page, own_parts, row_parts
from dashboard.views.events import _topics
from tests import cast


@pytest.fixture
def estate(db: None, tiny: str) -> cast.Estate:
    """This will make the fixed cast and their estate."""
    return cast.estate(tiny, timezone.now())


@pytest.fixture
def own_hub() -> Hub:
    """This will make a hub for one test."""
    return Hub()


def told(estate: cast.Estate, who: str, changes: Changes, topics: Topics) -> list[str]:
    """This will give the ids of what somebody's page is told to change."""
    viewer = permissions.viewer_of(estate.people[who])
    return re.findall(r'hx-target="#([a-z-]+\d+)"', html(viewer, changes, topics))


def html(viewer: permissions.Viewer, changes: Changes, topics: Topics) -> str:
    """This will render all that a page is told."""
    rows = topics.rows if changes.is_resync else topics.rows & changes.connectors
    return "".join([*dict(row_parts(viewer, rows)).values(), *own_parts(viewer, topics, changes)])


def test_only_changed_rows_that_the_page_shows_are_sent(estate: cast.Estate) -> None:
    first, second, third = (c.pk for c in estate.connectors)

    sent = told(estate, "viewer", Changes(connectors={first, third}), Topics(rows=frozenset({first, second})))

    assert sent == [f"connector-{first}"]


def test_after_a_lost_connection_every_row_of_the_page_is_sent(estate: cast.Estate) -> None:
    rows = frozenset(c.pk for c in estate.connectors)

    sent = told(estate, "viewer", Changes(is_resync=True), Topics(rows=rows))

    assert sorted(sent) == sorted(f"connector-{pk}" for pk in rows)


async def test_a_page_that_shows_what_is_true_is_sent_no_row_until_one_changes(
    transactional_db: None, tiny: str, own_hub: Hub
) -> None:
    estate = await sync_to_async(cast.estate)(tiny, timezone.now())
    client = AsyncClient()
    await client.aforce_login(estate.people["viewer"])
    page = (await client.get("/")).content.decode()
    address = re.findall(r'hx-sse:connect="([^"]+)"', page)[0].replace("&amp;", "&")
    viewer = await sync_to_async(permissions.viewer_of)(estate.people["viewer"])
    topics, tag = _topics(RequestFactory().get(address))
    teller = PageTeller(own_hub, viewer, topics)

    first = await teller.first([tag, ""])
    assert rows_in(first[tag]) == 0
    assert rows_in(first[""]) == 3  # it may have missed something

    await Connector.objects.filter(name="orders").aupdate(state=State.FAILED)
    own_hub.renderings.forget()
    assert rows_in((await teller.first([tag]))[tag]) == 3
    assert _topics(RequestFactory().get(address, headers={"Last-Event-ID": "1"}))[1] == ""
    await sync_to_async(connections.close_all)()


def rows_in(data: bytes) -> int:
    """This will count the rows in the data of an event."""
    return len(re.findall(rb'hx-target="#connector-\d+"', data))


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


async def test_shared_bytes_are_what_each_would_be_sent_alone(transactional_db: None, tiny: str, own_hub: Hub) -> None:
    estate = await sync_to_async(cast.estate)(tiny, timezone.now())
    rows = frozenset(c.pk for c in estate.connectors)
    viewer = await sync_to_async(permissions.viewer_of)(estate.people["viewer"])
    other = replace(viewer, user_id=viewer.user_id + 1, name="other")

    shared = await PageTeller(own_hub, viewer, Topics(rows=rows)).news(Changes(is_resync=True))
    again = await PageTeller(own_hub, other, Topics(rows=rows)).news(Changes(is_resync=True))
    own = await sync_to_async(lambda: dict(row_parts(other, rows)))()

    assert kind_of_page(viewer, Topics(rows=rows)) == kind_of_page(other, Topics(rows=rows))
    assert without_ages(shared.decode()) == without_ages("".join(lines(own[pk]).decode() for pk in sorted(rows)))
    assert again == shared
    await sync_to_async(connections.close_all)()


async def test_who_may_see_less_is_told_less_by_the_same_change(
    transactional_db: None, tiny: str, own_hub: Hub
) -> None:
    estate = await sync_to_async(cast.estate)(tiny, timezone.now())
    topics = Topics(rows=frozenset(c.pk for c in estate.connectors), has_summary=True)
    told = {}
    for who in ("viewer", "stranger", "operator"):
        viewer = await sync_to_async(permissions.viewer_of)(estate.people[who])
        told[who] = await PageTeller(own_hub, viewer, topics).first([""])

    assert rows_in(told["viewer"][""]) == rows_in(told["operator"][""]) == 3
    assert rows_in(told["stranger"][""]) == 0
    assert estate.connectors[0].name.encode() not in told["stranger"][""]
    assert told["viewer"][""] != told["operator"][""]
    await sync_to_async(connections.close_all)()


def test_what_shows_more_than_rows_is_shared_with_nobody(estate: cast.Estate) -> None:
    viewer = permissions.viewer_of(estate.people["viewer"])
    other = replace(viewer, user_id=viewer.user_id + 1, name="other")
    topics = Topics(connector=estate.connectors[0].pk)

    assert kind_of_page(viewer, topics) != kind_of_page(other, topics)
    assert kind_of_page(viewer, topics) == kind_of_page(replace(viewer, name="renamed"), topics)


async def test_signed_out_is_told_by_status_and_never_by_a_form(db: None) -> None:
    answer: Any = await AsyncClient().get("/events/?summary=1")

    assert (answer.status_code, answer.content) == (401, b"")
