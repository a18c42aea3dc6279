"""Every read of notes."""

from django.db.models import CharField, Q, QuerySet

from connectors.fingerprints import fingerprint
from connectors.models import Connector, Note, Pipeline, Team, VendorAccount
from connectors.permissions import Viewer
from connectors.queries import lean

MOST = 50
SUBJECTS = ("team", "connector__team", "pipeline__account__team")
TEAM = lean.Layout(Team)
SHOWN = lean.Layout(
    Note,
    team=TEAM,
    connector=lean.Layout(Connector, only={"id", "name", "team_id"}, team=TEAM),
    pipeline=lean.Layout(
        Pipeline,
        only={"id", "name", "account_id"},
        account=lean.Layout(VendorAccount, only={"id", "name", "team_id"}, team=TEAM),
    ),
)


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
    question = asked(target)
    return _about.read(*question.arguments, **question.given)


def asked(target: Connector | Pipeline) -> lean.Asked:
    """This will put the question of `about`."""
    noun, team_id = (
        ("connector", target.team_id) if isinstance(target, Connector) else ("pipeline", target.account.team_id)
    )
    mark = fingerprint(target.error)
    return _about.asked(noun, bool(mark), pk=target.pk, team=team_id, mark=mark)


@lean.statement(SHOWN)
def _about(noun: str, has_error: bool) -> QuerySet[Note]:
    beside = Q(lean.equal(f"{noun}_id", "pk"))
    if has_error:
        beside |= Q(lean.equal("team_id", "team"), lean.equal("fingerprint", "mark", CharField()))
    return Note.objects.filter(beside)[:MOST]


def may_change(viewer: Viewer, note: Note) -> bool:
    """This will tell whether this person may change or remove a note: its author while operating, leads and admins."""
    is_theirs = note.user_id is not None and note.user_id == viewer.user_id and viewer.may_operate(note.owner_id)
    return is_theirs or viewer.may_manage_team(note.owner_id)
