"""Asking for a verb. Creating an operation is all that a button does; the row then shows what is under way."""

import uuid
from collections.abc import Callable, Sequence
from functools import partial

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from connectors.actor import Actor
from connectors.forms.operations import OperationForm
from connectors.models import Connector, Operation, Pipeline
from connectors.permissions import Viewer
from connectors.queries import connectors as queries
from connectors.queries import operations as reads
from connectors.queries import pages, pipelines
from connectors.queries.undo import inverse_of
from connectors.queries.verbs import Button
from connectors.services import actors, approvals, audit, batches, holds, operations, undo
from connectors.states import HOLDING, label_of
from connectors.templatetags import figures
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
    return _new(request, viewer, get_object_or_404(queries.visible_to(viewer), pk=pk))


@require_safe
@signed_in
def new_for_pipeline(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will say what a verb on a pipeline leads to, before it is sent."""
    return _new(request, viewer, get_object_or_404(queries.pipelines_of(viewer), pk=pk))


@require_POST
@signed_in
def cancel(request: HttpRequest, viewer: Viewer, pk: uuid.UUID) -> HttpResponse:
    """This will cancel an operation that was not sent yet."""
    return _change(request, viewer, pk, operations.cancel, "cancelled")


@require_POST
@signed_in
def take_back(request: HttpRequest, viewer: Viewer, pk: uuid.UUID) -> HttpResponse:
    """This will undo an operation: cancel it, or ask for the way back."""
    return _change(request, viewer, pk, undo.undo, "is taken back")


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
    words = f"{operation.label} of {target.name} {said}."
    return responses.fragment_or_redirect(request, viewer, target, words)


def _create(request: HttpRequest, viewer: Viewer, target: Connector | Pipeline) -> HttpResponse:
    form = OperationForm(_given(request))
    if not form.is_valid():
        if "dialog" in request.POST and "kind" not in form.errors:
            return _new(request, viewer, target, form, status=422)
        return responses.refused(request, viewer, target, _first_error(form), status=422)
    actor, verb = actors.of(request), form.cleaned_data["kind"]
    try:
        if form.cleaned_data["starts"]:
            return _later(request, viewer, target, form)
        made = _asked(target, form, actor, viewer)
    except operations.ApprovalNeeded:
        return _ask_for_approval(request, viewer, target, form)
    except operations.NotPossible as error:
        operations.record_refusal(target=target, verb=verb, actor=actor, error=error, **form.why)
        status = 403 if isinstance(error, operations.NotAllowed) else 409
        return _refused(request, viewer, target, form, str(error), status)
    except audit.Unwritable as error:
        return _refused(request, viewer, target, form, str(error), 503)
    back = made if inverse_of(made, target) else None
    return responses.fragment_or_redirect(request, viewer, target, _said(made, form), undo=back)


def _asked(target: Connector | Pipeline, form: OperationForm, actor: Actor, viewer: Viewer) -> Operation:
    wish = {"target": target, "verb": form.cleaned_data["kind"], "actor": actor, "viewer": viewer,
            "key": _key(target, form), **form.why}  # fmt: skip
    if until := form.cleaned_data["until"]:
        return holds.hold(until=until, **wish)
    return operations.request(**wish, task=form.cleaned_data["task"])


def _later(request: HttpRequest, viewer: Viewer, target: Connector | Pipeline, form: OperationForm) -> HttpResponse:
    """What has a beginning is a batch of one: it waits in the table, and has a page to cancel it from."""
    if not isinstance(target, Connector):
        raise operations.NotNow("A pipeline is asked now, not later.")
    data = form.cleaned_data
    terms = batches.Terms(starts_at=data["starts"], until=data["until"], **form.why)
    made = batches.create(
        connectors=queries.visible_to(viewer).filter(pk=target.pk), verb=data["kind"], terms=terms,
        actor=actors.of(request), viewer=viewer, selection=target.name, key=_key(target, form),
    )  # fmt: skip
    if responses.is_fragment(request):
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("batch", args=[made.pk])})
    return redirect("batch", made.pk)


def _refused(
    request: HttpRequest, viewer: Viewer, target: Connector | Pipeline, form: OperationForm, why: str, status: int
) -> HttpResponse:
    """In the dialog, with all that was typed, when it came from there; else in the row."""
    if "dialog" in request.POST:
        return _new(request, viewer, target, form, refusal=why, status=status)
    return responses.refused(request, viewer, target, why, status=status)


def _said(operation: Operation, form: OperationForm) -> str:
    until = form.cleaned_data["until"]
    tail = f" until {figures.clock(until, timezone.now())}" if until else ""
    return f"{operation.label} of {operation.target.name}{tail} asked."


def _ask_for_approval(
    request: HttpRequest, viewer: Viewer, target: Connector | Pipeline, form: OperationForm
) -> HttpResponse:
    """What is protected: the press is a request to a second person."""
    data, actor = form.cleaned_data, actors.of(request)
    verb, task, until = data["kind"], data["task"], data["until"]
    try:
        approvals.ask(targets=[target], verb=verb, task=task, actor=actor, viewer=viewer, until=until, **form.why)
    except operations.NotPossible as error:
        return _refused(request, viewer, target, form, str(error), 409)
    words = f"{label_of(verb, task)} of {target.name} waits for a second person; it is carried out once they approve."
    return responses.fragment_or_redirect(request, viewer, target, words)


def _new(
    request: HttpRequest,
    viewer: Viewer,
    target: Connector | Pipeline,
    form: OperationForm | None = None,
    *,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    """The dialog: what the verb leads to and for whom, why, from when and until when."""
    asked = form.data if form else request.GET
    buttons, after = _buttons(viewer, target)
    wanted = (asked.get("kind"), asked.get("task", ""))
    button = next((b for b in buttons if (b.verb, b.task) == wanted), None)
    if button is None:
        raise Http404
    context = {
        "target": target,
        "kind": "connector" if isinstance(target, Connector) else "pipeline",
        "button": button,
        "after": form.data.get("after", "") if form else after,
        "viewer": viewer,
        "form": form or OperationForm(initial={"until": request.GET.get("until", "")}),
        "has_end": button.verb in HOLDING,
        "affected": pipelines.affected(viewer, target) if isinstance(target, Pipeline) else None,
        "refusal": refusal,
    }
    page = "_dialog.html" if responses.is_fragment(request) else "new.html"
    return render(request, f"connectors/operation/{page}", context, status=status)


def _buttons(viewer: Viewer, target: Connector | Pipeline) -> tuple[Sequence[Button], object]:
    """The verbs of a target, and the operation that the person sees last."""
    if isinstance(target, Connector):
        (row,) = queries.rows([target], viewer)
        return [*row.buttons, *row.tasks], row.operation.pk if row.operation else ""
    context = pages.pipeline(viewer, target.pk) or {"buttons": [], "operation": None}
    return context["buttons"], context["operation"].pk if context["operation"] else ""


def _key(target: Connector | Pipeline, form: OperationForm) -> str:
    """The same press, sent twice, is one request: same verb, same target, same last operation on the screen."""
    after = form.cleaned_data["after"] or "first"
    part = f":{form.cleaned_data['task']}" if form.cleaned_data["task"] else ""
    return f"page:{type(target).__name__}:{target.pk}:{form.cleaned_data['kind']}{part}:{after}"


def _given(request: HttpRequest) -> QueryDict:
    """What was sent; a button without a dialog has its task in the address, so that it works without a script."""
    given = request.POST.copy()
    given.setdefault("task", request.GET.get("task", ""))
    return given


def _first_error(form: OperationForm) -> str:
    field, errors = next(iter(form.errors.items()))
    return f"{field}: {errors[0]}"
