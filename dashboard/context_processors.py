"""What every page may ask for."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from connectors.permissions import Viewer
from connectors.services import actors


def site(request: HttpRequest) -> dict[str, Any]:
    """This will give the person with their roles, read when a template asks; None when nobody is signed in."""
    return {"viewer": SimpleLazyObject(lambda: _viewer(request))}


def _viewer(request: HttpRequest) -> Viewer | None:
    try:
        return actors.viewer(request)
    except (PermissionError, AttributeError):
        return None
