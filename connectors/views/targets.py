"""The pages of one connector, one pipeline and one account."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from connectors.permissions import Viewer
from connectors.queries import batches, pages
from connectors.queries import connectors as queries
from connectors.views.access import signed_in


@require_safe
@signed_in
def connector(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will show one connector: why it does or does not flow, its tasks, operations, time line, configuration."""
    context = pages.connector(viewer, pk)
    if context is None:
        raise Http404
    return render(request, "connectors/connector/connector.html", context | {"stream": f"connector={pk}"})


@require_safe
@signed_in
def pipeline(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will show one pipeline, its verbs and its connectors."""
    context = pages.pipeline(viewer, pk)
    if context is None:
        raise Http404
    extra = {
        "stream": f"pipeline={pk}",
        "match": [("pipeline", pk)],
        "many": batches.verbs_of([context["pipeline"].account.vendor]),
        "total": len(context["rows"]),
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
