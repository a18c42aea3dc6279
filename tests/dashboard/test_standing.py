"""What an open page rests on: who is signed out, or may see something else now, is no longer told anything."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from connectors import permissions
from connectors.models import Membership
from connectors.states import Role
from dashboard.standing import OTHER_RIGHTS, SIGNED_OUT, Basis, _fallen
from tests import cast


@pytest.fixture
def estate(db: None, tiny: str) -> cast.Estate:
    """This will make the fixed cast and their estate."""
    return cast.estate(tiny, timezone.now())


def opened_by(user: User) -> Basis:
    """This will give what a page that somebody opens now rests on."""
    session = SessionStore()
    session.create()
    standing = permissions.standings([user.pk], timezone.now())[user.pk]
    return Basis(user.pk, str(session.session_key), user.password, user.pk, standing)


def test_nothing_falls_while_nothing_is_taken_away(estate: cast.Estate, django_assert_num_queries: Any) -> None:
    bases = [opened_by(person) for person in estate.people.values()]

    with django_assert_num_queries(3):
        assert _fallen(bases) == []


def test_a_session_that_ended_ends_its_pages_alone(estate: cast.Estate) -> None:
    ended, other = opened_by(estate.people["viewer"]), opened_by(estate.people["viewer"])

    SessionStore(ended.session).delete()

    assert _fallen([ended, other]) == [(ended, SIGNED_OUT)]


def test_a_role_that_was_taken_or_changed_ends_the_pages_of_its_person(estate: cast.Estate) -> None:
    viewer, operator, lead = (opened_by(estate.people[who]) for who in ("viewer", "operator", "lead"))

    Membership.objects.filter(user=estate.people["viewer"]).delete()
    Membership.objects.filter(user=estate.people["operator"]).update(role=Role.VIEWER)

    assert _fallen([viewer, operator, lead]) == [(viewer, OTHER_RIGHTS), (operator, OTHER_RIGHTS)]


def test_somebody_who_is_locked_out_or_has_another_password_is_signed_out(estate: cast.Estate) -> None:
    viewer, operator = (opened_by(estate.people[who]) for who in ("viewer", "operator"))

    User.objects.filter(pk=viewer.user_id).update(is_active=False)
    User.objects.filter(pk=operator.user_id).update(password="another")  # not a password

    assert _fallen([viewer, operator]) == [(viewer, SIGNED_OUT), (operator, SIGNED_OUT)]
