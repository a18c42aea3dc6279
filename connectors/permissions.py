"""Who may see and do what. Page, API, event stream and service all ask here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from connectors.models import Membership, SiteMembership
from connectors.states import Role, SiteRole

RANK = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.LEAD: 3}


@dataclass(frozen=True, slots=True)
class Viewer:
    """One person with all their roles, read once for each request."""

    user_id: int
    name: str
    site_role: SiteRole | None = None
    roles: Mapping[int, Role] = field(default_factory=dict)
    """By team id."""

    @property
    def sees_all(self) -> bool:
        """Admins and auditors see every team's connectors."""
        return self.site_role is not None

    @property
    def is_admin(self) -> bool:
        """May this person administer the product?"""
        return self.site_role is SiteRole.ADMIN

    @property
    def may_read_audit(self) -> bool:
        """May this person read the whole audit?"""
        return self.site_role is not None

    def may_see(self, team_id: int) -> bool:
        """This will tell whether the team's connectors exist for this person at all; if not, they are 404."""
        return self.sees_all or team_id in self.roles

    def may_operate(self, team_id: int) -> bool:
        """This will tell whether this person may ask for verbs on the team's connectors and pipelines."""
        return self.is_admin or self._has(team_id, Role.OPERATOR)

    def may_see_configuration(self, team_id: int) -> bool:
        """This will tell whether the (masked) configuration is shown."""
        return self.sees_all or self._has(team_id, Role.OPERATOR)

    def may_manage_accounts(self, team_id: int | None = None) -> bool:
        """This will tell whether this person may add, change or remove vendor accounts of a team."""
        return self.is_admin

    def why_not_operate(self, team_id: int, team: str) -> str:
        """This will say which rule keeps the person from operating; empty when nothing does."""
        if self.may_operate(team_id):
            return ""
        role = self.roles.get(team_id)
        standing = f"you are {role} there" if role else f"you are {self.site_role or 'no member'}"
        return f"Operating this takes the role operator or lead in team {team}; {standing}. Ask a lead of {team}."

    def _has(self, team_id: int, least: Role) -> bool:
        role = self.roles.get(team_id)
        return role is not None and RANK[role] >= RANK[least]


def viewer_of(user: AbstractBaseUser | AnonymousUser) -> Viewer:
    """
    This will read the roles of a person, in two queries.

    :raises PermissionError: the person is not signed in or not active
    """
    if not user.is_authenticated or not user.is_active or user.pk is None:
        raise PermissionError("not signed in")
    site_role = SiteMembership.objects.filter(user_id=user.pk).values_list("role", flat=True).first()
    roles = Membership.objects.filter(user_id=user.pk).values_list("team_id", "role")
    return Viewer(
        user_id=user.pk,
        name=user.get_username(),
        site_role=SiteRole(site_role) if site_role else None,
        roles={team: Role(role) for team, role in roles},
    )
