"""Teams help themselves, and none is left without a lead."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.actor import Actor
from connectors.models import ApiToken, AuditEvent, Invitation, Membership
from connectors.permissions import Viewer, viewer_of
from connectors.services import teams, tokens
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import Role
from tests.cast import Estate


def who(estate: Estate, name: str) -> tuple[Actor, Viewer]:
    """This will give one of the cast, as actor and as viewer."""
    user = estate.people[name]
    return Actor("person", name, user.pk), viewer_of(user)


def set_role(estate: Estate, by: str, name: str, role: Role | None) -> None:
    """This will let one of the cast change another's role in team payments."""
    actor, viewer = who(estate, by)
    teams.set_role(team=estate.team, user=estate.people[name], role=role, actor=actor, viewer=viewer)


def test_a_lead_changes_a_role_and_it_is_on_record(estate: Estate) -> None:
    set_role(estate, "lead", "viewer", Role.OPERATOR)

    assert viewer_of(estate.people["viewer"]).may_operate(estate.team.pk)
    event = AuditEvent.objects.get(action="team.member.changed")
    assert (event.actor, event.team) == ("lead", "payments")
    assert (event.before, event.after) == (
        {"user": "viewer", "role": "viewer"},
        {"user": "viewer", "role": "operator"},
    )


@pytest.mark.parametrize("name", ["viewer", "operator", "stranger", "auditor"])
def test_nobody_else_changes_roles(estate: Estate, name: str) -> None:
    with pytest.raises(NotAllowed):
        set_role(estate, name, name, Role.LEAD)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, None])
@pytest.mark.parametrize("by", ["lead", "admin"])
def test_the_last_lead_stays(estate: Estate, by: str, role: Role | None) -> None:
    with pytest.raises(NotNow, match="lead is the last lead of Payments"):
        set_role(estate, by, "lead", role)

    set_role(estate, "lead", "operator", Role.LEAD)
    set_role(estate, by, "lead", role)
    assert Membership.objects.get(team=estate.team, role=Role.LEAD).user.get_username() == "operator"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(["lead", "operator", "viewer"]), st.none() | st.sampled_from(Role)), max_size=8)
)
def test_no_row_of_changes_leaves_a_team_without_a_lead(estate: Estate, changes: list[tuple[str, Role | None]]) -> None:
    for name, role in changes:
        try:
            set_role(estate, "admin", name, role)
        except NotNow:
            continue

        assert Membership.objects.filter(team=estate.team, role=Role.LEAD).exists()


def test_whoever_goes_loses_the_tokens_of_the_team(estate: Estate) -> None:
    actor, _ = who(estate, "operator")
    _, of_team = tokens.issue(user=estate.people["operator"], name="ci", expires_at=None, actor=actor, team=estate.team)
    assert tokens.verify(of_team)

    set_role(estate, "lead", "operator", None)

    assert tokens.verify(of_team) is None
    assert ApiToken.objects.get(name="ci").revoked_at


def invite(estate: Estate, role: Role = Role.OPERATOR) -> tuple[Invitation, str]:
    """This will let the lead invite somebody new."""
    actor, viewer = who(estate, "lead")
    return teams.invite(team=estate.team, address="new@example.org", role=role, actor=actor, viewer=viewer)


def test_an_invitation_lets_somebody_new_in_once(estate: Estate) -> None:
    _, secret = invite(estate)

    user = teams.accept_as_new(secret=secret, username="new", password="long-enough-9", address="127.0.0.1")

    assert viewer_of(user).roles == {estate.team.pk: Role.OPERATOR}
    assert user.email == "new@example.org"
    with pytest.raises(teams.LinkSpent):
        teams.accept(secret=secret, user=estate.people["stranger"], actor=who(estate, "stranger")[0])


def test_an_invitation_ends(estate: Estate) -> None:
    invitation, secret = invite(estate)

    with time_machine.travel(invitation.expires_at - timedelta(seconds=1), tick=False):
        assert teams.invitation_of(secret) == invitation
    with time_machine.travel(invitation.expires_at, tick=False), pytest.raises(teams.LinkSpent):
        teams.accept_as_new(secret=secret, username="new", password="long-enough-9", address=None)
    assert not User.objects.filter(username="new").exists()


def test_an_invitation_that_was_taken_back_opens_nothing(estate: Estate) -> None:
    invitation, secret = invite(estate)
    actor, viewer = who(estate, "lead")

    teams.take_back(invitation=invitation, actor=actor, viewer=viewer)

    with pytest.raises(teams.LinkSpent):
        teams.invitation_of(secret)


def test_a_new_invitation_replaces_the_one_before(estate: Estate) -> None:
    _, first = invite(estate)
    _, second = invite(estate)

    with pytest.raises(teams.LinkSpent):
        teams.invitation_of(first)
    assert teams.invitation_of(second)


def test_an_invitation_never_lowers_a_role(estate: Estate) -> None:
    _, secret = invite(estate, Role.VIEWER)

    teams.accept(secret=secret, user=estate.people["lead"], actor=who(estate, "lead")[0])

    assert Membership.objects.get(team=estate.team, user=estate.people["lead"]).role == Role.LEAD


def test_the_secret_of_an_invitation_is_kept_nowhere(estate: Estate) -> None:
    _, secret = invite(estate)

    assert secret not in str(list(Invitation.objects.values())) + str(list(AuditEvent.objects.values()))
    assert timezone.now() < Invitation.objects.get().expires_at
