"""Operations asked together: what is chosen, under which terms; cancelling, repeating and taking back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain, zip_longest
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from connectors import permissions
from connectors.actor import Actor
from connectors.models import AuditEvent, Batch, BatchItem, Connector, Operation
from connectors.queries import batches as queries
from connectors.queries import connectors as reads
from connectors.services import audit, notices, operations
from connectors.services.operations import KeyReused, NotAllowed, NotNow, NotPossible
from connectors.states import HOLDING, INVERSE, LABELS, OperationStatus, Permission, SiteRole, Verb
from connectors.vendors import secrets

MOST = 10_000
"""Connectors in one batch."""

TIMER = Actor("system", "system:timer")
TIMER_VIEWER = permissions.Viewer(user_id=0, name=TIMER.name, site_role=SiteRole.ADMIN)
"""The product itself, when it leads back what somebody held until now. All other rules bind it like anybody."""


class NothingToDo(NotPossible):
    """None of what was chosen can be asked."""

    code = "nothing_to_do"


class Changed(NotPossible):
    """What would be acted on is not what the person was shown."""

    code = "changed"


@dataclass(frozen=True, slots=True)
class Terms:
    """
    How a batch is to go.

    :param at_once: at most so many under way at one account; 0 as many as the vendor allows
    :param stop_after: failures after which nothing more is asked; 0 never
    :param until: what was held is resumed then
    """

    reason: str = ""
    ticket: str = ""
    canary: int = 0
    at_once: int = 0
    stop_after: int = 0
    starts_at: datetime | None = None
    until: datetime | None = None


def create(
    *,
    connectors: QuerySet[Connector],
    verb: Verb,
    terms: Terms,
    actor: Actor,
    viewer: permissions.Viewer,
    selection: str = "",
    expected: int | None = None,
    key: str = "",
    parent: Batch | None = None,
    now: datetime | None = None,
) -> Batch:
    """
    This will write down what is to be asked of which connector and what is skipped and why; workers do the rest.

    The same `key` by the same actor gives the batch made the first time.

    :param expected: how many the person was told would be acted on
    :raises NothingToDo: every one would be skipped
    :raises Changed: by now it would act on another number of connectors
    :raises NotNow: too many, or times that do not fit
    """
    now = now or timezone.now()
    if key and (earlier := Batch.objects.filter(actor=actor.label, idempotency_key=key).first()):
        if earlier.kind != verb:
            raise KeyReused("This Idempotency-Key was used for another request. Take a new one for each request.")
        return earlier
    _check_terms(terms, verb, now)
    plan = queries.plan(connectors, verb, viewer, now, is_system=actor.kind == "system")
    if not plan.act:
        raise NothingToDo(_nothing(plan))
    if plan.match > MOST:
        raise NotNow(f"{plan.match} connectors are too many for one batch; the most is {MOST}. Narrow the filter.")
    if expected is not None and expected != len(plan.act):
        raise Changed(
            f"Since you looked, the number to {LABELS[verb].lower()} has changed from {expected} to {len(plan.act)}. "
            "Look again."
        )
    try:
        return _store(plan, terms, actor, selection=selection, key=key, parent=parent, now=now)
    except IntegrityError:
        if key and (earlier := Batch.objects.filter(actor=actor.label, idempotency_key=key).first()):
            return earlier
        raise


@transaction.atomic
def _store(
    plan: queries.Plan, terms: Terms, actor: Actor, *, selection: str, key: str, parent: Batch | None, now: datetime
) -> Batch:
    order = _in_turn(plan.act)
    canary = min(terms.canary, len(order)) if len(order) > terms.canary else 0
    starts_later = terms.starts_at is not None and terms.starts_at > now
    status = Batch.Status.CANARY if canary else Batch.Status.RUNNING
    batch = Batch.objects.create(
        kind=plan.verb,
        status=Batch.Status.WAITING if starts_later else status,
        selection=selection,
        user_id=actor.user_id,
        token_id=actor.token_id,
        actor=actor.label,
        reason=secrets.strip(terms.reason),
        ticket=secrets.strip(terms.ticket),
        idempotency_key=key or None,
        request_id=actor.request_id,
        parent=parent,
        canary=canary,
        at_once=terms.at_once,
        stop_after=terms.stop_after,
        starts_at=terms.starts_at,
        until=terms.until,
        requested_at=now,
        started_at=None if starts_later else now,
    )
    BatchItem.objects.bulk_create(chain(_to_ask(batch, order, canary), _to_skip(batch, plan, len(order))), 1000)
    record(batch, "requested", actor, AuditEvent.Result.REQUESTED, now=now, counts=_counts(plan))
    transaction.on_commit(partial(operations.wake_batch, batch.pk))  # a hint; the queue is the table
    notices.rows(accounts=[a.account.pk for a in plan.accounts])
    return batch


def _to_ask(batch: Batch, order: Sequence[Connector], canary: int) -> Iterable[BatchItem]:
    for place, connector in enumerate(order):
        yield BatchItem(
            batch=batch, connector=connector, place=place, is_canary=place < canary, status=BatchItem.Status.WAITING,
            state_before=connector.state, desired_before=connector.desired_state,
        )  # fmt: skip


def _to_skip(batch: Batch, plan: queries.Plan, first: int) -> Iterable[BatchItem]:
    for place, (connector, why) in enumerate(plan.skipped, start=first):
        yield BatchItem(
            batch=batch, connector=connector, place=place, status=BatchItem.Status.SKIPPED, why=why,
            state_before=connector.state, desired_before=connector.desired_state,
        )  # fmt: skip


@transaction.atomic
def cancel(*, batch: Batch, actor: Actor, viewer: permissions.Viewer, now: datetime | None = None) -> Batch:
    """
    This will ask for nothing more, and take back what was not sent yet. What is at a vendor goes on to its outcome.

    :raises NotAllowed: it is somebody else's, and the actor may not operate all that is left of it
    :raises NotNow: it asks for nothing more anyway
    """
    now = now or timezone.now()
    batch = Batch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    refuse_unless_theirs(batch, viewer)
    if not batch.is_asking:
        raise NotNow(f"It is {batch.status}: nothing of it waits any more.")
    end(batch, Batch.Status.CANCELLED, f"cancelled by {actor.label}", actor=actor, viewer=viewer, now=now)
    transaction.on_commit(partial(operations.wake_batch, batch.pk))
    return batch


def end(
    batch: Batch, status: Batch.Status, why: str, *, actor: Actor, viewer: permissions.Viewer, now: datetime
) -> None:
    """This will drop what waits and cancel what is queued, in the caller's transaction."""
    batch.status, batch.error = status, why
    batch.save(update_fields=["status", "error"])
    BatchItem.objects.filter(batch=batch, status=BatchItem.Status.WAITING).update(
        status=BatchItem.Status.DROPPED, why=why
    )
    queued = BatchItem.objects.filter(
        batch=batch, status=BatchItem.Status.ASKED, operation__status=OperationStatus.QUEUED
    )
    for operation in Operation.objects.filter(batch_item__in=queued):
        try:
            with transaction.atomic():
                operations.cancel(operation=operation, actor=actor, viewer=viewer)
        except NotPossible:
            continue  # it was sent this moment, or is not theirs: it goes on to its outcome
        BatchItem.objects.filter(operation=operation).update(status=BatchItem.Status.DROPPED, why=why)
    result = AuditEvent.Result.FAILED if status == Batch.Status.STOPPED else AuditEvent.Result.REFUSED
    record(batch, status, actor, result, now=now, error=why)


def retry(*, batch: Batch, actor: Actor, viewer: permissions.Viewer, key: str = "") -> Batch:
    """
    This will ask once more, in a batch of its own, for what failed or was dropped; the rest is left alone.

    :raises NotNow: it is not over yet, or nothing failed
    :raises NothingToDo: nothing of it can be asked now
    """
    if batch.is_open:
        raise NotNow("It is not over yet; wait for its end, or cancel it.")
    left = [BatchItem.Status.FAILED, BatchItem.Status.DROPPED]
    failed = BatchItem.objects.filter(batch=batch, status__in=left).values("connector_id")
    found = reads.visible_to(viewer).filter(pk__in=failed)
    terms = Terms(
        reason=batch.reason, ticket=batch.ticket, at_once=batch.at_once, stop_after=batch.stop_after,
        until=batch.until if batch.until and batch.until > timezone.now() else None,
    )  # fmt: skip
    return create(
        connectors=found, verb=Verb(batch.kind), terms=terms, actor=actor, viewer=viewer, key=key, parent=batch,
        selection="what failed before",
    )  # fmt: skip


def restore(*, batch: Batch, actor: Actor, viewer: permissions.Viewer, key: str = "", reason: str = "") -> Batch:
    """
    This will lead back what this batch itself has changed and what nobody has asked anything else of since.

    What was in that state before the batch was never asked by it, and is left as it was.

    :raises NotNow: its verb has no way back, or it is not over yet
    :raises NothingToDo: nothing of it is left as the batch made it
    """
    verb = INVERSE.get(Verb(batch.kind))
    if verb is None:
        raise NotNow(f"{LABELS[Verb(batch.kind)]} leaves nothing behind that could be taken back.")
    if batch.is_open:
        raise NotNow("It is not over yet; wait for its end, or cancel it first.")
    found = reads.visible_to(viewer).filter(pk__in=queries.untouched(batch).values("connector_id"))
    terms = Terms(reason=reason or f"takes back: {batch.reason or batch.selection}", ticket=batch.ticket,
                  at_once=batch.at_once)  # fmt: skip
    return create(
        connectors=found, verb=verb, terms=terms, actor=actor, viewer=viewer, key=key, parent=batch,
        selection="what the batch before had changed",
    )  # fmt: skip


def refuse_unless_theirs(batch: Batch, viewer: permissions.Viewer) -> None:
    """
    This will let pass whoever asked for the batch, admins, and those who may operate all that it still holds.

    :raises NotAllowed: nobody of these
    """
    if viewer.is_admin or viewer.is_theirs(batch.user_id, Permission.OPERATE):
        return
    left = [BatchItem.Status.WAITING, BatchItem.Status.ASKED]
    teams = BatchItem.objects.filter(batch=batch, status__in=left).values_list("connector__team_id", flat=True)
    if not all(viewer.may_operate(team) for team in teams.distinct()):
        raise NotAllowed(f"It was asked by {batch.actor}, and holds connectors of teams that you do not operate.")


def record(
    batch: Batch,
    what: str,
    actor: Actor,
    result: str,
    *,
    now: datetime,
    counts: dict[str, int] | None = None,
    error: str = "",
) -> None:
    """This will put a step of a batch on record; each of its operations has events of its own."""
    after: dict[str, Any] = {"batch": str(batch.pk), "selection": batch.selection, **(counts or {})}
    if batch.ticket:
        after["ticket"] = batch.ticket
    if batch.until:
        after["until"] = batch.until.isoformat()
    audit.record(
        f"batch.{batch.kind}.{what}", actor=actor, result=result, reason=batch.reason, after=after, error=error, at=now,
        ticket=batch.ticket, batch_id=batch.pk,
    )  # fmt: skip


def _check_terms(terms: Terms, verb: Verb, now: datetime) -> None:
    if terms.until and verb not in HOLDING:
        raise NotNow(f"{LABELS[verb]} has no end: only pause and stop do.")
    begin = max(now, terms.starts_at) if terms.starts_at else now
    if terms.until and terms.until <= begin:
        raise NotNow("Its end lies before its beginning: name a later time.")


def _nothing(plan: queries.Plan) -> str:
    if not plan.match:
        return "Nothing was chosen, or nothing that you may see."
    reasons = "; ".join(f"{skip.number} {skip.why.rstrip('.')}" for skip in plan.skips[:3])
    return f"None of the {plan.match} can be asked to {LABELS[plan.verb].lower()} now: {reasons}."


def _in_turn(connectors: Sequence[Connector]) -> list[Connector]:
    """One of each account after the other, so that a canary meets every account and none waits for another."""
    accounts: dict[int, list[Connector]] = {}
    for connector in connectors:
        accounts.setdefault(connector.account_id, []).append(connector)
    return [c for turn in zip_longest(*accounts.values()) for c in turn if c is not None]


def _counts(plan: queries.Plan) -> dict[str, int]:
    return {"connectors": len(plan.act), "skipped": len(plan.skipped)}
