"""Who did what: the list for admins and auditors, and the same as a file."""

import csv
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from connectors.forms.audit import EventFilterForm
from connectors.models import AuditEvent
from connectors.permissions import Viewer
from connectors.queries import audit as queries
from connectors.views import addresses
from connectors.views.access import signed_in

COLUMNS = (
    "id", "at", "action", "result", "actor_kind", "actor", "on_behalf_of", "target_kind", "target_id", "target",
    "vendor", "account", "team", "reason", "before", "after", "operation_id", "error", "vendor_request",
    "vendor_reply", "vendor_request_id", "address", "user_agent", "request_id",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@require_safe
@signed_in
def events(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will show one page of the record, newest first."""
    _refuse_unless_reader(viewer)
    form = EventFilterForm(request.GET)
    number = addresses.number_of(request)
    found = list(queries.events(form.filters)[addresses.slice_of(number)])
    context = {
        "place": "audit",
        "viewer": viewer,
        "form": form,
        "events": found[: addresses.SIZE],
        "pager": addresses.pager(request, number, len(found)),
        "query": request.GET.urlencode(),
    }
    return render(request, "connectors/audit/events.html", context)


@require_safe
@signed_in
def export(request: HttpRequest, viewer: Viewer) -> StreamingHttpResponse:
    """This will send the events that fit as a file, row by row, however many they are."""
    _refuse_unless_reader(viewer)
    chunks = queries.in_chunks(queries.events(EventFilterForm(request.GET).filters))
    response = StreamingHttpResponse(_lines(chunks), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="audit-{timezone.now():%Y-%m-%d-%H%M}.csv"'
    return response


def _refuse_unless_reader(viewer: Viewer) -> None:
    if not viewer.may_read_audit:
        raise PermissionDenied


class _Line:
    """A file that hands each written line back."""

    def write(self, line: str) -> str:
        """This will give the line back."""
        return line


async def _lines(chunks: Iterator[list[AuditEvent]]) -> AsyncIterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    while chunk := await sync_to_async(lambda: next(chunks, None))():
        for event in chunk:
            yield writer.writerow([_cell(getattr(event, column)) for column in COLUMNS])


def _cell(value: Any) -> str:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
