"""Schedules: made by people, run by the tick, exactly once for each time, with the roles their maker has by then."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connectors import permissions, timetable
from connectors.actor import Actor
from connectors.models import AuditEvent, Batch, Connector, Schedule, ScheduleRun, Team
from connectors.permissions import Viewer
from connectors.queries import connectors as reads
from connectors.queries import schedules as queries
from connectors.services import actors, audit, batches
from connectors.services.operations import NotAllowed, NotNow, NotPossible
from connectors.states import HOLDING, INVERSE, LABELS, Permission, Verb

LATE = timedelta(minutes=2)
"""A run that begins later than this was missed."""
AT_A_TICK = 20
Mode, Missed, Outcome = Schedule.Mode, Schedule.Missed, ScheduleRun.Outcome
DONE = AuditEvent.Result.DONE
WISHED = (
    "name", "reason", "kind", "filters", "selection", "mode", "at", "cron", "days", "opens", "closes", "zone",
    "missed", "next_at",
)  # fmt: skip
"""What of a schedule follows from what was wished for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What a schedule is to be.

    :param connectors: the ids that were picked; empty where filters choose
    :param filters: the board's filters by name; they choose anew at each run
    :param selection: what was chosen, in words
    :param days: of the office hours, Monday being 0
    """

    name: str
    kind: Verb
    mode: str
    selection: str
    connectors: Sequence[int] = ()
    filters: dict[str, Any] | None = None
    reason: str = ""
    at: datetime | None = None
    cron: str = ""
    days: Sequence[int] = field(default_factory=tuple)
    opens: time | None = None
    closes: time | None = None
    zone: str = "UTC"
    missed: str = Missed.SKIP


@transaction.atomic
def create(*, wish: Wish, team: Team, actor: Actor, viewer: Viewer, now: datetime | None = None) -> Schedule:
    """
    This will make a schedule that acts on behalf of its maker.

    :raises NotAllowed: the actor does not operate the team
    :raises NotNow: it would never come, or what it needs is missing
    """
    now = now or timezone.now()
    _refuse_unless_operator(team, viewer)
    schedule = unsaved(wish, now)
    schedule.team, schedule.user_id = team, viewer.user_id
    schedule.created_by, schedule.created_at = actor.label, now
    if schedule.next_at is None:
        raise NotNow("It would never come: name a time that is still to come.")
    schedule.save()
    if wish.connectors:
        found = reads.visible_to(viewer).filter(pk__in=wish.connectors)
        schedule.connectors.set(list(found.values_list("pk", flat=True)))
    _record(schedule, "created", actor, after=facts(schedule), now=now)
    return schedule


@transaction.atomic
def change(*, schedule: Schedule, wish: Wish, actor: Actor, viewer: Viewer, now: datetime | None = None) -> Schedule:
    """
    This will give a schedule another verb, other times or connectors. Whoever does takes it over: it acts for them.

    :raises NotAllowed: the actor does not operate the team
    :raises NotNow: it would never come, or what it needs is missing
    """
    now = now or timezone.now()
    _refuse_unless_operator(schedule.team, viewer)
    wanted = unsaved(wish, now)
    if wanted.next_at is None:
        raise NotNow("It would never come: name a time that is still to come.")
    schedule = Schedule.objects.select_for_update(of=("self",)).select_related("team").get(pk=schedule.pk)
    before = facts(schedule)
    for name in WISHED:
        setattr(schedule, name, getattr(wanted, name))
    schedule.user_id = viewer.user_id
    schedule.save(update_fields=[*WISHED, "user"])
    found = reads.visible_to(viewer).filter(pk__in=wish.connectors)
    schedule.connectors.set(list(found.values_list("pk", flat=True)))
    _record(schedule, "changed", actor, before=before, after=facts(schedule), now=now)
    return schedule


def unsaved(wish: Wish, now: datetime | None = None) -> Schedule:
    """
    This will give a schedule as it would be, to look at its times before it is made.

    :raises NotNow: what it needs is missing, or makes no sense
    """
    now = now or timezone.now()
    _check(wish, now)
    schedule = Schedule(
        name=wish.name,
        reason=wish.reason,
        kind=wish.kind,
        filters=None if wish.connectors else wish.filters,
        selection=wish.selection[:300],
        mode=wish.mode,
        at=wish.at if wish.mode == Mode.ONCE else None,
        cron=wish.cron if wish.mode == Mode.CRON else "",
        days=sorted(set(wish.days)) if wish.mode == Mode.OFFICE else [],
        opens=wish.opens if wish.mode == Mode.OFFICE else None,
        closes=wish.closes if wish.mode == Mode.OFFICE else None,
        zone=wish.zone,
        missed=wish.missed,
    )
    schedule.next_at = _next(schedule, now)
    return schedule


@transaction.atomic
def switch(*, schedule: Schedule, is_on: bool, actor: Actor, viewer: Viewer, now: datetime | None = None) -> Schedule:
    """
    This will put a schedule to rest, or let it come again from now on. Whoever does takes it over: it acts for them.

    :raises NotAllowed: the actor does not operate the team
    :raises NotNow: it is so already, or does not come any more
    """
    now = now or timezone.now()
    _refuse_unless_operator(schedule.team, viewer)
    schedule = Schedule.objects.select_for_update(of=("self",)).select_related("team").get(pk=schedule.pk)
    if schedule.is_on == is_on:
        raise NotNow("It is on already." if is_on else "It rests already.")
    schedule.is_on = is_on
    if is_on:
        schedule.user_id, schedule.next_at = viewer.user_id, _next(schedule, now)
        if schedule.next_at is None:
            raise NotNow("Its time has passed: make a new one.")
    schedule.save(update_fields=["is_on", "user", "next_at"])
    _record(schedule, "resumed" if is_on else "paused", actor, after={"schedule": schedule.name}, now=now)
    return schedule


@transaction.atomic
def delete(*, schedule: Schedule, actor: Actor, viewer: Viewer) -> None:
    """
    This will remove a schedule; the record of its runs stays.

    :raises NotAllowed: the actor does not operate the team
    """
    _refuse_unless_operator(schedule.team, viewer)
    _record(schedule, "deleted", actor, before=facts(schedule), now=timezone.now())
    schedule.delete()


def due(now: datetime | None = None) -> list[int]:
    """This will give the ids of the schedules whose time has come."""
    now = now or timezone.now()
    found = Schedule.objects.filter(is_on=True, next_at__lte=now).order_by("next_at")
    return list(found.values_list("pk", flat=True)[:AT_A_TICK])


def run_due(now: datetime | None = None) -> int:
    """This will run what is due; the number of runs."""
    return sum(run(pk, now) is not None for pk in due(now))


@transaction.atomic
def run(pk: int, now: datetime | None = None) -> ScheduleRun | None:
    """
    This will carry out one time of a schedule, unless another worker is at it or has been.

    The run, its batch and the time of the next are one transaction: a worker that dies leaves none of them.
    """
    now = now or timezone.now()
    rows = Schedule.objects.select_for_update(of=("self",), skip_locked=True).select_related("team", "user")
    schedule = rows.filter(pk=pk, is_on=True, next_at__lte=now).first()
    if schedule is None or schedule.next_at is None:
        return None
    planned_at = schedule.next_at
    is_back = _is_back(schedule, planned_at)
    schedule.next_at = _next(schedule, now)
    schedule.save(update_fields=["next_at"])
    verb = INVERSE[Verb(schedule.kind)] if is_back else Verb(schedule.kind)
    made = ScheduleRun(schedule=schedule, planned_at=planned_at, at=now, kind=verb)
    if now - planned_at > LATE and schedule.missed == Missed.SKIP:
        made.outcome, made.why = Outcome.MISSED, "nothing ran when it was due"
    else:
        _ask(schedule, made, now, is_back=is_back)
    made.save()
    after = {"schedule": schedule.name, "planned_at": planned_at.isoformat(), "outcome": made.outcome}
    actor = actors.schedule(schedule.user) if schedule.user else Actor("system", "system:schedule")
    result = DONE if made.outcome == Outcome.ASKED else AuditEvent.Result.REFUSED
    audit.record(
        "schedule.run", actor=actor, result=result, target=schedule.team, reason=schedule.reason, after=after,
        error=made.why, batch_id=made.batch_id, at=now,
    )  # fmt: skip
    return made


def facts(schedule: Schedule) -> dict[str, Any]:
    """This will give what the record says of a schedule."""
    return {
        "schedule": schedule.name,
        "verb": schedule.kind,
        "of": schedule.selection,
        "mode": schedule.mode,
        "at": schedule.at.isoformat() if schedule.at else None,
        "cron": schedule.cron,
        "days": schedule.days,
        "opens": schedule.opens.isoformat("minutes") if schedule.opens else None,
        "closes": schedule.closes.isoformat("minutes") if schedule.closes else None,
        "zone": schedule.zone,
        "missed": schedule.missed,
    }


def _ask(schedule: Schedule, made: ScheduleRun, now: datetime, *, is_back: bool) -> None:
    viewer = _viewer(schedule.user, now)
    if schedule.user is None or viewer is None:
        made.outcome, made.why = Outcome.REFUSED, f"{schedule.created_by} may not sign in any more"
        return
    if why := viewer.why_not_operate(schedule.team_id, schedule.team.slug):
        made.outcome, made.why = Outcome.REFUSED, f"{schedule.created_by}: {why}"
        return
    actor = actors.schedule(schedule.user)
    terms = batches.Terms(reason=f"schedule “{schedule.name}”" + (f": {schedule.reason}" if schedule.reason else ""))
    key = f"schedule:{schedule.pk}:{made.planned_at.isoformat()}"
    try:
        with transaction.atomic():
            if is_back:
                made.batch = _lead_back(schedule, actor, viewer, terms, key, now)
            else:
                made.batch = batches.create(
                    connectors=chosen(schedule, viewer), verb=Verb(schedule.kind), terms=terms, actor=actor,
                    viewer=viewer, selection=schedule.selection, key=key, now=now,
                )  # fmt: skip
    except NotPossible as error:
        made.outcome, made.why = Outcome.NOTHING, str(error)
        return
    made.outcome = Outcome.ASKED


def _lead_back(
    schedule: Schedule, actor: Actor, viewer: Viewer, terms: batches.Terms, key: str, now: datetime
) -> Batch:
    """Only what its own last closing holds still, and nobody has asked anything else of since."""
    closed = schedule.runs.filter(batch__isnull=False, kind=schedule.kind).select_related("batch").first()
    if closed is None or closed.batch is None:
        raise NotNow("It holds nothing that could be led back.")
    return batches.restore(batch=closed.batch, actor=actor, viewer=viewer, key=key, reason=terms.reason)


def chosen(schedule: Schedule, viewer: Viewer) -> QuerySet[Connector]:
    """This will give the connectors a schedule is for, as far as its person sees them now."""
    return queries.chosen(schedule, viewer)


def _is_back(schedule: Schedule, planned_at: datetime) -> bool:
    if schedule.mode != Mode.OFFICE:
        return False
    moments = schedule.moments(planned_at - timedelta(seconds=1))
    return next((opens for moment, opens in moments if moment == planned_at), False)


def _next(schedule: Schedule, now: datetime) -> datetime | None:
    return next((moment for moment, _ in schedule.moments(now)), None)


def _viewer(user: User | None, now: datetime) -> Viewer | None:
    try:
        return permissions.viewer_of(user, now=now) if user else None
    except PermissionError:
        return None


def _check(wish: Wish, now: datetime) -> None:
    try:
        timetable.zone_of(wish.zone)
        if wish.mode == Mode.CRON:
            timetable.check(wish.cron)
    except timetable.Unreadable as error:
        raise NotNow(str(error)) from error
    if wish.mode == Mode.ONCE and (wish.at is None or wish.at <= now):
        raise NotNow("Name a time that is still to come.")
    if wish.mode == Mode.OFFICE:
        if wish.kind not in HOLDING:
            raise NotNow(f"{LABELS[wish.kind]} has no way back: around office hours only pause and stop go.")
        if not wish.days or wish.opens is None or wish.closes is None or wish.opens >= wish.closes:
            raise NotNow("Name the days, and hours that open before they close.")
    if not wish.connectors and not wish.filters:
        raise NotNow("Choose connectors, or filters that choose them.")


def _refuse_unless_operator(team: Team, viewer: Viewer) -> None:
    if why := viewer.why_not(Permission.OPERATE, team.pk, team.slug):
        raise NotAllowed(why)


def _record(
    schedule: Schedule, what: str, actor: Actor, *, now: datetime, before: Any = None, after: Any = None
) -> None:
    audit.record(
        f"schedule.{what}", actor=actor, result=DONE, target=schedule.team, reason=schedule.reason, before=before,
        after=after, at=now,
    )  # fmt: skip
