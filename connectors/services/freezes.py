"""Freezes: made by leads and admins, ended by them or by the clock, and passed by breaking the glass."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from connectors import timetable
from connectors.actor import DRIVER, Actor
from connectors.models import AuditEvent, BreakGlass, Connector, FreezeWindow, Pipeline, Team
from connectors.permissions import Viewer
from connectors.queries import guards
from connectors.services import audit, notices
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import Permission

LONGEST = timedelta(days=7)
"""Of one time of a repeating freeze."""
GLASS_LASTS = timedelta(minutes=30)
GLASS_AT_MOST = timedelta(hours=4)
DONE = AuditEvent.Result.DONE
Mode = FreezeWindow.Mode


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What a freeze is to be.

    :param ends_at: for once: the end; for repeating: it does not begin again after this
    :param spared: names it does not hold for, with * and ?
    :param spared_people: login names that it does not bind
    """

    name: str
    reason: str
    mode: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    cron: str = ""
    minutes: int = 0
    zone: str = "UTC"
    spared: Sequence[str] = ()
    spared_people: Sequence[str] = field(default_factory=tuple)


@transaction.atomic
def create(*, wish: Wish, team: Team | None, actor: Actor, viewer: Viewer, now: datetime | None = None) -> FreezeWindow:
    """
    This will freeze a team, or the whole site, at a time.

    :raises NotAllowed: a team's freeze takes its lead or an admin, the site's an admin
    :raises NotNow: the times do not fit, or what is excepted is not known
    """
    now = now or timezone.now()
    _refuse_unless_protector(team, viewer)
    if not wish.reason.strip():
        raise NotNow("Say why: whoever is refused reads it.")
    _check_times(wish, now)
    freeze = FreezeWindow(team=team, created_by=actor.label, created_at=now)
    _set(freeze, wish, now)
    _record(freeze, "created", actor, after=facts(freeze), now=now)
    _tell(freeze)
    return freeze


@transaction.atomic
def change(
    *, freeze: FreezeWindow, wish: Wish, actor: Actor, viewer: Viewer, now: datetime | None = None
) -> FreezeWindow:
    """
    This will give a freeze other times, exceptions or words; whose connectors it is about stays.

    :raises NotAllowed: as `create`
    :raises NotNow: as `create`, or it has ended
    """
    now = now or timezone.now()
    _refuse_unless_protector(freeze.team, viewer)
    freeze = FreezeWindow.objects.select_for_update(of=("self",)).select_related("team").get(pk=freeze.pk)
    if freeze.span(now) is None:
        raise NotNow("It has ended already: set a new one.")
    if not wish.reason.strip():
        raise NotNow("Say why: whoever is refused reads it.")
    _check_times(wish, now)
    before = facts(freeze)
    _set(freeze, wish, now)
    if freeze.span(now) is None:
        raise NotNow("It would never hold again. End it instead.")
    _record(freeze, "changed", actor, reason=wish.reason, before=before, after=facts(freeze), now=now)
    _tell(freeze)
    return freeze


@transaction.atomic
def end(
    *, freeze: FreezeWindow, actor: Actor, viewer: Viewer, reason: str = "", now: datetime | None = None
) -> FreezeWindow:
    """
    This will end a freeze for good, before it began, in the midst of it, or between two times.

    :raises NotAllowed: as `create`
    :raises NotNow: it has ended
    """
    now = now or timezone.now()
    _refuse_unless_protector(freeze.team, viewer)
    freeze = FreezeWindow.objects.select_for_update(of=("self",)).select_related("team").get(pk=freeze.pk)
    if freeze.span(now) is None:
        raise NotNow("It has ended already.")
    freeze.ended_at, freeze.ended_by, freeze.is_told = now, actor.label, False
    freeze.save(update_fields=["ended_at", "ended_by", "is_told"])
    _record(freeze, "ended", actor, reason=reason, before=facts(freeze), now=now)
    _tell(freeze)
    return freeze


@transaction.atomic
def break_glass(
    *,
    freeze: FreezeWindow,
    reason: str,
    actor: Actor,
    viewer: Viewer,
    lasts: timedelta = GLASS_LASTS,
    now: datetime | None = None,
) -> BreakGlass:
    """
    This will let one person pass a freeze for a short time; each request that passes is on record as such.

    :raises NotAllowed: it takes an admin or a lead
    :raises NotNow: nothing is frozen by it now, or there is no reason, or it is to last too long
    """
    now = now or timezone.now()
    if not guards.may_break(viewer, freeze):
        raise NotAllowed("Breaking the glass takes the role lead of a team that is frozen, or the site role admin.")
    if not reason.strip():
        raise NotNow("Say why: it is reviewed.")
    if not timedelta() < lasts <= GLASS_AT_MOST:
        raise NotNow(f"At most {GLASS_AT_MOST.seconds // 3600} h; break it again if that is not enough.")
    span = freeze.span(now)
    if span is None or not span.holds(now):
        raise NotNow("It does not hold now, so there is nothing to break.")
    BreakGlass.objects.filter(freeze=freeze, user_id=viewer.user_id, ended_at__isnull=True).update(ended_at=now)
    broken = BreakGlass.objects.create(
        freeze=freeze, user_id=viewer.user_id, actor=actor.label, reason=reason, at=now, until=now + lasts
    )
    after = {"freeze": str(freeze), "until": broken.until.isoformat()}
    _record(freeze, "break_glass.opened", actor, reason=reason, after=after, now=now)
    _tell(freeze)
    return broken


@transaction.atomic
def mend_glass(*, broken: BreakGlass, actor: Actor, viewer: Viewer, now: datetime | None = None) -> None:
    """
    This will end a broken glass before its time.

    :raises NotAllowed: it is somebody else's, and the actor may not change the freeze
    :raises NotNow: it has ended
    """
    now = now or timezone.now()
    if not viewer.is_theirs(broken.user_id, Permission.PROTECT):
        _refuse_unless_protector(broken.freeze.team, viewer)
    live = BreakGlass.objects.filter(pk=broken.pk, ended_at__isnull=True, until__gt=now)
    if not live.update(ended_at=now):
        raise NotNow("It has ended already.")
    _record(broken.freeze, "break_glass.closed", actor, after={"by": broken.actor}, now=now)
    _tell(broken.freeze)


def tell_of_turns(now: datetime | None = None) -> int:
    """This will tell open pages, and the record, of each freeze that has begun or ended by the clock."""
    now = now or timezone.now()
    turned = 0
    concerned = Q(is_told=True) | Q(pk__in=FreezeWindow.objects.standing(now).values("pk"))
    for freeze in FreezeWindow.objects.select_related("team").filter(concerned, starts_at__lte=now):
        span = freeze.span(now)
        holds = bool(span and span.holds(now))
        if holds == freeze.is_told:
            continue
        with transaction.atomic():
            if not FreezeWindow.objects.filter(pk=freeze.pk, is_told=not holds).update(is_told=holds):
                continue  # another worker was faster
            until = span.ends_at.isoformat() if span and span.ends_at and holds else None
            _record(freeze, "began" if holds else "passed", DRIVER, after={"until": until} if holds else None, now=now)
            _tell(freeze)
        turned += 1
    return turned


def facts(freeze: FreezeWindow) -> dict[str, Any]:
    """This will give what the record says of a freeze."""
    return {
        "freeze": freeze.name,
        "of": freeze.team.slug if freeze.team else "whole site",
        "mode": freeze.mode,
        "starts_at": freeze.starts_at.isoformat(),
        "ends_at": freeze.ends_at.isoformat() if freeze.ends_at else None,
        "cron": freeze.cron,
        "minutes": freeze.minutes,
        "zone": freeze.zone,
        "except": freeze.spared,
        "except_people": sorted(freeze.spared_people.values()),
    }


def _refuse_unless_protector(team: Team | None, viewer: Viewer) -> None:
    if viewer.may_protect(team.pk if team else None):
        return
    if team is None:
        raise NotAllowed("Freezing the whole site takes the site role admin.")
    raise NotAllowed(f"Freezing team {team.slug} takes the role lead there, or the site role admin.")


def _set(freeze: FreezeWindow, wish: Wish, now: datetime) -> None:
    repeats = wish.mode == Mode.REPEATING
    freeze.name, freeze.reason, freeze.mode, freeze.zone = wish.name, wish.reason, wish.mode, wish.zone
    freeze.starts_at = wish.starts_at or now
    freeze.ends_at = None if wish.mode == Mode.OPEN else wish.ends_at
    freeze.cron, freeze.minutes = (wish.cron, wish.minutes) if repeats else ("", 0)
    freeze.spared = [name.strip() for name in wish.spared if name.strip()]
    freeze.spared_people = _people(wish.spared_people)
    span = freeze.span(now)
    freeze.is_told = bool(span and span.holds(now))
    freeze.save()


def _check_times(wish: Wish, now: datetime) -> None:
    try:
        timetable.zone_of(wish.zone)
        if wish.mode == Mode.REPEATING:
            timetable.check(wish.cron)
    except timetable.Unreadable as error:
        raise NotNow(str(error)) from error
    starts_at = wish.starts_at or now
    if wish.mode == Mode.ONCE and wish.ends_at is None:
        raise NotNow("Name its end, or let it hold until somebody ends it.")
    if wish.mode != Mode.OPEN and wish.ends_at is not None and wish.ends_at <= max(now, starts_at):
        raise NotNow("Its end lies before its beginning, or in the past.")
    if wish.mode == Mode.REPEATING and not 0 < wish.minutes <= LONGEST.total_seconds() / 60:
        raise NotNow(f"Say how long it holds each time: up to {LONGEST.days} days.")


def _people(names: Sequence[str]) -> dict[str, str]:
    wanted = sorted({name.strip() for name in names if name.strip()})
    found = {user.get_username(): str(user.pk) for user in User.objects.filter(username__in=wanted)}
    if unknown := [name for name in wanted if name not in found]:
        raise NotNow(f"Nobody signs in as {', '.join(unknown)}.")
    return {found[name]: name for name in wanted}


def _record(
    freeze: FreezeWindow,
    what: str,
    actor: Actor,
    *,
    now: datetime,
    reason: str = "",
    before: Any = None,
    after: Any = None,
) -> None:
    audit.record(
        f"freeze.{what}", actor=actor, result=DONE, target=freeze.team, reason=reason or freeze.reason,
        before=before, after=after, at=now,
    )  # fmt: skip


def _tell(freeze: FreezeWindow) -> None:
    """Every row it concerns looks different now."""
    connectors = Connector.objects.order_by()
    pipelines = Pipeline.objects.order_by()
    if freeze.team_id is not None:
        connectors = connectors.filter(team_id=freeze.team_id)
        pipelines = pipelines.filter(account__team_id=freeze.team_id)
    notices.rows(connectors=connectors.values_list("pk", flat=True), pipelines=pipelines.values_list("pk", flat=True))
