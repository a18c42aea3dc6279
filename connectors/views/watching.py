"""Auto-heal and alerts: their lists, forms, and what became of them."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.forms.watching import AlertForm, HealForm
from connectors.models import AlertRule, HealPolicy, Team
from connectors.permissions import Viewer
from connectors.queries import alerts as alert_reads
from connectors.queries import connectors as reads
from connectors.queries import healing as heal_reads
from connectors.queries import people
from connectors.services import actors, alerts, healing
from connectors.services.operations import NotAllowed, NotPossible
from connectors.views import addresses
from connectors.views.access import signed_in

LATEST = 20
HEALING = ("is_on", "states", "first_wait", "longest_wait", "budget", "reset_after", "stops_at")


@require_safe
@signed_in
def heal_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list the policies, and the connectors healing is at or has given up on."""
    number = addresses.number_of(request)
    states = list(heal_reads.states_for(viewer)[addresses.slice_of(number)])
    context = {
        "place": "guard",
        "tab": "heal-policies",
        "viewer": viewer,
        "policies": list(heal_reads.visible_to(viewer)[: addresses.SIZE]),
        "states": states[: addresses.SIZE],
        "pager": addresses.pager(request, number, len(states)),
        "may_add": people.teams_for_guards(viewer).exists(),
    }
    return render(request, "connectors/heal/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def heal_new(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will set how a team's connectors, or one of them, are healed."""
    return _heal_form(request, viewer, None)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def heal_policy(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will change a policy, or remove it."""
    found = get_object_or_404(heal_reads.visible_to(viewer), pk=pk)
    if request.method == "POST" and "remove" in request.POST:
        try:
            healing.remove_policy(policy=found, actor=actors.of(request), viewer=viewer)
        except NotAllowed as error:
            raise PermissionDenied(str(error)) from error
        messages.success(request, f"{found} is not healed by this policy any more.")
        return redirect("heal-policies")
    return _heal_form(request, viewer, found)


@require_POST
@signed_in
def heal_close(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will close an open circuit: the connector is healed again."""
    found = get_object_or_404(reads.visible_to(viewer), pk=pk)
    try:
        healing.close(connector=found, actor=actors.of(request), viewer=viewer)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except NotPossible as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{found.name} is healed again.")
    return redirect("heal-policies")


def _heal_form(request: HttpRequest, viewer: Viewer, found: HealPolicy | None) -> HttpResponse:
    teams = _teams(people.teams_for_guards(viewer), found.team_id if found else None)
    data = request.POST if request.method == "POST" else None
    form = HealForm(teams, data, initial=_heal_initial(found))
    if form.is_bound and form.is_valid():
        try:
            _set_policy(form, request, viewer, teams)
        except NotPossible as error:
            form.add_error(None, str(error))
        if not form.errors:
            messages.success(request, "Set: it is looked at every few seconds.")
            return redirect("heal-policies")
    context = {"place": "guard", "tab": "heal-policies", "viewer": viewer, "form": form, "policy": found}
    return render(request, "connectors/heal/form.html", context, status=422 if form.is_bound else 200)


def _set_policy(form: HealForm, request: HttpRequest, viewer: Viewer, teams: QuerySet[Team]) -> None:
    team, name, connector = teams.get(slug=form.cleaned_data["team"]), form.cleaned_data["connector"], None
    if name:
        connector = reads.visible_to(viewer).filter(team=team, name=name).first()
        if connector is None:
            form.add_error("connector", f"Team {team.slug} has no connector of that name.")
            return
    healing.set_policy(team=team, connector=connector, wish=form.wish, actor=actors.of(request), viewer=viewer)


def _heal_initial(found: HealPolicy | None) -> dict[str, object]:
    if found is None:
        usual = healing.Wish()
        return {name: getattr(usual, name) for name in HEALING}
    known = {name: getattr(found, name) for name in HEALING}
    named = found.connector.name if found.connector else ""
    return known | {"team": found.team.slug, "connector": named, "stop_words": "\n".join(found.stop_words)}


@require_safe
@signed_in
def alert_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list what holds now, and the rules."""
    number = addresses.number_of(request)
    found = list(alert_reads.open_for(viewer)[addresses.slice_of(number)])
    context = {
        "place": "guard",
        "tab": "alerts",
        "viewer": viewer,
        "rules": list(alert_reads.visible_to(viewer)[: addresses.SIZE]),
        "alerts": found[: addresses.SIZE],
        "pager": addresses.pager(request, number, len(found)),
        "may_add": people.teams_managed(viewer).exists(),
    }
    return render(request, "connectors/alert/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def alert_new(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will make an alert rule."""
    return _alert_form(request, viewer, None)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def alert_rule(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will show a rule with its last messages, change it, try it out or remove it."""
    found = get_object_or_404(alert_reads.visible_to(viewer), pk=pk)
    actor = actors.of(request)
    try:
        if "remove" in request.POST:
            alerts.delete(rule=found, actor=actor, viewer=viewer)
            messages.success(request, f"“{found.name}” was removed with its address.")
            return redirect("alerts")
        if "test" in request.POST:
            alerts.try_out(rule=found, actor=actor, viewer=viewer)
            messages.success(request, "A test message is on its way; below you see whether it was taken.")
            return redirect("alert-rule", pk)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    return _alert_form(request, viewer, found)


def _alert_form(request: HttpRequest, viewer: Viewer, found: AlertRule | None) -> HttpResponse:
    may_change = found is None or viewer.may_manage_team(found.team_id)
    if request.method == "POST" and not may_change:
        raise PermissionDenied("Alert rules take the role lead in the team.")
    teams = people.teams_managed(viewer)
    if found is None and not teams:
        raise PermissionDenied("Alert rules take the role lead in a team.")
    data = request.POST if request.method == "POST" else None
    form = AlertForm(teams, data, initial=_alert_initial(found), is_change=found is not None)
    if form.is_bound and form.is_valid():
        team = found.team if found else teams.get(slug=form.cleaned_data["team"])
        try:
            made = alerts.save(wish=form.wish, team=team, rule=found, actor=actors.of(request), viewer=viewer)
        except NotPossible as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"“{made.name}” is set. Try it out, so that you know it arrives.")
            return redirect("alert-rule", made.pk)
    context = {
        "place": "guard",
        "tab": "alerts",
        "viewer": viewer,
        "form": form,
        "rule": found,
        "may_change": may_change,
        "log": list(found.messages.all()[:LATEST]) if found else [],
    }
    return render(request, "connectors/alert/form.html", context, status=422 if form.is_bound else 200)


def _alert_initial(found: AlertRule | None) -> dict[str, object]:
    if found is None:
        return {"conditions": ["failed", "not_flowing", "heal_open"]}
    known = {name: getattr(found, name) for name in ("name", "conditions", "minutes", "repeat_minutes", "is_on")}
    return known | {"names": "\n".join(found.names)}


def _teams(rows: QuerySet[Team], only: int | None) -> QuerySet[Team]:
    found = rows.filter(pk=only) if only else rows
    if not found:
        raise PermissionDenied("Auto-heal is set by a lead of the team, or an admin.")
    return found
