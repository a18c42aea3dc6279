"""Invitations by mail, where a mail server is set up. The link goes into the mail, and nowhere else that stays."""

from smtplib import SMTPException
from typing import Literal

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from connectors.actor import Actor
from connectors.models import AuditEvent, Invitation
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
    try:
        message.send()
    except (OSError, SMTPException) as error:  # its words may quote the message
        log.warning("invitation not mailed", kind=type(error).__name__)
        return _noted(invitation, actor, "failed", f"the mail server did not take it ({type(error).__name__})")
    return _noted(invitation, actor, "sent", "")


@transaction.atomic
def _noted(invitation: Invitation, actor: Actor, fate: Fate, error: str) -> Fate:
    result = AuditEvent.Result.FAILED if error else AuditEvent.Result.DONE
    audit.record("team.invitation.mailed", actor=actor, result=result, target=invitation.team, error=error,
                 after={"address": invitation.address})  # fmt: skip
    return fate
