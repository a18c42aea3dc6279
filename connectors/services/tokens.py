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
from connectors.permissions import Viewer
from connectors.services import audit
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import Permission

PREFIX = "swy_"
LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LENGTH = 32
CHECKSUM_LENGTH = 6
USE_IS_NOTED_EVERY = timedelta(minutes=1)
LONGEST = timedelta(days=366)


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


def issue_for_team(
    *, team: Team, user: User, name: str, permissions: Iterable[Permission], lasts: timedelta, actor: Actor,
    viewer: Viewer,
) -> tuple[ApiToken, str]:  # fmt: skip
    """
    This will make a token that reaches one team and ends, for whoever manages that team.

    :raises NotAllowed: the actor does not manage the team, or gives more than they hold there themselves
    :raises NotNow: it would never end, or later than in a year
    """
    if why := viewer.why_not(Permission.MANAGE_TEAM, team.pk, team.slug):
        raise NotAllowed(why)
    wanted = set(permissions)
    if beyond := sorted(p for p in wanted if not viewer.may(p, team.pk)):
        raise NotAllowed(f"You cannot give what you do not hold in team {team.slug}: {', '.join(beyond)}.")
    if not timedelta() < lasts <= LONGEST:
        raise NotNow("A token lasts a year at most.")
    ends = timezone.now() + lasts
    return issue(user=user, name=name, expires_at=ends, actor=actor, team=team, permissions=wanted)


def issue_own(
    *, user: User, name: str, permissions: Iterable[Permission], lasts: timedelta, actor: Actor, viewer: Viewer
) -> tuple[ApiToken, str]:
    """
    This will make a token that reaches all that its owner reaches at the time of each use, and ends.

    :raises NotAllowed: a token asks, or it is to hold what its owner holds nowhere
    :raises NotNow: it would never end, or later than in a year
    """
    if viewer.scope is not None:
        raise NotAllowed("A token makes no other token in its owner's name: sign in for that.")
    wanted = set(permissions)
    if beyond := sorted(p for p in wanted if not viewer.holds(p)):
        raise NotAllowed(f"You cannot give what you do not hold anywhere: {', '.join(beyond)}.")
    if not timedelta() < lasts <= LONGEST:
        raise NotNow("A token lasts a year at most.")
    ends = timezone.now() + lasts
    return issue(user=user, name=name, expires_at=ends, actor=actor, permissions=wanted)


def revoke_of_team(*, token: ApiToken, actor: Actor, viewer: Viewer) -> None:
    """
    This will end a token of a team.

    :raises NotAllowed: the actor neither manages the team nor is the token's owner
    """
    team = token.team
    why = viewer.why_not(Permission.MANAGE_TEAM, team.pk if team else None, team.slug if team else "")
    is_own = token.user_id == viewer.user_id and viewer.scope is None
    if why and not is_own:
        raise NotAllowed(why)
    revoke(token=token, actor=actor)


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
