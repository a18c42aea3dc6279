"""What happens next to a connector by itself, such as the end of a timed pause."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.models import Connector, Hold
from connectors.states import GOALS, Verb

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


SOURCES: tuple[Source, ...] = (holds,)
