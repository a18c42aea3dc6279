"""Teams help themselves: who belongs to one, with which role, and the links that let somebody in."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import ApiToken, AuditEvent, Invitation, Membership, Team
from connectors.permissions import RANK, Viewer
from connectors.services import audit
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import Permission, Role

INVITATION_LASTS = timedelta(days=7)
DONE = AuditEvent.Result.DONE


class LinkSpent(Exception):
    """The link was used, has ended, was taken back, or never was."""


@transaction.atomic
def create(*, slug: str, name: str, actor: Actor, viewer: Viewer) -> Team:
    """
    This will make a team.

    :raises NotAllowed: the actor is no admin
    :raises NotNow: there is one of that name
    """
    if why := viewer.why_not(Permission.ADMINISTER):
        raise NotAllowed(why)
    try:
        with transaction.atomic():
            team = Team.objects.create(slug=slug, name=name)
    except IntegrityError as error:
        raise NotNow(f"There is a team {slug} already.") from error
    audit.record("team.created", actor=actor, result=DONE, target=team)
    return team


@transaction.atomic
def set_role(*, team: Team, user: User, role: Role | None, actor: Actor, viewer: Viewer) -> None:
    """
    This will change somebody's role in a team, or let them go.

    :param role: None removes the person from the team, with the tokens they made for it
    :raises NotAllowed: the actor may not manage the team
    :raises NotNow: the team would be left without a lead, or the person is no member
    """
    team = _locked(team, viewer)
    held = Membership.objects.filter(team=team, user=user).first()
    if held is None and (role is None or not viewer.is_admin):
        raise NotNow(f"{user.get_username()} is no member of {team.name}: invite them.")
    if held and held.role == Role.LEAD and role is not Role.LEAD and _leads(team) == 1:
        raise NotNow(f"{user.get_username()} is the last lead of {team.name}: make somebody else lead first.")
    before = {"user": user.get_username(), "role": held.role if held else None}
    if role is None:
        Membership.objects.filter(team=team, user=user).delete()
        ApiToken.objects.filter(team=team, user=user, revoked_at__isnull=True).update(revoked_at=timezone.now())
    else:
        Membership.objects.update_or_create(team=team, user=user, defaults={"role": role})
    what = "removed" if role is None else "changed" if held else "added"
    after = {"user": user.get_username(), "role": role}
    audit.record(f"team.member.{what}", actor=actor, result=DONE, target=team, before=before, after=after)


@transaction.atomic
def invite(*, team: Team, address: str, role: Role, actor: Actor, viewer: Viewer) -> tuple[Invitation, str]:
    """
    This will make a link into a team; an earlier one for the same address stops working.

    :raises NotAllowed: the actor may not manage the team
    """
    team = _locked(team, viewer)
    now = timezone.now()
    Invitation.objects.filter(team=team, address=address, used_at__isnull=True).update(revoked_at=now)
    secret = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        team=team,
        address=address,
        role=role,
        digest=_digest(secret),
        invited_by=actor.label,
        created_at=now,
        expires_at=now + INVITATION_LASTS,
    )
    audit.record("team.invitation.created", actor=actor, result=DONE, target=team, after=_facts(invitation))
    return invitation, secret


@transaction.atomic
def take_back(*, invitation: Invitation, actor: Actor, viewer: Viewer) -> None:
    """
    This will end a link that was not used yet.

    :raises NotAllowed: the actor may not manage the team
    """
    team = _locked(invitation.team, viewer)
    open_ = Invitation.objects.filter(pk=invitation.pk, used_at__isnull=True, revoked_at__isnull=True)
    if open_.update(revoked_at=timezone.now()):
        audit.record("team.invitation.revoked", actor=actor, result=DONE, target=team, before=_facts(invitation))


def invitation_of(secret: str) -> Invitation:
    """
    This will find the invitation behind a link.

    :raises LinkSpent: it opens nothing any more
    """
    found = Invitation.objects.select_related("team").filter(
        digest=_digest(secret), used_at__isnull=True, revoked_at__isnull=True, expires_at__gt=timezone.now()
    )
    invitation = found.first()
    if invitation is None:
        raise LinkSpent("This link does not open any more. Ask a lead of the team for a new one.")
    return invitation


@transaction.atomic
def accept(*, secret: str, user: User, actor: Actor) -> Team:
    """
    This will let somebody into the team that invited them. A role they hold there is never lowered by it.

    :raises LinkSpent: the link opens nothing any more
    :raises NotAllowed: it was made for another address than the one this person has
    """
    invitation = invitation_of(secret)
    if user.email and user.email.lower() != invitation.address.lower():
        raise NotAllowed(f"This invitation was made for {invitation.address}, and you are {user.email}.")
    if not Invitation.objects.filter(pk=invitation.pk, used_at__isnull=True).update(used_at=timezone.now()):
        raise LinkSpent("This link was used a moment ago.")
    held = Membership.objects.filter(team=invitation.team, user=user).first()
    if held is None or RANK[Role(held.role)] < RANK[Role(invitation.role)]:
        Membership.objects.update_or_create(team=invitation.team, user=user, defaults={"role": invitation.role})
    after = {"user": user.get_username(), **_facts(invitation)}
    audit.record("team.invitation.accepted", actor=actor, result=DONE, target=invitation.team, after=after)
    return invitation.team


@transaction.atomic
def accept_as_new(*, secret: str, username: str, password: str, address: str | None) -> User:
    """
    This will make a login for whoever was invited, and let them in.

    :raises LinkSpent: the link opens nothing any more; nothing was made
    """
    invitation = invitation_of(secret)
    user = User.objects.create_user(username=username, email=invitation.address, password=password)
    actor = Actor("person", user.get_username(), user_id=user.pk, address=address)
    accept(secret=secret, user=user, actor=actor)
    return user


def _locked(team: Team, viewer: Viewer) -> Team:
    """Changes of one team come one after the other: two leads cannot remove each other at once."""
    if why := viewer.why_not(Permission.MANAGE_TEAM, team.pk, team.slug):
        raise NotAllowed(why)
    return Team.objects.select_for_update().get(pk=team.pk)


def _leads(team: Team) -> int:
    return Membership.objects.filter(team=team, role=Role.LEAD, user__is_active=True).count()


def _facts(invitation: Invitation) -> dict[str, str]:
    return {
        "address": invitation.address,
        "role": invitation.role,
        "expires_at": invitation.expires_at.isoformat(),
        "invited_by": invitation.invited_by,
    }


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
