"""Every read of teams and of who belongs to them."""

from django.db.models import QuerySet

from connectors.models import Team
from connectors.permissions import Viewer
from connectors.states import Permission


def teams_for_accounts(viewer: Viewer) -> QuerySet[Team]:
    """This will give the teams whose vendor accounts the person may manage."""
    if viewer.may(Permission.MANAGE_ACCOUNTS):
        return Team.objects.order_by("name")
    return Team.objects.filter(pk__in=[team for team in viewer.roles if viewer.may_manage_accounts(team)]).order_by(
        "name"
    )
