"""
Feeding the review: each sealed event is held to the rules once, in the order of the chain, so that none is skipped.

How far it has come is kept in a row like that of a place outside. What is found is grouped: one item for a batch, one
for an operation, else one for the event.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F

from connectors.models import (
    AuditEvent,
    AuditSeal,
    AuditSink,
    ReviewEvent,
    ReviewItem,
    ReviewRule,
)
from connectors.models.guards import Protection
from connectors.queries import audit, audit_language, audit_words
from connectors.queries.audit_language import Query

Condition = ReviewRule.Condition
NAME = "review"
AT_ONCE = 500
NEVER = ("review.",)
"""Reviews are on record, but are not reviewed in turn: that would never end."""
SATURDAY = 5


@dataclass(slots=True)
class Found:
    """One item in the making."""

    events: dict[int, AuditEvent] = field(default_factory=dict)
    rules: dict[str, int] = field(default_factory=dict)


def feed() -> int:
    """This will hold the events sealed since the last time to the rules; the number of events looked at."""
    total = 0
    while looked := _feed_some():
        total += looked
        if looked < AT_ONCE:
            break
    return total


@transaction.atomic
def _feed_some() -> int:
    """The row is locked for as long as it takes: whoever comes second finds nothing left to do."""
    AuditSink.objects.bulk_create([AuditSink(name=NAME, position=_beginning())], ignore_conflicts=True)
    row = AuditSink.objects.select_for_update(skip_locked=True).filter(name=NAME).first()
    if row is None:
        return 0
    seals = AuditSeal.objects.filter(position__gt=row.position).order_by("position").select_related("event")
    chunk = list(seals[:AT_ONCE])
    if not chunk:
        return 0
    _store(_found([seal.event for seal in chunk]))
    AuditSink.objects.filter(name=NAME).update(position=chunk[-1].position)
    return len(chunk)


def _beginning() -> int:
    """A product that has run for long does not begin with all that ever was."""
    newest = AuditSeal.objects.order_by("-position").values_list("position", flat=True).first() or 0
    return max(0, newest - AT_ONCE) if not AuditSink.objects.filter(name=NAME).exists() else 0


def _found(events: Sequence[AuditEvent]) -> dict[str, Found]:
    found: dict[str, Found] = defaultdict(Found)
    events = [event for event in events if not event.action.startswith(NEVER)]
    for rule in ReviewRule.objects.filter(is_on=True):
        for event in _meeting(rule, events):
            item = found[key_of(event)]
            item.events[event.pk] = event
            item.rules[rule.name] = rule.weight
    return found


def key_of(event: AuditEvent) -> str:
    """This will name the item that an event belongs to."""
    if event.batch_id:
        return f"batch:{event.batch_id}"
    return f"operation:{event.operation_id}" if event.operation_id else f"event:{event.pk}"


def _meeting(rule: ReviewRule, events: Sequence[AuditEvent]) -> Iterable[AuditEvent]:
    query = audit_language.read(rule.query)
    if query.troubles:
        return []  # it was read when it was made; a rule that cannot be read any more finds nothing
    fitting = events
    if query.terms:
        ids = _ids(query, events)
        fitting = [event for event in events if event.pk in ids]
    if rule.condition == Condition.PROTECTED:
        return _of_protected(fitting)
    if rule.condition == Condition.FIRST_TIME:
        return _first_times(fitting)
    return [event for event in fitting if _meets(rule, event)]


def _ids(query: Query, events: Sequence[AuditEvent]) -> set[int]:
    rows = audit.search(query).filter(pk__in=[event.pk for event in events]).order_by()
    return set(rows.values_list("pk", flat=True))


def _meets(rule: ReviewRule, event: AuditEvent) -> bool:
    match rule.condition:
        case Condition.OUT_OF_HOURS:
            return event.actor_kind != "system" and is_out_of_hours(rule, event.at)
        case Condition.NO_TICKET:
            return event.actor_kind != "system" and not event.ticket
        case Condition.LARGE_BATCH:
            said = event.after if isinstance(event.after, dict) else {}
            return bool(event.batch_id) and int(said.get("connectors") or 0) > rule.number
        case Condition.SAMPLE:
            return event.actor_kind != "system" and is_drawn(rule, event)
        case _:
            return True


def _of_protected(events: Sequence[AuditEvent]) -> list[AuditEvent]:
    about = {event.pk: int(event.target_id) for event in events
             if event.target_kind == "connector" and event.target_id.isdecimal()}  # fmt: skip
    ids = set(Protection.objects.filter(connector__in=set(about.values())).values_list("connector_id", flat=True))
    return [event for event in events if about.get(event.pk) in ids]


def _first_times(events: Sequence[AuditEvent]) -> list[AuditEvent]:
    """What somebody had never done before; asked once for each person and action."""
    found: dict[tuple[str, str], AuditEvent] = {}
    for event in sorted(events, key=lambda event: event.pk):
        if event.actor_kind != "system":
            found.setdefault((event.actor, event.action), event)
    return [event for event in found.values() if not _has_done_before(event)]


def is_out_of_hours(rule: ReviewRule, at: datetime) -> bool:
    """This will tell whether a moment lies outside working hours, as the clock stands there."""
    there = at.astimezone(ZoneInfo(rule.zone))
    if there.weekday() >= SATURDAY or rule.begins is None or rule.ends is None:
        return True
    return not rule.begins <= there.time() < rule.ends


def is_drawn(rule: ReviewRule, event: AuditEvent) -> bool:
    """By the event's own name: nobody can foresee it, and looking twice gives the same answer."""
    drawn = int.from_bytes(hashlib.sha256(f"{rule.pk}:{key_of(event)}".encode()).digest()[:4], "big")
    return drawn % 10_000 < rule.number * 100


def _has_done_before(event: AuditEvent) -> bool:
    return AuditEvent.objects.filter(actor=event.actor, action=event.action, pk__lt=event.pk).exists()


def _store(found: dict[str, Found]) -> None:
    """An item that is there already takes the new events and rules in; one that was approved stays so."""
    there = {item.key: item for item in ReviewItem.objects.select_for_update().filter(key__in=found)}
    people = _people([event for one in found.values() for event in one.events.values()])
    for key, one in found.items():
        item = there.get(key) or _make(key, one)
        theirs = {person for event in one.events.values() for person in people[event.pk]} | set(item.people)
        rules = list(dict.fromkeys([*item.rules, *sorted(one.rules, key=lambda name: -one.rules[name])]))
        changed = {"rules": rules, "weight": max(item.weight, *one.rules.values()), "people": sorted(theirs)}
        ReviewItem.objects.filter(pk=item.pk).update(**changed)
        parts = [ReviewEvent(event_id=event.pk, item=item) for event in one.events.values()]
        new = len(ReviewEvent.objects.bulk_create(parts, ignore_conflicts=True))
        if key in there:
            ReviewItem.objects.filter(pk=item.pk).update(events=F("events") + new)


def _make(key: str, one: Found) -> ReviewItem:
    first = min(one.events.values(), key=lambda event: (event.at, event.pk))
    return ReviewItem.objects.create(
        key=key, event_id=first.pk, batch_id=first.batch_id, said=audit_words.whole(first)[:500], actor=first.actor,
        team=first.team, rules=[], weight=0, events=len(one.events), at=first.at,
    )  # fmt: skip


def _people(events: Sequence[AuditEvent]) -> dict[int, set[int]]:
    """Who had a hand in each: the actor, the owner of a token, and whoever the product acted for."""
    behind = {event.on_behalf_of.split("/")[0] for event in events if event.on_behalf_of}
    known = dict(get_user_model().objects.filter(username__in=behind).values_list("username", "pk"))
    operations = {event.operation_id for event in events if event.operation_id}
    askers: dict[object, set[int]] = defaultdict(set)
    asked = AuditEvent.objects.filter(operation_id__in=operations, actor_id__isnull=False)
    for operation, person in asked.values_list("operation_id", "actor_id"):
        askers[operation].add(person or 0)
    found: dict[int, set[int]] = {}
    for event in events:
        people = {event.actor_id} if event.actor_id else set()
        people |= {known[name] for name in (event.on_behalf_of.split("/")[0],) if name in known}
        found[event.pk] = people | (askers[event.operation_id] if event.operation_id else set())
    return found
