"""Forgetting what is old enough: behind a checkpoint only, and with a signed tombstone in its place."""

import json
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import AuditCheckpoint, AuditSeal
from connectors.services import audit, checkpoints, sealing

Kind = AuditCheckpoint.Kind
# The events first: what allows it looks for their seals.
PRUNE = (
    "DELETE FROM connectors_auditevent e USING connectors_auditseal s WHERE s.event_id = e.id AND s.position <= %s",
    "DELETE FROM connectors_auditseal WHERE position <= %s",
)


class NothingToPrune(Exception):
    """No checkpoint is old enough; the message says what was looked for."""


class KeepsEverything(Exception):
    """No retention is set, so nothing may be removed."""


def prune(*, actor: Actor, days: int | None = None, now: datetime | None = None) -> AuditCheckpoint:
    """
    This will remove the events that a checkpoint older than so many days signs, and sign a tombstone for them.

    The newest event always stays. Where the application does not own the tables, only their owner may do this.

    :raises KeepsEverything: neither `days` nor AUDIT_RETENTION_DAYS is set
    :raises NothingToPrune: no checkpoint is that old, or it was pruned up to there already
    """
    now = now or timezone.now()
    days = settings.AUDIT_RETENTION_DAYS if days is None else days
    if days < 1:
        raise KeepsEverything("AUDIT_RETENTION_DAYS is not set: everything is kept")
    with transaction.atomic(), connection.cursor() as cursor:
        sealing.hold()
        behind = _checkpoint_before(now - timedelta(days=days))
        said = json.loads(behind.body)
        count = AuditSeal.objects.filter(position__lte=behind.position).count()
        stated = {"position": behind.position, "head": said["head"], "count": count}
        tombstone = checkpoints.make(now, Kind.TOMBSTONE, **stated)
        audit.record("site.record.pruned", actor=actor, result="done", after={**stated, "days": days})
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for statement in PRUNE:
            cursor.execute(statement, [behind.position])
    return tombstone


def _checkpoint_before(cutoff: datetime) -> AuditCheckpoint:
    head, _ = sealing.head()
    every = AuditCheckpoint.objects.order_by("number")
    pruned = every.filter(kind=Kind.TOMBSTONE).last()
    fit = every.filter(kind=Kind.CHECKPOINT, at__lte=cutoff, position__lt=head)
    found = fit.filter(position__gt=pruned.position if pruned else 0).last()
    if found is None:
        raise NothingToPrune(f"no checkpoint from before {cutoff:%Y-%m-%d %H:%M} has anything left behind it")
    return found
