"""Asking for a role for a time, from any page that refused; and deciding about it."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from connectors.forms.teams import AccessForm, DecisionForm
from connectors.permissions import Viewer
from connectors.queries import people
from connectors.services import access_requests, actors, operations
from connectors.states import Permission, Role
from connectors.views import addresses
from connectors.views.access import refuse_unless, signed_in

UNPROCESSABLE = 422


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def ask(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will ask the leads of a team, and show what became of earlier requests."""
    initial = {name: request.GET[name] for name in ("team", "role", "minutes") if name in request.GET}
    usual = {"role": Role.OPERATOR, "minutes": 60}
    form = AccessForm(people.all_teams(), request.POST or None, initial=usual | initial)
    if form.is_bound and form.is_valid():
        try:
            user = User.objects.get(pk=viewer.user_id)
            made = access_requests.ask(**form.cleaned_data, user=user, actor=actors.of(request), viewer=viewer)
        except operations.NotPossible as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"The leads of {made.team.name} were asked.")
            return redirect("access")
    number = addresses.number_of(request)
    found = list(people.requests_by(viewer)[addresses.slice_of(number)])
    context = {
        "viewer": viewer,
        "form": form,
        "requests": found[: addresses.SIZE],
        "pager": addresses.pager(request, number, len(found)),
        "waiting": people.waiting_for(viewer)[: people.SHOWN],
    }
    return render(request, "connectors/access/ask.html", context, status=UNPROCESSABLE if form.errors else 200)


@require_POST
@signed_in
def decide(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will grant a request from now on, or decline it."""
    found = get_object_or_404(people.requests_visible_to(viewer), pk=pk)
    refuse_unless(viewer, Permission.MANAGE_TEAM, found.team)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was decided: grant it or decline it.")
        return _back(request, found.team.slug)
    try:
        done = access_requests.decide(request=found, is_granted=form.is_granted, said=form.cleaned_data["said"],
                                      actor=actors.of(request), viewer=viewer)  # fmt: skip
    except operations.NotPossible as error:
        messages.error(request, str(error))
    else:
        what = f"is {done.role} until {done.ends_at:%d %b %H:%M} UTC" if done.ends_at else "was declined"
        messages.success(request, f"{done.user.get_username()} {what}.")
    return _back(request, found.team.slug)


@require_POST
@signed_in
def end(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will take a grant back, or give it back."""
    found = get_object_or_404(people.requests_visible_to(viewer), pk=pk)
    if found.user_id != viewer.user_id:
        refuse_unless(viewer, Permission.MANAGE_TEAM, found.team)
    try:
        access_requests.end(request=found, actor=actors.of(request), viewer=viewer)
    except operations.NotNow as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{found.user.get_username()} has no longer that role in {found.team.name}.")
    return redirect("access") if found.user_id == viewer.user_id else redirect("team", found.team.slug)


def _back(request: HttpRequest, slug: str) -> HttpResponse:
    came_from = request.headers.get("referer", "")
    is_ours = url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure())
    return redirect(came_from) if is_ours else redirect("team", slug)
