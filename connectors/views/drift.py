"""Deciding about a drift: ask for the wanted state again, accept the observed one, or snooze."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from connectors.forms.drift import DriftForm
from connectors.models import Connector, Pipeline
from connectors.permissions import Viewer
from connectors.queries import connectors as queries
from connectors.services import actors, audit, drift, operations
from connectors.views import responses
from connectors.views.access import signed_in


@require_POST
@signed_in
def decide_for_connector(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will decide about the drift of a connector."""
    return _decide(request, viewer, get_object_or_404(queries.visible_to(viewer), pk=pk))


@require_POST
@signed_in
def decide_for_pipeline(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will decide about the drift of a pipeline."""
    return _decide(request, viewer, get_object_or_404(queries.pipelines_of(viewer), pk=pk))


def _decide(request: HttpRequest, viewer: Viewer, target: Connector | Pipeline) -> HttpResponse:
    form = DriftForm(request.POST)
    if not form.is_valid():
        field, errors = next(iter(form.errors.items()))
        return responses.refused(request, viewer, target, f"{field}: {errors[0]}", status=422)
    try:
        said = _carry_out(form, request, viewer, target)
    except operations.NotPossible as error:
        status = 403 if isinstance(error, operations.NotAllowed) else 409
        return responses.refused(request, viewer, target, str(error), status=status)
    except audit.Unwritable as error:
        return responses.refused(request, viewer, target, str(error), status=503)
    return responses.fragment_or_redirect(request, viewer, target, said)


def _carry_out(form: DriftForm, request: HttpRequest, viewer: Viewer, target: Connector | Pipeline) -> str:
    actor, reason = actors.of(request), form.cleaned_data["reason"]
    if form.cleaned_data["choice"] == "reapply":
        drift.reapply(target=target, actor=actor, viewer=viewer, reason=reason)
        return f"{target.name} is asked to be {target.desired_state} again."
    if form.cleaned_data["choice"] == "accept":
        drift.accept(target=target, actor=actor, viewer=viewer, reason=reason)
        return f"{target.name} is wanted {target.state} now."
    until = timezone.now() + form.snoozed_for
    drift.snooze(target=target, until=until, actor=actor, viewer=viewer, reason=reason)
    return f"The drift of {target.name} is snoozed."
