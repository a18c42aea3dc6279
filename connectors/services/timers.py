"""What the product does by itself when a time has come."""

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connectors.models import Batch, BatchItem, Hold
from connectors.queries import connectors as reads
from connectors.services import batches, holds
from connectors.services.batches import TIMER, TIMER_VIEWER
from connectors.services.operations import NotPossible
from connectors.states import GOALS, INVERSE, OperationStatus, Verb


def run(now: datetime | None = None) -> int:
    """This will end the holds whose time has come; their number. Those of one batch are led back by a batch."""
    now = now or timezone.now()
    ids = holds.due(now)
    if not ids:
        return 0
    of_batches = Hold.objects.filter(pk__in=ids, batch__isnull=False).values_list("batch_id", flat=True)
    for batch in Batch.objects.filter(pk__in=set(of_batches)):
        _lead_back(batch, ids, now)
    for pk in Hold.objects.filter(pk__in=ids, ended_at__isnull=True).values_list("pk", flat=True):
        holds.expire(pk, actor=TIMER, viewer=TIMER_VIEWER, now=now)
    return len(ids)


@transaction.atomic
def _lead_back(batch: Batch, ids: list[int], now: datetime) -> None:
    """What it cannot take is left to be tried one by one."""
    held = Hold.objects.select_for_update(of=("self",), skip_locked=True).filter(
        pk__in=ids,
        batch=batch,
        ended_at__isnull=True,
        operation__status=OperationStatus.CONFIRMED,
        connector__state=GOALS[Verb(batch.kind)],
        connector__desired_at=F("operation__requested_at"),
    )
    connectors = dict(held.values_list("connector_id", "pk"))
    reason = f"{batch.actor} held it until now" + (f": {batch.reason}" if batch.reason else "")
    try:
        with transaction.atomic():
            child = batches.create(
                connectors=reads.visible_to(TIMER_VIEWER).filter(pk__in=connectors),
                verb=INVERSE[Verb(batch.kind)],
                terms=batches.Terms(reason=reason, ticket=batch.ticket, at_once=batch.at_once),
                actor=TIMER,
                viewer=TIMER_VIEWER,
                parent=batch,
                selection="what the batch before held until now",
                now=now,
            )
    except NotPossible:
        return
    taken = BatchItem.objects.filter(batch=child, status=BatchItem.Status.WAITING)
    Hold.objects.filter(pk__in=[connectors[pk] for pk in taken.values_list("connector_id", flat=True)]).update(
        ended_at=now, outcome="resumed"
    )
