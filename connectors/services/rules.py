"""Ownership by rule: making rules, taking them away, and carrying them out."""

from collections import Counter

from django.core.exceptions import ValidationError
from django.db import DataError, transaction
from django.db.models import F
from django.utils import timezone

from connectors.actor import DRIVER, Actor
from connectors.models import AuditEvent, Connector, OwnershipRule, Team, VendorAccount
from connectors.permissions import Viewer
from connectors.queries import rules as queries
from connectors.services import audit, notices
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import Permission
from connectors.vendors import registry

GAP = 10
"""Between the positions of two rules, so that one can be put there by hand."""


@transaction.atomic
def create(*, rule: OwnershipRule, actor: Actor, viewer: Viewer) -> OwnershipRule:
    """
    This will store a rule and carry all of them out.

    :param rule: not stored yet
    :raises NotAllowed: a lead's rule must stay within accounts and teams they lead
    :raises NotNow: the pattern cannot be read or takes too long; nothing was changed
    """
    rule.is_of_site = viewer.is_admin
    _refuse_unless_allowed(rule, viewer)
    rule.made_by, rule.made_at = actor.label, timezone.now()
    _check(rule)
    _lock()
    try:
        with transaction.atomic():
            rule.save()
            moved = settle(actor=actor)
    except DataError as error:
        raise NotNow("The regular expression cannot be read: check its brackets.") from error
    except queries.TooSlow as error:
        raise NotNow(str(error)) from error
    audit.record(
        "rule.created",
        actor=actor,
        result=AuditEvent.Result.DONE,
        target=rule.team,
        after={**facts(rule), "moved": moved},
    )
    return rule


@transaction.atomic
def delete(*, rule: OwnershipRule, actor: Actor, viewer: Viewer) -> None:
    """
    This will take a rule away and carry the others out.

    :raises NotAllowed: it is an admin's rule, or another team's
    """
    if why := why_not_change(rule, viewer):
        raise NotAllowed(why)
    _lock()
    before = facts(rule)
    team = rule.team
    rule.delete()
    moved = settle(actor=actor)
    audit.record(
        "rule.deleted", actor=actor, result=AuditEvent.Result.DONE, target=team, before=before, after={"moved": moved}
    )


@transaction.atomic
def move(*, rule: OwnershipRule, is_up: bool, actor: Actor, viewer: Viewer) -> None:
    """
    This will let a rule change places with the one before or after it, and carry all of them out.

    An admin's rules keep their place before those of leads; a lead orders the rules of one account.

    :raises NotAllowed: as `delete`
    :raises NotNow: it is the first or the last one already, or a pattern takes too long
    """
    if why := why_not_change(rule, viewer):
        raise NotAllowed(why)
    _lock()
    peers = queries.in_order().filter(is_of_site=rule.is_of_site)
    row = list(peers if rule.is_of_site else peers.filter(account=rule.account_id))
    place = next(place for place, peer in enumerate(row) if peer.pk == rule.pk)
    other = place - 1 if is_up else place + 1
    if not 0 <= other < len(row):
        raise NotNow(f"It is the {'first' if is_up else 'last'} one already.")
    before = place + 1
    row[place], row[other] = row[other], row[place]
    for position, peer in enumerate(row, start=1):
        peer.position = position * GAP
    OwnershipRule.objects.bulk_update(row, ["position"])
    try:
        moved = settle(actor=actor)
    except queries.TooSlow as error:
        raise NotNow(str(error)) from error
    audit.record(
        "rule.moved", actor=actor, result=AuditEvent.Result.DONE, target=rule.team,
        before={**facts(rule), "place": before}, after={"place": other + 1, "moved": moved},
    )  # fmt: skip


def preview(*, rule: OwnershipRule, viewer: Viewer) -> list[queries.Move]:
    """
    This will tell what a rule would move, with the expression that carries it out.

    :raises NotAllowed: as `create`
    :raises NotNow: the pattern cannot be read or takes too long
    """
    rule.is_of_site = viewer.is_admin
    _refuse_unless_allowed(rule, viewer)
    _check(rule)
    rules = [*queries.in_order(), rule]
    rules.sort(key=lambda r: (not r.is_of_site, r.position, r.pk or float("inf")))
    try:
        return queries.moves(rules)
    except DataError as error:
        raise NotNow("The regular expression cannot be read: check its brackets.") from error
    except queries.TooSlow as error:
        raise NotNow(str(error)) from error


@transaction.atomic
def settle(*, actor: Actor = DRIVER, account: VendorAccount | None = None) -> dict[str, int]:
    """
    This will give each connector to the team that owns it by the rules in force, and tell how many moved.

    :raises queries.TooSlow: a pattern takes too long; nothing was changed
    """
    rows = Connector.objects.filter(account=account) if account else Connector.objects.all()
    with queries.limited():
        found = queries.with_owner(rows, list(queries.in_order())).exclude(owner_id=F("team_id")).order_by("pk")
        changed = list(found.values_list("pk", "name", "team_id", "owner_id"))
    if not changed:
        return {}
    slugs = dict(Team.objects.values_list("pk", "slug"))
    by_team: dict[int, list[int]] = {}
    for pk, _, _, goal in changed:
        by_team.setdefault(goal, []).append(pk)
    for goal, ids in by_team.items():
        Connector.objects.filter(pk__in=ids).update(team_id=goal)
    notices.rows(connectors=[pk for pk, _, _, _ in changed])
    for goal, ids in by_team.items():
        audit.record(
            "team.connectors.received", actor=actor, result=AuditEvent.Result.DONE, target=Team.objects.get(pk=goal),
            after={"connectors": ids},
        )  # fmt: skip
    return dict(Counter(f"{slugs[source]} to {slugs[goal]}" for _, _, source, goal in changed))


def facts(rule: OwnershipRule) -> dict[str, object]:
    """This will give what the record keeps of a rule."""
    return {"rule": str(rule), "team": rule.team.slug, "position": rule.position, "is_of_site": rule.is_of_site}


def why_not_change(rule: OwnershipRule, viewer: Viewer) -> str:
    """This will say what keeps the person from removing or moving a rule; empty when nothing does."""
    if rule.is_of_site and not viewer.is_admin:
        return "This rule was made by an admin: it takes the site role admin to change it."
    return _why_not(rule, viewer)


def _why_not(rule: OwnershipRule, viewer: Viewer) -> str:
    if viewer.is_admin:
        return ""
    if why := viewer.why_not(Permission.MANAGE_TEAM, rule.team_id, rule.team.slug):
        return why
    if rule.account is None:
        return "A lead's rule names one of the team's own accounts; rules across accounts take an admin."
    return viewer.why_not(Permission.MANAGE_ACCOUNTS, rule.account.team_id, rule.account.team.slug)


def _refuse_unless_allowed(rule: OwnershipRule, viewer: Viewer) -> None:
    if why := _why_not(rule, viewer):
        raise NotAllowed(why)


def _check(rule: OwnershipRule) -> None:
    if rule.vendor and rule.vendor not in registry.vendors():
        raise NotNow(f"There is no vendor {rule.vendor!r}.")
    try:
        rule.full_clean(exclude=["made_by", "made_at"])
    except ValidationError as error:
        raise NotNow("; ".join(error.messages)) from error


def _lock() -> None:
    """Two changes of the rules at once would each carry out half."""
    list(OwnershipRule.objects.select_for_update(of=("self",)).values_list("pk", flat=True))
