"""Every read of the record."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from connectors.models import AuditEvent

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class EventFilters:
    """What the record is narrowed to; all of them must hold."""

    actor: str = ""
    action: str = ""
    """An action or the beginning of one: `connector.pause`."""
    target: str = ""
    team: str = ""
    result: str = ""
    after: datetime | None = None
    before: datetime | None = None


def events(filters: EventFilters) -> QuerySet[AuditEvent]:
    """This will give the events that fit, newest first."""
    found = AuditEvent.objects.all()
    if filters.actor:
        found = found.filter(actor=filters.actor)
    if filters.action:
        found = found.filter(action__startswith=filters.action)
    if filters.target:
        found = found.filter(Q(target__icontains=filters.target) | Q(account=filters.target))
    if filters.team:
        found = found.filter(team=filters.team)
    if filters.result:
        found = found.filter(result=filters.result)
    if filters.after:
        found = found.filter(at__gte=filters.after)
    if filters.before:
        found = found.filter(at__lt=filters.before)
    return found


def in_chunks(found: QuerySet[AuditEvent]) -> Iterator[list[AuditEvent]]:
    """This will read any number of events a few hundred at a time, and hold no transaction open meanwhile."""
    last: int | None = None
    while chunk := list((found.filter(pk__lt=last) if last else found)[:AT_ONCE]):
        yield chunk
        last = chunk[-1].pk
