"""Who owns what by rule. Preview, explanation and the rules' carrying out all ask the one expression made here."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import BigIntegerField, Case, Count, F, IntegerField, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Coalesce, Concat

from connectors.models import Connector, OwnershipRule, Team
from connectors.permissions import Viewer
from connectors.states import Permission

LONGEST = 2_000
"""Milliseconds that the patterns of all rules together may take."""


ID = BigIntegerField()


class TooSlow(Exception):
    """A pattern takes too long to be tried; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            f"The patterns take longer than {LONGEST // 1000} s to try. Make the regular expression simpler."
        )


def in_order() -> QuerySet[OwnershipRule]:
    """This will give the rules, the one that decides first at the top."""
    return OwnershipRule.objects.select_related("team", "account__team")


def visible_to(viewer: Viewer) -> QuerySet[OwnershipRule]:
    """This will give the rules that give something to the person's teams or take it from their accounts."""
    if viewer.may(Permission.SEE) and viewer.sees_all:
        return in_order()
    teams = [team for team in viewer.roles if viewer.may_see(team)]
    return in_order().filter(Q(team__in=teams) | Q(account__team__in=teams))


def condition(rule: OwnershipRule) -> Q:
    """This will give what a connector must be for the rule to hold."""
    found = Q()
    if rule.vendor:
        found &= Q(account__vendor=rule.vendor)
    if rule.account_id:
        found &= Q(account_id=rule.account_id)
    if rule.pipeline:
        found &= Q(pipeline__name__regex=from_glob(rule.pipeline))
    if rule.name:
        is_regex = rule.match == OwnershipRule.Match.REGEX
        found &= Q(name__regex=rule.name if is_regex else from_glob(rule.name))
    if rule.label:
        key, has_value, value = rule.label.partition("=")
        found &= Q(labels__contains={key: value}) if has_value else Q(labels__has_key=key)
    return found


def from_glob(pattern: str) -> str:
    """This will give the regular expression behind a pattern with * and ?, for the whole of a name."""
    return "^" + "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern) + "$"


def with_owner(rows: QuerySet[Connector], rules: Sequence[OwnershipRule]) -> QuerySet[Any]:
    """This will add `owner_id`, the team that owns by these rules, and `rule_place`, where the deciding one stands."""
    teams = [When(condition(rule), then=Value(rule.team_id)) for rule in rules]
    places = [When(condition(rule), then=Value(place)) for place, rule in enumerate(rules)]
    return rows.annotate(
        owner_id=Coalesce(Case(*teams, default=None, output_field=ID), F("account__team_id"), output_field=ID),
        rule_place=Case(*places, default=None, output_field=IntegerField()),
    )


@contextmanager
def limited() -> Iterator[None]:
    """
    This will let a query with patterns take its time, and no more. Needs a transaction to be open or opens one.

    :raises TooSlow: it took longer
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            (before,) = cursor.fetchone()
            cursor.execute(f"SET LOCAL statement_timeout = {LONGEST}")
            yield
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
    except OperationalError as error:
        if "statement timeout" in str(error):
            raise TooSlow from error
        raise


@dataclass(frozen=True, slots=True)
class Move:
    """What a change of the rules takes from one team and gives to another."""

    source: str
    goal: str
    number: int
    examples: Sequence[str]


def moves(rules: Sequence[OwnershipRule], examples: int = 5) -> list[Move]:
    """
    This will tell what these rules would change, were they the ones in force.

    :raises TooSlow: a pattern takes too long
    """
    with limited():
        changed = with_owner(Connector.objects.all(), rules).exclude(owner_id=F("team_id")).order_by()
        groups = list(changed.values("team__slug", "owner_id").annotate(number=Count("pk")).order_by("-number"))
        slugs = _slugs([group["owner_id"] for group in groups])
        return [
            Move(
                group["team__slug"],
                slugs[group["owner_id"]],
                group["number"],
                list(
                    changed.filter(team__slug=group["team__slug"], owner_id=group["owner_id"])
                    .order_by("name")
                    .values_list("name", flat=True)[:examples]
                ),
            )
            for group in groups
        ]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two rules of different teams that hold for the same connectors."""

    first: OwnershipRule
    """It decides, unless one before both of them does."""
    second: OwnershipRule
    number: int


@dataclass(frozen=True, slots=True)
class Report:
    """How the rules lie over the estate."""

    decided: dict[int, int]
    """By rule id: how many connectors it decides."""
    orphans: int
    """Connectors that no rule holds for; their account's team owns them."""
    overlaps: list[Overlap]


def report(rules: Sequence[OwnershipRule], rows: QuerySet[Connector] | None = None) -> Report:
    """
    This will count what each rule decides, what none does, and where two would decide differently, in one query.

    :param rows: only these connectors; None for all
    :raises TooSlow: a pattern takes too long
    """
    rows = Connector.objects.all() if rows is None else rows.select_related(None)
    flags = [Case(When(condition(rule), then=Value("1")), default=Value("0")) for rule in rules]
    with limited():
        held = rows.annotate(held=Concat(Value(""), *flags, Value(""), output_field=TextField())).order_by()
        groups = list(held.values_list("held").annotate(number=Count("pk")))
    decided, pairs = dict.fromkeys((rule.pk for rule in rules), 0), Counter[tuple[int, int]]()
    orphans = 0
    for flagged, number in groups:
        places = [place for place, flag in enumerate(flagged) if flag == "1"]
        if not places:
            orphans += number
            continue
        decided[rules[places[0]].pk] += number
        for first, second in combinations(places, 2):
            if rules[first].team_id != rules[second].team_id:
                pairs[first, second] += number
    overlaps = [Overlap(rules[first], rules[second], number) for (first, second), number in pairs.most_common()]
    return Report(decided=decided, orphans=orphans, overlaps=overlaps)


def orphans(rows: QuerySet[Connector], rules: Sequence[OwnershipRule]) -> QuerySet[Any]:
    """This will give the connectors that no rule holds for; to be read within `limited()`."""
    return with_owner(rows, rules).filter(rule_place__isnull=True).order_by("account__name", "name", "pk")


def deciding(connector: Connector) -> OwnershipRule | None:
    """This will name the rule that decides whose a connector is; None where the account's team owns it."""
    rules = list(in_order())
    with limited():
        place = with_owner(Connector.objects.filter(pk=connector.pk), rules).values_list("rule_place", flat=True).get()
    return None if place is None else rules[place]


def _slugs(ids: Sequence[int]) -> dict[int, str]:
    return dict(Team.objects.filter(pk__in=ids).values_list("pk", "slug"))
