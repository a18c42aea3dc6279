"""
The second look at freezes: what one has begun to forbid since it was asked is not sent any more.

The first look is taken where verbs are asked for (`guards.judge`), by the same rails.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from connectors import permissions
from connectors.actor import DRIVER, HEAL
from connectors.models import Connector, Operation
from connectors.permissions import Viewer
from connectors.queries import guards
from connectors.services import healing, holds, operations
from connectors.states import OperationStatus

SYSTEM = "system:"
"""What the names of the product's own actors begin with."""


def withdraw_frozen(ids: Sequence[uuid.UUID], *, now: datetime) -> set[uuid.UUID]:
    """This will end those of some queued operations that are frozen by now, in the caller's transaction."""
    if not _holds_any(now):
        return set()
    rows = Operation.objects.select_for_update(of=("self",)).filter(pk__in=ids, status=OperationStatus.QUEUED)
    queued = {operation.pk: operation for operation in rows.select_related(*operations.TARGETS, "user", "token")}
    found = frozen(queued.values(), now)
    for pk, why in found.items():
        _withdraw(queued[pk], why, now)
    operations.announce(queued[pk] for pk in found)
    return set(found)


def frozen(asked: Iterable[Operation], now: datetime) -> dict[uuid.UUID, str]:
    """This will name the freeze for each operation that one forbids by now to whoever asked for it."""
    by_person: dict[tuple[int | None, int | None, bool], list[Operation]] = defaultdict(list)
    for operation in asked if _holds_any(now) else ():
        is_system = operation.actor.startswith(SYSTEM)
        by_person[operation.user_id, operation.token_id, is_system].append(operation)
    found = {}
    for group in by_person.values():
        viewer = _viewer(group[0])
        rails = guards.read(
            viewer or _NOBODY,
            connectors=[o.connector_id for o in group if o.connector_id],
            pipelines=[o.pipeline_id for o in group if o.pipeline_id],
            is_system=viewer is None,
            now=now,
        )
        for operation in group:
            if refusal := rails.why_frozen(operation.target, viewer or _NOBODY):
                found[operation.pk] = refusal.sentence
    return found


_NOBODY = Viewer(user_id=0, name="")


def _viewer(operation: Operation) -> Viewer | None:
    """Whoever asked, with the roles of now; None for the product itself and for who may not sign in any more."""
    if operation.user is None or operation.actor.startswith(SYSTEM):
        return None
    try:
        return permissions.viewer_of(operation.user, operation.token)
    except PermissionError:
        return None


def _holds_any(now: datetime) -> bool:
    return any(span.holds(now) for _, span in guards.in_force(now))


def _withdraw(operation: Operation, why: str, now: datetime) -> None:
    """What waits for it by itself waits on; a person reads why."""
    words = "Not sent again" if operation.attempts else "Not sent"
    operations.withdraw(operation, error=f"{words}. {why}", actor=DRIVER, now=now)
    holds.wait_on(operation, trouble=why, now=now)
    if operation.actor == HEAL.label and isinstance(operation.target, Connector):
        healing.take_back_try(connector=operation.target, why=why, now=now)
