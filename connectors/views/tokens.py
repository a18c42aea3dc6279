"""Tokens of a team: shown once, ended at any time."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from connectors.forms.teams import TokenForm
from connectors.models import ApiToken
from connectors.permissions import Viewer
from connectors.services import actors, tokens
from connectors.states import Permission
from connectors.views.access import refuse_unless, signed_in
from connectors.views.teams import UNPROCESSABLE, visible


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def create(request: HttpRequest, viewer: Viewer, slug: str) -> HttpResponse:
    """This will make a token for the team and show it, this once."""
    team = visible(viewer, slug)
    refuse_unless(viewer, Permission.MANAGE_TEAM, team)
    held = [permission for permission in Permission if viewer.may(permission, team.pk)]
    form = TokenForm(held, request.POST or None)
    context = {"form": form, "team": team, "viewer": viewer, "place": "teams"}
    if not form.is_bound or not form.is_valid():
        return render(request, "connectors/team/token_new.html", context, status=UNPROCESSABLE if form.errors else 200)
    token, clear = tokens.issue_for_team(
        team=team,
        user=User.objects.get(pk=viewer.user_id),
        name=form.cleaned_data["name"],
        permissions=form.cleaned_data["permissions"],
        lasts=form.lasts,
        actor=actors.of(request),
        viewer=viewer,
    )
    return render(request, "connectors/team/token_made.html", {**context, "token": token, "clear": clear})


@require_POST
@signed_in
def revoke(request: HttpRequest, viewer: Viewer, slug: str, pk: int) -> HttpResponse:
    """This will end a token of the team."""
    team = visible(viewer, slug)
    refuse_unless(viewer, Permission.MANAGE_TEAM, team)
    token = get_object_or_404(ApiToken.objects.select_related("team", "user"), team=team, pk=pk)
    tokens.revoke_of_team(token=token, actor=actors.of(request), viewer=viewer)
    messages.success(request, f"{token.name} opens nothing any more.")
    return redirect("team", slug)
