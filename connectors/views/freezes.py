"""Freezes of a team or of the site: the list, a new one, its end, and breaking the glass."""

from dataclasses import replace

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.forms.guards import SITE, FreezeForm, GlassForm, stays
from connectors.models import BreakGlass, FreezeWindow
from connectors.permissions import Viewer
from connectors.queries import guards as queries
from connectors.queries import people
from connectors.services import actors, freezes
from connectors.services.operations import NotAllowed, NotPossible
from connectors.views import addresses
from connectors.views.access import signed_in


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def freeze_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list the freezes that hold or are to come, then those that are over; POST makes one."""
    if request.method == "POST":
        return _create(request, viewer)
    number = addresses.number_of(request)
    found = list(queries.in_order(viewer)[addresses.slice_of(number)])
    now = timezone.now()
    context = {
        "place": "guard",
        "tab": "freezes",
        "viewer": viewer,
        "lines": [(freeze, freeze.span(now)) for freeze in found[: addresses.SIZE]],
        "pager": addresses.pager(request, number, len(found)),
        "may_add": bool(people.teams_for_guards(viewer)) or viewer.is_admin,
        "now": now,
    }
    return render(request, "connectors/freeze/list.html", context)


@require_safe
@signed_in
def new(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will offer the form of a freeze."""
    form = _empty(viewer)
    form.fields["team"].initial = request.GET.get("team", "")
    return _form(request, viewer, form)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def change(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will offer the form of a freeze that stands, or change it."""
    found = get_object_or_404(queries.visible_to(viewer), pk=pk)
    if not queries.may_freeze(viewer, found):
        raise PermissionDenied("Changing a freeze takes what setting it takes.")
    values = FreezeForm.values_of(found)
    teams = [found.team] if found.team else []
    form = FreezeForm(
        teams, request.POST if request.method == "POST" else None, initial=values, is_admin=found.team is None
    )
    stays(form, values["team"], found.zone)
    if not form.is_bound:
        return _form(request, viewer, form, found)
    if not form.is_valid():
        return _form(request, viewer, form, found, status=422)
    wish = form.wish
    if wish.starts_at is None:
        wish = replace(wish, starts_at=found.starts_at)
    try:
        freezes.change(freeze=found, wish=wish, actor=actors.of(request), viewer=viewer)
    except NotPossible as error:
        form.add_error(None, str(error))
        return _form(request, viewer, form, found, status=_status(error))
    messages.success(request, f"“{wish.name}” is changed.")
    return redirect("freeze", pk)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def freeze(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will show one freeze and who broke it; POST ends it."""
    found = get_object_or_404(queries.visible_to(viewer), pk=pk)
    if request.method == "POST":
        return _end(request, viewer, found)
    return _page(request, viewer, found, GlassForm())


@require_POST
@signed_in
def break_glass(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will let the person pass the freeze for a short time."""
    found = get_object_or_404(queries.visible_to(viewer), pk=pk)
    form = GlassForm(request.POST)
    if not form.is_valid():
        return _page(request, viewer, found, form, status=422)
    try:
        broken = freezes.break_glass(
            freeze=found,
            reason=form.cleaned_data["reason"],
            lasts=form.lasts,
            actor=actors.of(request),
            viewer=viewer,
        )
    except NotPossible as error:
        form.add_error(None, str(error))
        return _page(request, viewer, found, form, status=_status(error))
    messages.warning(request, f"You pass “{found.name}” until {broken.until:%H:%M} UTC. Each request is on record.")
    return redirect("freeze", pk)


@require_POST
@signed_in
def mend_glass(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will end a broken glass before its time."""
    broken = get_object_or_404(
        BreakGlass.objects.select_related("freeze__team").filter(freeze__in=queries.visible_to(viewer)), pk=pk
    )
    try:
        freezes.mend_glass(broken=broken, actor=actors.of(request), viewer=viewer)
    except NotPossible as error:
        messages.error(request, str(error))
    return redirect("freeze", broken.freeze_id)


def _create(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    form = _empty(viewer, request)
    if not form.is_valid():
        return _form(request, viewer, form, status=422)
    slug = form.cleaned_data["team"]
    team = None if slug == SITE else people.teams_for_guards(viewer).get(slug=slug)
    try:
        made = freezes.create(wish=form.wish, team=team, actor=actors.of(request), viewer=viewer)
    except NotPossible as error:
        form.add_error(None, str(error))
        return _form(request, viewer, form, status=_status(error))
    messages.success(request, f"“{made.name}” is set.")
    return redirect("freeze", made.pk)


def _end(request: HttpRequest, viewer: Viewer, found: FreezeWindow) -> HttpResponse:
    try:
        freezes.end(freeze=found, actor=actors.of(request), viewer=viewer, reason=request.POST.get("reason", "")[:500])
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except NotPossible as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"“{found.name}” has ended; nothing is frozen by it any more.")
    return redirect("freeze", found.pk)


def _page(
    request: HttpRequest, viewer: Viewer, found: FreezeWindow, form: GlassForm, *, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    span = found.span(now)
    context = {
        "place": "guard",
        "tab": "freezes",
        "viewer": viewer,
        "freeze": found,
        "span": span,
        "holds": bool(span and span.holds(now)),
        "breaks": list(found.breaks.order_by("-at")[:20]),
        "may_end": queries.may_freeze(viewer, found),
        "may_break": queries.may_break(viewer, found),
        "form": form,
        "now": now,
    }
    return render(request, "connectors/freeze/freeze.html", context, status=status)


def _empty(viewer: Viewer, request: HttpRequest | None = None) -> FreezeForm:
    teams = people.teams_for_guards(viewer)
    if not viewer.is_admin and not teams:
        raise PermissionDenied("Freezing takes the role lead in a team, or the site role admin.")
    return FreezeForm(teams, request.POST if request else None, is_admin=viewer.is_admin)


def _form(
    request: HttpRequest, viewer: Viewer, form: FreezeForm, found: FreezeWindow | None = None, *, status: int = 200
) -> HttpResponse:
    context = {"place": "guard", "tab": "freezes", "viewer": viewer, "form": form, "freeze": found}
    return render(request, "connectors/freeze/new.html", context, status=status)


def _status(error: NotPossible) -> int:
    return 403 if isinstance(error, NotAllowed) else 409
