"""What comes next: the end of a timed pause, and the first of several."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connectors.models import Hold, Operation
from connectors.queries import upcoming
from connectors.queries.upcoming import Upcoming
from connectors.states import State, Verb
from tests import cast


def hold(estate: cast.Estate, name: str, verb: Verb, **fields: Any) -> Hold:
    now = timezone.now()
    goal = State.PAUSED if verb is Verb.PAUSE else State.STOPPED
    connector = estate.add(name, goal, desired_state=goal)
    operation = Operation.objects.create(
        account=estate.account, connector=connector, kind=verb, actor="lead", status="confirmed", requested_at=now,
        state_before="running", deadline_at=now, finished_at=now,
    )  # fmt: skip
    until = fields.pop("until", now + timedelta(minutes=12, seconds=30))
    return Hold.objects.create(connector=connector, operation=operation, actor="lead", until=until, **fields)


def test_timed_pause_and_stop_say_when_and_how_they_end(estate: cast.Estate) -> None:
    paused, stopped = hold(estate, "a", Verb.PAUSE), hold(estate, "b", Verb.STOP)

    found = upcoming.of(estate.connectors)

    assert {pk: (coming.words, coming.at) for pk, coming in found.items()} == {
        paused.connector_id: ("Resumes", paused.until),
        stopped.connector_id: ("Starts", stopped.until),
    }


def test_a_hold_that_has_ended_is_not_to_come(estate: cast.Estate) -> None:
    hold(estate, "a", Verb.PAUSE, ended_at=timezone.now())

    assert upcoming.of(estate.connectors) == {}


def test_of_several_sources_the_first_in_time_counts(estate: cast.Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    held = hold(estate, "a", Verb.PAUSE)
    earlier = Upcoming("lock", "Freezes", held.until - timedelta(minutes=5))
    monkeypatch.setattr(upcoming, "SOURCES", (*upcoming.SOURCES, lambda rows: {row.pk: earlier for row in rows[-1:]}))

    assert upcoming.of(estate.connectors) == {held.connector_id: earlier}


def test_the_board_counts_down_and_says_what_hinders(estate: cast.Estate) -> None:
    hold(estate, "a", Verb.PAUSE, trouble="409, rebalance in progress")
    client = Client()
    client.force_login(estate.people["viewer"])

    html = client.get("/").content.decode()

    assert "in 12\u2009min" in html
    assert "held by lead" in html
    assert 'title="409, rebalance in progress"' in html
