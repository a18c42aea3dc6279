"""What comes to the inbox: rules over newly sealed events, grouped, each event looked at once."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from connectors.actor import DRIVER, Actor
from connectors.models import AuditEvent, AuditSink, Connector, ReviewItem, ReviewRule
from connectors.models.guards import Protection
from connectors.queries import audit as searching
from connectors.queries import audit_language
from connectors.services import audit, feeding, sealing
from connectors.states import Verb
from tests.cast import Estate

pytestmark = pytest.mark.django_db
THURSDAY_NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)
BATCH = uuid.UUID("5f0c2a1e-8b1d-4c53-9a77-0e2d7b8a3c11")


@pytest.fixture(autouse=True)
def _no_rules(db: None) -> None:
    ReviewRule.objects.all().delete()


@pytest.fixture
def operator(db: None) -> Actor:
    """This will make somebody who acts."""
    return Actor("person", "operator", user_id=User.objects.create_user("op-person").pk)


def rule(**values: Any) -> ReviewRule:
    """This will make a rule."""
    return ReviewRule.objects.create(**{"name": "Rule", **values})


def add(
    actor: Actor, action: str = "connector.pause.requested", result: str = "requested", **values: Any
) -> AuditEvent:
    """This will record one event."""
    with transaction.atomic():
        return audit.record(action, actor=actor, result=result, **{"at": THURSDAY_NOON, **values})


def fed() -> list[ReviewItem]:
    """This will seal, feed and give the inbox."""
    while sealing.seal():
        pass
    feeding.feed()
    return list(ReviewItem.objects.order_by("pk"))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"query": "result:refused"}, ["b"]),
        ({"query": "action:connector.*"}, ["a", "b", "c"]),
        ({"query": "", "condition": "no_ticket"}, ["a", "b"]),
        ({"condition": "out_of_hours", "begins": time(7), "ends": time(19)}, ["b"]),
        ({"condition": "out_of_hours", "begins": time(7), "ends": time(12), "zone": "Europe/Berlin"}, ["a", "b", "d"]),
        ({"condition": "first_time", "query": "action:connector.*"}, ["a", "b"]),
        ({"condition": "sample", "number": 100}, ["a", "b", "d"]),
        ({"condition": "sample", "number": 0}, []),
        ({"query": "no such key:"}, []),
        ({"query": "", "is_on": False}, []),
    ],
)
def test_rule_finds_what_meets_it(operator: Actor, values: dict[str, Any], found: list[str]) -> None:
    rule(**values)
    add(operator, reason="a")
    add(operator, "connector.pause.refused", "refused", reason="b", at=THURSDAY_NOON.replace(hour=22))
    add(DRIVER, "connector.state.changed_outside", "observed", reason="c", ticket="T-1")
    add(operator, "site.test.done", "done", reason="d", ticket="T-1")
    add(operator, "review.approved", "done", reason="never reviewed in turn")

    reasons = dict(AuditEvent.objects.values_list("pk", "reason"))
    assert [reasons[item.event_id] for item in fed()] == found


def test_many_events_are_held_to_the_rules_in_as_many_queries_as_few(
    operator: Actor, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for condition in ("", "protected", "first_time", "no_ticket"):
        rule(name=f"Rule {condition}", condition=condition, query="action:connector.*")
    counted = []
    for number in (3, 60):
        for _ in range(number):
            add(operator, batch_id=BATCH)
        fed()
        for _ in range(number):
            add(operator, batch_id=BATCH)
        sealing.seal()
        with django_assert_max_num_queries(200) as queries:
            feeding.feed()
        counted.append(len(queries))

    assert counted[0] == counted[1]


def test_protected_connector_is_told_by_what_protects_it(operator: Actor, estate: Estate) -> None:
    rule(condition="protected")
    orders, invoices, _ = estate.connectors
    Protection.objects.create(connector=orders, set_by="lead", set_at=THURSDAY_NOON)
    add(operator, target=orders)
    add(operator, target=invoices)

    (item,) = fed()

    assert item.said == "operator asked to pause connector orders"


def test_events_of_a_batch_and_of_an_operation_are_one_item(operator: Actor) -> None:
    rule(name="All")
    rule(name="Large", condition="large_batch", number=2, weight=80)
    add(operator, "batch.pause.requested", after={"connectors": 3}, batch_id=BATCH)
    assert len(fed()) == 1
    for _ in range(3):
        add(operator, batch_id=BATCH)
    add(operator)

    batch, single = fed()

    assert (batch.key, batch.events, batch.rules, batch.weight) == (f"batch:{BATCH}", 4, ["Large", "All"], 80)
    assert (single.events, single.rules) == (1, ["All"])


def test_item_knows_everybody_who_had_a_hand_in_it(operator: Actor) -> None:
    rule()
    owner = User.objects.create_user("owner")
    add(operator, batch_id=BATCH)
    add(Actor("token", "owner", user_id=owner.pk, token_name="ci"), batch_id=BATCH)
    event = add(DRIVER, "site.test.done", "done")

    batch, system = fed()

    assert batch.people == sorted([operator.user_id or 0, owner.pk])
    assert (system.people, system.event_id) == ([], event.pk)


def test_outcome_by_the_product_belongs_to_who_asked(box: Any) -> None:
    rule(query="kind:system action:connector.pause.*")
    box.drive()
    box.ask(Verb.PAUSE)
    for _ in range(60):
        box.drive()
        if Connector.objects.get(name="thing-1").state == "paused":
            break

    (item,) = fed()

    assert item.people == [box.user.pk]


def test_every_event_is_looked_at_once_whatever_dies(operator: Actor, monkeypatch: Any) -> None:
    rule()
    monkeypatch.setattr(feeding, "AT_ONCE", 2)
    for _ in range(5):
        add(operator)
    stored = feeding._store
    calls: list[int] = []

    def dies(found: Any) -> None:
        calls.append(1)
        stored(found)
        if len(calls) == 2:
            raise SystemExit

    monkeypatch.setattr(feeding, "_beginning", lambda: 0)
    monkeypatch.setattr(feeding, "_store", dies)
    sealing.seal()
    with pytest.raises(SystemExit):
        feeding.feed()
    monkeypatch.setattr(feeding, "_store", stored)

    assert len(fed()) == 5
    assert AuditSink.objects.get(name="review").position == 5
    assert [item.events for item in ReviewItem.objects.all()] == [1] * 5


def test_sample_is_drawn_evenly_and_the_same_each_time() -> None:
    drawing = ReviewRule(pk=7, condition="sample", number=10)
    events = [AuditEvent(pk=number) for number in range(4000)]

    drawn = [event.pk for event in events if feeding.is_drawn(drawing, event)]

    assert 320 <= len(drawn) <= 480
    assert drawn == [event.pk for event in events if feeding.is_drawn(drawing, event)]


def test_search_knows_where_a_review_stands(operator: Actor) -> None:
    rule(query="reason:found")
    found, other = add(operator, reason="found"), add(operator, reason="other")
    fed()

    def ids(text: str) -> list[int]:
        return [event.pk for event in searching.page(audit_language.read(text)).events]

    assert (ids("review:waiting"), ids("review:none"), ids("review:approved")) == ([found.pk], [other.pk], [])


def test_usual_rules_can_be_read() -> None:
    from importlib import import_module
    from pathlib import Path

    import connectors.migrations

    (name,) = [path.stem for path in Path(connectors.migrations.__path__[0]).glob("*_review_rules.py")]
    for usual in import_module(f"connectors.migrations.{name}").RULES:
        assert audit_language.read(usual["query"]).troubles == [], usual
