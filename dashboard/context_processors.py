"""What every page may ask for."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from connectors.permissions import Viewer
from connectors.services import actors
from dashboard import csrf


def site(request: HttpRequest) -> dict[str, Any]:
    """
    This will give what is made when a template asks for it.

    That is the person with their roles, None when nobody is signed in, and the token of its forms, instead of Django's.
    """
    return {
        "viewer": SimpleLazyObject(lambda: _viewer(request)),
        "csrf_token": SimpleLazyObject(lambda: csrf.token(request)),
    }


def _viewer(request: HttpRequest) -> Viewer | None:
    try:
        return actors.viewer(request)
    except (PermissionError, AttributeError):
        return None
