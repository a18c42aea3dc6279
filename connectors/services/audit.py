"""Writing the record. An event belongs to the transaction of what it records, or neither exists."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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


def record(
    action: str,
    *,
    actor: Actor,
    result: str,
    target: Target = None,
    reason: str = "",
    before: Any = None,
    after: Any = None,
    operation: Operation | None = None,
    error: str = "",
    ticket: str = "",
    batch_id: uuid.UUID | None = None,
    at: datetime | None = None,
) -> AuditEvent:
    """
    This will append one event in the current transaction.

    :param action: noun first, dots, past tense: `connector.pause.requested`
    :param target: needs `account` and its `team`, to keep their names as they are now
    :raises OutsideTransaction: there is no transaction; nothing may go unrecorded
    :raises Unwritable: the database refused it; the transaction is lost, as it must be
    """
    if not connection.in_atomic_block:
        raise OutsideTransaction(f"{action} must be recorded in the transaction of the change")
    behind = operation.actor if operation and actor.kind == "system" else ""
    event = AuditEvent(
        at=at or timezone.now(),
        action=action,
        result=result,
        actor_kind=actor.kind,
        actor=actor.label,
        actor_id=actor.user_id,
        on_behalf_of=actor.name if actor.kind == "token" else actor.behind or behind,
        address=actor.address,
        user_agent=secrets.strip(actor.user_agent),
        request_id=(operation.request_id if operation else "") or actor.request_id,
        reason=secrets.strip(reason),
        ticket=secrets.strip(ticket or (operation.ticket if operation else "")),
        before=secrets.mask(_plain(before)),
        after=secrets.mask(_plain(after)),
        operation_id=operation.pk if operation else None,
        batch_id=batch_id or getattr(operation, "batch_id", None),
        error=secrets.strip(error),
        vendor_request=secrets.strip(operation.vendor_request) if operation else "",
        vendor_reply=secrets.strip(operation.vendor_reply) if operation else "",
        vendor_request_id=operation.vendor_operation_id if operation else "",
        **_names(target),
    )
    _fit(event)
    event.canonical = canonical(event)
    try:
        event.save(force_insert=True)
    except IntegrityError:  # a second outcome: the record works, its caller does not
        raise
    except DatabaseError as error:
        raise Unwritable from error
    return event


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
