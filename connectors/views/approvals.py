"""Approvals: the inbox, one of them, deciding; and how a connector is protected."""

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.forms.guards import DecisionForm, ProtectionForm
from connectors.models import Approval, Connector, Loosening, Protection
from connectors.models.guards import grave_verbs
from connectors.permissions import Viewer
from connectors.queries import approvals as queries
from connectors.queries import connectors as reads
from connectors.queries import guards, loosenings
from connectors.services import actors, approvals, protections
from connectors.services.operations import NotAllowed, NotPossible
from connectors.states import Permission, Verb
from connectors.views import addresses
from connectors.views.access import signed_in


@require_safe
@signed_in
def approval_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list what waits for this person first, then everything else they may see."""
    number = addresses.number_of(request)
    waiting = list(queries.to_decide(viewer).values_list("pk", flat=True))
    found = list(queries.inbox(viewer)[addresses.slice_of(number)])
    context = {
        "place": "guard",
        "tab": "approvals",
        "viewer": viewer,
        "lines": [(approval, approval.pk in waiting) for approval in found[: addresses.SIZE]],
        "loosenings": loosenings.open_now(viewer)[: addresses.SIZE] if number == 1 else [],
        "pager": addresses.pager(request, number, len(found)),
        "now": timezone.now(),
    }
    return render(request, "connectors/approval/list.html", context)


@require_safe
@signed_in
def approval(request: HttpRequest, viewer: Viewer, pk: uuid.UUID) -> HttpResponse:
    """This will show what is to be approved, on what, as it was seen, and who may decide."""
    found = get_object_or_404(queries.visible_to(viewer), pk=pk)
    now = timezone.now()
    context = {
        "place": "guard",
        "tab": "approvals",
        "viewer": viewer,
        "approval": found,
        "lines": [(item, item.fits(item.target)) for item in found.targets.all()],
        "why_not": queries.why_not_decide(found, viewer, queries.protections_of(found)),
        "is_mine": found.user_id == viewer.user_id,
        "is_waiting": found.status == found.Status.WAITING and found.lapses_at > now,
        "may_take_back": found.is_open and found.lapses_at > now and found.user_id == viewer.user_id,
    }
    return render(request, "connectors/approval/approval.html", context)


@require_POST
@signed_in
def decide(request: HttpRequest, viewer: Viewer, pk: uuid.UUID) -> HttpResponse:
    """This will approve and carry out, decline, or take back."""
    found = get_object_or_404(queries.visible_to(viewer), pk=pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was decided: choose to approve or to decline.")
        return redirect("approval", pk)
    try:
        said = _carry_out(form, request, viewer, found)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except NotPossible as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said)
    return redirect("approval", pk)


def _carry_out(form: DecisionForm, request: HttpRequest, viewer: Viewer, found: Approval) -> str:
    actor, choice, said = actors.of(request), form.cleaned_data["choice"], form.cleaned_data["said"]
    if choice == "take_back":
        approvals.take_back(approval=found, actor=actor, viewer=viewer)
        return "Taken back: nothing comes of it."
    if choice == "decline":
        approvals.decline(approval=found, actor=actor, viewer=viewer, said=said)
        return f"Declined; {found.actor} sees it."
    done = approvals.approve(approval=found, actor=actor, viewer=viewer, said=said)
    return "Approved, and asked of the vendor." if done.status == done.Status.USED else f"Approved. {done.said}"


@require_safe
@signed_in
def protection_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """This will list the protected connectors."""
    number = addresses.number_of(request)
    found = list(guards.protected_for(viewer)[addresses.slice_of(number)])
    context = {
        "place": "guard",
        "tab": "protections",
        "viewer": viewer,
        "protections": found[: addresses.SIZE],
        "pager": addresses.pager(request, number, len(found)),
    }
    return render(request, "connectors/protection/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def protection(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will show how a connector is protected, and change it; `lift` takes the protection away."""
    found = get_object_or_404(reads.visible_to(viewer), pk=pk)
    if why := viewer.why_not(Permission.PROTECT, found.team_id, found.team.slug):
        raise PermissionDenied(why)
    stands = Protection.objects.filter(connector=found).first()
    if request.method == "POST" and "lift" in request.POST:
        return _lift(request, viewer, found)
    form = ProtectionForm(request.POST if request.method == "POST" else None, initial=_initial(stands))
    status = 200
    if form.is_bound and form.is_valid():
        try:
            made = _protect(form, request, viewer, found)
        except NotPossible as error:
            form.add_error(None, str(error))
        else:
            return _protected(request, made)
    if form.is_bound:
        status = 422
    asked = loosenings.open_now(viewer).filter(connector=found).first()
    context = {"place": "guard", "viewer": viewer, "connector": found, "stands": stands, "form": form, "asked": asked,
               "why_not": loosenings.why_not_decide(asked, viewer) if asked else "",
               "is_mine": asked is not None and asked.user_id == viewer.user_id}  # fmt: skip
    return render(request, "connectors/protection/form.html", context, status=status)


@require_POST
@signed_in
def decide_loosening(request: HttpRequest, viewer: Viewer, pk: int) -> HttpResponse:
    """This will let a protection become weaker as was asked, leave it as it is, or take the request back."""
    found = get_object_or_404(loosenings.visible_to(viewer), pk=pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was decided: choose to approve or to decline.")
        return redirect("connector-protection", found.connector_id)
    actor, choice, said = actors.of(request), form.cleaned_data["choice"], form.cleaned_data["said"]
    try:
        if choice == "take_back":
            protections.take_back(loosening=found, actor=actor, viewer=viewer)
        elif choice == "decline":
            protections.decline(loosening=found, actor=actor, viewer=viewer, said=said)
        else:
            protections.approve(loosening=found, actor=actor, viewer=viewer, said=said)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except NotPossible as error:
        messages.error(request, str(error))
    else:
        messages.success(request, LOOSENED[choice].format(name=found.connector.name))
    return redirect("connector", found.connector_id)


LOOSENED = {
    "approve": "Approved: {name} is protected as was asked for.",
    "decline": "Declined: {name} stays protected.",
    "take_back": "Taken back: {name} stays protected.",
}


def _protect(form: ProtectionForm, request: HttpRequest, viewer: Viewer, found: Connector) -> Protection | Loosening:
    data = form.cleaned_data
    return protections.protect(
        connector=found,
        verbs=[Verb(word) for word in data["verbs"]],
        approver=data["approver"],
        is_always_on=data["is_always_on"],
        reason=data["reason"],
        actor=actors.of(request),
        viewer=viewer,
    )


def _lift(request: HttpRequest, viewer: Viewer, found: Connector) -> HttpResponse:
    try:
        reason = request.POST.get("reason", "")[:500]
        asked = protections.lift(connector=found, actor=actors.of(request), viewer=viewer, reason=reason)
    except NotPossible as error:
        messages.error(request, str(error))
        return redirect("connector", found.pk)
    return _protected(request, asked)


def _protected(request: HttpRequest, made: Protection | Loosening) -> HttpResponse:
    if isinstance(made, Protection):
        messages.success(request, f"{made.connector.name} is protected.")
    else:
        words = "It waits for a second person, a lead or an admin; until then it stays protected as it is."
        messages.success(request, words)
    return redirect("connector", made.connector_id)


def _initial(stands: Protection | None) -> dict[str, object]:
    if stands is None:
        return {"verbs": grave_verbs()}
    return {
        "verbs": stands.verbs,
        "approver": stands.approver,
        "is_always_on": stands.is_always_on,
        "reason": stands.reason,
    }
