"""Asking for a role for a time: asked by anybody, granted by a lead, ended by the clock."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import AccessRequest, AuditEvent, Team
from connectors.permissions import RANK, Viewer
from connectors.services import audit
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import Permission, Role

LAPSES_AFTER = timedelta(days=1)
LONGEST = timedelta(days=30)
DONE = AuditEvent.Result.DONE


@transaction.atomic
def ask(
    *, team: Team, role: Role, minutes: int, reason: str, user: User, actor: Actor, viewer: Viewer,
    now: datetime | None = None,
) -> AccessRequest:  # fmt: skip
    """
    This will ask the leads of a team for a role in it for a time.

    :raises NotNow: the person has that role, has asked already, gives no reason, or asks for too long
    """
    now = now or timezone.now()
    held = viewer.roles.get(team.pk)
    if held and RANK[held] >= RANK[role]:
        raise NotNow(f"You are {held} of {team.name} already.")
    if role is Role.LEAD:
        raise NotNow("The role lead is not given for a time.")
    if not reason.strip():
        raise NotNow("Say what for: whoever decides has to know.")
    if not 0 < minutes <= LONGEST.total_seconds() / 60:
        raise NotNow(f"At most {LONGEST.days} days.")
    lapsed = AccessRequest.objects.filter(user=user, team=team, decided_at__isnull=True, lapses_at__lte=now)
    lapsed.update(decided_at=now, decision="nobody decided in time")
    try:
        with transaction.atomic():
            made = AccessRequest.objects.create(
                user=user, team=team, role=role, minutes=minutes, reason=reason.strip(), asked_at=now,
                lapses_at=now + LAPSES_AFTER,
            )  # fmt: skip
    except IntegrityError as error:
        raise NotNow(f"You have asked {team.name} already; wait for the answer.") from error
    audit.record("access.asked", actor=actor, result=AuditEvent.Result.REQUESTED, target=team, reason=reason,
                 after=_facts(made))  # fmt: skip
    return made


@transaction.atomic
def decide(
    *, request: AccessRequest, is_granted: bool, said: str, actor: Actor, viewer: Viewer, now: datetime | None = None
) -> AccessRequest:
    """
    This will grant a request from now on, or decline it.

    :raises NotAllowed: the actor does not manage the team, or asked for it themselves
    :raises NotNow: it was decided already, or has lapsed
    """
    now = now or timezone.now()
    request = _locked(request)
    if why := viewer.why_not(Permission.MANAGE_TEAM, request.team_id, request.team.slug):
        raise NotAllowed(why)
    if request.user_id == viewer.user_id:
        raise NotAllowed("Nobody grants themselves what they asked for: it takes a second person.")
    if request.decided_at:
        raise NotNow(f"It was decided already, by {request.decided_by or 'nobody in time'}.")
    if request.lapses_at <= now:
        raise NotNow("It has lapsed: nobody decided in time.")
    request.decided_at, request.decided_by, request.decision, request.is_granted = now, actor.label, said, is_granted
    request.ends_at = now + timedelta(minutes=request.minutes) if is_granted else None
    request.save(update_fields=["decided_at", "decided_by", "decision", "is_granted", "ends_at"])
    what = "access.granted" if is_granted else "access.declined"
    audit.record(what, actor=actor, result=DONE, target=request.team, reason=said, after=_facts(request))
    return request


@transaction.atomic
def end(*, request: AccessRequest, actor: Actor, viewer: Viewer, now: datetime | None = None) -> None:
    """
    This will take a grant back before its time; whoever holds it may give it back, too.

    :raises NotAllowed: the actor neither manages the team nor holds the grant
    :raises NotNow: there is nothing to end
    """
    now = now or timezone.now()
    request = _locked(request)
    why = viewer.why_not(Permission.MANAGE_TEAM, request.team_id, request.team.slug)
    if why and not viewer.is_theirs(request.user_id, Permission.OPERATE):
        raise NotAllowed(why)
    if not AccessRequest.objects.in_force(now).filter(pk=request.pk).update(ended_at=now):
        raise NotNow("It has ended already.")
    audit.record("access.ended", actor=actor, result=DONE, target=request.team, before=_facts(request))


def _locked(request: AccessRequest) -> AccessRequest:
    rows = AccessRequest.objects.select_for_update(of=("self",)).select_related("team", "user")
    return rows.get(pk=request.pk)


def _facts(request: AccessRequest) -> dict[str, object]:
    return {
        "user": request.user.get_username(),
        "role": request.role,
        "minutes": request.minutes,
        "ends_at": request.ends_at.isoformat() if request.ends_at else None,
    }
