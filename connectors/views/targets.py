"""The pages of one connector, one pipeline and one account."""

from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from connectors.models import Connector, Pipeline
from connectors.permissions import Viewer
from connectors.queries import batches, inbox, lean, pages, samples, timeline
from connectors.queries import connectors as queries
from connectors.services import actors, audit, reading
from connectors.views import addresses, responses
from connectors.views.access import signed_in


@require_safe
@signed_in
def connector(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will show one connector: why it does or does not flow, its tasks, operations, time line, configuration."""
    now, shown = timezone.now(), request.GET.get("range", "")
    drawn = samples.asked(pk, samples.range_of(shown), now)
    with lean.ahead(*pages.asked(viewer, pk, now), *drawn, inbox.asked(viewer)):
        context = pages.connector(viewer, pk, now)
        if context is None:
            raise Http404
        flow = pages.flow(context["connector"], shown, now)
        may_see = context["may_see_configuration"] and _is_on_record(request, context["connector"])
        more = flow | {"may_see_configuration": may_see, "stream": f"connector={pk}"}
        return render(request, "connectors/connector/connector.html", context | more)


@require_safe
@signed_in
def flow(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will draw a connector's charts over a range; a plain browser is sent to the whole page."""
    found = get_object_or_404(queries.visible_to(viewer), pk=pk)
    if not responses.is_fragment(request):
        return redirect(f"{reverse('connector', args=[pk])}?{urlencode({'range': request.GET.get('range', '')})}")
    return render(request, "connectors/connector/_flow.html", pages.flow(found, request.GET.get("range", "")))


@require_safe
@signed_in
def connector_timeline(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will list all that happened to a connector, the newest first."""
    return _timeline(request, viewer, get_object_or_404(queries.visible_to(viewer), pk=pk))


@require_safe
@signed_in
def pipeline_timeline(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will list all that happened to a pipeline, the newest first."""
    return _timeline(request, viewer, get_object_or_404(queries.pipelines_of(viewer), pk=pk))


@require_safe
@signed_in
def pipeline(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will show one pipeline, its verbs and its connectors."""
    context = pages.pipeline(viewer, pk)
    if context is None:
        raise Http404
    number, total = addresses.number_of(request), context["summary"].total
    found = list(queries.visible_to(viewer).filter(pipeline_id=pk)[addresses.slice_of(number)])
    rows = queries.rows(found[: addresses.SIZE], viewer)
    extra = {
        "stream": f"pipeline={pk}&rows=" + ",".join(str(row.connector.pk) for row in rows),
        "match": [("pipeline", pk)],
        "many": batches.verbs_of([context["pipeline"].account.vendor]),
        "rows": rows,
        "total": total,
        "pager": addresses.pager(request, number, len(found), total),
    }
    return render(request, "connectors/pipeline/pipeline.html", context | extra)


@require_safe
@signed_in
def account(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will show the health of one account and how complete its list is."""
    found = get_object_or_404(queries.accounts_of(viewer), pk=pk)
    pipelines = queries.pipelines_of(viewer).filter(account=found)
    may_manage = viewer.may_manage_accounts(found.team_id)
    context = {"account": found, "pipelines": pipelines, "may_manage": may_manage, "viewer": viewer}
    return render(request, "connectors/account/account.html", context)


def _is_on_record(request: HttpRequest, connector: Connector) -> bool:
    """A configuration is shown once it is on record who reads it."""
    try:
        if connector.config:
            reading.configuration(connector=connector, actor=actors.reader(request))
    except audit.Unwritable:
        return False
    return True


def _timeline(request: HttpRequest, viewer: Viewer, target: Connector | Pipeline) -> HttpResponse:
    show, number = request.GET.get("show", ""), addresses.number_of(request)
    found = timeline.entries(target, show, number, addresses.SIZE)
    context = {
        "target": target,
        "kind": "connector" if isinstance(target, Connector) else "pipeline",
        "viewer": viewer,
        "show": show,
        "shows": timeline.SHOWS,
        "entries": found[: addresses.SIZE],
        "pager": addresses.pager(request, number, len(found)),
    }
    return render(request, "connectors/timeline/timeline.html", context)
