"""
Invitations and reviewers' questions by mail, where a mail server is set up.

The link of an invitation goes into the mail, and nowhere else that stays.
"""

from collections import defaultdict
from collections.abc import Sequence
from smtplib import SMTPException
from typing import Literal

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import transaction

from connectors.actor import Actor
from connectors.models import AuditEvent, Invitation, ReviewItem
from connectors.services import audit

log = structlog.get_logger(__name__)
Fate = Literal["sent", "failed", "off"]
"""What became of a mail; off: no mail server is set up."""
TEXT = """\
{by} invites you to team {team} on Switchyard, as {role}.

Open this link to join. It works once, until {until:%-d %B %Y %H:%M} UTC:

{link}

If you did not expect this, do nothing: the link ends by itself.
"""
QUESTION = """\
{by} looks again at what you did on Switchyard, and asks:

{text}

About: {about}

Answer here: {link}
"""
NAMED = 10


def mail_invitation(*, invitation: Invitation, link: str, actor: Actor) -> Fate:
    """
    This will mail a link to whoever is invited, and put on record whether the mail server took it.

    No transaction is open meanwhile: a mail server may take its time.
    """
    if not settings.EMAIL_HOST:
        return "off"
    team = " ".join(invitation.team.name.split())
    message = EmailMessage(
        subject=f"You are invited to team {team} on Switchyard",
        body=TEXT.format(
            by=invitation.invited_by, team=team, role=invitation.role, until=invitation.expires_at, link=link
        ),
        to=[invitation.address],
    )
    error = _send(message)
    return _noted(invitation, actor, "failed" if error else "sent", error)


def mail_questions(*, items: Sequence[ReviewItem], text: str, link: str, actor: Actor) -> None:
    """
    This will mail a reviewer's question to whoever is asked: one mail for each person, however many items.

    It waits on their own page all the same, so a mail server that does not take it holds nobody up.
    """
    if not settings.EMAIL_HOST:
        return
    asked: dict[int, list[str]] = defaultdict(list)
    for item in items:
        if item.asked_id:
            asked[item.asked_id].append(item.said)
    error = ""
    for person in User.objects.filter(pk__in=asked, is_active=True).exclude(email=""):
        about = asked[person.pk]
        more = f" and {len(about) - NAMED} more" if len(about) > NAMED else ""
        body = QUESTION.format(by=actor.label, text=text, about="; ".join(about[:NAMED]) + more, link=link)
        message = EmailMessage(subject="A question about what you did on Switchyard", body=body, to=[person.email])
        error = error or _send(message)  # a server that fails once is not waited for again
        _note_question(person, len(about), actor, error)


def _send(message: EmailMessage) -> str:
    """What went wrong, or nothing."""
    try:
        message.send()
    except (OSError, SMTPException) as error:  # its words may quote the message
        log.warning("not mailed", kind=type(error).__name__)
        return f"the mail server did not take it ({type(error).__name__})"
    return ""


@transaction.atomic
def _note_question(person: User, number: int, actor: Actor, error: str) -> None:
    result = AuditEvent.Result.FAILED if error else AuditEvent.Result.DONE
    target = audit.Named("person", person.pk, person.username)
    audit.record("review.question.mailed", actor=actor, result=result, target=target, error=error,
                 after={"questions": number})  # fmt: skip


@transaction.atomic
def _noted(invitation: Invitation, actor: Actor, fate: Fate, error: str) -> Fate:
    result = AuditEvent.Result.FAILED if error else AuditEvent.Result.DONE
    audit.record("team.invitation.mailed", actor=actor, result=result, target=invitation.team, error=error,
                 after={"address": invitation.address})  # fmt: skip
    return fate
