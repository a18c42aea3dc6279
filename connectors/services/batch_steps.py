"""
Going on with a batch: what has ended is noted, what may go next is asked, until nothing is left.

Any worker can take any step. Items are asked in one transaction together with the note that they were, each under a
lock of its own, so a worker that dies leaves nothing half asked and two workers never ask the same twice.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from connectors import permissions
from connectors.actor import DRIVER, SCHEDULE, Actor
from connectors.models import ApiToken, AuditEvent, Batch, BatchItem, Operation
from connectors.permissions import Viewer
from connectors.queries import batches as queries
from connectors.services import actors, batches, holds, notices, operations
from connectors.services.batches import TIMER, TIMER_VIEWER
from connectors.services.operations import NotPossible
from connectors.states import OPEN, OperationStatus, Verb

SLICE = 3.0
"""Seconds after which a step makes room for others."""
CLAIM = timedelta(seconds=10)
"""For so long a step may be at a batch; then it counts as dead."""
AHEAD = 100
"""Orders that wait in an account's queue, where the vendor's own pace decides: enough to never let it run dry."""
CHUNK = 50
"""So many are asked together, in one transaction; then the drivers of their accounts are hinted at."""
Status = BatchItem.Status


def due(now: datetime | None = None) -> list[str]:
    """This will give the ids of the batches that are not over, whose time has come and that nobody is at."""
    now = now or timezone.now()
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
    begun = Q(starts_at__isnull=True) | Q(starts_at__lte=now)
    found = Batch.objects.filter(free, begun | ~Q(status=Batch.Status.WAITING), finished_at__isnull=True)
    return [str(pk) for pk in found.values_list("pk", flat=True)]


def advance(batch_id: str, now: datetime | None = None) -> bool:
    """This will take one step of a batch, and tell whether the next may follow at once."""
    now = now or timezone.now()
    batch = _claim(batch_id, now)
    if batch is None:
        return False
    try:
        actor, viewer = _who(batch)
        _settle(batch)
        if batch.is_asking:
            _begin(batch, now)
            _judge(batch, now)
        more = _ask(batch, actor, viewer) if batch.is_asking else False
        _finish(batch, now)
        _tell(batch)
        return more
    finally:
        Batch.objects.filter(pk=batch.pk).update(claimed_until=None)


def _claim(batch_id: str, now: datetime) -> Batch | None:
    """Saves work; that nothing is asked twice does not rest on it."""
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
    taken = Batch.objects.filter(free, pk=batch_id, finished_at__isnull=True).update(claimed_until=now + CLAIM)
    return Batch.objects.select_related("user", "token", "parent").get(pk=batch_id) if taken else None


def _who(batch: Batch) -> tuple[Actor, Viewer | None]:
    """Whoever asked, with the roles they have now; nobody, when they may not sign in any more."""
    if batch.user is None:
        is_system = batch.actor == TIMER.label
        return (TIMER, TIMER_VIEWER) if is_system else (Actor("person", batch.actor), None)
    if batch.actor == SCHEDULE:
        return actors.schedule(batch.user), _viewer(batch.user)
    actor = actors.behind(batch.user, batch.token, batch.request_id)
    if batch.token and not batch.token.is_live(timezone.now()):
        return actor, None
    return actor, _viewer(batch.user, batch.token)


def _viewer(user: User, token: ApiToken | None = None) -> Viewer | None:
    try:
        return permissions.viewer_of(user, token)
    except PermissionError:
        return None


def _settle(batch: Batch) -> None:
    """What has an outcome by now."""
    ended = list(
        BatchItem.objects.filter(batch=batch, status=Status.ASKED)
        .exclude(operation__status__in=OPEN)
        .select_related("operation")
    )
    for item in ended:
        item.status, item.why = _outcome(item.operation)
    BatchItem.objects.bulk_update(ended, ["status", "why"], batch_size=500)


def _outcome(operation: Operation | None) -> tuple[str, str]:
    if operation is None:
        return Status.FAILED, "its operation is gone"
    if operation.status == OperationStatus.CONFIRMED:
        return Status.CONFIRMED, ""
    if operation.status == OperationStatus.CANCELLED:
        return Status.SKIPPED, operation.error
    return Status.FAILED, operation.error or operation.status.replace("_", " ")


def _begin(batch: Batch, now: datetime) -> None:
    if batch.status == Batch.Status.WAITING and (batch.starts_at is None or batch.starts_at <= now):
        batch.status = Batch.Status.CANARY if batch.canary else Batch.Status.RUNNING
        batch.started_at = now
        batch.save(update_fields=["status", "started_at"])


def _judge(batch: Batch, now: datetime) -> None:
    """Stop after too many failures, and let the rest follow its canary only when that came through."""
    rows = BatchItem.objects.filter(batch=batch)
    failed = rows.filter(status=Status.FAILED).count()
    if batch.status == Batch.Status.CANARY:
        left = rows.filter(is_canary=True, status__in=[Status.WAITING, Status.ASKED]).exists()
        if rows.filter(is_canary=True, status=Status.FAILED).exists():
            return _stop(batch, "The canary failed, so nothing more was asked.", now)
        if not left:
            batch.status, batch.canary_done_at = Batch.Status.RUNNING, now
            batch.save(update_fields=["status", "canary_done_at"])
    if batch.stop_after and failed >= batch.stop_after:
        return _stop(batch, f"{failed} failed, and it was to stop after {batch.stop_after}.", now)
    return None


@transaction.atomic
def _stop(batch: Batch, why: str, now: datetime) -> None:
    batches.end(batch, Batch.Status.STOPPED, why, actor=DRIVER, viewer=TIMER_VIEWER, now=now)


def _ask(batch: Batch, actor: Actor, viewer: Viewer | None) -> bool:
    """Ask for as many as may be under way; True when the slice ended before the room did."""
    if viewer is None:
        with transaction.atomic():
            words = f"{batch.actor} may not sign in any more, so nothing more was asked."
            batches.end(batch, Batch.Status.STOPPED, words, actor=DRIVER, viewer=TIMER_VIEWER, now=timezone.now())
        return False
    end = time.monotonic() + SLICE
    for some in _chunks(_next(batch)):
        if time.monotonic() > end:
            return True
        for account_id in _ask_some(batch, some, actor, viewer):
            operations.wake(account_id)
    return False


def _chunks(pks: Sequence[int]) -> Iterator[Sequence[int]]:
    return (pks[start : start + CHUNK] for start in range(0, len(pks), CHUNK))


def _next(batch: Batch) -> Sequence[int]:
    """The ids of the items that fit into the room left at each account, in their order."""
    rows = BatchItem.objects.filter(batch=batch)
    counted = Q(operation__status=OperationStatus.QUEUED) if not batch.at_once else Q()
    busy = rows.filter(counted, status=Status.ASKED).order_by().values_list("connector__account_id")
    room = Counter(dict(busy.annotate(number=Count("pk"))))
    most = batch.at_once or AHEAD
    waiting = rows.filter(status=Status.WAITING)
    if batch.status == Batch.Status.CANARY:
        waiting = waiting.filter(is_canary=True)
    found = []
    for pk, account_id in waiting.order_by("place").values_list("pk", "connector__account_id"):
        if room[account_id] < most:
            room[account_id] += 1
            found.append(pk)
    return found


@transaction.atomic
def _ask_some(batch: Batch, pks: Sequence[int], actor: Actor, viewer: Viewer) -> set[int]:
    """The accounts at which there is something to send now. What another worker has, or another request, is left."""
    rows = BatchItem.objects.select_for_update(of=("self",), skip_locked=True).select_related("connector")
    items = {item.connector_id: item for item in rows.filter(pk__in=pks, status=Status.WAITING)}
    found = operations.request_many(
        connectors=items.keys(), verb=Verb(batch.kind), actor=actor, viewer=viewer, reason=batch.reason,
        ticket=batch.ticket, keys={pk: f"batch:{batch.pk}:{item.pk}" for pk, item in items.items()}, batch_id=batch.pk,
    )  # fmt: skip
    for pk, answer in found.items():
        _note(batch, items[pk], answer, actor)
    BatchItem.objects.bulk_update((items[pk] for pk in found), ["status", "why", "operation"])
    asked = [answer for answer in found.values() if isinstance(answer, Operation)]
    if asked and batch.until:
        holds.open_for(asked, until=batch.until, batch=batch)
    return {operation.account_id for operation in asked}


def _note(batch: Batch, item: BatchItem, answer: Operation | NotPossible, actor: Actor) -> None:
    if isinstance(answer, Operation):
        item.status, item.operation = Status.ASKED, answer
        return
    item.status, item.why = Status.SKIPPED, str(answer)
    if isinstance(answer, operations.Frozen) and actor == TIMER and batch.parent:
        holds.reopen(batch=batch.parent, connector=item.connector, trouble=str(answer), now=timezone.now())


def _finish(batch: Batch, now: datetime) -> None:
    numbers = queries.progress(batch)
    if numbers.waiting or numbers.asked:
        return
    batch.finished_at = now
    is_done = batch.is_asking
    if is_done:
        batch.status = Batch.Status.DONE
    with transaction.atomic():
        batch.save(update_fields=["status", "finished_at"])
        if is_done:
            result = AuditEvent.Result.FAILED if numbers.failed else AuditEvent.Result.DONE
            counts = {"confirmed": numbers.confirmed, "failed": numbers.failed, "skipped": numbers.skipped}
            batches.record(batch, "done", DRIVER, result, now=now, counts=counts)


def _tell(batch: Batch) -> None:
    """Open pages of the batch follow its accounts."""
    accounts = BatchItem.objects.filter(batch=batch).order_by().values_list("connector__account_id", flat=True)
    with transaction.atomic():
        notices.rows(accounts=accounts.distinct())
