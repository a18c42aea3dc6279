"""The way into an empty product: one link, once, for one day."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from connectors.actor import SET_UP, Actor
from connectors.models import FirstAdminLink, SiteMembership
from connectors.services import audit
from connectors.states import SiteRole

VALID_FOR = timedelta(days=1)


class LinkSpent(Exception):
    """The link was used, has expired, never existed, or there is an admin already."""


def has_admin() -> bool:
    """This will tell whether anybody administers the product."""
    return SiteMembership.objects.filter(role=SiteRole.ADMIN, user__is_active=True, ends_at__isnull=True).exists()


@transaction.atomic
def make_link() -> str:
    """This will make the secret of a new link; earlier ones stop working."""
    now = timezone.now()
    FirstAdminLink.objects.filter(used_at__isnull=True).update(expires_at=now)
    secret = secrets.token_urlsafe(32)
    FirstAdminLink.objects.create(digest=_digest(secret), created_at=now, expires_at=now + VALID_FOR)
    audit.record("site.first_admin_link.created", actor=SET_UP, result="done")
    return secret


def is_valid(secret: str) -> bool:
    """This will tell whether the link still opens."""
    links = FirstAdminLink.objects.filter(digest=_digest(secret), used_at__isnull=True, expires_at__gt=timezone.now())
    return not has_admin() and links.exists()


@transaction.atomic
def use(*, secret: str, username: str, password: str, address: str | None = None) -> User:
    """
    This will make the first admin.

    :raises LinkSpent: see there; nothing was made
    """
    now = timezone.now()
    link = FirstAdminLink.objects.select_for_update().filter(digest=_digest(secret)).first()
    if link is None or link.used_at or link.expires_at <= now or has_admin():
        raise LinkSpent("This link does not open any more. Start the product again for a new one.")
    link.used_at = now
    link.save(update_fields=["used_at"])
    user = User.objects.create_user(username=username, password=password)
    SiteMembership.objects.create(user=user, role=SiteRole.ADMIN)
    actor = Actor("person", user.get_username(), user_id=user.pk, address=address)
    audit.record("site.first_admin.created", actor=actor, result="done")
    return user


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
