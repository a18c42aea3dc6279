"""Taking back what was just asked: the target goes to where it was, and so does what was wanted of it."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from connectors import permissions
from connectors.actor import Actor
from connectors.models import Hold, Operation
from connectors.queries.undo import inverse_of
from connectors.services import holds, operations
from connectors.services.operations import InProgress, NotAllowed, NotNow
from connectors.states import GOALS, LABELS, OperationStatus, Verb


@transaction.atomic
def undo(*, operation: Operation, actor: Actor, viewer: permissions.Viewer, now: datetime | None = None) -> Operation:
    """
    This will cancel what was not sent yet, or ask for the way back of what was confirmed.

    What was wanted before is wanted again, also where nobody had asked for anything; a timed pause that it ended
    goes on until its time. Pressing twice gives the same operation.

    :raises NotAllowed: the actor's role forbids it
    :raises InProgress: it is at the vendor and has no outcome yet
    :raises NotNow: there is nothing to take back, or no way, or somebody was faster
    """
    now = now or timezone.now()
    key = f"undo:{operation.pk}"
    if earlier := Operation.objects.filter(actor=actor.label, idempotency_key=key).first():
        return earlier
    target = operations.locked(operation.target)
    operation = (
        Operation.objects.select_for_update(of=("self",)).select_related(*operations.TARGETS).get(pk=operation.pk)
    )
    team = operations.team_of(target)
    if why := viewer.why_not_operate(team.pk, team.slug):
        raise NotAllowed(why)
    if operation.status == OperationStatus.QUEUED:
        _end_hold(operation, now)
        return operations.cancel(operation=operation, actor=actor, viewer=viewer)
    label = LABELS[Verb(operation.kind)]
    if operation.is_open:
        raise InProgress(f"{label} is at the vendor now: undo it as soon as it was seen.")
    verb = inverse_of(operation, target)
    if verb is None or operation.status != OperationStatus.CONFIRMED:
        raise NotNow(f"{label} cannot be undone: it {_what(operation)}.")
    if target.desired_at != operation.requested_at:
        raise NotNow("It is too late to undo: something else was asked of it since.")
    if target.state != GOALS[Verb(operation.kind)]:
        raise NotNow(f"It is too late to undo: it is {target.state} by now, made so outside.")
    held = _ended_by(operation)
    back = operations.request(
        target=target, verb=verb, actor=actor, viewer=viewer, reason=f"undone: {label.lower()}",
        ticket=operation.ticket, key=key, now=now,
    )  # fmt: skip
    _want_as_before(back, operation)
    _end_hold(operation, now)
    if held and held.until > now:
        holds.open_for([back], until=held.until, batch=held.batch)
    return back


def _what(operation: Operation) -> str:
    if operation.status == OperationStatus.CONFIRMED:
        return "has no way back that is sent without asking"
    return f"was {operation.status.replace('_', ' ')}, so it changed nothing"


def _want_as_before(back: Operation, operation: Operation) -> None:
    """Whoever had asked for nothing, or for something else than there was, finds it so again."""
    if operation.desired_before == GOALS[Verb(back.kind)]:
        return
    target = back.target
    target.desired_state = operation.desired_before
    if operation.desired_before is None:
        target.desired_at, target.desired_by, target.desired_reason = None, "", ""
    target.save(update_fields=["desired_state", "desired_at", "desired_by", "desired_reason"])


def _end_hold(operation: Operation, now: datetime) -> None:
    Hold.objects.filter(operation=operation, ended_at__isnull=True).update(ended_at=now, outcome="undone")


def _ended_by(operation: Operation) -> Hold | None:
    """The timed pause that went on until this was asked."""
    target = {"connector_id": operation.connector_id, "pipeline_id": operation.pipeline_id}
    rows = Hold.objects.filter(**target, operation__requested_at__lt=operation.requested_at)
    last = rows.select_related("batch").order_by("-operation__requested_at").first()
    was_on = last and (last.ended_at is None or last.ended_at >= operation.requested_at)
    return last if last and was_on and last.resumption_id is None else None
