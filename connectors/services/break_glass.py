"""The way in when every other one is broken: a command on the machine, with a reason, for a few hours."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connectors.actor import SET_UP, Actor
from connectors.models import AuditEvent, BreakGlassLink, SiteMembership
from connectors.services import audit
from connectors.states import SiteRole

LINK_LASTS = timedelta(minutes=15)
LONGEST = timedelta(hours=24)


class LinkSpent(Exception):
    """The link was used, has ended, or never was."""


class NoReason(Exception):
    """Nobody breaks the glass without saying why."""


@transaction.atomic
def make_link(*, login: str, reason: str, lasts: timedelta) -> str:
    """
    This will make somebody admin for a few hours, and give the secret of a link that signs them in once.

    A login that does not exist is made. Whoever is admin for good stays so.

    :raises NoReason: there is none
    """
    if not reason.strip():
        raise NoReason("Say why: it stays on record and is reviewed.")
    now, lasts = timezone.now(), min(lasts, LONGEST)
    user, is_new = User.objects.get_or_create(username=login)
    if is_new:
        user.set_unusable_password()
    user.is_active = True
    user.save()
    row = SiteMembership.objects.filter(user=user).first()
    is_for_good = row is not None and row.role == SiteRole.ADMIN and row.ends_at is None
    if not is_for_good:
        defaults = {"role": SiteRole.ADMIN, "ends_at": now + lasts, "is_by_group": False}
        SiteMembership.objects.update_or_create(user=user, defaults=defaults)
    BreakGlassLink.objects.filter(user=user, used_at__isnull=True).update(expires_at=now)
    secret = secrets.token_urlsafe(32)
    BreakGlassLink.objects.create(
        user=user, digest=_digest(secret), reason=reason, created_at=now, expires_at=now + LINK_LASTS
    )
    ends = None if is_for_good else (now + lasts).isoformat()
    audit.record(
        "site.glass.broken", actor=SET_UP, result=AuditEvent.Result.DONE, reason=reason,
        before={"role": row.role if row else None}, after={"user": login, "role": SiteRole.ADMIN, "ends_at": ends},
    )  # fmt: skip
    return secret


def link_of(secret: str) -> BreakGlassLink:
    """
    This will find the link behind a secret.

    :raises LinkSpent: it opens nothing any more
    """
    links = BreakGlassLink.objects.select_related("user")
    found = links.filter(digest=_digest(secret), used_at__isnull=True, expires_at__gt=timezone.now()).first()
    if found is None:
        raise LinkSpent("This link does not open any more. Make a new one on the machine.")
    return found


@transaction.atomic
def use(*, secret: str, address: str | None) -> User:
    """
    This will take the link, this once, and give whom it signs in.

    :raises LinkSpent: it opens nothing any more
    """
    link = link_of(secret)
    if not BreakGlassLink.objects.filter(pk=link.pk, used_at__isnull=True).update(used_at=timezone.now()):
        raise LinkSpent("This link was used a moment ago.")
    user = User.objects.get(pk=link.user_id)
    actor = Actor("person", user.get_username(), user_id=user.pk, address=address)
    audit.record("site.glass.entered", actor=actor, result=AuditEvent.Result.DONE, reason=link.reason)
    return user


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
