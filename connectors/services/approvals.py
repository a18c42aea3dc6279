"""Approvals: asked by one person, given by another, bound to the verb, the targets and how these were seen."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from connectors import permissions
from connectors.actor import DRIVER, Actor
from connectors.models import Approval, ApprovalTarget, AuditEvent, Connector, Pipeline
from connectors.permissions import Viewer
from connectors.queries import approvals as queries
from connectors.queries import guards, verbs
from connectors.services import actors, audit, holds, notices, operations
from connectors.services.operations import NotAllowed, NotNow, NotPossible
from connectors.states import LABELS, Permission, Verb
from connectors.vendors import secrets

ASKED_LASTS = timedelta(hours=8)
"""Undecided for so long, it lapses."""
GIVEN_LASTS = timedelta(minutes=30)
"""Approved and not carried out for so long, it lapses."""
MOST = 200
"""Targets of one approval."""
Result = AuditEvent.Result


@transaction.atomic
def ask(
    *,
    targets: Sequence[Connector | Pipeline],
    verb: Verb,
    reason: str,
    actor: Actor,
    viewer: Viewer,
    ticket: str = "",
    task: str = "",
    until: datetime | None = None,
    now: datetime | None = None,
) -> Approval:
    """
    This will ask a second person to approve one verb on these targets as they are now.

    The same request that waits already is given back.

    :param task: for a verb of one task; then there is one target
    :param until: a pause or stop ends by itself then

    :raises NotAllowed: the actor may not operate one of them
    :raises NotNow: none of them takes an approval for it, or there is no reason, or they are too many
    """
    now = now or timezone.now()
    if actor.kind == "system" or not viewer.user_id:
        raise NotAllowed("Only a person asks for an approval.")
    if not reason.strip() and not ticket:
        raise NotNow("Say why: whoever approves has to know.")
    if not 0 < len(targets) <= MOST:
        raise NotNow(f"Name between 1 and {MOST} targets.")
    locked = [operations.locked(target) for target in targets]
    for target in locked:
        team = operations.team_of(target)
        if why := viewer.why_not_operate(team.pk, team.slug):
            raise NotAllowed(why)
    _refuse_unless_guarded(locked, verb, viewer, now)
    if why := next((why for target in locked if (why := verbs.why_not_task(target, verb, task))), ""):
        raise NotNow(why)
    if earlier := _same(locked, verb, task, viewer, now):
        return earlier
    approval = Approval.objects.create(
        kind=verb,
        task=task,
        user_id=viewer.user_id,
        token_id=actor.token_id,
        actor=actor.label,
        reason=secrets.strip(reason),
        ticket=secrets.strip(ticket),
        until=until,
        asked_at=now,
        lapses_at=now + ASKED_LASTS,
    )
    ApprovalTarget.objects.bulk_create(_as_seen(approval, target) for target in locked)
    for target in locked:
        _record(approval, "asked", target, actor, Result.REQUESTED, reason=reason, now=now)
    _tell(locked)
    return approval


@transaction.atomic
def approve(
    *, approval: Approval, actor: Actor, viewer: Viewer, said: str = "", now: datetime | None = None
) -> Approval:
    """
    This will approve, and carry the verb out at once for whoever asked.

    What cannot be carried out this moment may be asked for again, by the same person, until the approval lapses.

    :raises NotAllowed: the actor asked for it, or lacks the role that the protection wants
    :raises NotNow: it was decided, has lapsed, or a target is not any more as it was seen
    """
    now = now or timezone.now()
    approval = _open(approval, viewer, now)
    if stale := _first_changed(approval):
        raise NotNow(f"{stale.target.name} is not {stale.state} any more as when it was asked for: ask anew.")
    _decide(approval, Approval.Status.APPROVED, actor, viewer, said, now)
    approval.lapses_at = now + GIVEN_LASTS
    approval.save(update_fields=["lapses_at"])
    for item in approval.targets.all():
        _record(approval, "approved", item.target, actor, Result.DONE, reason=said, now=now)
    troubles = [trouble for item in approval.targets.all() if (trouble := _carry_out(approval, item, now))]
    approval.refresh_from_db()
    if troubles:
        approval.said = " ".join([approval.said, *troubles]).strip()
        approval.save(update_fields=["said"])
    _tell([item.target for item in approval.targets.all()])
    return approval


@transaction.atomic
def decline(
    *, approval: Approval, actor: Actor, viewer: Viewer, said: str = "", now: datetime | None = None
) -> Approval:
    """
    This will decline; whoever asked may ask anew.

    :raises NotAllowed: as `approve`
    :raises NotNow: it was decided, or has lapsed
    """
    now = now or timezone.now()
    approval = _open(approval, viewer, now)
    _decide(approval, Approval.Status.DECLINED, actor, viewer, said, now)
    for item in approval.targets.all():
        _record(approval, "declined", item.target, actor, Result.REFUSED, reason=said, now=now)
    _tell([item.target for item in approval.targets.all()])
    return approval


@transaction.atomic
def take_back(*, approval: Approval, actor: Actor, viewer: Viewer, now: datetime | None = None) -> Approval:
    """
    This will take back what the actor has asked for.

    :raises NotAllowed: it is somebody else's
    :raises NotNow: nothing can come of it any more
    """
    now = now or timezone.now()
    approval = _locked(approval)
    if not viewer.is_theirs(approval.user_id, Permission.OPERATE):
        raise NotAllowed(f"It was asked by {approval.actor}; you may decline it.")
    if not approval.is_open:
        raise NotNow(f"It is {approval.status} already.")
    _void(approval, "taken back", actor, now)
    return approval


def sweep(now: datetime | None = None) -> int:
    """This will end the approvals whose time is up or whose targets have changed; their number."""
    now = now or timezone.now()
    late = Approval.objects.filter(status__in=[Approval.Status.WAITING, Approval.Status.APPROVED], lapses_at__lte=now)
    changed = queries.changed(now).values_list("approval_id", flat=True)
    ended = 0
    for pk in {*late.values_list("pk", flat=True)[:500], *changed[:500]}:
        with transaction.atomic():
            approval = _locked(Approval(pk=pk))
            if not approval.is_open:
                continue
            if approval.lapses_at <= now:
                _void(approval, "nobody decided in time" if approval.decided_at is None else "not used in time", DRIVER,
                      now, Approval.Status.LAPSED)  # fmt: skip
            elif stale := _first_changed(approval):
                words = f"{stale.target.name} changed: it was {stale.state} when it was asked for"
                _void(approval, words, DRIVER, now)
            else:
                continue
            ended += 1
    return ended


def _refuse_unless_guarded(targets: Sequence[Connector | Pipeline], verb: Verb, viewer: Viewer, now: datetime) -> None:
    rails = guards.read(
        viewer,
        connectors=[t.pk for t in targets if isinstance(t, Connector)],
        pipelines=[t.pk for t in targets if isinstance(t, Pipeline)],
        now=now,
    )
    if free := [target.name for target in targets if not rails.guarding(target, verb)]:
        raise NotNow(f"{LABELS[verb]} of {', '.join(free[:3])} takes no approval: ask for it right away.")


def _same(
    targets: Sequence[Connector | Pipeline], verb: Verb, task: str, viewer: Viewer, now: datetime
) -> Approval | None:
    wanted = {(type(target), target.pk) for target in targets}
    mine = queries.visible_to(viewer).filter(
        user_id=viewer.user_id, kind=verb, task=task, status=Approval.Status.WAITING, lapses_at__gt=now
    )
    for approval in mine:
        items = approval.targets.all()
        if {(type(i.target), i.target.pk) for i in items} == wanted and not _first_changed(approval):
            return approval
    return None


def _as_seen(approval: Approval, target: Connector | Pipeline) -> ApprovalTarget:
    noun = "connector" if isinstance(target, Connector) else "pipeline"
    seen = {"state": target.state, "state_since": target.state_since}
    return ApprovalTarget(approval=approval, **{noun: target}, **seen)


def _first_changed(approval: Approval) -> ApprovalTarget | None:
    return next((item for item in approval.targets.all() if not item.used_at and not item.fits(item.target)), None)


def _locked(approval: Approval) -> Approval:
    Approval.objects.select_for_update().get(pk=approval.pk)
    rows = Approval.objects.select_related("user", "token").prefetch_related(
        "targets__connector__team", "targets__connector__account__team", "targets__pipeline__account__team"
    )
    return rows.get(pk=approval.pk)


def _open(approval: Approval, viewer: Viewer, now: datetime) -> Approval:
    """What can be decided, locked."""
    approval = _locked(approval)
    if why := queries.why_not_decide(approval, viewer, queries.protections_of(approval)):
        raise NotAllowed(why)
    if approval.status != Approval.Status.WAITING:
        raise NotNow(
            f"It is {approval.status} already" + (f", by {approval.decided_by}." if approval.decided_by else ".")
        )
    if approval.lapses_at <= now:
        raise NotNow("It has lapsed: nobody decided in time.")
    return approval


def _decide(
    approval: Approval, status: Approval.Status, actor: Actor, viewer: Viewer, said: str, now: datetime
) -> None:
    approval.status, approval.decided_at, approval.decided_by = status, now, actor.label
    approval.decider_id, approval.said = viewer.user_id, said
    approval.save(update_fields=["status", "decided_at", "decided_by", "decider", "said"])


def _carry_out(approval: Approval, item: ApprovalTarget, now: datetime) -> str:
    """Ask for it as whoever wanted it, with the roles they have now; the words of a refusal, or nothing."""
    actor = actors.behind(approval.user, approval.token)
    target = item.target
    if approval.token and not approval.token.is_live(now):
        return f"The token {approval.token.name} does not open anything any more."
    try:
        viewer = permissions.viewer_of(approval.user, approval.token, now)
        wish: dict[str, Any] = {
            "target": target, "verb": Verb(approval.kind), "actor": actor, "viewer": viewer,
            "reason": approval.reason, "ticket": approval.ticket, "key": f"approval:{approval.pk}:{item.pk}",
            "now": now,
        }  # fmt: skip
        with transaction.atomic():
            if approval.until:
                holds.hold(until=approval.until, **wish)
            else:
                operations.request(**wish, task=approval.task)
    except NotPossible as error:
        return f"{target.name}: {error}"
    except PermissionError:
        return f"{approval.actor} may not sign in any more."
    return ""


def _void(
    approval: Approval, said: str, actor: Actor, now: datetime, status: Approval.Status = Approval.Status.VOID
) -> None:
    approval.status, approval.said = status, said
    approval.save(update_fields=["status", "said"])
    for item in approval.targets.all():
        if not item.used_at:
            _record(approval, str(status), item.target, actor, Result.REFUSED, error=said, now=now)
    _tell([item.target for item in approval.targets.all()])


def _record(
    approval: Approval,
    what: str,
    target: Connector | Pipeline,
    actor: Actor,
    result: str,
    *,
    now: datetime,
    reason: str = "",
    error: str = "",
) -> None:
    noun = "connector" if isinstance(target, Connector) else "pipeline"
    after: dict[str, Any] = {"approval": str(approval.pk), "verb": approval.kind, "asked_by": approval.actor}
    after |= {"task": approval.task} if approval.task else {}
    audit.record(
        f"{noun}.approval.{what}", actor=actor, result=result, target=target, reason=reason, after=after, error=error,
        ticket=approval.ticket, at=now,
    )  # fmt: skip


def _tell(targets: Sequence[Connector | Pipeline]) -> None:
    notices.rows(
        connectors=[t.pk for t in targets if isinstance(t, Connector)],
        pipelines=[t.pk for t in targets if isinstance(t, Pipeline)],
    )
