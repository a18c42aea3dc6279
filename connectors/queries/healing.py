"""Every read of auto-heal: the policies, and the connectors it is at or has given up on."""

from django.db.models import QuerySet

from connectors.models import HealPolicy, HealState
from connectors.permissions import Viewer


def visible_to(viewer: Viewer) -> QuerySet[HealPolicy]:
    """This will give the policies of the teams the person sees."""
    rows = HealPolicy.objects.select_related("team", "connector")
    return rows if viewer.sees_all else rows.filter(team_id__in=viewer.roles)


def states_for(viewer: Viewer) -> QuerySet[HealState]:
    """This will give the connectors that were tried or given up, those with an open circuit first."""
    rows = HealState.objects.select_related("connector__team", "connector__account", "connector__pipeline")
    rows = rows.exclude(attempts=0, opened_at=None).order_by("opened_at", "-attempts", "pk")
    return rows if viewer.sees_all else rows.filter(connector__team_id__in=viewer.roles)
