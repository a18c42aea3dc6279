"""From a web request to the actor behind it."""

from dataclasses import replace

from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest

from connectors.actor import SCHEDULE, Actor
from connectors.models import ApiToken
from connectors.permissions import Refused, Viewer, viewer_of
from connectors.queries import sessions
from connectors.services import audit
from connectors.states import Permission

SIMULATES = "simulates"
"""In the session of an admin: as whom they look at the site."""
READ_ONLY = "You look at the site as somebody else: nothing can be changed that way. End it first."


def of(request: HttpRequest) -> Actor:
    """
    This will name who is behind a request, on the page or in the API. Every change needs an actor, so it begins here.

    :raises PermissionError: nobody is signed in
    :raises Refused: the person looks at the site as somebody else, and changes nothing meanwhile
    """
    if not request.user.is_authenticated:
        raise PermissionError("not signed in")
    if _simulated(request) is not None:
        raise Refused(Permission.SEE, READ_ONLY)
    return _named(request)


def reader(request: HttpRequest) -> Actor:
    """This will name who really looks, also while they look as somebody else: what they read is on record as theirs."""
    return _named(request)


def viewer(request: HttpRequest) -> Viewer:
    """
    This will give the person behind a request with their roles, what a token leaves of them, or whom they simulate.

    :raises PermissionError: nobody is signed in
    """
    token = getattr(request, "auth", None)
    if isinstance(token, ApiToken):
        return viewer_of(request.user, token)
    found = _recognised(request) or viewer_of(request.user)
    simulated = _simulated(request)
    if simulated is None:
        return found
    if not found.is_admin:
        del request.session[SIMULATES]
        return found
    user = User.objects.filter(pk=simulated, is_active=True).first()
    return replace(viewer_of(user), simulated_by=found.name) if user else found


def _recognised(request: HttpRequest) -> Viewer | None:
    """The person of a browser, where all is as usual; `request.user` is then this person."""
    session = getattr(request, "session", None)
    if session is None or (known := sessions.recognised(session)) is None:
        return None
    request.user, standing = known
    return viewer_of(request.user, standing=standing)


@transaction.atomic
def simulate(*, request: HttpRequest, user: User) -> None:
    """
    This will let an admin look at the site as somebody else, until they end it or sign out.

    :raises Refused: the person is no admin
    """
    found = viewer_of(request.user)
    if why := found.why_not(Permission.ADMINISTER):
        raise Refused(Permission.ADMINISTER, why)
    request.session[SIMULATES] = user.pk
    audit.record("site.simulation.started", actor=_named(request), result="done", after={"user": user.get_username()})


@transaction.atomic
def end_simulation(*, request: HttpRequest) -> None:
    """This will let them be themselves again."""
    if request.session.pop(SIMULATES, None) is not None:
        audit.record("site.simulation.ended", actor=_named(request), result="done")


def _simulated(request: HttpRequest) -> int | None:
    session = getattr(request, "session", None)
    if session is None or isinstance(getattr(request, "auth", None), ApiToken):
        return None
    found: int | None = session.get(SIMULATES)
    return found


def _named(request: HttpRequest) -> Actor:
    token = getattr(request, "auth", None)
    token = token if isinstance(token, ApiToken) else None
    return Actor(
        kind="token" if token else "person",
        name=request.user.get_username(),
        user_id=request.user.pk,
        token_id=token.pk if token else None,
        token_name=token.name if token else "",
        address=request.META.get("REMOTE_ADDR") or None,
        user_agent=request.headers.get("user-agent", ""),
        request_id=getattr(request, "request_id", ""),
    )


def behind(user: User, token: ApiToken | None, request_id: str = "") -> Actor:
    """This will name whoever asked for something earlier, on their own or by a token."""
    return Actor(
        kind="token" if token else "person",
        name=user.get_username(),
        user_id=user.pk,
        token_id=token.pk if token else None,
        token_name=token.name if token else "",
        request_id=request_id,
    )


def schedule(user: User) -> Actor:
    """This will name a schedule of somebody's: the product acts, with no more than that person may."""
    return Actor("system", SCHEDULE, user_id=user.pk, behind=user.get_username())
