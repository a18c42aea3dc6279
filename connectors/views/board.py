"""The board: every connector the person may see, the broken ones first."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from connectors.forms.board import FILTERS, filters_of
from connectors.permissions import Viewer
from connectors.queries import batches
from connectors.queries import connectors as queries
from connectors.views import addresses, facets
from connectors.views.access import signed_in


@require_safe
@signed_in
def board(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will show counts, matrix, accounts, filters and one page of rows."""
    filters = filters_of(request.GET)
    summary = queries.summary(viewer)
    matching = queries.narrowed(queries.visible_to(viewer), filters)
    number = addresses.number_of(request)
    found = list(matching[addresses.slice_of(number)])
    total = matching.count() if filters.is_set else summary.total
    rows = queries.rows(found[: addresses.SIZE], viewer)
    known = facets.known_names(viewer, request.GET)
    context = {
        "place": "board",
        "viewer": viewer,
        "summary": summary,
        "filters": filters,
        "facets": facets.facets(request.GET, known),
        "chips": facets.chips(request, known),
        "query": request.GET.urlencode(),
        "rows": rows,
        "total": total,
        "pager": addresses.pager(request, number, len(found), total),
        "clear_url": reverse("board"),
        "match": [(name, value) for name in FILTERS for value in request.GET.getlist(name)],
        "many": batches.verbs_of({account.vendor for account in summary.accounts}),
        "stream": "summary=1&rows=" + ",".join(str(row.connector.pk) for row in rows),
    }
    return render(request, "connectors/board/board.html", context)
