"""A protection gets weaker only once a second person approves; stronger at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import permissions
from connectors.models import AuditEvent, Connector, Loosening, Membership, Protection
from connectors.queries import inbox, loosenings
from connectors.services import actors, protections, tokens
from connectors.services.operations import ApprovalNeeded, NotAllowed, NotNow
from connectors.states import Role, Verb
from tests.cast import Estate
from tests.connectors.services.guarding import ask, protect, who


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)


@pytest.fixture
def orders(estate: Estate) -> Connector:
    """A connector that an operator may not pause alone; and a second lead."""
    protect(estate, estate.connectors[0], reason="cards")
    user = User.objects.create_user("second lead")
    Membership.objects.create(user=user, team=estate.team, role=Role.LEAD)
    estate.people["second lead"] = user
    return estate.connectors[0]


def lift(estate: Estate, orders: Connector, **more: Any) -> Loosening:
    actor, viewer = who(estate, "lead")
    return protections.lift(connector=orders, actor=actor, viewer=viewer, reason="retired", **more)


def change(estate: Estate, orders: Connector, name: str = "lead", **fields: Any) -> Protection | Loosening:
    actor, viewer = who(estate, name)
    stands = Protection.objects.get(connector=orders)
    values = {"verbs": [Verb(v) for v in stands.verbs], "approver": stands.approver,
              "is_always_on": stands.is_always_on, **fields}  # fmt: skip
    return protections.protect(connector=orders, actor=actor, viewer=viewer, **values)


def decide(estate: Estate, asked: Loosening, name: str, **more: Any) -> Loosening:
    actor, viewer = who(estate, name)
    return protections.approve(loosening=asked, actor=actor, viewer=viewer, **more)


@pytest.mark.parametrize("name", ["second lead", "admin"])
def test_lifting_waits_for_a_second_person_and_opens_then(estate: Estate, orders: Connector, name: str) -> None:
    asked = lift(estate, orders)
    with pytest.raises(ApprovalNeeded):
        ask(estate, orders)

    decide(estate, asked, name, said="go on")

    assert ask(estate, orders).status == "queued"
    events = AuditEvent.objects.filter(action__startswith="connector.protection.l").order_by("id")
    assert [(e.action, e.result, e.actor, e.reason) for e in events] == [
        ("connector.protection.loosening.asked", "requested", "lead", "retired"),
        ("connector.protection.lifted", "done", name, "retired"),
    ]
    assert events[1].after == {"asked_by": "lead"}


@pytest.mark.parametrize("name", ["lead", "operator", "viewer", "stranger", "auditor"])
def test_nobody_else_lifts_it(estate: Estate, orders: Connector, name: str) -> None:
    asked = lift(estate, orders)

    with pytest.raises(NotAllowed):
        decide(estate, asked, name)

    assert Protection.objects.filter(connector=orders).exists()


def test_a_token_of_whoever_asked_is_no_second_person(estate: Estate, orders: Connector) -> None:
    asked, lead = lift(estate, orders), estate.people["lead"]
    token, _ = tokens.issue(user=lead, name="ci", expires_at=None, actor=actors.behind(lead, None))

    with pytest.raises(NotAllowed, match="Nobody approves"):
        protections.approve(
            loosening=asked, actor=actors.behind(lead, token), viewer=permissions.viewer_of(lead, token)
        )


def test_the_database_refuses_it_too(estate: Estate, orders: Connector) -> None:
    asked = lift(estate, orders)

    for decider in (estate.people["lead"], None):
        with pytest.raises(IntegrityError, match="second_person"), transaction.atomic():
            Loosening.objects.filter(pk=asked.pk).update(outcome="approved", decider=decider)


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        ({"verbs": [Verb.PAUSE, Verb.STOP]}, True),
        ({"verbs": [Verb.RESTART, Verb.STOP, Verb.PAUSE, Verb.FORCE_STOP]}, False),
        ({"verbs": [Verb.PAUSE, Verb.STOP, Verb.FORCE_STOP]}, True),
        ({"approver": "lead"}, False),
        ({"is_always_on": True}, False),
        ({"is_always_on": True, "verbs": []}, True),
        ({"reason": "other words"}, False),
    ],
)
def test_what_makes_it_weaker_waits_and_what_does_not_is_done(
    estate: Estate, orders: Connector, fields: dict[str, Any], waits: bool
) -> None:
    before = Protection.objects.get(connector=orders).verbs

    made = change(estate, orders, **fields)

    assert isinstance(made, Loosening) == waits
    stands = Protection.objects.get(connector=orders)
    assert (stands.verbs == before) or not waits


def test_a_lead_in_place_of_an_operator_is_not_given_up_alone(estate: Estate, orders: Connector) -> None:
    change(estate, orders, approver="lead", is_always_on=True)

    weaker = change(estate, orders, approver="operator")
    alone = change(estate, orders, is_always_on=False)

    assert isinstance(weaker, Loosening)
    assert isinstance(alone, Loosening)
    weaker.refresh_from_db()
    assert weaker.outcome == "void"  # the other wish took its place
    decide(estate, alone, "second lead")
    stands = Protection.objects.get(connector=orders)
    assert (stands.approver, stands.is_always_on, stands.set_by) == ("lead", False, "second lead")


def test_what_was_changed_meanwhile_is_asked_anew(estate: Estate, orders: Connector) -> None:
    asked = lift(estate, orders)
    Protection.objects.update(set_at=timezone.now())

    with pytest.raises(NotNow, match="changed since"):
        decide(estate, asked, "admin")


def test_stronger_meanwhile_voids_what_was_asked(estate: Estate, orders: Connector) -> None:
    asked = lift(estate, orders)
    change(estate, orders, "second lead", approver="lead")

    with pytest.raises(NotNow, match="void already"):
        decide(estate, asked, "admin")


def test_it_lapses_is_declined_or_taken_back(estate: Estate, orders: Connector) -> None:
    actor, viewer = who(estate, "second lead")
    late = lift(estate, orders, now=timezone.now() - protections.LASTS)
    with pytest.raises(NotNow, match="lapsed"):
        decide(estate, late, "admin")

    declined = lift(estate, orders)
    assert declined != late
    protections.decline(loosening=declined, actor=actor, viewer=viewer, said="no")
    with pytest.raises(NotNow, match="declined already, by second lead"):
        decide(estate, declined, "admin")

    taken = lift(estate, orders)
    with pytest.raises(NotAllowed, match="asked by lead"):
        protections.take_back(loosening=taken, actor=actor, viewer=viewer)
    protections.take_back(loosening=taken, actor=who(estate, "lead")[0], viewer=who(estate, "lead")[1])
    assert Protection.objects.filter(connector=orders).exists()
    assert set(Loosening.objects.values_list("outcome", flat=True)) == {"void", "declined", "taken back"}


def test_the_same_wish_twice_is_one(estate: Estate, orders: Connector) -> None:
    assert lift(estate, orders) == lift(estate, orders)
    assert AuditEvent.objects.filter(action="connector.protection.loosening.asked").count() == 1


def test_it_is_counted_for_whoever_may_decide(estate: Estate, orders: Connector) -> None:
    lift(estate, orders)

    names = ("lead", "second lead", "admin", "operator", "viewer", "stranger", "auditor")
    counts = {name: inbox.waiting(who(estate, name)[1]).second_persons for name in names}
    seen = {name: loosenings.open_now(who(estate, name)[1]).count() for name in names}

    assert counts == {"lead": 0, "second lead": 1, "admin": 1, "operator": 0, "viewer": 0, "stranger": 0, "auditor": 0}
    assert seen == dict.fromkeys(names, 1) | {"stranger": 0}


WISHES = st.fixed_dictionaries(
    {
        "verbs": st.lists(st.sampled_from([Verb.PAUSE, Verb.STOP, Verb.RESTART]), unique=True),
        "approver": st.sampled_from(["operator", "lead"]),
        "is_always_on": st.booleans(),
    }
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=st.lists(WISHES, min_size=2, max_size=6))
def test_one_person_alone_never_makes_it_weaker(estate: Estate, wishes: list[dict[str, Any]]) -> None:
    """Whatever one lead asks for, in whatever order: what has once been guarded stays guarded."""
    Protection.objects.all().delete()
    Loosening.objects.all().delete()
    actor, viewer = who(estate, "lead")
    verbs: set[str] = set()
    took_lead = always_on = False
    for number, wish in enumerate(w for w in wishes if w["verbs"] or w["is_always_on"]):
        now = timezone.now() + timedelta(seconds=number)
        made = protections.protect(connector=estate.connectors[0], actor=actor, viewer=viewer, now=now, **wish)
        stands = Protection.objects.get()

        assert verbs <= set(stands.verbs)
        assert not (took_lead and stands.approver != "lead")
        assert stands.is_always_on or not always_on
        if isinstance(made, Protection):
            assert stands.verbs == [str(v) for v in Verb if v in wish["verbs"]]
        verbs, always_on = set(stands.verbs), stands.is_always_on
        took_lead = bool(verbs) and stands.approver == "lead"
