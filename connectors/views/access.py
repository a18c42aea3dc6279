"""Who gets as far as a view."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url

from connectors.models import Team
from connectors.permissions import NEEDS_FACTOR, Refused, Viewer
from connectors.services import actors, audit
from connectors.states import Permission
from connectors.views import responses

P = ParamSpec("P")
SAFE = ("GET", "HEAD", "OPTIONS")


def signed_in(
    view: Callable[Concatenate[HttpRequest, Viewer, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """
    This will hand the view the person with their roles, or send whoever is signed out to sign in.

    An open page gets an order to go there, never a sign-in form in one of its rows. While the record takes no events,
    what would be a change is answered with 503 and the reason.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            viewer = actors.viewer(request)
        except PermissionError:
            return _to_sign_in(request)
        if request.session.get(NEEDS_FACTOR):
            return _to(request, settings.SECOND_FACTOR_URL)
        if viewer.simulated_by and request.method not in SAFE:
            raise Refused(Permission.SEE, actors.READ_ONLY)
        try:
            return view(request, viewer, *args, **kwargs)
        except audit.Unwritable as error:
            return responses.stopped(request, str(error))

    return guarded


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    if responses.is_fragment(request):
        return _to(request, settings.LOGIN_URL)
    return redirect_to_login(request.get_full_path())


def _to(request: HttpRequest, url: str) -> HttpResponse:
    if responses.is_fragment(request):
        return HttpResponse(status=401, headers={"HX-Redirect": resolve_url(url)})
    return redirect(url)


def refuse_unless(viewer: Viewer, permission: Permission, team: Team | None = None) -> None:
    """
    This will let pass whoever holds the permission, in the team or in the whole site.

    :raises Refused: the person does not; the page that follows says why, and whom to ask
    """
    if why := viewer.why_not(permission, team.pk if team else None, team.slug if team else ""):
        raise Refused(permission, why, team)
