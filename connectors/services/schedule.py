"""Which accounts are due, and what nobody drives any more."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from connectors.actor import SWEEPER
from connectors.models import Operation, VendorAccount
from connectors.services import operations
from connectors.states import OPEN, OperationStatus

LEFT_BEHIND = timedelta(seconds=30)
"""Past its deadline by this much, an operation is no longer waiting for its driver."""


def due(now: datetime | None = None) -> list[int]:
    """This will give the ids of the accounts that nobody drives and that are due or have something to send."""
    now = now or timezone.now()
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=now)
    is_due = Q(due_at__isnull=True) | Q(due_at__lte=now)
    left_alone = Q(not_before__isnull=True) | Q(not_before__lte=now)
    has_work = Q(failures=0, pk__in=Operation.objects.filter(status__in=OPEN).values("account_id"))
    accounts = VendorAccount.objects.filter(free, left_alone, is_due | has_work, is_enabled=True)
    return list(accounts.values_list("pk", flat=True))


def sweep(now: datetime | None = None) -> int:
    """This will time out each open operation whose deadline is long past; the number of them."""
    now = now or timezone.now()
    late = Operation.objects.filter(status__in=OPEN, deadline_at__lt=now - LEFT_BEHIND)
    ended = 0
    for pk in late.values_list("pk", flat=True)[:500]:
        with transaction.atomic():
            operation = Operation.objects.select_for_update(of=("self",)).select_related(*operations.TARGETS).get(pk=pk)
            if operation.status not in OPEN:
                continue
            error = "its account could not be observed in time; nobody knows whether it was done"
            if operation.status == OperationStatus.QUEUED:
                error = "it could not be sent in time; nothing was changed"
            operations.finish(operation, OperationStatus.TIMED_OUT, error=error, actor=SWEEPER, now=now)
            operations.announce([operation])
            ended += 1
    return ended
