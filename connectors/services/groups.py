"""Roles that follow the groups of the company's sign-in."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from connectors.actor import Actor
from connectors.models import AuditEvent, Membership, SiteMembership, Team
from connectors.permissions import RANK
from connectors.services import audit
from connectors.states import Role, SiteRole

DONE = AuditEvent.Result.DONE


@dataclass(frozen=True, slots=True)
class Grant:
    """What belonging to a group gives: a role in a team, or a site role where `team` is empty."""

    team: str
    role: str


@transaction.atomic
def follow(*, user: User, groups: Collection[str], grants: Mapping[str, Collection[Grant]], actor: Actor) -> None:
    """
    This will give somebody the roles of their groups, and take those of groups they left.

    What a lead or an admin gave by hand stays, unless a group gives more: from then on the group decides.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    held = [grant for group in groups for grant in grants.get(group, ())]
    _follow_teams(user, held, actor)
    _follow_site(user, [SiteRole(grant.role) for grant in held if not grant.team], actor)


def _follow_teams(user: User, held: Collection[Grant], actor: Actor) -> None:
    of_teams = sorted((grant for grant in held if grant.team), key=lambda grant: RANK[Role(grant.role)])
    wanted = {grant.team: Role(grant.role) for grant in of_teams}  # the highest comes last
    rows = {row.team.slug: row for row in Membership.objects.filter(user=user).select_related("team")}
    for team in Team.objects.filter(slug__in=wanted):
        row, role = rows.get(team.slug), wanted[team.slug]
        if row and not row.is_by_group and RANK[Role(row.role)] >= RANK[role]:
            continue
        if row is None or row.role != role or not row.is_by_group:
            Membership.objects.update_or_create(user=user, team=team, defaults={"role": role, "is_by_group": True})
            _record(actor, user, team, row.role if row else None, role)
    for slug, row in rows.items():
        if row.is_by_group and slug not in wanted:
            row.delete()
            _record(actor, user, row.team, row.role, None)


def _follow_site(user: User, wanted: Collection[SiteRole], actor: Actor) -> None:
    role = SiteRole.ADMIN if SiteRole.ADMIN in wanted else next(iter(wanted), None)
    row = SiteMembership.objects.filter(user=user).first()
    if row and (not row.is_by_group or row.role == role):
        return
    if role is not None:
        SiteMembership.objects.update_or_create(user=user, defaults={"role": role, "is_by_group": True})
    elif row:
        row.delete()
    if row or role:
        _record(actor, user, None, row.role if row else None, role)


def _record(actor: Actor, user: User, team: Team | None, before: str | None, after: str | None) -> None:
    name = user.get_username()
    audit.record(
        "team.member.followed" if team else "site.role.followed", actor=actor, result=DONE, target=team,
        before={"user": name, "role": before}, after={"user": name, "role": after},
    )  # fmt: skip
