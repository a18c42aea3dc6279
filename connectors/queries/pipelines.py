"""What one pipeline holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count

from connectors.models import Connector, Pipeline
from connectors.permissions import Viewer
from connectors.queries import connectors as queries
from connectors.queries.overview import Summary, Tally
from connectors.states import State


@dataclass(frozen=True, slots=True)
class Affected:
    """Through what a verb on a pipeline reaches."""

    connectors: int
    teams: Sequence[str]
    """Those that the person sees."""
    others: int
    """Teams that the person does not see."""


def affected(viewer: Viewer, pipeline: Pipeline) -> Affected:
    """This will tell how many connectors a pipeline holds, and of which teams."""
    rows = Connector.objects.filter(pipeline=pipeline, gone_at__isnull=True).order_by()
    teams = list(rows.values_list("team_id", "team__slug").annotate(number=Count("pk")))
    seen = sorted(slug for pk, slug, _ in teams if viewer.sees_all or pk in viewer.roles)
    return Affected(sum(number for _, _, number in teams), seen, len(teams) - len(seen))


def summary(viewer: Viewer, pipeline: Pipeline, *, is_stale: bool) -> Summary:
    """This will count what the person may see of a pipeline's connectors, in one query."""
    rows = queries.with_staleness(queries.visible_to(viewer).select_related(None).filter(pipeline=pipeline))
    tally, mine = Tally(), State(pipeline.state)
    for state, stale, number in rows.order_by().values_list("state", "is_stale_now").annotate(number=Count("pk")):
        tally.add((mine, State(state)), is_stale=stale or is_stale, number=number)
    return tally.summed()
