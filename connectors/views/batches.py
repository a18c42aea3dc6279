"""Acting on many: what a batch would do, asking for it, and how far it has come."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.forms import batches as forms
from connectors.forms.board import filters_of, words_of
from connectors.models import Batch, Connector
from connectors.permissions import Viewer
from connectors.queries import batches as reads
from connectors.queries import connectors as queries
from connectors.queries import pages
from connectors.services import actors, approvals, audit, batches, operations
from connectors.states import HOLDING, LABELS, WHOLE, Verb
from connectors.views import addresses, responses
from connectors.views.access import signed_in

TERMS = {"canary": 5, "stop_after": 3, "at_once": 0}
"""What the dialog begins with; what asks for fewer needs no canary."""
FEW = 10


@require_safe
@signed_in
def new(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will count what a batch would do at each account and what it would skip, before anything is asked."""
    kind = request.GET.get("kind", "")
    if kind not in set(WHOLE):
        raise Http404
    return _dialog(request, viewer, Verb(kind), forms.BatchForm())


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def batch_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list the batches, newest first; POST makes one of what the address names."""
    if request.method == "POST":
        return _create(request, viewer)
    number = addresses.number_of(request)
    found = list(reads.visible_to(viewer)[addresses.slice_of(number)])
    shown = found[: addresses.SIZE]
    numbers = reads.progress_of(shown)
    context = {
        "place": "batches",
        "viewer": viewer,
        "lines": [(batch, numbers[batch.pk]) for batch in shown],
        "pager": addresses.pager(request, number, len(found)),
    }
    return render(request, "connectors/batch/list.html", context)


@require_safe
@signed_in
def batch(request: HttpRequest, viewer: Viewer, pk: uuid.UUID) -> HttpResponse:
    """This will show one batch: its progress, its stages, and what became of each item."""
    show, number = request.GET.get("show", ""), addresses.number_of(request)
    context = pages.batch(viewer, pk, show=show, number=number)
    if context is None:
        raise Http404
    stream = f"batch={pk}&show={context['show']}&page={number}"
    return render(request, "connectors/batch/batch.html", context | {"place": "batches", "stream": stream})


@require_POST
@signed_in
def cancel(request: HttpRequest, viewer: Viewer, pk: uuid.UUID) -> HttpResponse:
    """This will ask for nothing more of it, and take back what was not sent."""
    return _change(request, viewer, pk, batches.cancel, "Nothing more of it is asked.")


@require_POST
@signed_in
def retry(request: HttpRequest, viewer: Viewer, pk: uuid.UUID) -> HttpResponse:
    """This will ask once more for what failed, in a batch of its own."""
    return _change(request, viewer, pk, batches.retry, "What failed is asked once more.")


@require_POST
@signed_in
def restore(request: HttpRequest, viewer: Viewer, pk: uuid.UUID) -> HttpResponse:
    """This will lead back what it changed, in a batch of its own."""
    return _change(request, viewer, pk, batches.restore, "What it had changed is led back.")


def selected(request: HttpRequest, viewer: Viewer) -> tuple[QuerySet[Connector], str]:
    """This will find what the address names, and say it in words: rows picked one by one, or all that match."""
    everything = queries.visible_to(viewer)
    if "all" in request.GET:
        filters = filters_of(request.GET)
        words = words_of(request.GET) or "every connector"
        return queries.narrowed(everything, filters), words
    rows = forms.picked(request.GET)
    return everything.filter(pk__in=rows), f"{len(rows)} picked"


def _create(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    form = forms.BatchForm(request.POST)
    if not form.is_valid():
        kind = request.POST.get("kind", "")
        if kind not in set(WHOLE):
            raise Http404
        return _dialog(request, viewer, Verb(kind), form, status=422)
    connectors, words = selected(request, viewer)
    data = form.cleaned_data
    try:
        if "second_person" in request.POST:
            return _ask_second_person(request, viewer, form, connectors)
        made = batches.create(
            connectors=connectors,
            verb=data["kind"],
            terms=form.terms,
            actor=actors.of(request),
            viewer=viewer,
            selection=words,
            expected=data["expected"],
            key=data["key"] and f"page:{data['key']}",
        )
    except operations.NotPossible as error:
        status = 403 if isinstance(error, operations.NotAllowed) else 409
        return _dialog(request, viewer, data["kind"], form, refusal=str(error), status=status)
    except audit.Unwritable as error:
        return _dialog(request, viewer, data["kind"], form, refusal=str(error), status=503)
    return _go(request, made, f"{LABELS[Verb(made.kind)]} of {words} asked.")


def _ask_second_person(
    request: HttpRequest, viewer: Viewer, form: forms.BatchForm, connectors: QuerySet[Connector]
) -> HttpResponse:
    """What is protected of the chosen ones: one request for all of them, carried out once somebody else approves."""
    verb, terms = form.cleaned_data["kind"], form.terms
    if terms.starts_at:
        raise operations.NotNow("An approval is asked for now, not later: leave out the beginning.")
    made = approvals.ask(
        targets=reads.plan(connectors, verb, viewer).guarded,
        verb=verb,
        reason=form.reason_on_record,
        until=terms.until if verb in HOLDING else None,
        actor=actors.of(request),
        viewer=viewer,
    )
    if responses.is_fragment(request):
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("approval", args=[made.pk])})
    messages.success(request, "It waits for a second person; it is carried out once they approve.")
    return redirect("approval", made.pk)


def _dialog(
    request: HttpRequest, viewer: Viewer, verb: Verb, form: forms.BatchForm, *, refusal: str = "", status: int = 200
) -> HttpResponse:
    connectors, words = selected(request, viewer)
    plan = reads.plan(connectors, verb, viewer)
    query = request.GET.copy()
    query["kind"] = verb
    context = {
        "viewer": viewer,
        "verb": verb,
        "plan": plan,
        "words": words,
        "form": form,
        "choices": _choices(form, len(plan.act)),
        "has_end": verb in HOLDING,
        "query": query.urlencode(),
        "key": form.data.get("key") or uuid.uuid4().hex,
        "refusal": refusal,
    }
    page = "_dialog.html" if responses.is_fragment(request) else "new.html"
    return render(request, f"connectors/batch/{page}", context, status=status)


def _choices(form: forms.BatchForm, number: int) -> list[tuple[str, str, list[tuple[object, str, bool]]]]:
    """The three terms with what is chosen of each: as given, or as usual for so many."""
    names = {"canary": ("Canary first", forms.CANARY), "stop_after": ("Stop after", forms.STOP_AFTER),
             "at_once": ("Pace", forms.AT_ONCE)}  # fmt: skip
    usual = {**TERMS, "canary": TERMS["canary"] if number > FEW else 0}
    return [
        (name, label, [(value, text, str(value) == form.data.get(name, str(usual[name]))) for value, text in options])
        for name, (label, options) in names.items()
    ]


def _change(
    request: HttpRequest, viewer: Viewer, pk: uuid.UUID, change: Callable[..., Batch], said: str
) -> HttpResponse:
    found = get_object_or_404(reads.visible_to(viewer), pk=pk)
    try:
        made = change(batch=found, actor=actors.of(request), viewer=viewer)
    except operations.NotPossible as error:
        status = 403 if isinstance(error, operations.NotAllowed) else 409
        return _refused(request, found, str(error), status)
    except audit.Unwritable as error:
        return _refused(request, found, str(error), 503)
    return _go(request, made, said)


def _refused(request: HttpRequest, found: Batch, why: str, status: int) -> HttpResponse:
    """Where the person pressed: on the page of the batch, at its head."""
    if responses.is_fragment(request):
        return HttpResponse(responses.toast(why, is_refusal=True), status=status)
    messages.error(request, why)
    return redirect("batch", found.pk)


def _go(request: HttpRequest, made: Batch, said: str) -> HttpResponse:
    if responses.is_fragment(request):
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("batch", args=[made.pk])})
    messages.success(request, said)
    return redirect("batch", made.pk)
