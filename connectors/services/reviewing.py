"""Signing off, asking, escalating; nobody ever reviews what they had a hand in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import AuditEvent, ReviewItem, ReviewNote
from connectors.permissions import Viewer
from connectors.services import audit

Status = ReviewItem.Status
Kind = ReviewNote.Kind
UNDO_WITHIN = timedelta(minutes=10)
AT_ONCE = 500
"""Items that can be decided together."""


class NotReviewable(Exception):
    """It was refused, and nothing was changed; the message says why."""


class NotAllowed(NotReviewable):
    """This person may not."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of each: the items decided, and those refused with the reason."""

    done: Sequence[ReviewItem]
    refused: Sequence[tuple[ReviewItem, str]]


def decide(
    *, pks: Sequence[int], kind: str, actor: Actor, viewer: Viewer, text: str = "", now: datetime | None = None
) -> Outcome:
    """
    This will approve, question, escalate or reopen items, each by itself: one refusal stops none of the others.

    :raises NotAllowed: the person may not review at all
    :raises NotReviewable: a comment is needed, or there are too many at once
    """
    now, text = now or timezone.now(), text.strip()
    if not viewer.may_read_audit or viewer.simulated_by:
        raise NotAllowed("Reviewing takes the site role admin or auditor.")
    if kind in {Kind.QUESTIONED, Kind.ESCALATED} and not text:
        raise NotReviewable("Say what you want to know." if kind == Kind.QUESTIONED else "Say why you escalate it.")
    if len(pks) > AT_ONCE:
        raise NotReviewable(f"At most {AT_ONCE} at once.")
    done, refused = [], []
    for item in ReviewItem.objects.filter(pk__in=pks):
        try:
            done.append(_decide(item.pk, kind, actor, viewer, text, now))
        except NotReviewable as error:
            _record_refusal(item, kind, actor, str(error), now)
            refused.append((item, str(error)))
    return Outcome(done, refused)


@transaction.atomic
def answer(*, pk: int, actor: Actor, viewer: Viewer, text: str, now: datetime | None = None) -> ReviewItem:
    """
    This will answer a question; only who was asked can.

    :raises NotReviewable: it is not asked of this person now, or there is no answer in it
    """
    item = ReviewItem.objects.select_for_update().get(pk=pk)
    if item.asked_id != viewer.user_id or item.status != Status.QUESTIONED or viewer.simulated_by:
        raise NotReviewable("This is not asked of you, or not any more.")
    if not text.strip():
        raise NotReviewable("Write an answer.")
    return _note(item, Kind.ANSWERED, Status.ANSWERED, actor, text.strip(), now or timezone.now())


@transaction.atomic
def _decide(pk: int, kind: str, actor: Actor, viewer: Viewer, text: str, now: datetime) -> ReviewItem:
    item = ReviewItem.objects.select_for_update().get(pk=pk)
    if viewer.user_id in item.people:
        raise NotReviewable("You had a hand in it yourself, or a token of yours: somebody else has to review it.")
    if kind == Kind.REOPENED:
        return _reopen(item, actor, viewer, text, now)
    if not item.is_open:
        raise NotReviewable("It is signed off already.")
    if kind == Kind.QUESTIONED:
        return _question(item, actor, text, now)
    if kind == Kind.ESCALATED:
        return _note(item, Kind.ESCALATED, Status.ESCALATED, actor, text, now)
    if item.status == Status.ESCALATED and not viewer.is_admin:
        raise NotReviewable("It was escalated: an admin signs it off.")
    item.decided_by_id, item.decided_at = viewer.user_id, now
    return _note(item, Kind.APPROVED, Status.APPROVED, actor, text, now)


def _question(item: ReviewItem, actor: Actor, text: str, now: datetime) -> ReviewItem:
    if not item.people:
        raise NotReviewable("Nobody here did it, so there is nobody to ask. Escalate it instead.")
    item.asked_id = item.people[0]
    return _note(item, Kind.QUESTIONED, Status.QUESTIONED, actor, text, now)


def _reopen(item: ReviewItem, actor: Actor, viewer: Viewer, text: str, now: datetime) -> ReviewItem:
    newest = item.notes.order_by("-at", "-pk").first()
    if newest is None or newest.kind == Kind.REOPENED or newest.user_id != viewer.user_id:
        raise NotReviewable("Only who decided it last can take that back.")
    if now - newest.at > UNDO_WITHIN:
        raise NotReviewable(f"That can be taken back within {UNDO_WITHIN.seconds // 60} min, and those are over.")
    item.decided_by, item.decided_at, item.asked = None, None, None
    return _note(item, Kind.REOPENED, Status.WAITING, actor, text, now)


def _note(item: ReviewItem, kind: str, status: str, actor: Actor, text: str, now: datetime) -> ReviewItem:
    before, item.status = item.status, status
    item.save(update_fields=["status", "decided_by", "decided_at", "asked"])
    ReviewNote.objects.create(item=item, kind=kind, user_id=actor.user_id, author=actor.label, text=text, at=now)
    audit.record(
        f"review.{kind}", actor=actor, result=AuditEvent.Result.DONE, target=_named(item), reason=text,
        before={"status": before}, after={"status": status, "events": item.events}, batch_id=item.batch_id, at=now,
    )  # fmt: skip
    return item


@transaction.atomic
def _record_refusal(item: ReviewItem, kind: str, actor: Actor, why: str, now: datetime) -> None:
    audit.record(
        "review.refused", actor=actor, result=AuditEvent.Result.REFUSED, target=_named(item),
        after={"wanted": kind}, error=why, at=now,
    )  # fmt: skip


def _named(item: ReviewItem) -> audit.Named:
    return audit.Named("review", item.pk, item.said, item.team)
