"""Who may what: roles, grants and tokens, decided in one place."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from connectors.models import AccessRequest, ApiToken
from connectors.permissions import OF_ROLE, OF_SITE_ROLE, SEEING, Scope, Viewer, standings, viewer_of
from connectors.states import Permission, Role, SiteRole
from tests.cast import Estate

TEAMS = st.sampled_from([None, 1, 2, 3])
VIEWERS = st.builds(
    Viewer,
    user_id=st.just(1),
    name=st.just("someone"),
    site_role=st.none() | st.sampled_from(SiteRole),
    roles=st.dictionaries(st.sampled_from([1, 2, 3]), st.sampled_from(Role)),
)
SCOPES = st.builds(
    Scope, name=st.just("ci"), team_id=TEAMS, permissions=st.sets(st.sampled_from(Permission)).map(lambda s: s | SEEING)
)


@given(VIEWERS, SCOPES, st.sampled_from(Permission), TEAMS)
def test_a_token_never_adds_to_what_its_owner_may(
    owner: Viewer, scope: Scope, permission: Permission, team: int | None
) -> None:
    narrowed = Viewer(user_id=owner.user_id, name=owner.name, site_role=owner.site_role, roles=owner.roles, scope=scope)

    expected = owner.may(permission, team) and permission in scope.permissions and scope.team_id in {None, team}
    assert narrowed.may(permission, team) == expected


@given(VIEWERS, st.sampled_from(Permission), TEAMS)
def test_what_is_explained_is_what_is_decided(viewer: Viewer, permission: Permission, team: int | None) -> None:
    assert (viewer.why_not(permission, team, "payments") == "") == viewer.may(permission, team)


def test_roles_include_each_other() -> None:
    assert OF_ROLE[Role.VIEWER] < OF_ROLE[Role.OPERATOR] < OF_ROLE[Role.LEAD] < OF_SITE_ROLE[SiteRole.ADMIN]
    assert Permission.OPERATE not in OF_SITE_ROLE[SiteRole.AUDITOR]


@given(VIEWERS)
def test_whoever_may_nothing_of_a_team_does_not_see_it(viewer: Viewer) -> None:
    for team in (1, 2, 3):
        if not viewer.may_see(team):
            assert not any(viewer.may(permission, team) for permission in Permission)


def grant(estate: Estate, name: str, role: Role, **changes: object) -> AccessRequest:
    """This will grant a role in team payments for an hour."""
    now = timezone.now()
    values = {
        "user": estate.people[name], "team": estate.team, "role": role, "minutes": 60, "reason": "on call",
        "asked_at": now, "lapses_at": now, "decided_at": now, "decided_by": "lead", "is_granted": True,
        "ends_at": now + timedelta(hours=1),
    }  # fmt: skip
    return AccessRequest.objects.create(**{**values, **changes})


def test_a_grant_holds_until_its_end_and_not_a_moment_longer(estate: Estate) -> None:
    given_ = grant(estate, "stranger", Role.OPERATOR)
    end = given_.ends_at
    assert end is not None

    before = viewer_of(estate.people["stranger"], now=end - timedelta(microseconds=1))
    after = viewer_of(estate.people["stranger"], now=end)

    assert (before.may_operate(estate.team.pk), before.until) == (True, end)
    assert (after.may_see(estate.team.pk), after.until) == (False, None)


def test_a_grant_never_takes_from_a_role(estate: Estate) -> None:
    grant(estate, "lead", Role.VIEWER)

    assert viewer_of(estate.people["lead"]).roles[estate.team.pk] is Role.LEAD


@pytest.mark.parametrize("changes", [{"is_granted": False}, {"ended_at": timezone.now()}])
def test_a_grant_that_was_declined_or_taken_back_opens_nothing(estate: Estate, changes: dict[str, object]) -> None:
    grant(estate, "stranger", Role.OPERATOR, **changes)

    assert not viewer_of(estate.people["stranger"]).may_see(estate.team.pk)


@pytest.mark.parametrize(
    ("name", "team", "sees_all", "sees_team"),
    [
        ("admin", None, True, True),
        ("admin", "payments", False, True),
        ("operator", "payments", False, True),
        ("operator", "retail", False, False),
    ],
)
def test_a_token_of_one_team_sees_that_team_alone(
    estate: Estate, name: str, team: str | None, sees_all: bool, sees_team: bool
) -> None:
    scoped = {"payments": estate.team, "retail": estate.other}.get(team or "")
    token = ApiToken(user=estate.people[name], name="ci", team=scoped, permissions=["see", "operate"])

    viewer = viewer_of(estate.people[name], token)

    assert (viewer.sees_all, viewer.may_see(estate.team.pk)) == (sees_all, sees_team)
    assert viewer.may_manage_team(estate.team.pk) is False
    assert viewer.is_admin is False


def test_a_narrow_token_ends_nothing_that_its_owner_began() -> None:
    person = Viewer(7, "lead")
    seeing = replace(person, scope=Scope("grafana", None, frozenset({Permission.SEE})))
    operating = replace(person, scope=Scope("ci", None, frozenset({Permission.SEE, Permission.OPERATE})))

    assert person.is_theirs(7, Permission.OPERATE)
    assert operating.is_theirs(7, Permission.OPERATE)
    assert not seeing.is_theirs(7, Permission.OPERATE)
    assert not person.is_theirs(8, Permission.OPERATE)
    assert not person.is_theirs(None, Permission.OPERATE)


@pytest.mark.parametrize("is_granted", [True, False])
@pytest.mark.parametrize("ended", [None, -1, 1])
@pytest.mark.parametrize("ends", [-1, 0, 1])
def test_who_stands_where_is_read_as_the_grants_themselves_say(
    estate: Estate, is_granted: bool, ended: int | None, ends: int
) -> None:
    now, minute = timezone.now(), timedelta(minutes=1)
    AccessRequest.objects.create(
        user=estate.people["stranger"], team=estate.team, role=Role.OPERATOR, minutes=60, reason="night shift",
        asked_at=now, lapses_at=now, decided_at=now, is_granted=is_granted, ends_at=now + ends * minute,
        ended_at=None if ended is None else now + ended * minute,
    )  # fmt: skip

    everybody = standings([user.pk for user in estate.people.values()], now)

    in_force = {(grant.user_id, grant.team_id, grant.ends_at) for grant in AccessRequest.objects.in_force(now)}
    assert {(user, team, at) for user, held in everybody.items() for team, at in held.granted.items()} == in_force
    assert everybody[estate.people["admin"].pk].site_role is SiteRole.ADMIN
    assert everybody[estate.people["lead"].pk].roles == {estate.team.pk: Role.LEAD}
