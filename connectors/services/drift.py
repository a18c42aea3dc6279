"""Drift: observed and desired state differ and nothing is under way. A person decides what is right."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from connectors import permissions
from connectors.actor import Actor
from connectors.models import AuditEvent, Connector, Operation, Pipeline
from connectors.queries import verbs
from connectors.services import audit, notices, operations
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import GOALS, State, Verb


def reapply(*, target: Connector | Pipeline, actor: Actor, viewer: permissions.Viewer, reason: str = "") -> Operation:
    """
    This will ask for the wanted state again.

    :raises NotNow: there is no drift, or no verb leads back from here
    :raises operations.NotPossible: as `operations.request`
    """
    if target.drift_since is None or target.desired_state is None:
        raise NotNow("It has not drifted any more: look at it again.")
    verb = verb_towards(State(target.desired_state), target)
    if verb is None:
        raise NotNow(f"No verb leads from {target.state} to {target.desired_state} here.")
    why = reason or f"re-applied: {target.desired_reason or target.desired_state}"
    return operations.request(target=target, verb=verb, actor=actor, viewer=viewer, reason=why)


@transaction.atomic
def accept(
    *,
    target: Connector | Pipeline,
    actor: Actor,
    viewer: permissions.Viewer,
    reason: str = "",
    now: datetime | None = None,
) -> None:
    """
    This will make the observed state the wanted one.

    :raises NotAllowed: the actor's role forbids it
    :raises NotNow: there is no drift
    """
    now = now or timezone.now()
    target = _drifted(target, viewer)
    before = {"desired_state": target.desired_state}
    target.desired_state, target.desired_at, target.desired_by = target.state, now, actor.label
    target.desired_reason, target.drift_since, target.drift_snoozed_until = reason, None, None
    target.save(
        update_fields=[
            "desired_state", "desired_at", "desired_by", "desired_reason", "drift_since", "drift_snoozed_until",
        ]
    )  # fmt: skip
    after = {"desired_state": target.desired_state}
    _record("accepted", target, actor, reason, before=before, after=after, now=now)


@transaction.atomic
def snooze(
    *,
    target: Connector | Pipeline,
    until: datetime,
    actor: Actor,
    viewer: permissions.Viewer,
    reason: str = "",
    now: datetime | None = None,
) -> None:
    """
    This will keep the drift from asking for attention until then; it stays visible.

    :raises NotAllowed: the actor's role forbids it
    :raises NotNow: there is no drift, or the time has passed
    """
    now = now or timezone.now()
    if until <= now:
        raise NotNow("Name a time that is still to come.")
    target = _drifted(target, viewer)
    target.drift_snoozed_until = until
    target.save(update_fields=["drift_snoozed_until"])
    after = {"drift_snoozed_until": until.isoformat()}
    _record("snoozed", target, actor, reason, before=None, after=after, now=now)


def verb_towards(goal: State, target: Connector | Pipeline) -> Verb | None:
    """This will find the verb that leads to a state from where the target is; the mildest where there are several."""
    possible = {c.verb for c in verbs.capabilities_of(target) if State(target.state) in c.states}
    return next((verb for verb in Verb if GOALS.get(verb) is goal and verb in possible), None)


def _drifted(target: Connector | Pipeline, viewer: permissions.Viewer) -> Connector | Pipeline:
    target = operations.locked(target)
    team = operations.team_of(target)
    if why := viewer.why_not_operate(team.pk, team.slug):
        raise NotAllowed(why)
    if target.drift_since is None:
        raise NotNow("It has not drifted any more: look at it again.")
    return target


def _record(
    what: str, target: Connector | Pipeline, actor: Actor, reason: str, *, before: object, after: object, now: datetime
) -> None:
    noun = "connector" if isinstance(target, Connector) else "pipeline"
    audit.record(
        f"{noun}.drift.{what}", actor=actor, result=AuditEvent.Result.DONE, target=target, reason=reason,
        before=before, after=after, at=now,
    )  # fmt: skip
    notices.rows(**{f"{noun}s": [target.pk]}, accounts=[target.account_id])
