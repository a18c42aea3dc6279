"""Connectors that no rule holds for: a lead claims one for their team, an admin decides."""

import re

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import AuditEvent, Connector, OwnershipClaim, OwnershipRule, Team
from connectors.permissions import Viewer
from connectors.queries import rules as queries
from connectors.services import audit, rules
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import Permission


@transaction.atomic
def claim(*, connector: Connector, team: Team, reason: str, user: User, actor: Actor, viewer: Viewer) -> OwnershipClaim:
    """
    This will ask the admins to give a connector to a team.

    :raises NotAllowed: the actor does not manage the team
    :raises NotNow: a rule decides whose it is, it is the team's already, it was claimed, or there is no reason
    """
    if why := viewer.why_not(Permission.MANAGE_TEAM, team.pk, team.slug):
        raise NotAllowed(why)
    if not reason.strip():
        raise NotNow("Say why it is yours: whoever decides has to know.")
    _refuse_unless_orphan(connector)
    if connector.team_id == team.pk:
        raise NotNow(f"{connector.name} belongs to {team.name} already, as everything else of its account.")
    try:
        with transaction.atomic():
            made = OwnershipClaim.objects.create(
                connector=connector, team=team, reason=reason.strip(), user=user, asked_at=timezone.now()
            )
    except IntegrityError as error:
        raise NotNow(f"{team.name} has claimed {connector.name} already; wait for the answer.") from error
    audit.record("claim.asked", actor=actor, result=AuditEvent.Result.REQUESTED, target=connector, reason=reason,
                 after={"team": team.slug})  # fmt: skip
    return made


@transaction.atomic
def decide(*, claim: OwnershipClaim, is_granted: bool, said: str, actor: Actor, viewer: Viewer) -> OwnershipClaim:
    """
    This will decline a claim, or grant it: that makes a rule for this one connector, and carries it out.

    :raises NotAllowed: the actor is no admin, or has claimed it themselves
    :raises NotNow: it was decided already, or a rule decides by now
    """
    rows = OwnershipClaim.objects.select_for_update(of=("self",)).select_related("team", "connector__account__team")
    claim = rows.get(pk=claim.pk)
    if why := viewer.why_not(Permission.ADMINISTER):
        raise NotAllowed(why)
    if claim.user_id == viewer.user_id:
        raise NotAllowed("Nobody grants their own claim: it takes a second person.")
    if claim.decided_at:
        raise NotNow(f"It was decided already, by {claim.decided_by}.")
    if is_granted:
        _refuse_unless_orphan(claim.connector)
        rules.create(rule=_rule_for(claim), actor=actor, viewer=viewer)
    claim.decided_at, claim.decided_by, claim.decision = timezone.now(), actor.label, said
    claim.is_granted = is_granted
    claim.save(update_fields=["decided_at", "decided_by", "decision", "is_granted"])
    what = "claim.granted" if is_granted else "claim.declined"
    audit.record(what, actor=actor, result=AuditEvent.Result.DONE, target=claim.connector, reason=said,
                 after={"team": claim.team.slug, "claimed_by": claim.user.get_username()})  # fmt: skip
    return claim


def _rule_for(claim: OwnershipClaim) -> OwnershipRule:
    """A name with * or ? in it would be a pattern; as an expression every letter stands for itself."""
    name = claim.connector.name
    is_plain = not {"*", "?"} & set(name)
    return OwnershipRule(
        team=claim.team,
        account=claim.connector.account,
        name=name if is_plain else f"^{re.escape(name)}$",
        match=OwnershipRule.Match.GLOB if is_plain else OwnershipRule.Match.REGEX,
    )


def _refuse_unless_orphan(connector: Connector) -> None:
    if rule := queries.deciding(connector):
        raise NotNow(f"The rule “{rule}” gives {connector.name} to {rule.team.name}: ask its leads.")
