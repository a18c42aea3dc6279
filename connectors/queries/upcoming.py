"""What happens next to a connector by itself, such as the end of a timed pause."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from connectors.models import Connector, Hold, Schedule
from connectors.queries import lean
from connectors.states import GOALS, INVERSE, Verb

Link = Schedule.connectors.through
HELD = {GOALS[Verb.PAUSE], GOALS[Verb.STOP]}


@dataclass(frozen=True, slots=True)
class Upcoming:
    """
    One thing that is to come.

    :param glyph: its shape in the sprite
    :param words: what happens, before the time that is left: `Resumes`
    :param detail: the second line: who decided it, or for how long
    :param trouble: why it could not happen yet
    """

    glyph: str
    words: str
    at: datetime
    detail: str = ""
    trouble: str = ""


Source = Callable[[Sequence[Connector]], Mapping[int, Upcoming]]
"""By the connector's id; one query at most."""


def of(connectors: Sequence[Connector]) -> dict[int, Upcoming]:
    """This will give what comes first for each connector that has anything to come."""
    first: dict[int, Upcoming] = {}
    for source in SOURCES:
        for pk, found in source(connectors).items():
            if pk not in first or found.at < first[pk].at:
                first[pk] = found
    return first


def sooner(one: Upcoming | None, other: Upcoming | None) -> Upcoming | None:
    """This will give whichever comes first."""
    return min((found for found in (one, other) if found), key=lambda found: found.at, default=None)


def holds(connectors: Sequence[Connector]) -> dict[int, Upcoming]:
    """This will give the ends of timed pauses and stops."""
    held = [c.pk for c in connectors if c.desired_state in HELD]
    if not held:
        return {}
    rows = Hold.objects.filter(connector__in=held, ended_at__isnull=True).select_related("operation")
    return {hold.connector_id: _end_of(hold) for hold in rows if hold.connector_id}


def _end_of(hold: Hold) -> Upcoming:
    words = "Starts" if hold.operation.kind == Verb.STOP else "Resumes"
    return Upcoming("clock", words, hold.until, f"held by {hold.actor}", hold.trouble)


def schedules(connectors: Sequence[Connector]) -> dict[int, Upcoming]:
    """This will give what a schedule asks next of the connectors that were picked for it one by one."""
    first: dict[int, Upcoming] = {}
    for link in _scheduled.read(ids=[c.id for c in connectors]):
        first.setdefault(link.connector_id, _run_of(link.schedule))
    return first


def asked(connectors: Sequence[int]) -> lean.Asked:
    """This will put the question of `schedules`."""
    return _scheduled.asked(ids=list(connectors))


@lean.statement(lean.Layout(Link, schedule=lean.Layout(Schedule)))
def _scheduled() -> QuerySet[Any]:
    links = Link.objects.filter(
        lean.any_of("connector_id", "ids"), schedule__is_on=True, schedule__next_at__isnull=False
    )
    return links.order_by("schedule__next_at")


def _run_of(schedule: Schedule) -> Upcoming:
    assert schedule.next_at is not None  # noqa: S101  # filtered so
    is_back = next((back for _, back in schedule.moments(schedule.next_at - timedelta(seconds=1))), False)
    verb = INVERSE[Verb(schedule.kind)] if is_back else Verb(schedule.kind)
    return Upcoming("date", SAID[verb], schedule.next_at, f"schedule {schedule.name}")


SAID = {
    Verb.START: "Starts", Verb.PAUSE: "Pauses", Verb.RESUME: "Resumes", Verb.STOP: "Stops",
    Verb.FORCE_STOP: "Stops by force", Verb.RESTART: "Restarts", Verb.RESTART_FAILED: "Restarts what failed",
    Verb.SYNC_NOW: "Syncs",
}  # fmt: skip
SOURCES: tuple[Source, ...] = (holds, schedules)
