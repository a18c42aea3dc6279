"""Keys for services: shown once, kept as a hash, recognisable by anybody who scans for leaked ones."""

import hashlib
import secrets
import string
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import ApiToken, Team
from connectors.services import audit
from connectors.states import Permission

PREFIX = "swy_"
LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LENGTH = 32
CHECKSUM_LENGTH = 6
USE_IS_NOTED_EVERY = timedelta(minutes=1)


@transaction.atomic
def issue(
    *,
    user: User,
    name: str,
    expires_at: datetime | None,
    actor: Actor,
    team: Team | None = None,
    permissions: Iterable[Permission] = tuple(Permission),
) -> tuple[ApiToken, str]:
    """
    This will make a token for a person and give it with its text, which cannot be had again.

    :param team: the one team it reaches; None: all of its owner's
    :param permissions: what it holds of its owner's permissions at the time of each use; it can always see
    """
    body = PREFIX + "".join(secrets.choice(LETTERS) for _ in range(RANDOM_LENGTH))
    clear = body + _checksum(body)
    token = ApiToken.objects.create(
        user=user,
        team=team,
        permissions=sorted({str(p) for p in permissions} | {str(Permission.SEE)}),
        name=name,
        start=clear[:10],
        digest=_digest(clear),
        created_at=timezone.now(),
        expires_at=expires_at,
    )
    audit.record("token.created", actor=actor, result="done", target=team, after=_facts(token))
    return token, clear


@transaction.atomic
def revoke(*, token: ApiToken, actor: Actor) -> None:
    """This will end a token; one that has ended already stays as it is."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
        audit.record("token.revoked", actor=actor, result="done", target=token.team, before=_facts(token))


def verify(clear: str) -> ApiToken | None:
    """This will find the token behind a text; None when there is none, or it has expired, or was revoked."""
    if not is_well_formed(clear):
        return None
    now = timezone.now()
    lives = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    rows = ApiToken.objects.filter(lives, digest=_digest(clear), revoked_at__isnull=True, user__is_active=True)
    token = rows.select_related("user", "team").first()
    if token and (token.last_used_at is None or now - token.last_used_at > USE_IS_NOTED_EVERY):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def is_well_formed(clear: str) -> bool:
    """This will tell a token of ours from other texts, by its checksum, without asking the database."""
    body, checksum = clear[:-CHECKSUM_LENGTH], clear[-CHECKSUM_LENGTH:]
    return body.startswith(PREFIX) and len(body) == len(PREFIX) + RANDOM_LENGTH and checksum == _checksum(body)


def _checksum(body: str) -> str:
    value, letters = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        value, rest = divmod(value, len(LETTERS))
        letters = LETTERS[rest] + letters
    return letters


def _digest(clear: str) -> str:
    return hashlib.sha256(clear.encode()).hexdigest()


def _facts(token: ApiToken) -> dict[str, Any]:
    return {
        "name": token.name,
        "user": token.user.get_username(),
        "start": token.start,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        "team": token.team.slug if token.team else None,
        "permissions": token.permissions,
    }
