"""One driver at a time for one account: a lease with a fence."""

import time
from dataclasses import dataclass
from datetime import timedelta

from django.db import models, transaction
from django.db.models.functions import Now

from connectors import planned
from connectors.models import VendorAccount
from connectors.queries import lean

DURATION = timedelta(seconds=9)
"""Without a sign of life for so long, another driver may take over."""
RENEWAL = 3.0
"""Seconds between two signs of life."""
MARGIN = 2.0
"""Seconds before the end of a lease from which its holder begins nothing new."""

ACCOUNT = lean.Layout(VendorAccount)
COLUMNS = ", ".join(ACCOUNT.paths)
TAKE = """
UPDATE connectors_vendoraccount
SET lease_number = lease_number + 1, lease_owner = %s, leased_until = now() + %s * interval '1 second'
WHERE id = %s AND is_enabled AND (leased_until IS NULL OR leased_until < now())
RETURNING {columns}
""".replace("{columns}", COLUMNS)
HOLD = """
SELECT {columns} FROM connectors_vendoraccount WHERE id = %s AND lease_number = %s FOR NO KEY UPDATE
""".replace("{columns}", COLUMNS)
"""Keeps other drivers out, and nobody who asks for something: a new operation refers to the account."""
GIVE_BACK = """
UPDATE connectors_vendoraccount SET leased_until = NULL, lease_owner = '' WHERE id = %s AND lease_number = %s
"""


class LeaseLost(RuntimeError):
    """Another driver has taken over; this one must write nothing more."""


@dataclass(slots=True)
class Lease:
    """
    The right to work for one account. The number is the fence.

    The database keeps its writes apart from those of others. Calls to the vendor pass no such fence, so before each
    of them the holder looks at its own clock: a process that slept too long sends nothing more.
    """

    account_id: int
    number: int
    certain_until: float
    """By the monotonic clock of this process."""
    account: VendorAccount
    """As it was when the lease was taken."""

    def check(self) -> None:
        """
        This will refuse to go on when the lease may have passed to somebody else.

        :raises LeaseLost: no sign of life was given for too long
        """
        if time.monotonic() > self.certain_until:
            raise LeaseLost(f"lease {self.number} of account {self.account_id} may have passed on")


def take(account_id: int, owner: str) -> Lease | None:
    """This will take the lease of an account; None when somebody else holds it. The database's clock decides."""
    certain_until = _certain_until()
    taken = _one(TAKE, owner, DURATION.total_seconds(), account_id)
    return Lease(account_id, taken.lease_number, certain_until, taken) if taken else None


def renew(lease: Lease) -> None:
    """
    This will give a sign of life.

    :raises LeaseLost: somebody else has it
    """
    certain_until = _certain_until()
    if not _mine(lease).update(leased_until=_until()):
        raise LeaseLost(f"lease {lease.number} of account {lease.account_id}")
    lease.certain_until = certain_until


def hold(lease: Lease) -> VendorAccount:
    """
    This will lock the account for the current transaction, so that what is written in it is fenced.

    :raises LeaseLost: somebody else has it
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a fence outside a transaction protects nothing")
    account = _one(HOLD, lease.account_id, lease.number)
    if account is None:
        raise LeaseLost(f"lease {lease.number} of account {lease.account_id}")
    return account


def give_back(lease: Lease) -> None:
    """This will end the lease; nothing happens if it was lost already."""
    with planned.cursor(GIVE_BACK) as cursor:
        cursor.execute(GIVE_BACK, [lease.account_id, lease.number])


def _one(statement: str, *params: object) -> VendorAccount | None:
    return next(iter(ACCOUNT.ask((statement, params), {})), None)


def _mine(lease: Lease) -> models.QuerySet[VendorAccount]:
    return VendorAccount.objects.filter(pk=lease.account_id, lease_number=lease.number)


def _certain_until() -> float:
    """Read before the statement goes out: the database's time can only begin later."""
    return time.monotonic() + DURATION.total_seconds() - MARGIN


def _until() -> models.Expression:
    return models.ExpressionWrapper(Now() + DURATION, output_field=models.DateTimeField())
