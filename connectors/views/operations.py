"""Asking for a verb. Creating an operation is all that a button does; the row then shows what is under way."""

import uuid
from collections.abc import Callable
from functools import partial

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from connectors.forms.operations import OperationForm
from connectors.models import Connector, Operation, Pipeline
from connectors.permissions import Viewer
from connectors.queries import connectors as queries
from connectors.queries import operations as reads
from connectors.queries import pages
from connectors.queries.verbs import Button
from connectors.services import actors, audit, operations
from connectors.states import LABELS, Verb
from connectors.views import responses
from connectors.views.access import signed_in


@require_POST
@signed_in
def create_for_connector(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will ask for a verb on a connector."""
    return _create(request, viewer, get_object_or_404(queries.visible_to(viewer), pk=pk))


@require_POST
@signed_in
def create_for_pipeline(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will ask for a verb on a pipeline."""
    return _create(request, viewer, get_object_or_404(queries.pipelines_of(viewer), pk=pk))


@require_safe
@signed_in
def new_for_connector(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will say what a verb on a connector leads to, before it is sent."""
    context = pages.connector(viewer, pk)
    if context is None:
        raise Http404
    row = context["row"]
    return _new(request, viewer, context["connector"], row.buttons, row.operation and row.operation.pk)


@require_safe
@signed_in
def new_for_pipeline(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will say what a verb on a pipeline leads to, before it is sent."""
    context = pages.pipeline(viewer, pk)
    if context is None:
        raise Http404
    operation = context["operation"]
    return _new(request, viewer, context["pipeline"], context["buttons"], operation and operation.pk)


@require_POST
@signed_in
def cancel(request: HttpRequest, viewer: Viewer, pk: uuid.UUID) -> HttpResponse:
    """This will cancel an operation that was not sent yet."""
    return _change(request, viewer, pk, operations.cancel, "cancelled")


@require_POST
@signed_in
def retry(request: HttpRequest, viewer: Viewer, pk: uuid.UUID) -> HttpResponse:
    """This will ask once more for what did not work out."""
    key = f"page:retry:{pk}"
    return _change(request, viewer, pk, partial(operations.retry, key=key), "asked again")


@require_POST
@signed_in
def send_again(request: HttpRequest, viewer: Viewer, pk: uuid.UUID) -> HttpResponse:
    """This will send once more what hangs at the vendor."""
    return _change(request, viewer, pk, operations.send_again, "will be sent again")


def _change(
    request: HttpRequest, viewer: Viewer, pk: uuid.UUID, change: Callable[..., Operation], said: str
) -> HttpResponse:
    operation = get_object_or_404(reads.visible_to(viewer), pk=pk)
    target = operation.target
    try:
        change(operation=operation, actor=actors.of(request), viewer=viewer)
    except operations.NotPossible as error:
        status = 403 if isinstance(error, operations.NotAllowed) else 409
        return responses.refused(request, viewer, target, str(error), status=status)
    except audit.Unwritable as error:
        return responses.refused(request, viewer, target, str(error), status=503)
    words = f"{LABELS[Verb(operation.kind)]} of {target.name} {said}."
    return responses.fragment_or_redirect(request, viewer, target, words)


def _create(request: HttpRequest, viewer: Viewer, target: Connector | Pipeline) -> HttpResponse:
    form = OperationForm(request.POST)
    if not form.is_valid():
        return responses.refused(request, viewer, target, _first_error(form), status=422)
    actor, verb, reason = actors.of(request), form.cleaned_data["kind"], form.cleaned_data["reason"]
    try:
        operations.request(target=target, verb=verb, actor=actor, viewer=viewer, reason=reason, key=_key(target, form))
    except operations.NotPossible as error:
        operations.record_refusal(target=target, verb=verb, actor=actor, reason=reason, error=error)
        status = 403 if isinstance(error, operations.NotAllowed) else 409
        return responses.refused(request, viewer, target, str(error), status=status)
    except audit.Unwritable as error:
        return responses.refused(request, viewer, target, str(error), status=503)
    return responses.fragment_or_redirect(request, viewer, target, f"{LABELS[verb]} of {target.name} asked.")


def _new(
    request: HttpRequest, viewer: Viewer, target: Connector | Pipeline, buttons: list[Button], after: object
) -> HttpResponse:
    button = next((b for b in buttons if b.verb == request.GET.get("kind")), None)
    if button is None:
        raise Http404
    kind = "connector" if isinstance(target, Connector) else "pipeline"
    context = {"target": target, "kind": kind, "button": button, "after": after or "", "viewer": viewer}
    page = "_dialog.html" if responses.is_fragment(request) else "new.html"
    return render(request, f"connectors/operation/{page}", context)


def _key(target: Connector | Pipeline, form: OperationForm) -> str:
    """The same press, sent twice, is one request: same verb, same target, same last operation on the screen."""
    after = form.cleaned_data["after"] or "first"
    return f"page:{type(target).__name__}:{target.pk}:{form.cleaned_data['kind']}:{after}"


def _first_error(form: OperationForm) -> str:
    field, errors = next(iter(form.errors.items()))
    return f"{field}: {errors[0]}"
