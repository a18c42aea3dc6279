"""Every read of operations."""

from django.db.models import Q, QuerySet

from connectors.models import Operation
from connectors.permissions import Viewer

TARGETS = ("account__team", "connector__team", "connector__account__team", "pipeline__account__team")


def visible_to(viewer: Viewer) -> QuerySet[Operation]:
    """This will give the operations on targets that exist for this person."""
    rows = Operation.objects.select_related(*TARGETS)
    if viewer.sees_all:
        return rows
    return rows.filter(
        Q(connector__team_id__in=viewer.roles) | Q(connector__isnull=True, account__team_id__in=viewer.roles)
    )
