"""Every read of protections that are to become weaker: who sees and who may decide which."""

from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from connectors.models import Loosening
from connectors.permissions import Viewer
from connectors.states import LABELS, Permission, Verb


def visible_to(viewer: Viewer) -> QuerySet[Loosening]:
    """This will give those the person asked for, and those of connectors they may see."""
    rows = Loosening.objects.select_related("connector__team", "connector__account", "connector__protection", "user")
    return rows if viewer.sees_all else rows.filter(Q(connector__team_id__in=viewer.roles) | _asked_by(viewer))


def open_now(viewer: Viewer, now: datetime | None = None) -> QuerySet[Loosening]:
    """This will give those that something can still come of."""
    return visible_to(viewer).filter(outcome="", lapses_at__gt=now or timezone.now())


def to_decide(viewer: Viewer, now: datetime | None = None) -> QuerySet[Loosening]:
    """This will give those that wait for this person, or for others of the same standing."""
    rows = open_now(viewer, now).exclude(_asked_by(viewer))
    if viewer.may(Permission.PROTECT):
        return rows
    return rows.filter(connector__team_id__in=[team for team in viewer.roles if viewer.may_protect(team)])


def why_not_decide(loosening: Loosening, viewer: Viewer) -> str:
    """This will say why a person may not be the second one; empty when they may."""
    if loosening.user_id == viewer.user_id:
        return "Nobody approves what they asked for themselves, with a token of theirs neither."
    team = loosening.connector.team
    return viewer.why_not(Permission.PROTECT, team.pk, team.slug)


def said(loosening: Loosening) -> str:
    """This will say what is to become of the protection."""
    if loosening.is_lift:
        return "Lift the protection"
    verbs = ", ".join(LABELS[Verb(verb)].lower() for verb in loosening.verbs)
    second = "a lead or an admin" if loosening.approver == "lead" else "a second person"
    parts = [f"{verbs} take {second}" if verbs else "", "it must always flow" if loosening.is_always_on else ""]
    return f"Leave of it: {' and '.join(part for part in parts if part)}"


def _asked_by(viewer: Viewer) -> Q:
    return Q(user_id=viewer.user_id)
