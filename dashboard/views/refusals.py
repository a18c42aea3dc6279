"""The page that follows a refusal: what decided, and how to ask for it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connectors.permissions import Refused
from connectors.states import Permission, Role
from connectors.views import responses

FORBIDDEN = 403
ENOUGH = {
    Permission.SEE: Role.VIEWER,
    Permission.SEE_CONFIGURATION: Role.OPERATOR,
    Permission.OPERATE: Role.OPERATOR,
}
"""The least role that would do, where it can be had for a time; the others take a lead for good, or an admin."""


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """This will say why, and offer to ask the team's leads where a role for a time would do."""
    why = str(exception)
    if responses.is_fragment(request):
        return HttpResponse(responses.toast(why, is_refusal=True), status=FORBIDDEN)
    context: dict[str, object] = {"why": why, "team": None, "role": None}
    if isinstance(exception, Refused):
        context |= {"team": exception.team, "role": ENOUGH.get(exception.permission)}
    return render(request, "403.html", context, status=FORBIDDEN)
