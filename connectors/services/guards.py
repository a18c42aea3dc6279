"""The one gate: every request of a verb passes here, whoever asks and from wherever."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.actor import Actor
from connectors.models import Approval, ApprovalTarget, AuditEvent, BreakGlass, Connector, Operation, Pipeline
from connectors.permissions import Viewer
from connectors.queries import approvals, guards
from connectors.queries.guards import Refusal
from connectors.services import audit
from connectors.states import Verb

Target = Connector | Pipeline


@dataclass(frozen=True, slots=True)
class Passage:
    """Whether a request passes, and what it owes that to."""

    refusal: Refusal | None = None
    broken: list[BreakGlass] = field(default_factory=list)
    approval: ApprovalTarget | None = None


def judge(
    target: Target,
    verb: Verb,
    *,
    task: str = "",
    actor: Actor,
    viewer: Viewer,
    now: datetime,
    rails: guards.Rails | None = None,
) -> Passage:
    """
    This will tell whether a verb may be asked of a target now, in the caller's transaction.

    :param target: locked, so that it stays as it is until the request is written down
    :param rails: what guards it, where that was read for many targets together, after they were locked
    """
    rails = rails or around([target], actor=actor, viewer=viewer, now=now)
    if refusal := rails.why_frozen(target, viewer):
        return Passage(refusal)
    broken = rails.passed(target, viewer)
    protections = rails.guarding(target, verb)
    if not protections:
        return Passage(broken=broken)
    found = None
    if actor.kind != "system":
        found = approvals.usable(target, verb, task=task, user_id=viewer.user_id, now=now)
    if found is None:
        return Passage(Refusal("protection", approvals.needed(target, verb, protections)))
    return Passage(broken=broken, approval=found)


def around(targets: Sequence[Target], *, actor: Actor, viewer: Viewer, now: datetime) -> guards.Rails:
    """This will read what guards some locked targets, in a constant number of queries."""
    connectors = [target.pk for target in targets if isinstance(target, Connector)]
    pipelines = [target.pk for target in targets if isinstance(target, Pipeline)]
    return guards.read(viewer, connectors=connectors, pipelines=pipelines, is_system=actor.kind == "system", now=now)


def note(passage: Passage, operation: Operation, *, actor: Actor, now: datetime) -> None:
    """This will put on record what an operation owes its passage to, and use an approval up."""
    target, noun = operation.target, "connector" if operation.connector_id else "pipeline"
    for broken in passage.broken:
        audit.record(
            f"{noun}.{operation.kind}.break_glass",
            actor=actor,
            result=AuditEvent.Result.REQUESTED,
            target=target,
            reason=broken.reason,
            before={"freeze": str(broken.freeze)},
            after={"until": broken.until.isoformat()},
            operation=operation,
            at=now,
        )
    if passage.approval:
        passage.approval.operation, passage.approval.used_at = operation, now
        passage.approval.save(update_fields=["operation", "used_at"])
        if not ApprovalTarget.objects.filter(approval=passage.approval.approval_id, used_at__isnull=True).exists():
            Approval.objects.filter(pk=passage.approval.approval_id).update(status=Approval.Status.USED)
