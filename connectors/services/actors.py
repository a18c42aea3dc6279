"""From a web request to the actor behind it."""

from django.contrib.auth.models import User
from django.http import HttpRequest

from connectors.actor import SCHEDULE, Actor
from connectors.models import ApiToken


def of(request: HttpRequest) -> Actor:
    """
    This will name who is behind a request, on the page or in the API.

    :raises PermissionError: nobody is signed in
    """
    if not request.user.is_authenticated:
        raise PermissionError("not signed in")
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
