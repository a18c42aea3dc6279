"""Why may I, or may I not? The page behind every button that is off."""

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from connectors.permissions import Viewer, viewer_of
from connectors.queries import connectors as queries
from connectors.queries import explain, rules
from connectors.states import Permission
from connectors.views.access import refuse_unless, signed_in


@require_safe
@signed_in
def connector(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will explain one connector to the person; to an admin also for somebody else, by `?login=`."""
    found = get_object_or_404(queries.visible_to(viewer), pk=pk)
    login, about = request.GET.get("login", "").strip(), viewer
    if login:
        refuse_unless(viewer, Permission.ADMINISTER)
        about = viewer_of(get_object_or_404(User, username=login, is_active=True))
    context: dict[str, object] = {"viewer": viewer, "about": about, "connector": found, "login": login}
    try:
        context["explanation"] = explain.explain(found, about)
    except rules.TooSlow as error:
        context["slow"] = str(error)
    return render(request, "connectors/access/explain.html", context)
