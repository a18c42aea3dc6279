"""Ownership by rule: preview, explanation and carrying out agree, and leads stay within their own."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.actor import Actor
from connectors.models import AuditEvent, Connector, OwnershipRule, VendorAccount
from connectors.permissions import viewer_of
from connectors.queries import rules as queries
from connectors.services import rules
from connectors.services.operations import NotAllowed, NotNow
from tests.cast import Estate


def make(estate: Estate, by: str = "admin", **values: object) -> OwnershipRule:
    """This will make a rule that gives connectors to team retail."""
    user = estate.people[by]
    rule = OwnershipRule(**{"team": estate.other, **values})
    return rules.create(rule=rule, actor=Actor("person", by, user.pk), viewer=viewer_of(user))


def owners(estate: Estate) -> dict[str, str]:
    """This will tell whose each connector is."""
    return dict(Connector.objects.values_list("name", "team__slug"))


@pytest.mark.parametrize(
    ("values", "moved"),
    [
        ({"name": "or*"}, {"orders"}),
        ({"name": "?rders"}, {"orders"}),
        ({"name": "^(orders|ledger)$", "match": "regex"}, {"orders", "ledger"}),
        ({"label": "tier=1"}, {"ledger"}),
        ({"label": "tier"}, {"ledger", "invoices"}),
        ({"vendor": "tiny"}, {"orders", "invoices", "ledger"}),
        ({"pipeline": "b?x", "name": "l*"}, {"ledger"}),
        ({"name": "or"}, set()),
        ({"pipeline": "other"}, set()),
    ],
)
def test_a_rule_moves_what_it_names(estate: Estate, values: dict[str, Any], moved: set[str]) -> None:
    Connector.objects.filter(name="ledger").update(labels={"tier": "1"})
    Connector.objects.filter(name="invoices").update(labels={"tier": "2"})

    make(estate, **values)

    assert {name for name, team in owners(estate).items() if team == "retail"} == moved


NAMES = st.text("abc.", min_size=1, max_size=3)
PATTERNS = st.text("abc.*?", min_size=1, max_size=3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NAMES, min_size=1, max_size=4, unique=True), st.lists(st.tuples(PATTERNS, st.booleans()), max_size=4))
def test_preview_explanation_and_carrying_out_agree(
    estate: Estate, names: list[str], patterns: list[tuple[str, bool]]
) -> None:
    Connector.objects.all().delete()
    OwnershipRule.objects.all().delete()
    for name in names:
        estate.add(name)
    for position, (pattern, is_others) in enumerate(patterns):
        team = estate.other if is_others else estate.team
        OwnershipRule.objects.create(
            team=team, name=pattern, position=position, is_of_site=True, made_by="admin", made_at=timezone.now()
        )
    first = {
        name: next((place for place, (pattern, _) in enumerate(patterns) if fnmatchcase(name, pattern)), None)
        for name in names
    }
    expected = {
        name: "payments" if place is None or not patterns[place][1] else "retail" for name, place in first.items()
    }
    predicted = sum(move.number for move in queries.moves(list(queries.in_order())))

    rules.settle()

    assert owners(estate) == expected
    assert predicted == sum(team == "retail" for team in expected.values())
    ids = list(OwnershipRule.objects.values_list("pk", flat=True))
    for connector in Connector.objects.all():
        rule = queries.deciding(connector)
        assert (ids.index(rule.pk) if rule else None) == first[connector.name]


def test_the_first_rule_decides_and_without_one_the_accounts_team_owns(estate: Estate) -> None:
    rule = make(estate, name="o*", position=5)
    make(estate, name="*", team=estate.team, position=9)
    assert owners(estate) == {"orders": "retail", "invoices": "payments", "ledger": "payments"}

    rules.delete(
        rule=rule, actor=Actor("person", "admin", estate.people["admin"].pk), viewer=viewer_of(estate.people["admin"])
    )

    assert set(owners(estate).values()) == {"payments"}


def test_preview_tells_what_would_move_and_moves_nothing(estate: Estate) -> None:
    rule = OwnershipRule(team=estate.other, name="*e*")

    (move,) = rules.preview(rule=rule, viewer=viewer_of(estate.people["admin"]))

    assert (move.source, move.goal, move.number, list(move.examples)) == (
        "payments", "retail", 3, ["invoices", "ledger", "orders"],
    )  # fmt: skip
    assert set(owners(estate).values()) == {"payments"}
    assert not OwnershipRule.objects.exists()


def test_a_leads_rule_stays_in_their_own_account_and_team(estate: Estate) -> None:
    theirs = VendorAccount.objects.create(
        vendor="tiny", name="retail-box", team=estate.other, base_url="http://127.0.0.1:9", created_at=timezone.now()
    )

    for values in ({"name": "*"}, {"account": theirs}, {"account": estate.account}):
        with pytest.raises(NotAllowed):
            make(estate, "lead", **values)
    with pytest.raises(NotAllowed):
        make(estate, "operator", account=estate.account, team=estate.team)
    assert make(estate, "lead", account=estate.account, team=estate.team).is_of_site is False


def test_an_admins_rule_goes_before_a_leads_whatever_the_position(estate: Estate) -> None:
    make(estate, name="orders", position=500)
    make(estate, "lead", team=estate.team, account=estate.account, position=1)

    assert owners(estate)["orders"] == "retail"


@pytest.mark.parametrize("pattern", ["(", "[a-", "a{2,1}"])
def test_a_pattern_that_cannot_be_read_is_refused(estate: Estate, pattern: str) -> None:
    with pytest.raises(NotNow, match="cannot be read"):
        make(estate, name=pattern, match="regex")

    assert not OwnershipRule.objects.exists()


def test_a_pattern_that_takes_too_long_is_given_up(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "LONGEST", 50)
    estate.add("a" * 299)
    slow = r"^(a+)(a+)(a+)\1\2\3$"  # every way to cut 299 letters is tried, and none fits an odd number

    with pytest.raises(NotNow, match="Make the regular expression simpler"):
        make(estate, name=slow, match="regex")

    assert not OwnershipRule.objects.exists()
    assert Connector.objects.count() == 4


def test_a_rule_that_names_nothing_is_refused(estate: Estate) -> None:
    with pytest.raises(NotNow):
        make(estate)


def test_the_report_finds_overlaps_and_orphans(estate: Estate) -> None:
    make(estate, name="o*", position=1)
    make(estate, name="*rs", team=estate.team, position=2)

    found = queries.report(list(queries.in_order()))

    assert (list(found.decided.values()), found.orphans) == ([1, 0], 2)
    assert [(str(o.first), str(o.second), o.number) for o in found.overlaps] == [("name o*", "name *rs", 1)]


def test_moving_is_on_record_for_the_team_that_receives(estate: Estate) -> None:
    make(estate, name="orders")

    event = AuditEvent.objects.get(action="team.connectors.received")
    assert (event.team, event.actor, event.after) == ("retail", "admin", {"connectors": [estate.connectors[0].pk]})
    made = AuditEvent.objects.get(action="rule.created")
    assert made.after is not None
    assert made.after["moved"] == {"payments to retail": 1}
