"""One driver at a time for one account: a lease with a fence."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from connectors.models import VendorAccount

DURATION = timedelta(seconds=10)
"""Without a sign of life for so long, another driver may take over."""
RENEWAL = 3.0
"""Seconds between two signs of life."""


class LeaseLost(RuntimeError):
    """Another driver has taken over; this one must write nothing more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work for one account. The number is the fence."""

    account_id: int
    number: int


def take(account_id: int, owner: str) -> Lease | None:
    """This will take the lease of an account; None when somebody else holds it. The database's clock decides."""
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=Now())
    taken = VendorAccount.objects.filter(free, pk=account_id, is_enabled=True).update(
        lease_number=F("lease_number") + 1,
        lease_owner=owner,
        leased_until=_until(),
    )
    if not taken:
        return None
    number = (
        VendorAccount.objects.filter(pk=account_id, lease_owner=owner).values_list("lease_number", flat=True).first()
    )
    return None if number is None else Lease(account_id, number)


def renew(lease: Lease) -> None:
    """
    This will give a sign of life.

    :raises LeaseLost: somebody else has it
    """
    if not _mine(lease).update(leased_until=_until()):
        raise LeaseLost(f"lease {lease.number} of account {lease.account_id}")


def hold(lease: Lease) -> VendorAccount:
    """
    This will lock the account for the current transaction, so that what is written in it is fenced.

    :raises LeaseLost: somebody else has it
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a fence outside a transaction protects nothing")
    account = _mine(lease).select_for_update(of=("self",)).select_related("team").first()
    if account is None:
        raise LeaseLost(f"lease {lease.number} of account {lease.account_id}")
    return account


def give_back(lease: Lease) -> None:
    """This will end the lease; nothing happens if it was lost already."""
    _mine(lease).update(leased_until=None, lease_owner="")


def _mine(lease: Lease) -> models.QuerySet[VendorAccount]:
    return VendorAccount.objects.filter(pk=lease.account_id, lease_number=lease.number)


def _until() -> models.Expression:
    return models.ExpressionWrapper(Now() + DURATION, output_field=models.DateTimeField())
