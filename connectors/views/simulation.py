"""Looking at the site as somebody else would: admins only, read only, on record."""

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from connectors.permissions import Viewer
from connectors.services import actors
from connectors.states import Permission
from connectors.views.access import refuse_unless, signed_in

MOST = 200


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def start(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will ask as whom, and begin."""
    refuse_unless(viewer, Permission.ADMINISTER)
    if request.method != "POST":
        people = User.objects.filter(is_active=True).exclude(pk=viewer.user_id).order_by("username")
        context = {"viewer": viewer, "people": people[:MOST], "place": "teams"}
        return render(request, "connectors/access/simulate.html", context)
    user = get_object_or_404(User, username=request.POST.get("login", ""), is_active=True)
    actors.simulate(request=request, user=user)
    return redirect("board")


@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """This will end it."""
    if request.user.is_authenticated:
        actors.end_simulation(request=request)
    return redirect("teams")
