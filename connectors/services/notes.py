"""Writing, changing and removing notes."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from connectors.actor import Actor
from connectors.fingerprints import fingerprint
from connectors.models import AuditEvent, Connector, Note, Pipeline
from connectors.permissions import Viewer
from connectors.queries.notes import SUBJECTS, may_change
from connectors.services import audit, notices, operations
from connectors.services.operations import NotAllowed, NotNow

LONGEST = 10_000


@transaction.atomic
def write(
    *,
    target: Connector | Pipeline,
    text: str,
    actor: Actor,
    viewer: Viewer,
    is_runbook: bool = False,
    now: datetime | None = None,
) -> Note:
    """
    This will put a note beside a target, or keep it as the team's runbook for the error that the target shows.

    :raises NotAllowed: the actor may not operate the target
    :raises NotNow: there is no text, or no error to write a runbook for
    """
    team = operations.team_of(target)
    if why := viewer.why_not_operate(team.pk, team.slug):
        raise NotAllowed(why)
    mark = fingerprint(target.error) if is_runbook else ""
    if is_runbook and not mark:
        raise NotNow("It shows no error now, so there is nothing to write a runbook for.")
    note = Note.objects.create(
        team=team,
        connector=target if isinstance(target, Connector) and not mark else None,
        pipeline=target if isinstance(target, Pipeline) and not mark else None,
        fingerprint=mark,
        error=target.error if mark else "",
        text=_checked(text),
        user_id=actor.user_id,
        author=actor.label,
        written_at=now or timezone.now(),
    )
    _record("written", note, actor, before=None, after=_said(note))
    return note


@transaction.atomic
def change(*, note: Note, text: str, actor: Actor, viewer: Viewer, now: datetime | None = None) -> Note:
    """
    This will replace the text of a note.

    :raises NotAllowed: it is neither theirs nor are they lead of its team
    :raises NotNow: there is no text
    """
    note = _locked(note, viewer)
    before = _said(note)
    note.text, note.changed_by, note.changed_at = _checked(text), actor.label, now or timezone.now()
    note.save(update_fields=["text", "changed_by", "changed_at"])
    _record("changed", note, actor, before=before, after=_said(note))
    return note


@transaction.atomic
def remove(*, note: Note, actor: Actor, viewer: Viewer) -> None:
    """
    This will remove a note; the record keeps what it said.

    :raises NotAllowed: it is neither theirs nor are they lead of its team
    """
    note = _locked(note, viewer)
    _record("removed", note, actor, before=_said(note), after=None)
    note.delete()


def _locked(note: Note, viewer: Viewer) -> Note:
    note = Note.objects.select_for_update(of=("self",)).select_related(*SUBJECTS).get(pk=note.pk)
    if not may_change(viewer, note):
        raise NotAllowed(f"Only {note.author}, leads of its team and admins change or remove this note.")
    return note


def _checked(text: str) -> str:
    text = text.strip()
    if not text:
        raise NotNow("Write something first.")
    if len(text) > LONGEST:
        raise NotNow(f"That is too long: at most {LONGEST} characters.")
    return text


def _said(note: Note) -> dict[str, str]:
    return {"text": note.text} | ({"runbook_for": note.error or note.fingerprint} if note.is_runbook else {})


def _record(what: str, note: Note, actor: Actor, *, before: object, after: object) -> None:
    """The target of a runbook is its team."""
    target = note.connector or note.pipeline
    noun = target._meta.model_name if target else "runbook"
    audit.record(
        f"{noun}.note.{what}" if target else f"runbook.{what}", actor=actor, result=AuditEvent.Result.DONE,
        target=target or note.team, before=before, after=after,
    )  # fmt: skip
    if target:
        notices.rows(**{f"{noun}s": [target.pk]})
