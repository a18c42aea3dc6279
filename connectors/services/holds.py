"""Timed pauses: a hold has an end, and then the product leads back what nobody has asked anything else of."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from connectors import permissions
from connectors.actor import Actor
from connectors.models import AuditEvent, Batch, Connector, Hold, Operation, Pipeline
from connectors.services import audit, notices, operations
from connectors.services.operations import NotAllowed, NotNow, NotPossible
from connectors.states import GOALS, HOLDING, INVERSE, LABELS, OPEN, OperationStatus, Verb

LONGEST = timedelta(days=30)
AGAIN = timedelta(seconds=15)
"""Between two tries to resume what cannot be resumed now."""


@transaction.atomic
def hold(
    *,
    target: Connector | Pipeline,
    verb: Verb,
    until: datetime,
    actor: Actor,
    viewer: permissions.Viewer,
    reason: str = "",
    ticket: str = "",
    key: str = "",
    now: datetime | None = None,
) -> Operation:
    """
    This will ask for a pause or stop that ends by itself.

    :raises NotNow: the verb has no end, or the time does not fit
    :raises NotPossible: as `operations.request`
    """
    now = now or timezone.now()
    if verb not in HOLDING:
        raise NotNow(f"{LABELS[verb]} has no end: only pause and stop do.")
    _check(until, now)
    operation = operations.request(
        target=target, verb=verb, actor=actor, viewer=viewer, reason=reason, ticket=ticket, key=key, now=now
    )
    if not Hold.objects.filter(operation=operation).exists():  # the same press again
        open_for([operation], until=until)
    return operation


def open_for(asked: Sequence[Operation], *, until: datetime, batch: Batch | None = None) -> None:
    """This will give operations of one moment an end, in the caller's transaction; older holds of theirs end."""
    connectors = [operation.connector_id for operation in asked if operation.connector_id]
    pipelines = [operation.pipeline_id for operation in asked if operation.pipeline_id]
    older = Hold.objects.filter(Q(connector__in=connectors) | Q(pipeline__in=pipelines), ended_at__isnull=True)
    older.update(ended_at=asked[0].requested_at, outcome="held anew")
    Hold.objects.bulk_create(
        Hold(
            connector_id=operation.connector_id, pipeline_id=operation.pipeline_id, operation=operation, batch=batch,
            actor=operation.actor, until=until,
        )
        for operation in asked
    )  # fmt: skip


@transaction.atomic
def extend(
    *, hold: Hold, until: datetime | None, actor: Actor, viewer: permissions.Viewer, now: datetime | None = None
) -> Hold:
    """
    This will move the end of a hold; without a time it stays held until somebody resumes it.

    :raises NotAllowed: the actor's role forbids it
    :raises NotNow: it has ended, or the time does not fit
    """
    now = now or timezone.now()
    hold = _locked(hold.pk)
    target, team = hold.target, operations.team_of(hold.target)
    if why := viewer.why_not_operate(team.pk, team.slug):
        raise NotAllowed(why)
    if hold.ended_at:
        raise NotNow(f"It has ended: {hold.outcome}.")
    before = {"until": hold.until.isoformat()}
    if until is None:
        _end(hold, "left held", now)
        what, after = "released", None
    else:
        _check(until, now)
        hold.until = until
        hold.save(update_fields=["until"])
        what, after = "extended", {"until": until.isoformat()}
    _record(hold, what, actor, before=before, after=after, now=now)
    operations.announce([hold.operation])
    notices.rows(accounts=[target.account_id])
    return hold


def due(now: datetime | None = None) -> list[int]:
    """This will give the ids of the holds whose time has come, and end those that somebody has overtaken."""
    now = now or timezone.now()
    _end_overtaken(now)
    rested = Q(tried_at__isnull=True) | Q(tried_at__lt=now - AGAIN)
    found = Hold.objects.filter(rested, ended_at__isnull=True, until__lte=now).exclude(operation__status__in=OPEN)
    return list(found.values_list("pk", flat=True)[:500])


@transaction.atomic
def expire(pk: int, *, actor: Actor, viewer: permissions.Viewer, now: datetime | None = None) -> Hold:
    """This will lead back what is held, when it still is as the hold left it; else the hold ends and says why."""
    now = now or timezone.now()
    hold = _locked(pk)
    if hold.ended_at or hold.until > now or hold.operation.is_open:
        return hold
    goal = GOALS[Verb(hold.operation.kind)]
    if hold.operation.status != OperationStatus.CONFIRMED:
        _end(hold, f"it was never {goal}", now)
    elif hold.target.state != goal:
        _end(hold, f"somebody made it {hold.target.state} outside", now)
    else:
        _resume(hold, actor, viewer, now)
    operations.announce([hold.operation])
    return hold


def _resume(hold: Hold, actor: Actor, viewer: permissions.Viewer, now: datetime) -> None:
    verb = INVERSE[Verb(hold.operation.kind)]
    ticket = hold.operation.ticket
    reason = f"{hold.actor} held it until now" + (f": {hold.operation.reason}" if hold.operation.reason else "")
    try:
        with transaction.atomic():
            hold.resumption = operations.request(
                target=hold.target, verb=verb, actor=actor, viewer=viewer, reason=reason, ticket=ticket, now=now
            )
    except NotPossible as error:
        hold.tried_at, hold.trouble = now, str(error)
        hold.save(update_fields=["tried_at", "trouble"])
        return
    hold.trouble = ""
    _end(hold, "resumed", now)


def reopen(*, batch: Batch, connector: Connector, trouble: str, now: datetime) -> None:
    """This will let a hold of a batch wait on: a freeze came in between. It is tried again by itself."""
    held_anew = Hold.objects.filter(connector=connector, ended_at__isnull=True).exists()
    if not held_anew:
        ended = Hold.objects.filter(batch=batch, connector=connector, outcome="resumed")
        ended.update(ended_at=None, outcome="", trouble=trouble, tried_at=now)


def wait_on(operation: Operation, *, trouble: str, now: datetime) -> None:
    """This will open again the hold that an operation was to end, when it was not sent: a freeze came in between."""
    parent = Batch.objects.filter(pk=operation.batch_id).values("parent") if operation.batch_id else None
    of_batch = Q(batch__in=parent, connector=operation.connector, outcome="resumed") if parent else Q(pk__in=[])
    ended = Hold.objects.filter(Q(resumption=operation) | of_batch, ended_at__isnull=False)
    for hold in ended.select_related("operation", "connector", "pipeline")[:1]:
        held = hold.operation
        type(hold.target).objects.filter(pk=hold.target.pk).update(
            desired_at=held.requested_at,
            desired_by=held.actor,
            desired_reason=operations.in_words(held.reason, held.ticket),
        )
        hold.resumption, hold.tried_at, hold.trouble, hold.ended_at, hold.outcome = None, now, trouble, None, ""
        hold.save(update_fields=["resumption", "tried_at", "trouble", "ended_at", "outcome"])


def _end_overtaken(now: datetime) -> None:
    """Whoever asked anything else since has decided about it."""
    open_ones = Hold.objects.filter(ended_at__isnull=True)
    for noun in ("connector", "pipeline"):
        other = open_ones.filter(**{f"{noun}__isnull": False}).exclude(
            **{f"{noun}__desired_at": F("operation__requested_at")}
        )
        ids = list(other.values_list("pk", flat=True)[:1000])
        Hold.objects.filter(pk__in=ids).update(ended_at=now, outcome="somebody asked for something else")


def _end(hold: Hold, outcome: str, now: datetime) -> None:
    hold.ended_at, hold.outcome = now, outcome
    hold.save(update_fields=["ended_at", "outcome", "trouble", "resumption"])


def _locked(pk: int) -> Hold:
    rows = Hold.objects.select_for_update(of=("self",))
    return rows.select_related(
        "operation__account", "connector__team", "connector__account__team", "pipeline__account__team"
    ).get(pk=pk)


def _check(until: datetime, now: datetime) -> None:
    if until <= now:
        raise NotNow("Name a time that is still to come.")
    if until - now > LONGEST:
        raise NotNow(f"Name a time within {LONGEST.days} days; what rests longer is better stopped.")


def _record(hold: Hold, what: str, actor: Actor, *, before: object, after: object, now: datetime) -> None:
    noun = "connector" if hold.connector_id else "pipeline"
    audit.record(
        f"{noun}.hold.{what}", actor=actor, result=AuditEvent.Result.DONE, target=hold.target, before=before,
        after=after, at=now,
    )  # fmt: skip
