"""Who did what: searching the record, one event with its proof, and what it takes to verify."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors import verifier
from connectors.forms.audit import ExportForm, KeepForm, SearchForm
from connectors.models import AuditCheckpoint, AuditEvent, AuditExport
from connectors.permissions import Viewer
from connectors.queries import audit as queries
from connectors.queries import audit_story, proof
from connectors.services import actors, audit, audit_searches, checkpoints, export_lines, exporting, sinks
from connectors.states import Permission
from connectors.views.access import refuse_unless, signed_in

LATEST = 20


@require_safe
@signed_in
def events(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will search the record and show a page of it, newest first; `tail` keeps it up to date."""
    refuse_unless(viewer, Permission.REVIEW)
    query = SearchForm(request.GET).query
    cursor = queries.cursor_of(request.GET.get("to", ""))
    try:
        page, trouble = queries.page(query, cursor), ""
    except queries.TooSlow as error:
        page, trouble = queries.Page([], None), str(error)
    tail = "tail" in request.GET and cursor is None
    context = {
        "place": "audit",
        "viewer": viewer,
        "query": query,
        "events": page.events,
        "trouble": trouble,
        "older_url": _address(query.text, to=page.older) if page.older else "",
        "newest_url": _address(query.text) if cursor else "",
        "is_tail": tail,
        "tail_url": _address(query.text) if tail else _address(query.text, tail="on"),
        "facets": queries.facets(query) if "facets" in request.GET else None,
        "kept": queries.kept_by(viewer),
        "now": timezone.now(),
    }
    return render(request, "connectors/audit/events.html", context)


@require_safe
@signed_in
def facets(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will count what was found, beside the list that is there already."""
    refuse_unless(viewer, Permission.REVIEW)
    query = SearchForm(request.GET).query
    return render(request, "connectors/audit/_facets.html", {"query": query, "facets": queries.facets(query)})


@require_safe
@signed_in
def completions(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will offer what the word under the caret (`at`) may become."""
    refuse_unless(viewer, Permission.REVIEW)
    text = SearchForm(request.GET).query.text
    word = request.GET.get("at", "")
    at = min(int(word), len(text)) if word.isascii() and word.isdigit() and len(word) < 5 else len(text)  # a column
    return render(request, "connectors/audit/_completions.html", {"offers": queries.complete(text, at)})


@require_safe
@signed_in
def event(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will show one event: its sentence, what it changed, its operation, its neighbours and its proof."""
    refuse_unless(viewer, Permission.REVIEW)
    story = audit_story.of(get_object_or_404(AuditEvent, pk=pk))
    return render(request, "connectors/audit/event.html", {"place": "audit", "viewer": viewer, "story": story})


@require_safe
@signed_in
def raw(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will send the stored text of an event, byte for byte as it is hashed."""
    refuse_unless(viewer, Permission.REVIEW)
    found = get_object_or_404(AuditEvent, pk=pk)
    return HttpResponse(found.canonical, content_type="application/json; charset=utf-8")


@require_safe
@signed_in
def verification(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will show how far the record is sealed, signed and told outside, and how to verify it elsewhere."""
    refuse_unless(viewer, Permission.REVIEW)
    try:
        fingerprint = checkpoints.fingerprint()
    except checkpoints.NoKey as error:
        fingerprint = f"none: {error}"
    context = {
        "place": "audit",
        "viewer": viewer,
        "head": proof.head(),
        "signed": AuditCheckpoint.objects.order_by("-number")[:LATEST],
        "fingerprint": fingerprint,
        "places": sinks.standings(),
    }
    return render(request, "connectors/audit/verification.html", context)


@require_safe
@signed_in
def download(request: HttpRequest, viewer: Viewer, name: str) -> HttpResponse:
    """This will send the verifier, or every checkpoint as it reads them."""
    refuse_unless(viewer, Permission.REVIEW)
    if name == "verify_audit.py":
        text = Path(verifier.__file__).read_text(encoding="utf-8")
    elif name == "checkpoints.jsonl":
        text = "".join(f"{checkpoints.line(one)}\n" for one in AuditCheckpoint.objects.order_by("number"))
    else:
        raise Http404
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_POST
@signed_in
def keep(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will keep a query under a name, for this person alone."""
    refuse_unless(viewer, Permission.REVIEW)
    form = KeepForm(request.POST)
    query = request.POST.get("q", "")
    if not form.is_valid():
        messages.error(request, "A search is kept under a name of at most 60 letters, and it must look for something.")
        return redirect(_address(query))
    try:
        kept = audit_searches.keep(viewer=viewer, name=form.cleaned_data["name"], query=form.cleaned_data["q"])
    except audit_searches.TooMany as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Kept as “{kept.name}”.")
    return redirect(_address(query))


@require_POST
@signed_in
def drop(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will forget a kept query."""
    refuse_unless(viewer, Permission.REVIEW)
    if not audit_searches.drop(viewer=viewer, pk=pk):
        raise Http404
    messages.success(request, "It is not kept any more.")
    return redirect("audit")


@require_safe
@signed_in
def export(request: HttpRequest, viewer: Viewer) -> StreamingHttpResponse:
    """This will send the events that fit as a file, row by row, however many they are."""
    refuse_unless(viewer, Permission.REVIEW)
    query = SearchForm(request.GET).query
    audit.record_reading("audit.exported", actor=actors.of(request), after={"query": query.text, "format": "csv"})
    found = queries.in_chunks(queries.search(query).select_related("seal"))
    response = StreamingHttpResponse(_csv(found), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="audit-{timezone.now():%Y-%m-%d-%H%M}.csv"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def exports(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list the exports of this person, with their progress; POST asks for one."""
    refuse_unless(viewer, Permission.REVIEW)
    if request.method == "POST":
        form = ExportForm(request.POST)
        if not form.is_valid():
            raise Http404
        said = form.cleaned_data
        try:
            exporting.request(query=said["q"], form=said["format"], actor=actors.of(request), viewer=viewer)
        except exporting.NotPossible as error:
            messages.error(request, str(error))
            return redirect(_address(said["q"]))
        return redirect("audit-exports")
    found = list(queries.exports_of(viewer)[:LATEST])
    context = {"place": "audit", "viewer": viewer, "exports": found, "is_open": any(one.is_open for one in found)}
    return render(request, "connectors/audit/exports.html", context)


@require_safe
@signed_in
def export_content(request: HttpRequest, viewer: Viewer, pk: uuid.UUID) -> HttpResponseBase:
    """This will send the file of an export, for who asked for it."""
    export = _export_of(viewer, pk)
    try:
        pieces = exporting.read(export=export, actor=actors.of(request))
    except exporting.NotPossible as error:
        raise Http404 from error
    response = StreamingHttpResponse(export_lines.flow(pieces), content_type="application/octet-stream")
    response["Content-Disposition"] = (
        f'attachment; filename="audit-{export.requested_at:%Y-%m-%d-%H%M}.{export.format}"'
    )
    return response


@require_POST
@signed_in
def cancel_export(request: HttpRequest, viewer: Viewer, pk: uuid.UUID) -> HttpResponse:
    """This will stop an export, or forget its file."""
    exporting.cancel(export=_export_of(viewer, pk), actor=actors.of(request))
    return redirect("audit-exports")


def _address(query: str, **more: object) -> str:
    said = {name: str(value) for name, value in {"q": query, **more}.items() if value}
    return reverse("audit") + (f"?{urlencode(said)}" if said else "")


def _export_of(viewer: Viewer, pk: uuid.UUID) -> AuditExport:
    refuse_unless(viewer, Permission.REVIEW)
    return get_object_or_404(queries.exports_of(viewer), pk=pk)


async def _csv(chunks: Iterator[list[AuditEvent]]) -> AsyncIterator[str]:
    yield export_lines.head_of_csv()
    while chunk := await sync_to_async(lambda: next(chunks, None))():
        yield export_lines.csv_rows(chunk)
