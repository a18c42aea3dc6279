"""Saved views of the board: the list, the form, and which columns a person wants."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from connectors.forms.board import ColumnsForm, ViewForm, kept, words_of
from connectors.models import SavedView, Team
from connectors.permissions import Viewer
from connectors.queries import views as queries
from connectors.services import actors, audit, operations, views
from connectors.views import addresses, responses
from connectors.views.access import signed_in


@require_safe
@signed_in
def view_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list the views this person may see; into the board's menu, or as a page."""
    number = addresses.number_of(request)
    found = list(queries.visible_to(viewer)[addresses.slice_of(number)])
    context = {
        "viewer": viewer,
        "place": "views",
        "lines": [_line(viewer, view) for view in found[: addresses.SIZE]],
        "pager": addresses.pager(request, number, len(found)),
        "current": kept(request.GET),
    }
    page = "_menu.html" if responses.is_fragment(request) else "list.html"
    return render(request, f"connectors/view/{page}", context)


@signed_in
def new(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will show the form that keeps what the address shows, or keep it."""
    query = kept(request.GET)
    form = ViewForm(_teams(viewer), request.POST or None, own=_own(viewer))
    if request.method != "POST" or not form.is_valid():
        return _form(request, viewer, form, query, status=422 if form.is_bound else 200)
    asked = {"name": form.cleaned_data["name"], "team": form.cleaned_data["team"], "query": query}
    older = form.cleaned_data["replaces"]
    try:
        if older:
            view = views.change(view=older, actor=actors.of(request), viewer=viewer, **asked)
        else:
            view = views.save(actor=actors.of(request), viewer=viewer, **asked)
    except (operations.NotPossible, audit.Unwritable) as error:
        return _refused(request, viewer, form, query, error)
    return _go(request, view, f"The view {view.name} is kept.")


@signed_in
def change(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will show the form of a view, or give it another name or other people."""
    view = get_object_or_404(queries.visible_to(viewer), pk=pk)
    if not queries.may_change(viewer, view):
        raise PermissionDenied
    query = view.query
    initial = {"name": view.name, "team": view.team and view.team.slug}
    form = ViewForm(_teams(viewer, view), request.POST or None, initial=initial)
    if request.method != "POST" or not form.is_valid():
        return _form(request, viewer, form, query, view=view, status=422 if form.is_bound else 200)
    try:
        name, team = form.cleaned_data["name"], form.cleaned_data["team"]
        view = views.change(view=view, name=name, team=team, query=query, actor=actors.of(request), viewer=viewer)
    except (operations.NotPossible, audit.Unwritable) as error:
        return _refused(request, viewer, form, query, error, view=view)
    return _go(request, view, f"The view {view.name} is changed.")


@require_POST
@signed_in
def remove(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will remove a view."""
    view = get_object_or_404(queries.visible_to(viewer), pk=pk)
    try:
        views.remove(view=view, actor=actors.of(request), viewer=viewer)
    except (operations.NotPossible, audit.Unwritable) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The view {view.name} is removed.")
    return redirect("views")


@require_POST
@signed_in
def columns(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will remember which columns this person wants, and go back to the board."""
    form = ColumnsForm(request.POST)
    if form.is_valid():
        try:
            views.choose_columns(
                names=None if form.cleaned_data["usual"] else form.cleaned_data["column"], viewer=viewer
            )
        except operations.NotAllowed as error:
            messages.error(request, str(error))
    came_from = request.headers.get("referer", "")
    is_ours = url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure())
    return redirect(came_from if is_ours else "board")


def _line(viewer: Viewer, view: SavedView) -> dict[str, Any]:
    query = QueryDict(view.query)
    return {
        "view": view,
        "url": f"{reverse('board')}?{view.query}",
        "words": words_of(query),
        "group": query.get("group", ""),
        "may_change": queries.may_change(viewer, view),
    }


def _teams(viewer: Viewer, view: SavedView | None = None) -> set[int]:
    """Those this person may share with, and the one it is shared with already."""
    teams = Team.objects.values_list("pk", flat=True) if viewer.site_role else viewer.roles
    kept_one = {view.team_id} if view and view.team_id else set()
    return {team for team in teams if viewer.may_operate(team)} | kept_one


def _own(viewer: Viewer) -> list[int]:
    """The views this person may change."""
    return [view.pk for view in queries.visible_to(viewer) if queries.may_change(viewer, view)]


def _form(
    request: HttpRequest,
    viewer: Viewer,
    form: ViewForm,
    query: str,
    *,
    view: SavedView | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    parsed = QueryDict(query)
    context = {
        "viewer": viewer,
        "place": "views",
        "form": form,
        "view": view,
        "query": query,
        "words": words_of(parsed) or "every connector",
        "group": parsed.get("group", ""),
        "refusal": refusal,
        "action": reverse("view-change", args=[view.pk]) if view else f"{reverse('view-new')}?{query}",
    }
    page = "_dialog.html" if responses.is_fragment(request) else "form.html"
    return render(request, f"connectors/view/{page}", context, status=status)


def _refused(
    request: HttpRequest, viewer: Viewer, form: ViewForm, query: str, error: Exception, *, view: SavedView | None = None
) -> HttpResponse:
    status = 403 if isinstance(error, operations.NotAllowed) else 503 if isinstance(error, audit.Unwritable) else 409
    return _form(request, viewer, form, query, view=view, refusal=str(error), status=status)


def _go(request: HttpRequest, view: SavedView, said: str) -> HttpResponse:
    messages.success(request, said)
    url = f"{reverse('board')}?{view.query}"
    if responses.is_fragment(request):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)
