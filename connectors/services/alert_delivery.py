"""Bringing the messages of alerts to their places, until they are taken or nobody wants them any more."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from connectors.actor import SWEEPER
from connectors.models import AlertMessage, AuditEvent
from connectors.services import audit, notifying, vault
from connectors.services.notifying import NotSent

CLAIM = timedelta(seconds=60)
FIRST_WAIT = timedelta(seconds=15)
MOST_TRIES = 8
"""The last one is about half an hour after the first."""


def due(now: datetime | None = None) -> list[int]:
    """This will give the ids of the messages that wait to be sent."""
    return list(_waiting(now or timezone.now()).values_list("pk", flat=True)[:100])


def deliver(pk: int, now: datetime | None = None) -> bool:
    """This will send one message, unless another worker is at it; True when it was taken."""
    now = now or timezone.now()
    if not _waiting(now).filter(pk=pk).update(claimed_until=now + CLAIM, tries=F("tries") + 1):
        return False
    message = AlertMessage.objects.select_related("rule__team").get(pk=pk)
    try:
        notifying.send(vault.unseal_text(message.rule.sealed_target), message.title, message.body)
    except (NotSent, vault.Locked) as error:
        _put_back(message, str(error), now)
        return False
    AlertMessage.objects.filter(pk=pk).update(sent_at=now, error="", claimed_until=None)
    return True


def _put_back(message: AlertMessage, error: str, now: datetime) -> None:
    message.error, message.claimed_until = error, None
    message.due_at = now + FIRST_WAIT * 2 ** (message.tries - 1)
    is_over = message.tries >= MOST_TRIES or message.kind == AlertMessage.Kind.TEST
    if is_over:
        message.given_up_at = now
    with transaction.atomic():
        message.save(update_fields=["error", "claimed_until", "due_at", "given_up_at"])
        if is_over:
            audit.record(
                "alert_message.given_up", actor=SWEEPER, result=AuditEvent.Result.FAILED, target=message.rule.team,
                after={"rule": message.rule.name, "title": message.title}, error=error, at=now,
            )  # fmt: skip


def _waiting(now: datetime) -> QuerySet[AlertMessage]:
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    return AlertMessage.objects.filter(free, sent_at=None, given_up_at=None, due_at__lte=now).order_by("due_at")
