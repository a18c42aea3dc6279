"""Every read of approvals: which one opens a verb, who sees and who may decide which."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Case, Exists, F, OuterRef, Prefetch, Q, QuerySet, Value, When
from django.utils import timezone

from connectors.models import Approval, ApprovalTarget, Connector, Pipeline, Protection
from connectors.permissions import Viewer
from connectors.states import LABELS, Permission, Verb

Target = Connector | Pipeline
Status = Approval.Status


def usable(target: Target, verb: Verb, *, task: str = "", user_id: int, now: datetime) -> ApprovalTarget | None:
    """This will find the approval that opens a verb for one person now; the target must be as it was seen."""
    noun = "connector" if isinstance(target, Connector) else "pipeline"
    found = ApprovalTarget.objects.select_for_update(of=("self",)).filter(
        **{noun: target},
        used_at__isnull=True,
        approval__kind=verb,
        approval__task=task,
        approval__user_id=user_id,
        approval__status=Status.APPROVED,
        approval__lapses_at__gt=now,
        approval__decider__isnull=False,
    )
    return next((item for item in found.exclude(approval__decider_id=user_id) if item.fits(target)), None)


def ready(verb: Verb, user_id: int, now: datetime) -> set[tuple[int, str, datetime]]:
    """This will give the connectors a verb was approved for, each with the state and since when, for one person."""
    rows = ApprovalTarget.objects.filter(
        connector__isnull=False,
        used_at__isnull=True,
        approval__kind=verb,
        approval__user_id=user_id,
        approval__status=Status.APPROVED,
        approval__lapses_at__gt=now,
    )
    found = rows.exclude(approval__decider_id=user_id).values_list("connector_id", "state", "state_since")
    return {(pk, state, since) for pk, state, since in found if pk is not None}


def needed(target: Target, verb: Verb, protections: Sequence[Protection]) -> str:
    """This will say that a verb takes a second person, and what to do."""
    whose = "It is protected"
    if isinstance(target, Pipeline):
        number = len(protections)
        whose = f"{number} connectors in it are protected" if number > 1 else "One connector in it is protected"
    second = "a lead or an admin" if takes_lead(protections) else "a second person of its team"
    why = next((f" ({p.reason.rstrip('.')})" for p in protections if p.reason), "")
    return f"{whose}{why}: {LABELS[verb].lower()} takes an approval by {second}, and is carried out then."


def takes_lead(protections: Sequence[Protection]) -> bool:
    """This will tell whether one of them wants a lead or an admin for its second person."""
    return any(p.approver == Protection.Approver.LEAD for p in protections)


def visible_to(viewer: Viewer) -> QuerySet[Approval]:
    """This will give the approvals the person asked for, and those with a target they may see."""
    rows = Approval.objects.select_related("user", "decider").prefetch_related(
        Prefetch("targets", ApprovalTarget.objects.select_related(
            "connector__team", "connector__account__team", "pipeline__account__team"
        ).order_by("pk"))
    )  # fmt: skip
    if viewer.sees_all:
        return rows
    theirs = ApprovalTarget.objects.filter(approval_id=OuterRef("pk")).filter(
        Q(connector__team_id__in=viewer.roles) | Q(pipeline__account__team_id__in=viewer.roles)
    )
    return rows.filter(Q(user_id=viewer.user_id) | Exists(theirs))


def inbox(viewer: Viewer, now: datetime | None = None) -> QuerySet[Approval]:
    """This will give them with those first that wait for somebody, then the newest."""
    waiting = Q(status=Status.WAITING, lapses_at__gt=now or timezone.now())
    return visible_to(viewer).order_by(Case(When(waiting, then=Value(0)), default=Value(1)), "-asked_at")


def open_now(viewer: Viewer, now: datetime | None = None) -> QuerySet[Approval]:
    """This will give those of them that something can still come of."""
    live = visible_to(viewer).filter(lapses_at__gt=now or timezone.now())
    return live.filter(status__in=[Status.WAITING, Status.APPROVED])


def to_decide(viewer: Viewer, now: datetime | None = None) -> QuerySet[Approval]:
    """This will give those that wait for this person, or for others of the same standing."""
    waiting = Approval.objects.filter(status=Status.WAITING, lapses_at__gt=now or timezone.now())
    waiting = waiting.exclude(user_id=viewer.user_id)
    if viewer.may(Permission.OPERATE):
        return waiting
    teams = [team for team in viewer.roles if viewer.may_operate(team)]
    if not teams:
        return waiting.none()
    out_of_reach = ApprovalTarget.objects.filter(approval_id=OuterRef("pk")).exclude(
        Q(connector__team_id__in=teams) | Q(pipeline__account__team_id__in=teams)
    )
    return waiting.exclude(Exists(out_of_reach))


def why_not_decide(approval: Approval, viewer: Viewer, protections: Sequence[Protection]) -> str:
    """This will say why a person may not be the second one; empty when they may."""
    if approval.user_id == viewer.user_id:
        return "Nobody approves what they asked for themselves, with a token of theirs neither."
    wanted = Permission.PROTECT if takes_lead(protections) else Permission.OPERATE
    teams = {(p.connector.team_id, p.connector.team.slug) for p in protections}
    teams |= {_team(item.target) for item in approval.targets.all()}
    for team_id, slug in sorted(teams, key=lambda team: team[1]):
        if why := viewer.why_not(wanted, team_id, slug):
            return why
    return ""


def protections_of(approval: Approval) -> list[Protection]:
    """This will give the protections that an approval is about."""
    items = list(approval.targets.all())
    reached = Q(connector_id__in=[item.connector_id for item in items if item.connector_id])
    reached |= Q(connector__pipeline_id__in=[item.pipeline_id for item in items if item.pipeline_id])
    found = Protection.objects.filter(reached).select_related("connector__team")
    return [protection for protection in found if protection.covers(Verb(approval.kind))]


def changed(now: datetime) -> QuerySet[ApprovalTarget]:
    """This will give the targets of open approvals that are not any more as they were seen."""
    still_open = ApprovalTarget.objects.filter(
        used_at__isnull=True, approval__status__in=[Status.WAITING, Status.APPROVED], approval__lapses_at__gt=now
    )
    other = Q(connector__isnull=False) & (~Q(connector__state=F("state")) | ~Q(connector__state_since=F("state_since")))
    other |= Q(pipeline__isnull=False) & (~Q(pipeline__state=F("state")) | ~Q(pipeline__state_since=F("state_since")))
    return still_open.filter(other)


def _team(target: Target) -> tuple[int, str]:
    team = target.team if isinstance(target, Connector) else target.account.team
    return team.pk, team.slug
