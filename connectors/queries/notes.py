"""Every read of notes."""

from django.db.models import Q, QuerySet

from connectors.fingerprints import fingerprint
from connectors.models import Connector, Note, Pipeline
from connectors.permissions import Viewer

MOST = 50
SUBJECTS = ("team", "connector__team", "pipeline__account__team")


def visible_to(viewer: Viewer) -> QuerySet[Note]:
    """This will give the notes beside what exists for this person, and the runbooks of their teams."""
    rows = Note.objects.select_related(*SUBJECTS)
    if viewer.sees_all:
        return rows
    teams = list(viewer.roles)
    return rows.filter(
        Q(connector__team_id__in=teams)
        | Q(pipeline__account__team_id__in=teams)
        | Q(team_id__in=teams) & ~Q(fingerprint="")
    )


def about(target: Connector | Pipeline) -> list[Note]:
    """This will give the notes beside a target, and its team's runbooks for the error that it shows, in one query."""
    is_connector = isinstance(target, Connector)
    beside = Q(connector=target) if is_connector else Q(pipeline=target)
    if mark := fingerprint(target.error):
        team_id = target.team_id if isinstance(target, Connector) else target.account.team_id
        beside |= Q(team_id=team_id, fingerprint=mark)
    return list(Note.objects.filter(beside).select_related(*SUBJECTS)[:MOST])


def may_change(viewer: Viewer, note: Note) -> bool:
    """This will tell whether this person may change or remove a note: its author while operating, leads and admins."""
    is_theirs = note.user_id is not None and note.user_id == viewer.user_id and viewer.may_operate(note.owner_id)
    return is_theirs or viewer.may_manage_team(note.owner_id)
