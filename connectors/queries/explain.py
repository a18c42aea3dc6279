"""Why somebody may or may not: the rule that owns, the role that counts, and what decides each verb."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from connectors.models import Connector, Operation, OwnershipRule
from connectors.permissions import SITE, Viewer
from connectors.queries import approvals, guards, rules, verbs
from connectors.queries.verbs import Decision
from connectors.states import LABELS, OPEN, PART_OF, Permission, Verb, label_of
from connectors.vendors.base import Capability

ABOUT_TARGET = (
    Permission.SEE,
    Permission.SEE_CONFIGURATION,
    Permission.OPERATE,
    Permission.PROTECT,
    Permission.MANAGE_TEAM,
    Permission.MANAGE_ACCOUNTS,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that could be done: yes, or what decides against it."""

    label: str
    decision: Decision | None
    asks: str = ""
    """Possible, but only with a second person."""
    verb: Verb | None = None
    task: str = ""
    """For a verb of one task: which."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of it about one person and one connector."""

    connector: Connector
    owner: str
    """Which rule gives it to whom, in a sentence."""
    rule: OwnershipRule | None
    role: str
    permissions: Sequence[Line]
    verbs: Sequence[Line]
    granted_until: datetime | None = None


def explain(connector: Connector, viewer: Viewer, now: datetime | None = None) -> Explanation:
    """
    This will say what somebody may do with a connector, and what decides where they may not.

    :raises rules.TooSlow: the patterns of the ownership rules take too long
    """
    now = now or timezone.now()
    rule = rules.deciding(connector)
    team = connector.team
    rails = guards.read(viewer, connectors=[connector.pk], now=now)
    under_way = Operation.objects.filter(connector=connector, status__in=OPEN).values_list("kind", flat=True).first()
    is_stale = connector.is_stale(now)
    lines = []
    for capability in verbs.capabilities_of(connector):
        verb = capability.verb
        decision = verbs.decide(connector, verb, viewer, is_stale=is_stale, open_verb=under_way, rails=rails)
        protections = [] if decision else rails.guarding(connector, verb)
        asks = approvals.needed(connector, verb, protections) if protections else ""
        for task, why in _parts(connector, capability, decision):
            label = label_of(verb, task) if task else capability.label or LABELS[verb]
            lines.append(Line(label, why, asks, verb, task))
    return Explanation(
        connector=connector,
        owner=_owner(connector, rule),
        rule=rule,
        role=_role(viewer, team.pk),
        permissions=[_permission(viewer, permission, connector) for permission in ABOUT_TARGET],
        verbs=lines,
        granted_until=viewer.granted.get(team.pk) or viewer.granted.get(SITE),
    )


def _parts(
    connector: Connector, capability: Capability, decision: Decision | None
) -> Sequence[tuple[str, Decision | None]]:
    """Task and decision: a verb of one task is told for each that it applies to."""
    verb = capability.verb
    tasks = verbs.failed_tasks(connector) if verb in PART_OF else []
    if tasks or decision or verb not in PART_OF:
        return [(task, decision) for task in tasks or [""]]
    return [("", Decision("state", verbs.why_not_task(connector, verb, "")))]


def _permission(viewer: Viewer, permission: Permission, connector: Connector) -> Line:
    why = viewer.why_not(permission, connector.team_id, connector.team.slug)
    return Line(str(permission).replace("_", " "), Decision("role", why) if why else None)


def _owner(connector: Connector, rule: OwnershipRule | None) -> str:
    team = connector.team.name
    if rule is None:
        return f"No rule holds for it, so the team of its account {connector.account.name} owns it: {team}."
    by = "for the site" if rule.is_of_site else "for its account"
    return f"The rule “{rule}”, made by {rule.made_by} {by}, gives it to {team}."


def _role(viewer: Viewer, team_id: int) -> str:
    role = viewer.roles.get(team_id)
    parts = [f"{role} of the team" if role else "", f"{viewer.site_role} of the site" if viewer.site_role else ""]
    return " and ".join(part for part in parts if part) or "no member of the team"
