"""Saved views of the board, private or shared with a team, and the columns a person has chosen."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import AuditEvent, BoardColumns, SavedView, Team
from connectors.permissions import Viewer
from connectors.queries import views as queries
from connectors.services import audit
from connectors.services.operations import NotAllowed, NotNow

DONE = AuditEvent.Result.DONE
SIMULATED = "You look at the site as somebody else; nothing can be changed that way."
MOST = 200
"""Views one person may keep."""


@transaction.atomic
def save(*, name: str, query: str, team: Team | None, actor: Actor, viewer: Viewer) -> SavedView:
    """
    This will keep filters and grouping under a name.

    :param team: whom it is shared with; None keeps it to the person
    :raises NotAllowed: the person may not share with that team
    :raises NotNow: the person has a view of that name, or too many
    """
    _check(team, viewer)
    if SavedView.objects.filter(owner_id=viewer.user_id).count() >= MOST:
        raise NotNow(f"You keep {MOST} views already. Remove one first.")
    view = SavedView(owner_id=viewer.user_id, name=name, query=query, team=team, changed_at=timezone.now())
    _store(view)
    audit.record("view.saved", actor=actor, result=DONE, target=team, after=_said(view))
    return view


@transaction.atomic
def change(*, view: SavedView, name: str, query: str, team: Team | None, actor: Actor, viewer: Viewer) -> SavedView:
    """
    This will give a view another name, other filters, or share it with others.

    :raises NotAllowed: it is neither the person's own nor their team's to manage, or they may not share with that team
    :raises NotNow: its owner has another view of that name
    """
    view = _locked(view, viewer)
    if (team and team.pk) != view.team_id:
        _check(team, viewer)
    before = _said(view)
    view.name, view.query, view.team, view.changed_at = name, query, team, timezone.now()
    _store(view)
    audit.record("view.changed", actor=actor, result=DONE, target=team, before=before, after=_said(view))
    return view


@transaction.atomic
def remove(*, view: SavedView, actor: Actor, viewer: Viewer) -> None:
    """
    This will remove a view.

    :raises NotAllowed: it is neither the person's own nor their team's to manage
    """
    view = _locked(view, viewer)
    audit.record("view.removed", actor=actor, result=DONE, target=view.team, before=_said(view))
    view.delete()


def choose_columns(*, names: Iterable[str] | None, viewer: Viewer) -> None:
    """
    This will remember which columns a person wants; None goes back to the usual ones.

    It changes nothing that anybody else sees, so it leaves no audit event.
    """
    if viewer.simulated_by:
        raise NotAllowed(SIMULATED)
    if names is None:
        BoardColumns.objects.filter(user_id=viewer.user_id).delete()
        return
    wanted = set(names)
    kept = [name for name in queries.COLUMNS if name in wanted]
    BoardColumns.objects.update_or_create(user_id=viewer.user_id, defaults={"names": kept})


def _check(team: Team | None, viewer: Viewer) -> None:
    if viewer.simulated_by:
        raise NotAllowed(SIMULATED)
    if team is None and not queries.may_keep(viewer):
        raise NotAllowed("A view of your own takes a token that holds operate, for all your teams.")
    if team and (why := viewer.why_not_operate(team.pk, team.slug)):
        raise NotAllowed(f"To share a view: {why}")


def _locked(view: SavedView, viewer: Viewer) -> SavedView:
    if viewer.simulated_by:
        raise NotAllowed(SIMULATED)
    view = SavedView.objects.select_for_update(of=("self",)).select_related("team", "owner").get(pk=view.pk)
    if not queries.may_change(viewer, view):
        raise NotAllowed(f"It is {view.owner.get_username()}'s view, and you do not lead the team it is shared with.")
    return view


def _store(view: SavedView) -> None:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise NotNow(f"There is a view {view.name} already. Choose another name.") from error


def _said(view: SavedView) -> dict[str, str | None]:
    return {"name": view.name, "query": view.query, "team": view.team.slug if view.team else None}
