"""The board: every connector the person may see, the broken ones first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from connectors.forms.board import FILTERS, arrangement_of, filters_of, kept
from connectors.matrix import Activity
from connectors.permissions import Viewer
from connectors.queries import batches, inbox, lean, overview, views
from connectors.queries import board as queries
from connectors.queries import connectors as reads
from connectors.queries.board import ALL, GROUPS, Arrangement, Group
from connectors.queries.connectors import Row
from connectors.templatetags.kept import tag
from connectors.views import addresses, facets
from connectors.views.access import signed_in
from connectors.views.addresses import Address

NOTHING = {
    "activity=failed": "Nothing is failed.",
    "state=failed": "Nothing is failed.",
    "activity=degraded": "Nothing is degraded.",
    "state=degraded": "Nothing is degraded.",
    "activity=unknown": "Nothing is unknown.",
    "stale=yes": "Nothing is stale.",
    "drift=yes": "Nothing has drifted.",
    "open=yes": "No operation is open.",
}
"""Views whose emptiness is good news."""
ADDRESSES = 256
"""Of the board, for which what follows from them alone is kept."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows below one heading, with the way to close or open it; no heading where nothing is grouped."""

    rows: Sequence[Row]
    group: Group | None = None
    toggle_url: str = ""


@require_safe
@signed_in
def board(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will show counts, matrix, accounts, filters and one page of rows."""
    shown = filters_of(request.GET), arrangement_of(request.GET), addresses.number_of(request)
    page = queries.asked(viewer, *shown)
    with lean.ahead(*overview.asked(viewer), *page, views.asked(viewer), inbox.asked(viewer)):
        return _board(request, viewer, *shown)


def _board(
    request: HttpRequest, viewer: Viewer, filters: reads.Filters, arrangement: Arrangement, number: int
) -> HttpResponse:
    summary = overview.summary(viewer)
    page = queries.page(viewer, filters, arrangement, number)
    rows = reads.rows(page.connectors, viewer)
    total = page.matching if page.matching is not None else _count(viewer, filters, summary)
    context = {
        "place": "board",
        "viewer": viewer,
        "summary": summary,
        "filters": filters,
        "rows": rows,
        "parts": list(_parts(request, arrangement, page, rows)),
        "total": total,
        "pager": addresses.pager(request, number, page.shown + page.has_next, page.lines or total),
        "clear_url": reverse("board"),
        "nothing": NOTHING.get(kept(request.GET), ""),
        "active": summary.counts[Activity.ACTIVE] + summary.counts[Activity.DEGRADED],
        "never_read": [] if total or filters.is_set else overview.never_read(viewer),
        "many": batches.verbs_of(summary.vendors),
        "columns": views.columns_of(viewer),
        **_address(request, viewer, filters, arrangement),
        "stream": _stream(request, rows),
    }
    return render(request, "connectors/board/board.html", context)


def _stream(request: HttpRequest, rows: Sequence[Row]) -> str:
    """What the page is to be told about."""
    ids = ",".join(str(row.connector.id) for row in rows)
    return urlencode({"summary": "1", "rows": ids, "tag": tag(rows), "board": request.GET.urlencode()}, safe=",")


def _address(
    request: HttpRequest, viewer: Viewer, filters: reads.Filters, arrangement: Arrangement
) -> Mapping[str, Any]:
    """What the page says of its own address: filters, chips, grouping."""
    known = facets.known_names(viewer, filters)
    return _laid_out(request.path, request.GET.urlencode(), frozenset(known.items()), arrangement)


@lru_cache(ADDRESSES)
def _laid_out(path: str, query: str, known: frozenset[tuple[str, str]], arrangement: Arrangement) -> Mapping[str, Any]:
    address = Address(path, QueryDict(query))
    groups = [("", "None", addresses.without(address, "group", "closed"), not arrangement.by)]
    for by in GROUPS:
        url = addresses.without(address, "closed") if by == arrangement.by else _grouped(address, by)
        groups.append((by, by.capitalize(), url, by == arrangement.by))
    return {
        "facets": facets.facets(address.GET, dict(known)),
        "chips": facets.chips(address, dict(known)),
        "query": query,
        "kept": kept(address.GET),
        "groups": tuple(groups),
        "arrangement": arrangement,
        "all_closed_url": addresses.with_only(address, "closed", ALL),
        "all_open_url": addresses.without(address, "closed"),
        "match": [(name, value) for name in FILTERS for value in address.GET.getlist(name)],
        "hidden": [("group", arrangement.by)] if arrangement.by else [],
    }


def _grouped(address: Address, by: str) -> str:
    query = address.GET.copy()
    for name in ("page", "closed"):
        query.pop(name, None)
    query["group"] = by
    return addresses.with_query(address, query)


def _count(viewer: Viewer, filters: reads.Filters, summary: overview.Summary) -> int:
    if (matching := summary.matching(filters)) is not None:
        return matching
    return reads.narrowed(reads.visible_to(viewer).select_related(None), filters).count()


def _parts(request: HttpRequest, arrangement: Arrangement, page: queries.Page, rows: Iterable[Row]) -> Iterable[Part]:
    by_id = {row.connector.id: row for row in rows}
    for part in page.parts:
        shown = [by_id[connector.id] for connector in part.connectors]
        url = (
            addresses.with_only(request, "closed", *sorted(arrangement.closed ^ {part.group.key})) if part.group else ""
        )
        yield Part(shown, part.group, url)
