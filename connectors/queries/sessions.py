"""
Who a browser's session says is there, and how that person stands: what every page asks before anything else.

Django finds out the same when `request.user` is first looked at, by two statements that it builds anew for each
request; their building takes longer than all that PostgreSQL does for them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db.models import CharField, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from connectors import permissions
from connectors.permissions import Standing
from connectors.queries import lean

USUAL = "django.contrib.auth.backends.ModelBackend"
"""What finds people by their id alone; whoever was let in by anything else is looked up by that."""


def recognised(session: SessionBase, now: datetime | None = None) -> tuple[User, Standing] | None:
    """
    This will give the person of a session with their standing, in two turns; the session is loaded by then.

    None where anything is not as it usually is: nobody is signed in, the session is over or was read before, the
    person is gone, not active or has another password. Then Django has to be asked; it also ends what must end.
    """
    key = session.session_key
    if key is None or session.accessed:
        return None
    now = now or timezone.now()
    held = _held(session, key, now)
    pk = str(held.get(SESSION_KEY, ""))
    if not pk.isdecimal() or held.get(BACKEND_SESSION_KEY) != USUAL or USUAL not in settings.AUTHENTICATION_BACKENDS:
        return None
    asked, stands = _user.asked(id=int(pk)), _standings.asked(ids=[int(pk)], now=now)
    with lean.ahead(asked, stands):
        people, standings = asked.read(), stands.read()
    if not people or not _is_theirs(held, people[0]):
        return None
    session._session_cache = held  # type: ignore[attr-defined]  # where `load()` leaves it, too; Django 5.2
    return people[0], permissions.by_person([int(pk)], standings)[int(pk)]


def _held(session: SessionBase, key: str, now: datetime) -> Mapping[str, Any]:
    """What is kept in it; nothing where it is over, or was not written by us."""
    found = _session.read(key=key, now=now)
    return session.decode(found[0].session_data) if found else {}


def _is_theirs(held: Mapping[str, Any], user: User) -> bool:
    """As Django asks it: a new password ends the sessions that were begun with the old one."""
    proof = str(held.get(HASH_SESSION_KEY, ""))
    return user.is_active and constant_time_compare(proof, user.get_session_auth_hash())


@lean.statement(lean.Layout(Session, only={"session_key", "session_data"}))
def _session() -> QuerySet[Session]:
    is_given = lean.equal("session_key", "key", CharField())
    return Session.objects.filter(is_given, expire_date__gt=lean.Given("now", Session._meta.get_field("expire_date")))


@lean.statement(lean.Layout(User))
def _user() -> QuerySet[User]:
    return User.objects.filter(lean.equal("id", "id"))


_standings = lean.Written(permissions.STANDINGS)
