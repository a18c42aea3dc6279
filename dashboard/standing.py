"""What an open page rests on: a session, and what its person may. Neither lasts as long as a stream does by itself."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connections
from django.utils import timezone

from connectors import permissions
from connectors.permissions import Standing

SIGNED_OUT = "signed out"
OTHER_RIGHTS = "may see something else now"


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """Of one page, as it was opened."""

    user_id: int
    session: str
    password: str
    """As it is stored, hashed: a new one ends the sessions that were begun with the old one."""
    viewer_id: int
    """Somebody else where an admin looks at the site as that person."""
    standing: Standing


def fallen(bases: Collection[Basis]) -> Mapping[Basis, str]:
    """This will name those that hold no longer, each with the reason; three queries, however many there are."""
    try:
        return dict(_fallen(bases))
    finally:
        connections.close_all()


def _fallen(bases: Collection[Basis]) -> list[tuple[Basis, str]]:
    now = timezone.now()
    sessions = Session.objects.filter(session_key__in={basis.session for basis in bases}, expire_date__gt=now)
    alive = set(sessions.values_list("session_key", flat=True))
    people = User.objects.filter(pk__in={basis.user_id for basis in bases}, is_active=True)
    passwords = dict(people.values_list("pk", "password"))
    standings = permissions.standings({basis.viewer_id for basis in bases}, now)
    return [(basis, why) for basis in bases if (why := _why(basis, alive, passwords, standings))]


def _why(basis: Basis, alive: Collection[str], passwords: Mapping[int, str], standings: Mapping[int, Standing]) -> str:
    if basis.session not in alive or passwords.get(basis.user_id) != basis.password:
        return SIGNED_OUT
    return "" if standings[basis.viewer_id] == basis.standing else OTHER_RIGHTS
