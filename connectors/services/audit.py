"""Writing the record. An event belongs to the transaction of what it records, or neither exists."""

from datetime import datetime
from typing import Any

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from connectors.actor import DRIVER, Actor
from connectors.models import AuditEvent, Connector, Operation, Pipeline, Team, VendorAccount

Result = AuditEvent.Result
Target = Connector | Pipeline | VendorAccount | Team | None


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
    event = AuditEvent(
        at=at or timezone.now(),
        action=action,
        result=result,
        actor_kind=actor.kind,
        actor=actor.label,
        actor_id=actor.user_id,
        on_behalf_of=actor.name if actor.kind == "token" else "",
        address=actor.address,
        user_agent=actor.user_agent[:300],
        request_id=(operation.request_id if operation else "") or actor.request_id,
        reason=reason,
        before=before,
        after=after,
        operation_id=operation.pk if operation else None,
        error=error,
        vendor_request=operation.vendor_request if operation else "",
        vendor_reply=operation.vendor_reply if operation else "",
        **_names(target),
    )
    try:
        event.save(force_insert=True)
    except IntegrityError:  # a second outcome: the record works, its caller does not
        raise
    except DatabaseError as error:
        raise Unwritable from error
    return event


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


def _names(target: Target) -> dict[str, str]:
    """The target as it is called now; the event must still be readable when it is gone."""
    if target is None:
        return {}
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
