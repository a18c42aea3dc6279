"""Every read of saved views and of the columns a person has chosen."""

from collections.abc import Mapping, Sequence

from django.db.models import BigIntegerField, Q, QuerySet

from connectors.models import BoardColumns, SavedView
from connectors.permissions import Viewer
from connectors.queries import lean
from connectors.states import Permission

COLUMNS: Mapping[str, str] = {
    "ages": "Since, and seen",
    "flow": "Flow and tasks",
    "team": "Team",
    "op": "Last operation",
    "next": "Next",
    "kind": "Class",
    "labels": "Labels",
}
"""What can be chosen, in the board's order. Name, states, why and verbs are always there."""
USUAL = ("ages", "flow", "team", "op", "next")


def visible_to(viewer: Viewer) -> QuerySet[SavedView]:
    """
    This will give the views that exist for this person: their own, and those shared with their teams.

    A token of one team sees what is shared with that team alone.
    """
    rows = SavedView.objects.select_related("owner", "team")
    shared = Q(team__isnull=False) if viewer.sees_all else Q(team_id__in=viewer.roles)
    is_of_one_team = viewer.scope is not None and viewer.scope.team_id is not None
    return rows.filter(shared if is_of_one_team else Q(owner_id=viewer.user_id) | shared)


def may_change(viewer: Viewer, view: SavedView) -> bool:
    """This will tell whether this person may change or remove a view: the owner, or a lead of the team."""
    is_own = view.owner_id == viewer.user_id and may_keep(viewer, view.team_id)
    return is_own or (view.team_id is not None and viewer.may_manage_team(view.team_id))


def may_keep(viewer: Viewer, team_id: int | None = None) -> bool:
    """This will tell whether a token reaches its owner's views: those of one team, or with None the private ones."""
    return viewer.scope is None or viewer.scope.covers(Permission.OPERATE, team_id)


def columns_of(viewer: Viewer) -> Sequence[str]:
    """This will give the columns this person has chosen, or the usual ones."""
    chosen = _chosen.read(user=viewer.user_id)
    return tuple(name for name in COLUMNS if name in chosen[0].names) if chosen else USUAL


def asked(viewer: Viewer) -> lean.Asked:
    """This will put the question of `columns_of`."""
    return _chosen.asked(user=viewer.user_id)


@lean.statement(lean.Layout(BoardColumns))
def _chosen() -> QuerySet[BoardColumns]:
    return BoardColumns.objects.filter(user_id=lean.Given("user", BigIntegerField()))
