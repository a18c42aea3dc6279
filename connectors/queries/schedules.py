"""Every read of schedules: who sees which, what one is for, and when it comes."""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils import timezone

from connectors.models import Connector, Schedule
from connectors.permissions import Viewer
from connectors.queries import connectors as reads
from connectors.queries.connectors import Filters
from connectors.states import INVERSE, Verb

PREVIEW = 5


@dataclass(frozen=True, slots=True)
class Coming:
    """One run to come, by the clock of the schedule's zone."""

    at: datetime
    local: datetime
    verb: Verb
    is_clock_changed: bool
    """The zone's clock was moved since the run before."""

    @property
    def said(self) -> str:
        """The day and the time by the zone's clock; a template would put them into the site's."""
        return f"{self.local:%a %-d %b %Y, %H:%M}"

    @property
    def zone(self) -> str:
        """What the zone is called then, and how far it is from UTC."""
        return f"{self.local:%Z, UTC %z}"


def visible_to(viewer: Viewer) -> QuerySet[Schedule]:
    """This will give the schedules of the teams the person sees."""
    rows = Schedule.objects.select_related("team", "user")
    return rows if viewer.sees_all else rows.filter(team_id__in=viewer.roles)


def chosen(schedule: Schedule, viewer: Viewer) -> QuerySet[Connector]:
    """This will give the connectors a schedule is for, as far as a person sees them: never another team's."""
    everything = reads.visible_to(viewer).filter(team_id=schedule.team_id)
    if schedule.filters is None:
        return everything.filter(schedules=schedule)
    return reads.narrowed(everything, Filters(**schedule.filters))


def coming(schedule: Schedule, now: datetime | None = None, number: int = PREVIEW) -> list[Coming]:
    """This will give the next few runs, with each change of the clock marked."""
    now = now or timezone.now()
    zone = ZoneInfo(schedule.zone)
    found: list[Coming] = []
    offset = now.astimezone(zone).utcoffset()
    for at, is_back in islice(schedule.moments(now), number):
        local = at.astimezone(zone)
        verb = INVERSE[Verb(schedule.kind)] if is_back else Verb(schedule.kind)
        found.append(Coming(at, local, verb, local.utcoffset() != offset))
        offset = local.utcoffset()
    return found
