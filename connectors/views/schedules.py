"""Schedules: the list, a new one with a look at its next runs, one of them and its past runs."""

from dataclasses import asdict

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.forms import batches as picking
from connectors.forms.board import filters_of, words_of
from connectors.forms.guards import stays
from connectors.forms.schedules import ScheduleForm
from connectors.models import Schedule, Team
from connectors.permissions import Viewer
from connectors.queries import connectors as reads
from connectors.queries import people
from connectors.queries import schedules as queries
from connectors.queries.connectors import Filters
from connectors.services import actors, schedules
from connectors.services.operations import NotAllowed, NotPossible
from connectors.services.schedules import Wish
from connectors.views import addresses
from connectors.views.access import signed_in

RUNS = 50


@require_safe
@signed_in
def schedule_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list the schedules with their next runs."""
    number = addresses.number_of(request)
    found = list(queries.visible_to(viewer)[addresses.slice_of(number)])
    context = {
        "place": "guard",
        "tab": "schedules",
        "viewer": viewer,
        "schedules": found[: addresses.SIZE],
        "pager": addresses.pager(request, number, len(found)),
        "may_add": people.teams_operated(viewer).exists(),
    }
    return render(request, "connectors/schedule/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will offer the form of a schedule, show its next runs before it is made, and make it."""
    teams = people.teams_operated(viewer)
    if not teams:
        raise PermissionDenied("Schedules take the role operator or lead in a team.")
    chosen, filters, words = _chosen(request, viewer)
    initial = _initial(request, viewer, chosen)
    data = request.POST if request.method == "POST" else None
    form = ScheduleForm(teams, data, initial=initial, is_chosen=bool(chosen or filters))
    coming, status = [], 200
    if form.is_bound:
        status = 422
        if form.is_valid():
            wish = _wish(form, viewer, chosen, filters, words)
            if wish and "look" in request.POST:
                coming, status = _look(form, wish), 200
            elif wish and (made := _create(request, viewer, form, wish, teams)):
                return redirect("schedule", made.pk)
    context = {
        "place": "guard",
        "tab": "schedules",
        "viewer": viewer,
        "form": form,
        "words": words,
        "coming": coming,
        "query": request.GET.urlencode(),
    }
    return render(request, "connectors/schedule/new.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def edit(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will offer the form of a schedule that stands, show its next runs before it is changed, and change it."""
    found = get_object_or_404(queries.visible_to(viewer), pk=pk)
    if not viewer.may_operate(found.team_id):
        raise PermissionDenied(f"Changing it takes the role operator or lead in team {found.team.slug}.")
    data = request.POST if request.method == "POST" else None
    form = ScheduleForm([found.team], data, initial=ScheduleForm.values_of(found), is_chosen=True)
    stays(form, found.team.slug, found.zone)
    coming, status = [], 200
    if form.is_bound:
        status = 422
        if form.is_valid() and (wish := _kept_wish(form, viewer, found)):
            if "look" in request.POST:
                coming, status = _look(form, wish), 200
            elif _change(request, viewer, form, wish, found):
                return redirect("schedule", pk)
    context = {
        "place": "guard",
        "tab": "schedules",
        "viewer": viewer,
        "schedule": found,
        "form": form,
        "words": found.selection,
        "coming": coming,
    }
    return render(request, "connectors/schedule/new.html", context, status=status)


@require_safe
@signed_in
def schedule(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will show one schedule: its next runs, what it would ask now, and what became of those before."""
    found = get_object_or_404(queries.visible_to(viewer), pk=pk)
    context = {
        "place": "guard",
        "tab": "schedules",
        "viewer": viewer,
        "schedule": found,
        "coming": queries.coming(found) if found.is_on else [],
        "number": queries.chosen(found, viewer).count(),
        "runs": list(found.runs.select_related("batch")[:RUNS]),
        "may_change": viewer.may_operate(found.team_id),
    }
    return render(request, "connectors/schedule/schedule.html", context)


@require_POST
@signed_in
def change(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will put a schedule to rest, let it come again, or remove it."""
    found = get_object_or_404(queries.visible_to(viewer), pk=pk)
    actor, choice = actors.of(request), request.POST.get("choice", "")
    try:
        if choice == "delete":
            schedules.delete(schedule=found, actor=actor, viewer=viewer)
            messages.success(request, f"“{found.name}” was removed.")
            return redirect("schedules")
        schedules.switch(schedule=found, is_on=choice == "resume", actor=actor, viewer=viewer)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except NotPossible as error:
        messages.error(request, str(error))
    return redirect("schedule", pk)


def _chosen(request: HttpRequest, viewer: Viewer) -> tuple[list[int], Filters | None, str]:
    """What the address names: rows picked one by one, or all that match the board's filters."""
    if "all" in request.GET:
        filters = filters_of(request.GET)
        return [], filters if filters.is_set else None, words_of(request.GET)
    rows = picking.picked(request.GET)
    found = list(reads.visible_to(viewer).filter(pk__in=rows).values_list("pk", "name")[: picking.MOST_PICKED])
    words = ", ".join(name for _, name in found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    return [pk for pk, _ in found], None, words


def _wish(form: ScheduleForm, viewer: Viewer, chosen: list[int], filters: Filters | None, words: str) -> Wish | None:
    data = form.cleaned_data
    if not form.is_chosen and data["names"]:
        found = dict(
            reads.visible_to(viewer).filter(team__slug=data["team"], name__in=data["names"]).values_list("name", "pk")
        )
        if unknown := [name for name in data["names"] if name not in found]:
            form.add_error("names", f"Not among the connectors of that team: {', '.join(unknown[:5])}.")
            return None
        chosen, words = list(found.values()), ", ".join(data["names"])[:300]
    elif not form.is_chosen:
        filters, words = Filters(search=data["search"]), f"search:{data['search']}"
    return Wish(
        name=data["name"],
        kind=data["kind"],
        mode=data["mode"],
        selection=words,
        connectors=chosen,
        filters=asdict(filters) if filters else None,
        reason=data["reason"],
        at=data["at"],
        cron=data["cron"],
        days=[int(day) for day in data["days"]],
        opens=data["opens"],
        closes=data["closes"],
        zone=data["zone"],
        missed=data["missed"],
    )


def _initial(request: HttpRequest, viewer: Viewer, chosen: list[int]) -> dict[str, str]:
    """The verb that the address names, and the team of what was picked."""
    slugs = reads.visible_to(viewer).filter(pk__in=chosen).values_list("team__slug", flat=True)
    initial = {"kind": request.GET.get("kind", ""), "team": slugs.first() if chosen else ""}
    return {name: value for name, value in initial.items() if value}


def _kept_wish(form: ScheduleForm, viewer: Viewer, schedule: Schedule) -> Wish | None:
    """With what it was made for: that is chosen on the board."""
    filters = Filters(**schedule.filters) if schedule.filters else None
    chosen = list(schedule.connectors.values_list("pk", flat=True)) if filters is None else []
    return _wish(form, viewer, chosen, filters, schedule.selection)


def _change(request: HttpRequest, viewer: Viewer, form: ScheduleForm, wish: Wish, found: Schedule) -> bool:
    try:
        schedules.change(schedule=found, wish=wish, actor=actors.of(request), viewer=viewer)
    except NotPossible as error:
        form.add_error(None, str(error))
        return False
    messages.success(request, f"“{wish.name}” is changed; it acts for you from now on.")
    return True


def _look(form: forms.Form, wish: Wish) -> list[queries.Coming]:
    """The next runs of what is not made yet."""
    try:
        return queries.coming(schedules.unsaved(wish))
    except NotPossible as error:
        form.add_error(None, str(error))
        return []


def _create(
    request: HttpRequest, viewer: Viewer, form: ScheduleForm, wish: Wish, teams: QuerySet[Team]
) -> Schedule | None:
    team = teams.get(slug=form.cleaned_data["team"])
    try:
        made = schedules.create(wish=wish, team=team, actor=actors.of(request), viewer=viewer)
    except NotPossible as error:
        form.add_error(None, str(error))
        return None
    messages.success(request, f"“{made.name}” is set; it acts for you, with what you may at the time.")
    return made
