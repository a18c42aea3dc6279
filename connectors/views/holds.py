"""Timed pauses: what is held until when, and moving the end."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from connectors.forms.operations import ExtensionForm
from connectors.models import Hold
from connectors.permissions import Viewer
from connectors.queries import holds as reads
from connectors.services import actors, audit, holds, operations
from connectors.templatetags import figures
from connectors.views import addresses, responses
from connectors.views.access import signed_in


@require_safe
@signed_in
def hold_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list what is held until when, the next to end first."""
    number = addresses.number_of(request)
    found = list(reads.open_to(viewer)[addresses.slice_of(number)])
    context = {
        "place": "holds",
        "viewer": viewer,
        "holds": found[: addresses.SIZE],
        "pager": addresses.pager(request, number, len(found)),
    }
    return render(request, "connectors/hold/list.html", context)


@require_POST
@signed_in
def extend(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will move the end of a timed pause, or leave it held until somebody resumes it."""
    hold = get_object_or_404(reads.visible_to(viewer), pk=pk)
    form = ExtensionForm(request.POST)
    if not form.is_valid():
        return _refused(request, viewer, hold, "Name the day and the time.", 422)
    try:
        holds.extend(hold=hold, until=form.cleaned_data["until"], actor=actors.of(request), viewer=viewer)
    except operations.NotPossible as error:
        return _refused(request, viewer, hold, str(error), 403 if isinstance(error, operations.NotAllowed) else 409)
    except audit.Unwritable as error:
        return _refused(request, viewer, hold, str(error), 503)
    until = form.cleaned_data["until"]
    end = f"until {figures.clock(until, timezone.now())}" if until else "until somebody resumes it"
    said = f"{hold.target.name} stays held {end}."
    if request.POST.get("from") != "list":
        return responses.fragment_or_redirect(request, viewer, hold.target, said)
    messages.success(request, said)
    return redirect("holds")


def _refused(request: HttpRequest, viewer: Viewer, hold: Hold, why: str, status: int) -> HttpResponse:
    if request.POST.get("from") != "list":
        return responses.refused(request, viewer, hold.target, why, status=status)
    messages.error(request, why)
    return redirect("holds")
