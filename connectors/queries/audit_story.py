"""One event with all that belongs to it: its operation's stages, its neighbours, its proof."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from connectors.models import AuditEvent, Operation
from connectors.queries import audit_language, proof
from connectors.queries.proof import Proof
from connectors.states import OperationStatus

NEAR = 6
STAGES = (
    (OperationStatus.QUEUED, "Asked"),
    (OperationStatus.SENT, "Sent"),
    (OperationStatus.ACCEPTED, "Accepted"),
    (OperationStatus.CONVERGING, "Converging"),
)
ENDS = {
    OperationStatus.CONFIRMED: "Seen",
    OperationStatus.FAILED: "Failed",
    OperationStatus.TIMED_OUT: "Not seen in time",
    OperationStatus.OVERRIDDEN: "Overtaken from outside",
    OperationStatus.CANCELLED: "Cancelled",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One station of an operation, with the seconds since it was asked; no time where it did not come by."""

    name: str
    at: datetime | None
    seconds: float
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Events that belong together with this one, and the query that finds all of them."""

    name: str
    query: str
    events: Sequence[AuditEvent]


@dataclass(frozen=True, slots=True)
class Story:
    """What the page of one event shows."""

    event: AuditEvent
    proof: Proof | None
    operation: Operation | None
    stages: Sequence[Stage]
    neighbours: Sequence[Neighbours]
    raw: str


def of(event: AuditEvent) -> Story:
    """This will gather what belongs to an event."""
    operation = Operation.objects.filter(pk=event.operation_id).first() if event.operation_id else None
    return Story(
        event=event,
        proof=proof.proof_of(event),
        operation=operation,
        stages=_stages(operation) if operation else (),
        neighbours=[near for near in _neighbours(event) if near.events],
        raw=json.dumps(json.loads(event.canonical), indent=2, ensure_ascii=False) if event.canonical else "",
    )


def _stages(operation: Operation) -> list[Stage]:
    found = []
    for status, name in STAGES:
        at = operation.stamp(status)
        if at or operation.is_open:
            found.append(_stage(operation, name, at, "" if at else "is-ahead"))
    if operation.finished_at:
        is_bad = operation.status != OperationStatus.CONFIRMED
        mark = "is-break" if is_bad else ""
        found.append(_stage(operation, ENDS[OperationStatus(operation.status)], operation.finished_at, mark))
    else:
        found.append(_stage(operation, "Outcome", None, "is-ahead"))
    return found


def _stage(operation: Operation, name: str, at: datetime | None, mark: str) -> Stage:
    return Stage(name, at, (at - operation.requested_at).total_seconds() if at else 0.0, mark)


def _neighbours(event: AuditEvent) -> list[Neighbours]:
    others = AuditEvent.objects.exclude(pk=event.pk).defer("canonical").order_by("-at", "-pk")
    before = others.filter(Q(at__lt=event.at) | Q(at=event.at, pk__lt=event.pk))
    same: dict[str, tuple[str, QuerySet[AuditEvent] | None]] = {
        "Same operation": ("operation", _of(others, event, "operation_id")),
        "Same request": ("request", _of(others, event, "request_id")),
        "Same batch": ("batch", _of(others, event, "batch_id")),
        f"Before, on {event.target_kind or 'this target'}": ("target", _of_target(before, event)),
        "Before, by the same actor": ("actor", before.filter(actor=event.actor)),
    }
    return [
        Neighbours(name, _query(key, event), list(rows[:NEAR]) if rows is not None else [])
        for name, (key, rows) in same.items()
    ]


def _of(others: QuerySet[AuditEvent], event: AuditEvent, column: str) -> QuerySet[AuditEvent] | None:
    value = getattr(event, column)
    return others.filter(**{column: value}) if value else None


def _of_target(before: QuerySet[AuditEvent], event: AuditEvent) -> QuerySet[AuditEvent] | None:
    if not event.target_id:
        return None
    return before.filter(target_kind=event.target_kind, target_id=event.target_id).order_by("-pk")


def _query(key: str, event: AuditEvent) -> str:
    values: dict[str, Any] = {
        "operation": event.operation_id, "request": event.request_id, "batch": event.batch_id,
        "target": event.target, "actor": event.actor,
    }  # fmt: skip
    return f"{key}:{audit_language.quote(str(values[key]))}"
