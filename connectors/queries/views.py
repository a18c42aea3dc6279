"""Every read of saved views and of the columns a person has chosen."""

from collections.abc import Mapping, Sequence

from django.db.models import Q, QuerySet

from connectors.models import BoardColumns, SavedView
from connectors.permissions import Viewer

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
    """This will give the views that exist for this person: their own, and those shared with their teams."""
    rows = SavedView.objects.select_related("owner", "team")
    shared = Q(team__isnull=False) if viewer.sees_all else Q(team_id__in=viewer.roles)
    return rows.filter(Q(owner_id=viewer.user_id) | shared)


def may_change(viewer: Viewer, view: SavedView) -> bool:
    """This will tell whether this person may change or remove a view: the owner, or a lead of the team."""
    return view.owner_id == viewer.user_id or (view.team_id is not None and viewer.may_manage_team(view.team_id))


def columns_of(viewer: Viewer) -> Sequence[str]:
    """This will give the columns this person has chosen, or the usual ones."""
    names = BoardColumns.objects.filter(user_id=viewer.user_id).values_list("names", flat=True).first()
    return USUAL if names is None else [name for name in COLUMNS if name in names]
