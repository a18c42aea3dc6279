"""Who a browser's session says is there: the same person as Django finds, or Django is asked."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from connectors import permissions
from connectors.queries import sessions
from connectors.services import actors
from tests.cast import Estate

BOTH_TURNS = 3
"""The session first, then the person and how they stand, which go out together."""


def signed_in(user: User, **changes: Any) -> SessionStore:
    """This will make a session as signing in does, and give what a later request makes of its key."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = sessions.USUAL
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.update(changes)
    session.create()
    return SessionStore(session.session_key)


def asking(session: SessionStore) -> HttpRequest:
    """This will make a request as the middleware hands it on."""
    request = RequestFactory().get("/")
    request.session = session
    request.user = AnonymousUser()
    return request


@pytest.mark.parametrize("name", ["lead", "operator", "viewer", "stranger", "auditor", "admin"])
def test_it_is_the_person_django_finds_with_what_they_may(
    estate: Estate, name: str, django_assert_num_queries: Any
) -> None:
    key = str(signed_in(estate.people[name]).session_key)
    found = get_user(asking(SessionStore(key)))

    with django_assert_num_queries(BOTH_TURNS):
        known = sessions.recognised(SessionStore(key))

    assert known is not None
    assert known[0] == found
    assert {field.attname: getattr(known[0], field.attname) for field in User._meta.concrete_fields} == {
        field.attname: getattr(found, field.attname) for field in User._meta.concrete_fields
    }
    assert permissions.viewer_of(found) == permissions.viewer_of(known[0], standing=known[1])


def test_what_a_session_holds_is_there_and_can_be_changed(estate: Estate, django_assert_num_queries: Any) -> None:
    session = signed_in(estate.people["viewer"], drawn="yes")
    request = asking(session)

    with django_assert_num_queries(BOTH_TURNS):
        assert actors.viewer(request).name == "viewer"
        assert request.user == estate.people["viewer"]
        assert request.session["drawn"] == "yes"
        assert request.session.accessed

    request.session["drawn"] = "no"
    request.session.save()
    assert SessionStore(session.session_key)["drawn"] == "no"


def _over(session: SessionStore, _user: User) -> None:
    Session.objects.filter(pk=session.session_key).update(expire_date=timezone.now() - timedelta(seconds=1))


def _gone(session: SessionStore, _user: User) -> None:
    SessionStore(session.session_key).delete()


def _tampered(session: SessionStore, _user: User) -> None:
    kept = Session.objects.get(pk=session.session_key)
    kept.session_data = ("b" if kept.session_data[0] == "a" else "a") + kept.session_data[1:]
    kept.save()


def _of_somebody_else(session: SessionStore, user: User) -> None:
    """With the proof of another person's password."""
    kept = SessionStore(session.session_key)
    kept[SESSION_KEY] = str(User.objects.exclude(pk=user.pk).earliest("pk").pk)
    kept.save()


def _another_password(_session: SessionStore, user: User) -> None:
    User.objects.filter(pk=user.pk).update(password="another")  # not a password


def _locked_out(_session: SessionStore, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def _left(_session: SessionStore, user: User) -> None:
    user.delete()


def _without(name: str) -> Callable[[SessionStore, User], None]:
    def change(session: SessionStore, _user: User) -> None:
        kept = SessionStore(session.session_key)
        del kept[name]
        kept.save()

    return change


@pytest.mark.parametrize(
    "change",
    [
        _over, _gone, _tampered, _of_somebody_else, _another_password, _locked_out, _left,
        _without(SESSION_KEY), _without(BACKEND_SESSION_KEY), _without(HASH_SESSION_KEY),
    ],
)  # fmt: skip
def test_whoever_is_not_signed_in_any_more_is_nobody(
    estate: Estate, change: Callable[[SessionStore, User], None]
) -> None:
    user = User.objects.create_user("leaver")
    session = signed_in(user)
    change(session, user)

    request = asking(session)
    assert sessions.recognised(session) is None
    assert get_user(request) == AnonymousUser()
    request.session = SessionStore(session.session_key)
    with pytest.raises(PermissionError):
        actors.viewer(request)


def test_somebody_let_in_by_other_means_is_looked_up_by_those(estate: Estate, settings: Any) -> None:
    session = signed_in(estate.people["viewer"])
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]

    assert sessions.recognised(session) is None


def test_a_session_that_was_read_before_is_not_read_again(estate: Estate, django_assert_num_queries: Any) -> None:
    session = signed_in(estate.people["viewer"])
    assert session[SESSION_KEY]

    with django_assert_num_queries(0):
        assert sessions.recognised(session) is None
        assert sessions.recognised(SessionStore()) is None
