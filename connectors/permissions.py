"""Who may see and do what. Page, API, event stream, schedule and service all ask here, and so do the explanations."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from connectors import planned
from connectors.models import ApiToken, Team
from connectors.states import Permission, Role, SiteRole

NEEDS_FACTOR = "needs_factor"
"""In the session of whoever must add a second factor before anything else."""
SITE = 0
"""Stands for the whole site where teams are told apart by their ids."""
RANK = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.LEAD: 3}

SEEING = frozenset({Permission.SEE})
OPERATING = SEEING | {Permission.SEE_CONFIGURATION, Permission.OPERATE}
LEADING = OPERATING | {Permission.PROTECT, Permission.MANAGE_TEAM, Permission.MANAGE_ACCOUNTS}
OF_ROLE: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: SEEING,
    Role.OPERATOR: OPERATING,
    Role.LEAD: LEADING,
}
OF_SITE_ROLE: Mapping[SiteRole, frozenset[Permission]] = {
    SiteRole.AUDITOR: SEEING | {Permission.SEE_CONFIGURATION, Permission.REVIEW},
    SiteRole.ADMIN: frozenset(Permission),
}
TAKES = {
    Permission.SEE: "Seeing this takes a role",
    Permission.SEE_CONFIGURATION: "Seeing the configuration takes the role operator or lead",
    Permission.OPERATE: "Operating this takes the role operator or lead",
    Permission.PROTECT: "Protecting and freezing takes the role lead",
    Permission.MANAGE_TEAM: "Managing the team takes the role lead",
    Permission.MANAGE_ACCOUNTS: "Managing its vendor accounts takes the role lead",
    Permission.REVIEW: "Reading the whole record takes the site role admin or auditor",
    Permission.ADMINISTER: "This takes the site role admin",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token is narrowed to. It never adds anything to what its owner may."""

    name: str
    team_id: int | None
    """None: all teams of its owner."""
    permissions: frozenset[Permission]

    def covers(self, permission: Permission, team_id: int | None) -> bool:
        """This will tell whether the token reaches that far; what is the whole site's takes a token of no one team."""
        return permission in self.permissions and self.team_id in {None, team_id}


@dataclass(frozen=True, slots=True)
class Viewer:
    """One person with all their roles, read once for each request."""

    user_id: int
    name: str
    site_role: SiteRole | None = None
    roles: Mapping[int, Role] = field(default_factory=dict)
    """By team id, granted ones included; the keys are the teams whose connectors exist for this person."""
    granted: Mapping[int, datetime] = field(default_factory=dict)
    """Until when, for the roles that were granted for a time; `SITE` for the site role."""
    scope: Scope | None = None
    """Set when a token acts."""
    simulated_by: str = ""
    """The admin who looks at the site as this person would; nothing can be changed that way."""
    alone: int | None = None
    """Set where this very person passes a freeze: what they see is then shared with nobody of their kind."""

    def holds(self, permission: Permission) -> bool:
        """This will tell whether the person holds a permission anywhere: for the site, or in any team."""
        return self.may(permission) or any(self.may(permission, team) for team in self.roles)

    @property
    def sees_all(self) -> bool:
        """Admins and auditors see every team's connectors."""
        return self.may(Permission.SEE) and self.site_role is not None

    @property
    def sees(self) -> frozenset[int] | None:
        """The teams whose connectors exist for this person; None: all."""
        return None if self.sees_all else frozenset(self.roles)

    @property
    def is_admin(self) -> bool:
        """May this person administer the product?"""
        return self.may(Permission.ADMINISTER)

    @property
    def may_read_audit(self) -> bool:
        """May this person read the whole audit?"""
        return self.may(Permission.REVIEW)

    @property
    def until(self) -> datetime | None:
        """When the first of the granted roles ends: what was read of this person holds no longer than that."""
        return min(self.granted.values(), default=None)

    def may(self, permission: Permission, team_id: int | None = None) -> bool:
        """
        This will decide. Everything else in the product that allows or refuses comes down to this.

        :param team_id: None for what is the whole site's
        """
        if self.scope is not None and not self.scope.covers(permission, team_id):
            return False
        if self.site_role is not None and permission in OF_SITE_ROLE[self.site_role]:
            return True
        role = self.roles.get(team_id) if team_id is not None else None
        return role is not None and permission in OF_ROLE[role]

    def why_not(self, permission: Permission, team_id: int | None = None, team: str = "") -> str:
        """This will name the rule and the role that keep the person from it; empty when nothing does."""
        if self.may(permission, team_id):
            return ""
        if self.scope is not None and not self.scope.covers(permission, team_id):
            return f"The token {self.scope.name} does not reach that far: its scope lacks {permission} here."
        if team_id is None:
            return f"{TAKES[permission]}; you are {self.site_role or 'neither'}."
        role = self.roles.get(team_id)
        standing = f"you are {role} there" if role else f"you are {self.site_role or 'no member'}"
        return f"{TAKES[permission]} in team {team}; {standing}. Ask a lead of {team}."

    def is_theirs(self, user_id: int | None, permission: Permission) -> bool:
        """
        This will tell whether something that somebody began is this person's own to end.

        :param permission: what it took to begin it; a token without it ends nothing either
        """
        return user_id == self.user_id and (self.scope is None or permission in self.scope.permissions)

    def may_see(self, team_id: int) -> bool:
        """This will tell whether the team's connectors exist for this person at all; if not, they are 404."""
        return self.may(Permission.SEE, team_id)

    def may_operate(self, team_id: int) -> bool:
        """This will tell whether this person may ask for verbs on the team's connectors and pipelines."""
        return self.may(Permission.OPERATE, team_id)

    def may_see_configuration(self, team_id: int) -> bool:
        """This will tell whether the (masked) configuration is shown."""
        return self.may(Permission.SEE_CONFIGURATION, team_id)

    def may_manage_team(self, team_id: int) -> bool:
        """This will tell whether this person may change members, tokens and rules of a team."""
        return self.may(Permission.MANAGE_TEAM, team_id)

    def may_protect(self, team_id: int | None) -> bool:
        """This will tell whether this person may protect connectors and freeze; None for the whole site."""
        return self.is_admin if team_id is None else self.may(Permission.PROTECT, team_id)

    def may_manage_accounts(self, team_id: int) -> bool:
        """This will tell whether this person may add, change or remove vendor accounts of a team."""
        return self.may(Permission.MANAGE_ACCOUNTS, team_id)

    @property
    def may_add_accounts(self) -> bool:
        """May this person add a vendor account to any team at all?"""
        return self.may(Permission.MANAGE_ACCOUNTS) or any(self.may_manage_accounts(team) for team in self.roles)

    def why_not_operate(self, team_id: int, team: str) -> str:
        """This will say which rule keeps the person from operating; empty when nothing does."""
        return self.why_not(Permission.OPERATE, team_id, team)


class Refused(PermissionDenied):
    """What was asked takes a permission that the person does not hold. A page shows `why` and whom to ask."""

    def __init__(self, permission: Permission, why: str, team: Team | None = None) -> None:
        super().__init__(why)
        self.permission, self.why, self.team = permission, why, team


class Standing(NamedTuple):
    """Site role, role in each team, and until when for those that were granted."""

    site_role: SiteRole | None
    roles: Mapping[int, Role]
    granted: Mapping[int, datetime]


def viewer_of(
    user: AbstractBaseUser | AnonymousUser,
    token: ApiToken | None = None,
    now: datetime | None = None,
    standing: Standing | None = None,
) -> Viewer:
    """
    This will read the roles of a person, in one query; a token narrows them.

    :param standing: how the person stands, where that was read anyway
    :raises PermissionError: the person is not signed in or not active
    """
    if not user.is_authenticated or not user.is_active or user.pk is None:
        raise PermissionError("not signed in")
    site_role, roles, granted = standing or standings([user.pk], now or timezone.now())[user.pk]
    scope = _scope(token) if token else None
    if scope is not None:
        roles = _within(scope, roles, site_role)
    return Viewer(
        user_id=user.pk, name=user.get_username(), site_role=site_role, roles=roles, granted=granted, scope=scope
    )


STANDINGS = """
SELECT user_id, team_id, role, NULL::timestamptz FROM connectors_membership WHERE user_id = ANY(%(ids)s)
UNION ALL
SELECT user_id, NULL, role, ends_at FROM connectors_sitemembership
WHERE user_id = ANY(%(ids)s) AND (ends_at IS NULL OR ends_at > %(now)s)
UNION ALL
SELECT user_id, team_id, role, ends_at FROM connectors_accessrequest
WHERE user_id = ANY(%(ids)s) AND is_granted AND ended_at IS NULL AND ends_at > %(now)s
"""
"""Of the people with `ids`, at `now`. Written out, because it is asked for each request: to build it took longer."""


def standings(user_ids: Collection[int], now: datetime) -> dict[int, Standing]:
    """This will read how people stand, in one query."""
    with planned.cursor(STANDINGS) as cursor:
        cursor.execute(STANDINGS, {"ids": list(user_ids), "now": now})
        return by_person(user_ids, cursor.fetchall())


def by_person(user_ids: Collection[int], rows: Iterable[tuple[Any, ...]]) -> dict[int, Standing]:
    """This will say of what was read of people how each of them stands."""
    held: dict[int, list[tuple[int | None, str, datetime | None]]] = {user_id: [] for user_id in user_ids}
    for user_id, team, role, ends_at in rows:
        held[user_id].append((team, role, ends_at))
    return {user_id: _standing(found) for user_id, found in held.items()}


def _standing(held: Iterable[tuple[int | None, str, datetime | None]]) -> Standing:
    found = sorted(held, key=lambda row: row[2] is not None)  # what lasts first: a grant counts only beyond it
    site_role = next((SiteRole(role) for team, role, _ in found if team is None), None)
    roles: dict[int, Role] = {}
    granted: dict[int, datetime] = {}
    for team, role, ends_at in found:
        if team is None:
            granted.update({SITE: ends_at} if ends_at else {})
            continue
        if team in roles and RANK[Role(role)] <= RANK[roles[team]]:
            continue
        roles[team] = Role(role)
        if ends_at is not None:
            granted[team] = ends_at
    return Standing(site_role, roles, granted)


def _scope(token: ApiToken) -> Scope:
    held = frozenset(Permission(word) for word in token.permissions)
    return Scope(name=token.name, team_id=token.team_id, permissions=held | SEEING)


def _within(scope: Scope, roles: Mapping[int, Role], site_role: SiteRole | None) -> dict[int, Role]:
    """The teams that exist for the token: one, or all of its owner's."""
    if scope.team_id is None:
        return dict(roles)
    if scope.team_id in roles:
        return {scope.team_id: roles[scope.team_id]}
    return {scope.team_id: Role.VIEWER} if site_role else {}
