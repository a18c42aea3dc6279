"""Every read of timed pauses."""

from collections.abc import Sequence

from django.db.models import Q, QuerySet

from connectors.models import Connector, Hold, Operation, Pipeline
from connectors.permissions import Viewer
from connectors.queries import lean

TARGETS = ("operation", "connector__team", "connector__account__team", "pipeline__account__team", "batch")


def visible_to(viewer: Viewer) -> QuerySet[Hold]:
    """This will give the timed pauses of targets that exist for this person."""
    rows = Hold.objects.select_related(*TARGETS)
    if viewer.sees_all:
        return rows
    return rows.filter(
        Q(connector__team_id__in=viewer.roles) | Q(connector__isnull=True, pipeline__account__team_id__in=viewer.roles)
    )


def open_to(viewer: Viewer) -> QuerySet[Hold]:
    """This will give those that have not ended, the next to end first."""
    return visible_to(viewer).filter(ended_at__isnull=True).order_by("until", "pk")


def of(target: Connector | Pipeline) -> Hold | None:
    """This will find the timed pause of a target, if one is on."""
    noun = "connector" if isinstance(target, Connector) else "pipeline"
    return next(iter(_open.read(noun, pk=target.pk)), None)


def asked(noun: str, pk: int) -> lean.Asked:
    """This will put the question of `of`."""
    return _open.asked(noun, pk=pk)


@lean.statement(lean.Layout(Hold, operation=lean.Layout(Operation)))
def _open(noun: str) -> QuerySet[Hold]:
    return Hold.objects.filter(lean.equal(f"{noun}_id", "pk"), ended_at__isnull=True)


def of_connectors(ids: Sequence[int]) -> dict[int, Hold]:
    """This will find the timed pauses of many connectors, in one query."""
    rows = Hold.objects.filter(connector_id__in=ids, ended_at__isnull=True).select_related("operation")
    return {hold.connector_id: hold for hold in rows if hold.connector_id is not None}
