"""Notes beside a connector or pipeline, and runbooks for an error."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from connectors.forms.notes import NoteForm
from connectors.models import Connector, Note, Pipeline
from connectors.permissions import Viewer
from connectors.queries import connectors as queries
from connectors.queries import notes as reads
from connectors.services import actors, audit, notes, operations
from connectors.views import responses
from connectors.views.access import signed_in


@require_POST
@signed_in
def write_for_connector(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will put a note beside a connector, or keep it as a runbook for its error."""
    return _write(request, viewer, get_object_or_404(queries.visible_to(viewer), pk=pk))


@require_POST
@signed_in
def write_for_pipeline(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will put a note beside a pipeline, or keep it as a runbook for its error."""
    return _write(request, viewer, get_object_or_404(queries.pipelines_of(viewer), pk=pk))


@require_POST
@signed_in
def change(request: HttpRequest, viewer: Viewer, pk: int, noun: str, target_pk: int) -> HttpResponse:
    """This will replace the text of a note, as read beside a connector or pipeline."""
    target, note = _found(viewer, noun, target_pk, pk)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _panel(request, viewer, target, refusal="Write something first.", status=422)
    return _done(
        request, viewer, target,
        lambda: notes.change(note=note, text=form.cleaned_data["text"], actor=actors.of(request), viewer=viewer),
    )  # fmt: skip


@require_POST
@signed_in
def remove(request: HttpRequest, viewer: Viewer, pk: int, noun: str, target_pk: int) -> HttpResponse:
    """This will remove a note, as read beside a connector or pipeline."""
    target, note = _found(viewer, noun, target_pk, pk)
    return _done(
        request, viewer, target,
        lambda: notes.remove(note=note, actor=actors.of(request), viewer=viewer),
    )  # fmt: skip


def _found(viewer: Viewer, noun: str, target_pk: int, pk: int) -> tuple[Connector | Pipeline, Note]:
    target: Connector | Pipeline
    if noun == "connector":
        target = get_object_or_404(queries.visible_to(viewer), pk=target_pk)
    else:
        target = get_object_or_404(queries.pipelines_of(viewer), pk=target_pk)
    return target, get_object_or_404(reads.visible_to(viewer), pk=pk)


def _write(request: HttpRequest, viewer: Viewer, target: Connector | Pipeline) -> HttpResponse:
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _panel(request, viewer, target, refusal="Write something first.", status=422)
    text, is_runbook = form.cleaned_data["text"], form.cleaned_data["about"] == "error"
    return _done(
        request, viewer, target,
        lambda: notes.write(target=target, text=text, is_runbook=is_runbook, actor=actors.of(request), viewer=viewer),
        text=text,
    )  # fmt: skip


def _done(
    request: HttpRequest, viewer: Viewer, target: Connector | Pipeline, act: Callable[[], object], text: str = ""
) -> HttpResponse:
    try:
        act()
    except operations.NotPossible as error:
        status = 403 if isinstance(error, operations.NotAllowed) else 409
        return _panel(request, viewer, target, refusal=str(error), text=text, status=status)
    except audit.Unwritable as error:
        return _panel(request, viewer, target, refusal=str(error), text=text, status=503)
    return _panel(request, viewer, target)


def _panel(
    request: HttpRequest,
    viewer: Viewer,
    target: Connector | Pipeline,
    *,
    refusal: str = "",
    text: str = "",
    status: int = 200,
) -> HttpResponse:
    """The panel as it is now; a plain browser goes back to the page."""
    noun = "connector" if isinstance(target, Connector) else "pipeline"
    if not responses.is_fragment(request):
        if refusal:
            messages.error(request, refusal)
        return redirect(f"{reverse(noun, args=[target.pk])}#notes")
    context = {"target": target, "kind": noun, "viewer": viewer, "notes": reads.about(target), "refusal": refusal,
               "text": text}  # fmt: skip
    return render(request, "connectors/note/_panel.html", context, status=status)
