"""Every read of teams, of who belongs to them, and of what they ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from connectors.models import (
    AccessRequest,
    ApiToken,
    AuditEvent,
    Connector,
    Invitation,
    Membership,
    OwnershipClaim,
    Team,
    VendorAccount,
)
from connectors.permissions import Viewer
from connectors.states import Permission

SHOWN = 50
"""Lines that one panel of a team's page holds; the lists behind it are paged."""
LATEST = 15


def teams_for_accounts(viewer: Viewer) -> QuerySet[Team]:
    """This will give the teams whose vendor accounts the person may manage."""
    return _holding(viewer, Permission.MANAGE_ACCOUNTS)


def teams_for_guards(viewer: Viewer) -> QuerySet[Team]:
    """This will give the teams whose connectors the person may protect and freeze."""
    return _holding(viewer, Permission.PROTECT)


def teams_operated(viewer: Viewer) -> QuerySet[Team]:
    """This will give the teams whose connectors the person may operate."""
    return _holding(viewer, Permission.OPERATE)


def teams_managed(viewer: Viewer) -> QuerySet[Team]:
    """This will give the teams that the person may manage."""
    return _holding(viewer, Permission.MANAGE_TEAM)


def _holding(viewer: Viewer, permission: Permission) -> QuerySet[Team]:
    rows = Team.objects.order_by("name")
    return (
        rows if viewer.may(permission) else rows.filter(pk__in=[t for t in viewer.roles if viewer.may(permission, t)])
    )


def teams_of(viewer: Viewer) -> QuerySet[Team]:
    """This will give the teams that exist for this person, with how much is theirs."""
    rows = Team.objects.order_by("name")
    if not viewer.sees_all:
        rows = rows.filter(pk__in=[team for team in viewer.roles if viewer.may_see(team)])
    return rows.annotate(
        connector_number=_number(Connector), account_number=_number(VendorAccount), member_number=_number(Membership)
    )


def _number(model: type[Connector | VendorAccount | Membership]) -> Coalesce:
    rows = model._default_manager.filter(team=OuterRef("pk")).order_by().values("team")
    return Coalesce(Subquery(rows.annotate(number=Count("pk")).values("number")), Value(0), output_field=IntegerField())


def all_teams() -> QuerySet[Team]:
    """This will give every team by its name, which is no secret: somebody outside has to know whom to ask."""
    return Team.objects.order_by("name")


@dataclass(frozen=True, slots=True)
class Member:
    """One person in a team: by membership, by a grant for a time, or both."""

    user: User
    role: str
    """Empty for somebody who is there by a grant alone."""
    grant: AccessRequest | None


def members_of(team: Team) -> QuerySet[Membership]:
    """This will give who belongs to a team, leads first."""
    rank = Q(role="lead")
    return Membership.objects.filter(team=team).select_related("user").annotate(is_lead=rank).order_by(
        "-is_lead", "user__username"
    )  # fmt: skip


def with_grants(team: Team, rows: Sequence[Membership], now: datetime) -> list[Member]:
    """This will add the grants that hold now; those of people outside the team come last."""
    grants = {g.user_id: g for g in AccessRequest.objects.in_force(now).filter(team=team).select_related("user")}
    found = [Member(row.user, row.role, grants.pop(row.user_id, None)) for row in rows]
    inside = set(Membership.objects.filter(team=team, user_id__in=grants).values_list("user_id", flat=True))
    return found + [Member(grant.user, "", grant) for grant in grants.values() if grant.user_id not in inside]


def invitations_of(team: Team, now: datetime) -> QuerySet[Invitation]:
    """This will give the links that still open."""
    return Invitation.objects.filter(team=team, used_at__isnull=True, revoked_at__isnull=True, expires_at__gt=now)


def tokens_of(team: Team) -> QuerySet[ApiToken]:
    """This will give the tokens that reach this team alone, those that live first."""
    return ApiToken.objects.filter(team=team).select_related("user").order_by(F("revoked_at").desc(nulls_first=True))


def requests_to(team: Team) -> QuerySet[AccessRequest]:
    """This will give what was asked of a team, the undecided first."""
    rows = AccessRequest.objects.filter(team=team).select_related("user", "team")
    return rows.order_by(F("decided_at").desc(nulls_first=True), "-asked_at")


def requests_visible_to(viewer: Viewer) -> QuerySet[AccessRequest]:
    """This will give a person's own requests and those they may decide."""
    rows = AccessRequest.objects.select_related("user", "team")
    if viewer.sees_all:
        return rows
    managed = [team for team in viewer.roles if viewer.may_manage_team(team)]
    return rows.filter(Q(user_id=viewer.user_id) | Q(team__in=managed))


def requests_by(viewer: Viewer) -> QuerySet[AccessRequest]:
    """This will give what a person has asked for, newest first."""
    return AccessRequest.objects.filter(user_id=viewer.user_id).select_related("team")


def waiting_for(viewer: Viewer, now: datetime | None = None) -> QuerySet[AccessRequest]:
    """This will give the requests that wait for this person's decision."""
    rows = AccessRequest.objects.waiting(now or timezone.now()).exclude(user_id=viewer.user_id)
    return rows.filter(team__in=teams_managed(viewer)).select_related("user", "team")


def claims_visible_to(viewer: Viewer) -> QuerySet[OwnershipClaim]:
    """This will give the claims a person may decide or follow, the undecided first."""
    rows = OwnershipClaim.objects.select_related("team", "connector__account", "user")
    if not viewer.sees_all:
        rows = rows.filter(team__in=[team for team in viewer.roles if viewer.may_manage_team(team)])
    return rows.order_by(F("decided_at").desc(nulls_first=True), "-asked_at")


def activity_of(team: Team, viewer: Viewer) -> list[AuditEvent] | None:
    """This will give the latest of a team's record; None for who may not read it."""
    if not (viewer.may_read_audit or viewer.may_manage_team(team.pk)):
        return None
    return list(AuditEvent.objects.filter(team=team.slug).order_by("-id")[:LATEST])
