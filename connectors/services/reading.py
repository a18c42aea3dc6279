"""Reading what is not everybody's: the configuration of a connector, put on record before it is shown."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import CharField, DateTimeField, QuerySet
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import AuditEvent, Connector
from connectors.queries import lean
from connectors.services import audit

READ = "connector.configuration.read"
ONCE_IN = timedelta(hours=1)
LOCK = "SELECT pg_advisory_xact_lock(hashtext(%s), %s)"


def configuration(*, connector: Connector, actor: Actor, now: datetime | None = None) -> bool:
    """
    This will put on record that somebody reads a configuration: once in an hour for a person and a connector.

    :returns: was it written now?
    :raises Unwritable: then it must not be shown
    """
    now = now or timezone.now()
    if _is_known(connector, actor, now):
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK, [f"{READ} {actor.label}", connector.pk % 2**31])  # the same page opened twice at once
        if _is_known(connector, actor, now):
            return False
        audit.record(READ, actor=actor, result=AuditEvent.Result.DONE, target=connector, at=now)
    return True


def _is_known(connector: Connector, actor: Actor, now: datetime) -> bool:
    target = str(connector.pk)
    return bool(_readings.read(actor=actor.label, target=target, since=now - ONCE_IN))


@lean.statement(lean.Layout(AuditEvent, only={"id"}), is_planned=False)
def _readings() -> QuerySet[AuditEvent]:
    words = CharField()
    of_person = AuditEvent.objects.filter(lean.equal("actor", "actor", words), action=READ)
    of_person = of_person.filter(at__gt=lean.Given("since", DateTimeField()))
    return of_person.filter(lean.equal("target_id", "target", words), target_kind="connector").order_by()[:1]
