"""The pages of teams: who belongs to one, with which role, and what is theirs."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.forms.teams import RoleForm, TeamForm
from connectors.models import Team
from connectors.permissions import Viewer
from connectors.queries import connectors as queries
from connectors.queries import guards, people
from connectors.queries import rules as ownership
from connectors.services import actors, operations, teams
from connectors.states import Permission
from connectors.views import addresses
from connectors.views.access import refuse_unless, signed_in

UNPROCESSABLE = 422


@require_safe
@signed_in
def team_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list the teams that exist for the person, and what waits for their decision."""
    number = addresses.number_of(request)
    found = list(people.teams_of(viewer)[addresses.slice_of(number)])
    context = {
        "place": "teams",
        "viewer": viewer,
        "teams": found[: addresses.SIZE],
        "waiting": people.waiting_for(viewer)[: people.SHOWN],
        "pager": addresses.pager(request, number, len(found)),
    }
    return render(request, "connectors/team/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will make a team, for admins."""
    refuse_unless(viewer, Permission.ADMINISTER)
    form = TeamForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            made = teams.create(**form.cleaned_data, actor=actors.of(request), viewer=viewer)
        except operations.NotNow as error:
            form.add_error("slug", str(error))
        else:
            return redirect("team", made.slug)
    status = UNPROCESSABLE if form.errors else 200
    context = {"form": form, "viewer": viewer, "place": "teams"}
    return render(request, "connectors/team/new.html", context, status=status)


@require_safe
@signed_in
def team(request: HttpRequest, viewer: Viewer, slug: str) -> HttpResponse:
    """This will show one team: members, rules, accounts, tokens, requests and what was done lately."""
    found = visible(viewer, slug)
    number, now = addresses.number_of(request), timezone.now()
    rows = list(people.members_of(found)[addresses.slice_of(number)])
    may_manage = viewer.may_manage_team(found.pk)
    rules = ownership.visible_to(viewer).filter(team=found)
    context = {
        "place": "teams",
        "viewer": viewer,
        "team": found,
        "role": viewer.roles.get(found.pk),
        "may_manage": may_manage,
        "why_not": viewer.why_not(Permission.MANAGE_TEAM, found.pk, found.slug),
        "sees_more": may_manage or viewer.sees_all,
        "members": people.with_grants(found, rows[: addresses.SIZE], now),
        "pager": addresses.pager(request, number, len(rows)),
        "rules": rules[: people.SHOWN],
        "accounts": queries.accounts_of(viewer).filter(team=found)[: people.SHOWN],
        "invitations": people.invitations_of(found, now)[: people.SHOWN],
        "tokens": people.tokens_of(found)[: people.SHOWN],
        "requests": people.requests_to(found)[: people.SHOWN],
        "own_requests": people.requests_by(viewer).filter(team=found)[:5],
        "events": people.activity_of(found, viewer),
        "freezes": guards.concerning(found, now)[: people.SHOWN],
        "may_freeze": viewer.may_protect(found.pk),
        "now": now,
    }
    return render(request, "connectors/team/team.html", context)


@require_POST
@signed_in
def set_role(request: HttpRequest, viewer: Viewer, slug: str) -> HttpResponse:
    """This will change somebody's role, or let them go."""
    found = visible(viewer, slug)
    refuse_unless(viewer, Permission.MANAGE_TEAM, found)
    form = RoleForm(request.POST)
    user = User.objects.filter(username=form.data.get("login", ""), is_active=True).first()
    if not form.is_valid() or user is None:
        messages.error(request, "Nothing was changed: name a login that exists, and a role.")
        return redirect("team", slug)
    try:
        teams.set_role(team=found, user=user, role=form.role_or_none, actor=actors.of(request), viewer=viewer)
    except operations.NotNow as error:
        messages.error(request, str(error))
    else:
        what = f"is {form.role_or_none} now" if form.role_or_none else f"does not belong to {found.name} any more"
        messages.success(request, f"{user.get_username()} {what}.")
    return redirect("team", slug)


def visible(viewer: Viewer, slug: str) -> Team:
    """
    This will find a team that exists for the person.

    :raises Http404: there is none
    """
    found = people.teams_of(viewer).filter(slug=slug).first()
    if found is None:
        raise Http404
    return found
