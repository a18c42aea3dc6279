"""Writing the record. An event belongs to the transaction of what it records, or neither exists."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict, Unpack

from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.utils import timezone

from connectors.actor import DRIVER, Actor
from connectors.models import AuditEvent, Connector, Operation, Pipeline, Team, VendorAccount
from connectors.vendors import secrets

Result = AuditEvent.Result


@dataclass(frozen=True, slots=True)
class Named:
    """A target that is none of the vendors' things: a review, a rule."""

    kind: str
    pk: object
    name: str
    team: str = ""


Target = Connector | Pipeline | VendorAccount | Team | Named | None
KEPT = tuple(field.attname for field in AuditEvent._meta.concrete_fields if field.attname not in ("id", "canonical"))
"""What the canonical text holds: everything but the row's number and the text itself."""


class Unwritable(RuntimeError):
    """The record cannot be written, so nothing is sent to a vendor and nothing is changed."""

    kind = "audit"

    def __init__(self) -> None:
        super().__init__(
            "The audit record cannot be written, so nothing was changed and nothing is sent. "
            "An admin has to look at the database; /readyz says more."
        )


class OutsideTransaction(RuntimeError):
    """An audit event was to be written outside the transaction of what it records."""


class Said(TypedDict, total=False):
    """What may be told of an event beside who did what."""

    target: Target
    """Needs `account` and its `team`, to keep their names as they are now."""
    reason: str
    before: Any
    after: Any
    operation: Operation | None
    error: str
    ticket: str
    batch_id: uuid.UUID | None
    at: datetime


def record(action: str, *, actor: Actor, result: str, **said: Unpack[Said]) -> AuditEvent:
    """
    This will append one event in the current transaction.

    :param action: noun first, dots, past tense: `connector.pause.requested`
    :raises OutsideTransaction: there is no transaction; nothing may go unrecorded
    :raises Unwritable: the database refused it; the transaction is lost, as it must be
    """
    event = draft(action, actor=actor, result=result, **said)
    write([event])
    return event


def draft(action: str, *, actor: Actor, result: str, **said: Unpack[Said]) -> AuditEvent:
    """This will make an event that is not on record yet; whoever has many to tell of writes them together."""
    operation = said.get("operation")
    behind = operation.actor if operation and actor.kind == "system" else ""
    event = AuditEvent(
        at=said.get("at") or timezone.now(),
        action=action,
        result=result,
        actor_kind=actor.kind,
        actor=actor.label,
        actor_id=actor.user_id,
        on_behalf_of=actor.name if actor.kind == "token" else actor.behind or behind,
        address=actor.address,
        user_agent=secrets.strip(actor.user_agent),
        request_id=(operation.request_id if operation else "") or actor.request_id,
        reason=secrets.strip(said.get("reason", "")),
        ticket=secrets.strip(said.get("ticket") or (operation.ticket if operation else "")),
        before=secrets.mask(_plain(said.get("before"))),
        after=secrets.mask(_plain(said.get("after"))),
        operation_id=operation.pk if operation else None,
        batch_id=said.get("batch_id") or getattr(operation, "batch_id", None),
        error=secrets.strip(said.get("error", "")),
        vendor_request=secrets.strip(operation.vendor_request) if operation else "",
        vendor_reply=secrets.strip(operation.vendor_reply) if operation else "",
        vendor_request_id=operation.vendor_operation_id if operation else "",
        **_names(said.get("target")),
    )
    _fit(event)
    event.canonical = canonical(event)
    return event


def write(events: Sequence[AuditEvent]) -> None:
    """
    This will append events in the current transaction, in their order.

    :raises OutsideTransaction: there is no transaction; nothing may go unrecorded
    :raises Unwritable: the database refused them; the transaction is lost, as it must be
    """
    if not connection.in_atomic_block:
        actions = ", ".join(sorted({event.action for event in events}))
        raise OutsideTransaction(f"{actions} must be recorded in the transaction of the change")
    try:
        AuditEvent.objects.bulk_create(events)
    except IntegrityError:  # a second outcome: the record works, its caller does not
        raise
    except DatabaseError as error:
        raise Unwritable from error


@transaction.atomic
def record_reading(action: str, *, actor: Actor, after: Any = None) -> AuditEvent:
    """
    This will put on record that something was read which is not everybody's: an export, a secret.

    :raises Unwritable: then it must not be read
    """
    return record(action, actor=actor, result=Result.DONE, after=after)


def probe() -> None:
    """
    This will write an event and take it back at once.

    :raises Unwritable: the record takes nothing now
    """
    try:
        with transaction.atomic():
            record("site.record.probed", actor=DRIVER, result=Result.DONE)
            transaction.set_rollback(True)
    except DatabaseError as error:
        raise Unwritable from error


def canonical(event: AuditEvent) -> str:
    """This will write an event as the one line of JSON that is kept, hashed and exported."""
    said = {name: _said(getattr(event, name)) for name in KEPT}
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _said(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _fit(event: AuditEvent) -> None:
    """What a vendor or a browser says may be longer than its column, or hold what no text column takes."""
    for field in AuditEvent._meta.concrete_fields:
        if isinstance(field, models.CharField | models.TextField):
            text = _plain(getattr(event, field.attname))
            setattr(event, field.attname, text[: field.max_length])


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "�").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_plain(str(name)): _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _names(target: Target) -> dict[str, str]:
    """The target as it is called now; the event must still be readable when it is gone."""
    if target is None:
        return {}
    if isinstance(target, Named):
        named = {"target_kind": target.kind, "target_id": str(target.pk), "target": target.name}
        return {**named, "team": target.team}
    if isinstance(target, Team):
        return {"target_kind": "team", "target_id": str(target.pk), "target": target.name, "team": target.slug}
    account = target if isinstance(target, VendorAccount) else target.account
    team = target.team if isinstance(target, Connector) else account.team
    return {
        "target_kind": target._meta.model_name or "",
        "target_id": str(target.pk),
        "target": target.name,
        "vendor": account.vendor,
        "account": account.name,
        "team": team.slug,
    }
