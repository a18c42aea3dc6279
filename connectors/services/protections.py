"""Protecting connectors: which verbs take a second person, and which connectors must always flow."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import AuditEvent, Connector, Protection
from connectors.permissions import Viewer
from connectors.services import audit, notices, operations
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import Permission, Verb


@transaction.atomic
def protect(
    *,
    connector: Connector,
    verbs: Sequence[Verb],
    approver: str,
    is_always_on: bool,
    actor: Actor,
    viewer: Viewer,
    reason: str = "",
    now: datetime | None = None,
) -> Protection:
    """
    This will protect a connector, or change how it is protected.

    :raises NotAllowed: it takes the role lead in its team
    :raises NotNow: it would protect from nothing
    """
    now = now or timezone.now()
    locked = _locked(connector, viewer)
    if not verbs and not is_always_on:
        raise NotNow("Name verbs that take a second person, or say that it must always flow.")
    before = Protection.objects.filter(connector=locked).first()
    values = {
        "verbs": [str(verb) for verb in Verb if verb in set(verbs)],
        "approver": approver,
        "is_always_on": is_always_on,
        "reason": reason,
        "set_by": actor.label,
        "set_at": now,
    }
    made, _ = Protection.objects.update_or_create(connector=locked, defaults=values)
    _record("changed" if before else "set", locked, actor, reason, before=_facts(before), after=_facts(made), now=now)
    return made


@transaction.atomic
def lift(*, connector: Connector, actor: Actor, viewer: Viewer, reason: str = "", now: datetime | None = None) -> None:
    """
    This will take the protection of a connector away.

    :raises NotAllowed: it takes the role lead in its team
    :raises NotNow: it is not protected
    """
    now = now or timezone.now()
    locked = _locked(connector, viewer)
    found = Protection.objects.filter(connector=locked).first()
    if found is None:
        raise NotNow("It is not protected.")
    found.delete()
    _record("lifted", locked, actor, reason, before=_facts(found), after=None, now=now)


def _locked(connector: Connector, viewer: Viewer) -> Connector:
    locked = operations.locked(connector)
    assert isinstance(locked, Connector)  # noqa: S101  # what went in comes out
    if why := viewer.why_not(Permission.PROTECT, locked.team_id, locked.team.slug):
        raise NotAllowed(why)
    return locked


def _facts(protection: Protection | None) -> dict[str, Any] | None:
    if protection is None:
        return None
    return {
        "verbs": protection.verbs,
        "approver": protection.approver,
        "is_always_on": protection.is_always_on,
        "reason": protection.reason,
    }


def _record(
    what: str, connector: Connector, actor: Actor, reason: str, *, before: Any, after: Any, now: datetime
) -> None:
    audit.record(
        f"connector.protection.{what}", actor=actor, result=AuditEvent.Result.DONE, target=connector, reason=reason,
        before=before, after=after, at=now,
    )  # fmt: skip
    notices.rows(connectors=[connector.pk], pipelines=[connector.pipeline_id])
