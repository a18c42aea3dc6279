"""Who gets as far as a view."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url

from connectors import permissions
from connectors.permissions import Viewer
from connectors.views import responses

P = ParamSpec("P")


def signed_in(
    view: Callable[Concatenate[HttpRequest, Viewer, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """
    This will hand the view the person with their roles, or send whoever is signed out to sign in.

    An open page gets an order to go there, never a sign-in form in one of its rows.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            viewer = permissions.viewer_of(request.user)
        except PermissionError:
            return _to_sign_in(request)
        return view(request, viewer, *args, **kwargs)

    return guarded


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    if responses.is_fragment(request):
        return HttpResponse(status=401, headers={"HX-Redirect": resolve_url(settings.LOGIN_URL)})
    return redirect_to_login(request.get_full_path())
