"""One answer for htmx, which swaps fragments in, and one for a plain browser, which is sent back."""

from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from connectors.models import Connector, Operation, Pipeline
from connectors.permissions import Viewer
from connectors.queries import connectors as queries
from connectors.queries import pages
from connectors.views import parts

ACCEPTED = 202


def is_fragment(request: HttpRequest) -> bool:
    """This will tell whether htmx asks, from within a page."""
    return "HX-Request" in request.headers


def fragment_or_redirect(
    request: HttpRequest, viewer: Viewer, target: Connector | Pipeline, said: str, *, undo: Operation | None = None
) -> HttpResponse:
    """
    This will show the target as it is now and say what was asked.

    :param undo: what a press takes back, for a minute
    """
    if is_fragment(request):
        return HttpResponse(_shown(request, viewer, target) + toast(said, undo=undo), status=ACCEPTED)
    messages.success(request, said, extra_tags=str(undo.pk) if undo else "")
    return redirect(_back(request, target))


def refused(
    request: HttpRequest, viewer: Viewer, target: Connector | Pipeline, why: str, *, status: int
) -> HttpResponse:
    """This will show the target as it is, with the reason for the refusal in it."""
    if is_fragment(request):
        return HttpResponse(_shown(request, viewer, target, refusal=why), status=status)
    messages.error(request, why)
    return redirect(_back(request, target))


def stopped(request: HttpRequest, why: str) -> HttpResponse:
    """This will say that nothing was changed and why, wherever there is no better place for it."""
    if is_fragment(request):
        return HttpResponse(toast(why, is_refusal=True), status=503)
    return render(request, "503.html", {"why": why}, status=503)


def _shown(request: HttpRequest, viewer: Viewer, target: Connector | Pipeline, refusal: str = "") -> str:
    """What of the open page shows the target: a row, or the parts of its own page."""
    if isinstance(target, Pipeline):
        found = pages.pipeline(viewer, target.pk)
        return "".join(parts.pipeline(found | {"refusal": refusal})) if found else ""
    if _open_page(request) == "connector":
        found = pages.connector(viewer, target.pk)
        return "".join(parts.connector(found | {"refusal": refusal})) if found else ""
    (row,) = queries.rows([queries.visible_to(viewer).get(pk=target.pk)], viewer)
    context = {"rows": [row], "viewer": viewer, "refusal": refusal}
    html = render_to_string("connectors/board/_rows.html", context)
    return parts.partial(f"#connector-{target.pk}", "outerMorph", html)


def toast(said: str, *, is_refusal: bool = False, undo: Operation | None = None) -> str:
    """This will give a message for the dock of the open page."""
    context = {"message": said, "is_refusal": is_refusal, "undo": undo.pk if undo else ""}
    return parts.partial("#dock", "beforeend", render_to_string("components/_toast.html", context))


def _open_page(request: HttpRequest) -> str:
    """The name of the page from which htmx asks."""
    try:
        return resolve(urlsplit(request.headers.get("HX-Current-URL", "")).path).url_name or ""
    except Resolver404:
        return ""


def _back(request: HttpRequest, target: Connector | Pipeline) -> str:
    came_from = request.headers.get("referer", "")
    is_ours = url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure())
    return came_from if is_ours and "/operations/" not in came_from else _page_of(target)


def _page_of(target: Connector | Pipeline) -> str:
    return reverse("connector" if isinstance(target, Connector) else "pipeline", args=[target.pk])
