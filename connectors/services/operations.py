"""Asking for a verb, cancelling what was not sent, and writing down each stage and the one outcome."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from connectors import permissions, reconcile
from connectors.actor import Actor
from connectors.models import AuditEvent, Connector, Operation, Pipeline, Team, VendorAccount
from connectors.queries import verbs
from connectors.queries.guards import Rails
from connectors.services import audit, guards, notices, storing
from connectors.states import GOALS, LABELS, OPEN, OperationStatus, State, Verb
from connectors.vendors import secrets

OUTCOMES = {
    OperationStatus.CONFIRMED: AuditEvent.Result.DONE,
    OperationStatus.FAILED: AuditEvent.Result.FAILED,
    OperationStatus.TIMED_OUT: AuditEvent.Result.FAILED,
    OperationStatus.OVERRIDDEN: AuditEvent.Result.FAILED,
    OperationStatus.CANCELLED: AuditEvent.Result.REFUSED,
}


class NotPossible(Exception):
    """
    The request was refused and nothing was changed; the message says why and what to do.

    Its subclasses are the cases a page or the API tells apart.
    """

    code = "not_possible"


class NotAllowed(NotPossible):
    """The actor's role does not allow it."""

    code = "not_allowed"


class NotSupported(NotPossible):
    """The vendor has no such verb."""

    code = "not_supported"


class NotNow(NotPossible):
    """The vendor has the verb, but not in the state the target is in."""

    code = "not_now"


class InProgress(NotPossible):
    """The previous request for this target has no outcome yet."""

    code = "in_progress"


class Frozen(NotPossible):
    """A freeze holds for the target."""

    code = "frozen"


class ApprovalNeeded(NotPossible):
    """The target is protected, and no second person has approved this very verb on it as it is now."""

    code = "approval_needed"


GUARDED: dict[str, type[NotPossible]] = {"freeze": Frozen, "protection": ApprovalNeeded}
"""By the rule that decided."""


DECIDED: dict[verbs.By, type[NotPossible]] = {
    "token": NotAllowed,
    "role": NotAllowed,
    "capability": NotSupported,
    "operation": InProgress,
    "state": NotNow,
    "freeze": Frozen,
}
"""By what decided."""


class KeyReused(NotPossible):
    """The idempotency key was used for another request."""

    code = "key_reused"


@dataclass(frozen=True, slots=True)
class Wish:
    """One verb that somebody asks for, of one target or of many."""

    verb: Verb
    actor: Actor
    viewer: permissions.Viewer
    reason: str
    ticket: str
    now: datetime
    task: str = ""
    batch_id: uuid.UUID | None = None


@transaction.atomic
def request(
    *,
    target: Connector | Pipeline,
    verb: Verb,
    actor: Actor,
    viewer: permissions.Viewer,
    task: str = "",
    reason: str = "",
    ticket: str = "",
    key: str = "",
    now: datetime | None = None,
) -> Operation:
    """
    This will record what the actor wants and queue the vendor call; the driver does the rest.

    The same `key` by the same actor for the same request gives the operation made the first time.

    :param task: for a verb of one task: which
    :raises NotAllowed: the actor's role forbids it
    :raises NotSupported: the vendor has no such verb for this kind of target
    :raises NotNow: the verb does not apply to the state the target is in
    :raises InProgress: the previous operation has not finished
    :raises Frozen: a freeze holds for it, and the actor does not pass it
    :raises ApprovalNeeded: it is protected, and nobody has approved this verb on it as it is now
    :raises KeyReused: the key belongs to another request
    """
    target = locked(target)
    now = now or timezone.now()  # once it is our turn: whoever waited asks after the one they waited for
    if key and (earlier := _earlier(target, verb, task, actor, key)):
        return earlier
    wish = Wish(verb, actor, viewer, secrets.strip(reason), secrets.strip(ticket), now, task=task)
    (found,) = _ask([target], wish, {target.pk: key}).values()
    if isinstance(found, NotPossible):
        raise found
    transaction.on_commit(partial(wake, found.account_id))  # a hint; the queue is the table
    return found


@transaction.atomic
def request_many(
    *,
    connectors: Collection[int],
    verb: Verb,
    actor: Actor,
    viewer: permissions.Viewer,
    reason: str = "",
    ticket: str = "",
    keys: Mapping[int, str],
    batch_id: uuid.UUID,
) -> dict[int, Operation | NotPossible]:
    """
    This will record what the actor wants of many connectors, by the same rules as for one, and put refusals on record.

    It waits for nobody: a connector that somebody else is at right now is left out of the answer; ask again for it.
    Whoever asks for many hints to the drivers with `wake` when it suits them.

    :param connectors: their ids
    :param keys: the idempotency key of each
    :return: by connector, the operation or why there is none
    """
    rows = Connector.objects.select_for_update(of=("self",), skip_locked=True).filter(pk__in=connectors).order_by("pk")
    targets = list(rows.select_related("team", "account__team", "pipeline"))
    wish = Wish(
        verb, actor, viewer, secrets.strip(reason), secrets.strip(ticket), timezone.now(), batch_id=batch_id
    )  # fmt: skip
    found = _ask(targets, wish, keys)
    refused = [(target, why) for target in targets if isinstance(why := found[target.pk], NotPossible)]
    audit.write([
        _refusal(target, verb, why, actor=actor, reason=reason, ticket=ticket, batch_id=batch_id)
        for target, why in refused
    ])  # fmt: skip
    return found


@transaction.atomic
def record_refusal(
    *,
    target: Connector | Pipeline,
    verb: str,
    actor: Actor,
    reason: str,
    error: NotPossible,
    ticket: str = "",
) -> None:
    """This will put a refused attempt on record, in a transaction of its own."""
    audit.write([_refusal(target, verb, error, actor=actor, reason=reason, ticket=ticket)])


def _refusal(
    target: Connector | Pipeline,
    verb: str,
    error: NotPossible,
    *,
    actor: Actor,
    reason: str,
    ticket: str,
    batch_id: uuid.UUID | None = None,
) -> AuditEvent:
    return audit.draft(
        f"{_noun(target)}.{verb}.refused",
        actor=actor,
        result=AuditEvent.Result.REFUSED,
        target=target,
        before={"state": target.state, "desired_state": target.desired_state},
        reason=reason,
        error=str(error),
        ticket=ticket,
        batch_id=batch_id,
    )


@transaction.atomic
def cancel(*, operation: Operation, actor: Actor, viewer: permissions.Viewer) -> Operation:
    """
    This will cancel an operation that was not sent yet, and restore the desired state it had set.

    :raises NotAllowed: the actor's role forbids it
    :raises NotNow: it was sent already, or has ended
    """
    operation = Operation.objects.select_for_update(of=("self",)).select_related(*TARGETS).get(pk=operation.pk)
    target = operation.target
    if why := viewer.why_not_operate(team_of(target).pk, team_of(target).slug):
        raise NotAllowed(why)
    if operation.status != OperationStatus.QUEUED:
        raise NotNow("It cannot be cancelled any more: it was sent to the vendor.")
    withdraw(operation, error=f"cancelled by {actor.label} before it was sent", actor=actor)
    announce([operation])
    return operation


def withdraw(operation: Operation, *, error: str, actor: Actor, now: datetime | None = None) -> None:
    """This will end what waits in the queue, and restore the desired state it had set, in the caller's transaction."""
    finish(operation, OperationStatus.CANCELLED, error=error, actor=actor, now=now)
    if operation.kind in GOALS:
        target = operation.target
        target.desired_state = operation.desired_before
        target.save(update_fields=["desired_state"])


@transaction.atomic
def send_again(*, operation: Operation, actor: Actor, viewer: permissions.Viewer) -> Operation:
    """
    This will put an operation that hangs at the vendor back into the queue, under its own deadline.

    :raises NotAllowed: the actor's role forbids it
    :raises NotNow: it is not under way at the vendor, or its verb must not be sent twice
    :raises Frozen: a freeze holds for its target by now
    """
    operation = Operation.objects.select_for_update(of=("self",)).select_related(*TARGETS).get(pk=operation.pk)
    target = operation.target
    if why := viewer.why_not_operate(team_of(target).pk, team_of(target).slug):
        raise NotAllowed(why)
    if operation.status not in UNDER_WAY:
        raise NotNow(f"It is {operation.status.replace('_', ' ')}: there is nothing to send again. Ask anew instead.")
    capability = verbs.capability_of(target, Verb(operation.kind))
    if capability is None or not capability.is_idempotent:
        label = LABELS[Verb(operation.kind)]
        raise NotNow(f"{label} is not sent twice: it might be carried out twice. Wait for its outcome.")
    passage = guards.judge(target, Verb(operation.kind), actor=actor, viewer=viewer, now=timezone.now())
    if passage.refusal and passage.refusal.rule == "freeze":  # an approval was used up by the first time
        raise Frozen(passage.refusal.sentence)
    operation.status, operation.not_before = OperationStatus.QUEUED, None
    operation.save(update_fields=["status", "not_before"])
    audit.record(
        f"{_noun(target)}.{operation.kind}.sent_again", actor=actor, result=AuditEvent.Result.REQUESTED, target=target,
        operation=operation,
    )  # fmt: skip
    announce([operation])
    transaction.on_commit(partial(wake, operation.account_id))
    return operation


def retry(*, operation: Operation, actor: Actor, viewer: permissions.Viewer, key: str = "") -> Operation:
    """
    This will ask once more for what did not work out: a new operation with the same target, verb and reason.

    :raises NotNow: it has no outcome yet, or it was confirmed
    :raises NotPossible: as `request`
    """
    if operation.is_open:
        raise InProgress("It has no outcome yet; wait for it, or cancel it while it is queued.")
    if operation.status == OperationStatus.CONFIRMED:
        raise NotNow("It was confirmed: there is nothing to repeat.")
    return request(
        target=operation.target, verb=Verb(operation.kind), task=operation.task, reason=operation.reason,
        ticket=operation.ticket, key=key, actor=actor, viewer=viewer,
    )  # fmt: skip


UNDER_WAY = (OperationStatus.SENT, OperationStatus.ACCEPTED, OperationStatus.CONVERGING)
TARGETS = ("account__team", "connector__team", "connector__account__team", "pipeline__account__team")


@dataclass(frozen=True, slots=True)
class Ending:
    """How an operation ends, and the state that was seen then."""

    operation: Operation
    status: OperationStatus
    error: str = ""
    after: State | None = None


FINISH = """
UPDATE connectors_operation AS stored
SET status = ended.status, error = ended.error, proof = ended.proof, has_seen_change = ended.has_seen_change,
    finished_at = %s
FROM jsonb_to_recordset(%s::jsonb) AS ended(id uuid, status text, error text, proof text, has_seen_change boolean)
WHERE stored.id = ended.id AND stored.status = ANY(%s) RETURNING stored.id
"""


def finish(
    operation: Operation,
    status: OperationStatus,
    *,
    error: str = "",
    actor: Actor,
    now: datetime | None = None,
) -> None:
    """This will end one operation; as `finish_all`."""
    finish_all([Ending(operation, status, error)], actor=actor, now=now)


def finish_all(endings: Sequence[Ending], *, actor: Actor, now: datetime | None = None) -> None:
    """
    This will end open operations and record the one outcome event of each, in the caller's transaction.

    An operation that has ended already is left as it is.
    """
    if not endings:
        return
    now = now or timezone.now()
    rows = [
        {
            "id": str(ending.operation.pk), "status": ending.status, "error": ending.error,
            "proof": ending.operation.proof, "has_seen_change": ending.operation.has_seen_change,
        }
        for ending in endings
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(FINISH, [now, storing.recordset(rows), list(OPEN)])
        ended = {pk for (pk,) in cursor.fetchall()}
    made = [ending for ending in endings if ending.operation.pk in ended]
    for ending in made:
        operation = ending.operation
        operation.status, operation.error, operation.finished_at = ending.status, ending.error, now
    audit.write([_outcome(ending, actor, now) for ending in made])
    for batch_id in {ending.operation.batch_id for ending in made} - {None}:
        transaction.on_commit(partial(wake_batch, batch_id))


def _outcome(ending: Ending, actor: Actor, now: datetime) -> AuditEvent:
    operation = ending.operation
    return audit.draft(
        f"{_noun(operation.target)}.{operation.kind}.{ending.status}",
        actor=actor,
        result=OUTCOMES[ending.status],
        target=operation.target,
        reason=operation.reason,
        before={"state": operation.state_before},
        after={**({"state": ending.after} if ending.after else {}), **_of_task(operation)} or None,
        operation=operation,
        error=ending.error,
        at=now,
    )


def announce(operations: Iterable[Operation]) -> None:
    """This will tell open pages that the rows of these operations changed."""
    operations = list(operations)
    notices.rows(
        connectors=[o.connector_id for o in operations if o.connector_id],
        pipelines=[o.pipeline_id for o in operations if o.pipeline_id],
        accounts=[o.account_id for o in operations],
    )


def locked(target: Connector | Pipeline) -> Connector | Pipeline:
    """This will read a target again and lock it, without the rows it refers to."""
    if isinstance(target, Connector):
        rows = Connector.objects.select_for_update(of=("self",))
        return rows.select_related("team", "account__team", "pipeline").get(pk=target.pk)
    return Pipeline.objects.select_for_update(of=("self",)).select_related("account__team").get(pk=target.pk)


def _earlier(target: Connector | Pipeline, verb: Verb, task: str, actor: Actor, key: str) -> Operation | None:
    mine = Operation.objects.filter(actor=actor.label, idempotency_key=key).order_by()
    if not mine.exists():  # nearly always; the joins of the rest cost ten times as much
        return None
    earlier = mine.select_related(*TARGETS).first()
    if earlier and (earlier.target != target or (earlier.kind, earlier.task) != (verb, task)):
        raise KeyReused("This Idempotency-Key was used for another request. Take a new one for each request.")
    return earlier


def _ask(
    targets: Sequence[Connector | Pipeline], wish: Wish, keys: Mapping[int, str]
) -> dict[int, Operation | NotPossible]:
    """This will judge each of some locked targets, and write down those that pass, in a constant number of queries."""
    rails = guards.around(targets, actor=wish.actor, viewer=wish.viewer, now=wish.now)
    under_way = _under_way(targets)
    found: dict[int, Operation | NotPossible] = {}
    passages: dict[int, guards.Passage] = {}
    for target in targets:
        try:
            passages[target.pk] = _let_pass(target, wish, under_way.get(target.pk), rails)
            found[target.pk] = _operation(target, wish, keys[target.pk])
        except NotPossible as error:
            found[target.pk] = error
    asked = [operation for operation in found.values() if isinstance(operation, Operation)]
    if asked:
        _store(asked, wish)
        for operation in asked:
            guards.note(passages[operation.target.pk], operation, actor=wish.actor, now=wish.now)
        announce(asked)
    return found


def _under_way(targets: Sequence[Connector | Pipeline]) -> dict[int, str]:
    """The verbs that have no outcome yet, by target."""
    noun = "connector" if targets and isinstance(targets[0], Connector) else "pipeline"
    rows = Operation.objects.filter(**{f"{noun}__in": [target.pk for target in targets]}, status__in=OPEN)
    return dict(rows.order_by().values_list(f"{noun}_id", "kind"))


def _let_pass(target: Connector | Pipeline, wish: Wish, open_verb: str | None, rails: Rails) -> guards.Passage:
    is_stale = target.is_stale(wish.now)
    if decided := verbs.decide(target, wish.verb, wish.viewer, is_stale=is_stale, open_verb=open_verb):
        raise DECIDED[decided.by](decided.sentence)
    if why := verbs.why_not_task(target, wish.verb, wish.task):
        raise NotNow(why)
    passage = guards.judge(
        target, wish.verb, task=wish.task, actor=wish.actor, viewer=wish.viewer, now=wish.now, rails=rails
    )
    if passage.refusal:
        raise GUARDED[passage.refusal.rule](passage.refusal.sentence)
    return passage


def _operation(target: Connector | Pipeline, wish: Wish, key: str) -> Operation:
    capability = verbs.capability_of(target, wish.verb)
    assert capability is not None  # noqa: S101  # else it had not passed
    return Operation(
        account=target.account,
        connector=target if isinstance(target, Connector) else None,
        pipeline=target if isinstance(target, Pipeline) else None,
        kind=wish.verb,
        task=wish.task,
        user_id=wish.actor.user_id,
        token_id=wish.actor.token_id,
        actor=wish.actor.label,
        reason=wish.reason,
        ticket=wish.ticket,
        idempotency_key=key or None,
        request_id=wish.actor.request_id,
        batch_id=wish.batch_id,
        state_before=target.state,
        generation_before=_generation_of(target, wish.task),
        desired_before=target.desired_state,
        requested_at=wish.now,
        deadline_at=wish.now + timedelta(seconds=capability.timeout),
    )


def _store(asked: Sequence[Operation], wish: Wish) -> None:
    """The operations, what is desired from now on, and their events."""
    try:
        with transaction.atomic():
            Operation.objects.bulk_create(asked)
    except IntegrityError as error:
        raise InProgress("Another request for it was made at the same moment; wait for its outcome.") from error
    targets = [operation.target for operation in asked]
    before = [{"state": target.state, "desired_state": target.desired_state} for target in targets]
    if wish.verb in GOALS:
        desired: dict[str, Any] = {
            "desired_state": GOALS[wish.verb],
            "desired_at": wish.now,
            "desired_by": wish.actor.label,
            "desired_reason": in_words(wish.reason, wish.ticket),
            "drift_since": None,
            "drift_snoozed_until": None,
        }
        type(targets[0]).objects.filter(pk__in=[target.pk for target in targets]).update(**desired)
        for target, (name, value) in product(targets, desired.items()):
            setattr(target, name, value)
    audit.write([
        audit.draft(
            f"{_noun(operation.target)}.{wish.verb}.requested",
            actor=wish.actor,
            result=AuditEvent.Result.REQUESTED,
            target=operation.target,
            reason=wish.reason,
            before=was,
            after={"desired_state": operation.target.desired_state, **_of_task(operation)},
            operation=operation,
            at=wish.now,
        )
        for operation, was in zip(asked, before, strict=True)
    ])  # fmt: skip


def in_words(reason: str, ticket: str) -> str:
    """This will give a reason with its ticket, as a row shows it."""
    return f"{reason} ({ticket})" if reason and ticket else reason or ticket


def _generation_of(target: Connector | Pipeline, task: str) -> str:
    """What shows a restart by being another afterwards: the vendor's word for the whole, or what one task is."""
    if not task or not isinstance(target, Connector):
        return target.generation
    found = next(t for t in target.tasks if str(t["id"]) == task)
    return reconcile.generation_of_task(found["state"], found["worker"], found["trace"])


def _of_task(operation: Operation) -> dict[str, str]:
    return {"task": operation.task} if operation.task else {}


def team_of(target: Connector | Pipeline) -> Team:
    """This will give the team that owns a target."""
    return target.team if isinstance(target, Connector) else target.account.team


def _noun(target: Connector | Pipeline | VendorAccount) -> str:
    return {Connector: "connector", Pipeline: "pipeline", VendorAccount: "account"}[type(target)]


def wake(account_id: int) -> None:
    """This will hint to an account's driver that something waits for it."""
    from connectors import tasks  # tasks import services

    tasks.wake(account_id)


def wake_batch(batch_id: object) -> None:
    """This will hint that a batch can go on."""
    from connectors import tasks  # tasks import services

    tasks.wake_batch(str(batch_id))
