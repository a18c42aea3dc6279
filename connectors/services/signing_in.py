"""Signing in, on record; a limit for whoever tries too often. The record itself is counted, so all processes agree."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import AuditEvent
from connectors.services import audit

DONE, REFUSED = "site.sign_in.done", "site.sign_in.refused"
WITHIN = timedelta(minutes=5)
BY_LOGIN = 5
"""Refusals for one login within that time after which it has to wait, from wherever."""
BY_ADDRESS = 20
"""The same for one address, whatever the logins."""
NOBODY = "unknown login"
"""What was typed is not kept where there is no such person: it may be a password in the wrong field."""


class TooManyAttempts(Exception):
    """Somebody has to wait; `seconds` says how long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too many attempts. Try again in {max(1, round(seconds / 60))} min.")
        self.seconds = seconds


def check(*, login: str, address: str | None, now: datetime | None = None) -> None:
    """
    This will let an attempt pass, or not.

    :raises TooManyAttempts: too many were refused lately for this login or from this address
    """
    now = now or timezone.now()
    lately = AuditEvent.objects.filter(action=REFUSED, at__gt=now - WITHIN)
    limits = [(lately.filter(address=address), BY_ADDRESS)] if address else []
    if login:
        limits.append((lately.filter(actor=login), BY_LOGIN))
    for refused, limit in limits:
        oldest = refused.order_by("-at").values_list("at", flat=True)[limit - 1 : limit]
        if oldest:
            raise TooManyAttempts((oldest[0] + WITHIN - now).total_seconds())


@transaction.atomic
def note(*, actor: Actor, is_in: bool, error: str = "", ways: Sequence[str] = ()) -> None:
    """
    This will put an attempt on record.

    :param ways: how the person proved who they are: password, second factor, the company's sign-in
    """
    result = AuditEvent.Result.DONE if is_in else AuditEvent.Result.REFUSED
    after = {"by": list(ways)} if ways else None
    audit.record(DONE if is_in else REFUSED, actor=actor, result=result, error=error, after=after)


@transaction.atomic
def note_change(*, actor: Actor, what: str, after: dict[str, str] | None = None) -> None:
    """This will put on record what somebody changed about their own way in: `second_factor.added`, `session.ended`."""
    audit.record(f"site.{what}", actor=actor, result=AuditEvent.Result.DONE, after=after)
