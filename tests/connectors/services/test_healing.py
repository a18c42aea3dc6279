"""Auto-heal: in growing steps, within its budget, through the gate, never against a person; given up once."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from connectors.models import AuditEvent, Connector, HealPolicy, HealState, Operation, StateChange
from connectors.services import healing
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import OperationStatus, State, Verb
from tests.cast import Estate
from tests.connectors.services.guarding import ask, freeze, protect, who


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)


@pytest.fixture
def ledger(estate: Estate) -> Connector:
    """A connector that failed ten minutes ago, of an account that does not grow stale."""
    estate.account.budget = 1e10
    estate.account.save()
    found = estate.connectors[2]
    found.state_since = timezone.now() - timedelta(minutes=10)
    found.save()
    return found


def policy(estate: Estate, connector: Connector | None = None, **fields: Any) -> HealPolicy:
    actor, viewer = who(estate, "lead")
    wish = healing.Wish(**{"first_wait": 60, "budget": 3, "reset_after": 600, **fields})
    return healing.set_policy(team=estate.team, connector=connector, wish=wish, actor=actor, viewer=viewer)


def fails_again() -> None:
    """The vendor took it, and it is broken still."""
    Operation.objects.update(status=OperationStatus.CONFIRMED)


def test_try_is_asked_by_the_product_and_says_which_it_is(estate: Estate, ledger: Connector) -> None:
    policy(estate)

    assert healing.run() == 1

    operation = Operation.objects.get()
    assert (operation.actor, operation.kind, operation.connector) == ("system:heal", "restart", ledger)
    assert operation.reason == "auto-heal, try 1: connection refused"
    assert healing.run() == 0


def test_steps_grow_budget_ends_and_it_is_given_up_once(estate: Estate, ledger: Connector) -> None:
    policy(estate)
    start = timezone.now()
    tried = []

    with time_machine.travel(start, tick=False) as clock:
        for minute in range(60):
            clock.move_to(start + timedelta(minutes=minute))
            if healing.run():
                tried.append(minute)
            fails_again()

    assert tried == [0, 2, 6]  # one minute, doubled each time
    known = HealState.objects.get()
    assert (known.attempts, known.why) == (3, "3 tries within an hour did not help")
    assert AuditEvent.objects.filter(action="connector.heal.opened").count() == 1


@pytest.mark.parametrize("error", ["HTTP 401: bad key", "Unknown magic byte!"])
def test_error_that_no_restart_mends_is_never_tried(estate: Estate, ledger: Connector, error: str) -> None:
    policy(estate)
    Connector.objects.filter(pk=ledger.pk).update(error=error)

    healing.run()

    assert not Operation.objects.exists()
    assert HealState.objects.get().opened_at is not None


@pytest.mark.parametrize("wanted", [State.PAUSED, State.STOPPED])
def test_what_a_person_holds_is_never_healed(estate: Estate, ledger: Connector, wanted: State) -> None:
    policy(estate)
    Connector.objects.filter(pk=ledger.pk).update(desired_state=wanted)

    assert healing.run() == 0
    assert not Operation.objects.exists()


def test_what_somebody_held_outside_is_never_healed(estate: Estate, ledger: Connector) -> None:
    policy(estate)
    for after, cause in ((State.RUNNING, "operation"), (State.PAUSED, "outside"), (State.FAILED, "unknown")):
        StateChange.objects.create(connector=ledger, before="", after=after, at=timezone.now(), cause=cause)

    assert healing.run() == 0
    assert not Operation.objects.exists()


def test_connector_that_stands_in_a_stopped_pipeline_is_left(estate: Estate, ledger: Connector) -> None:
    policy(estate)
    estate.pipeline.state = State.STOPPED
    estate.pipeline.save()

    assert healing.run() == 0
    assert not Operation.objects.exists()


def test_freeze_holds_for_healing_and_costs_no_try(estate: Estate, ledger: Connector) -> None:
    policy(estate)
    freeze(estate, team=estate.team)

    assert healing.run() == 0
    assert healing.run(timezone.now() + timedelta(minutes=2)) == 0

    known = HealState.objects.get()
    assert (known.attempts, Operation.objects.exists()) == (0, False)
    assert known.why.startswith("Frozen until somebody ends it")
    refusals = AuditEvent.objects.filter(action="connector.restart.refused", actor="system:heal")
    assert refusals.count() == 1  # the same refusal is on record once


def test_what_is_protected_from_restarting_is_not_healed(estate: Estate, ledger: Connector) -> None:
    policy(estate)
    protect(estate, ledger)

    assert healing.run() == 0
    assert not Operation.objects.exists()
    assert "takes an approval" in HealState.objects.get().why


def test_well_for_long_enough_it_starts_from_nought(estate: Estate, ledger: Connector) -> None:
    policy(estate)
    now = timezone.now()
    healing.run(now)
    fails_again()
    Connector.objects.filter(pk=ledger.pk).update(state=State.RUNNING)

    healing.run(now + timedelta(minutes=1))
    healing.run(now + timedelta(minutes=10))
    assert HealState.objects.exists()
    healing.run(now + timedelta(minutes=11, seconds=1))

    assert not HealState.objects.exists()


def test_person_who_acts_lets_it_be_healed_again(estate: Estate, ledger: Connector) -> None:
    policy(estate)
    Connector.objects.filter(pk=ledger.pk).update(error="HTTP 401")
    healing.run()
    ask(estate, ledger, Verb.RESTART)
    fails_again()
    Connector.objects.filter(pk=ledger.pk).update(error="connection reset")

    assert healing.run() == 1


def test_circuit_is_closed_by_hand_on_record(estate: Estate, ledger: Connector) -> None:
    policy(estate)
    Connector.objects.filter(pk=ledger.pk).update(error="HTTP 401")
    healing.run()
    viewer = who(estate, "viewer")
    with pytest.raises(NotAllowed):
        healing.close(connector=ledger, actor=viewer[0], viewer=viewer[1])
    actor, operator = who(estate, "operator")

    healing.close(connector=ledger, actor=actor, viewer=operator)

    assert not HealState.objects.exists()
    assert AuditEvent.objects.filter(action="connector.heal.closed", actor="operator").exists()
    with pytest.raises(NotNow):
        healing.close(connector=ledger, actor=actor, viewer=operator)


def test_own_policy_goes_before_the_teams(estate: Estate, ledger: Connector) -> None:
    policy(estate)
    policy(estate, ledger, is_on=False)

    assert healing.run() == 0
    assert not Operation.objects.exists()


def test_without_a_policy_nothing_is_healed(estate: Estate, ledger: Connector) -> None:
    assert healing.run() == 0
    policy(estate, is_on=False)
    assert healing.run() == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"states": ["paused"]}, "Only failed and degraded"), ({"states": []}, "at least one state"),
     ({"first_wait": 60, "longest_wait": 5}, "no shorter")],
)  # fmt: skip
def test_policy_that_makes_no_sense_is_refused(estate: Estate, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(NotNow, match=words):
        policy(estate, **fields)


@pytest.mark.parametrize("name", ["operator", "viewer", "stranger", "auditor"])
def test_policies_are_set_by_leads(estate: Estate, name: str) -> None:
    actor, viewer = who(estate, name)

    with pytest.raises(NotAllowed):
        healing.set_policy(team=estate.team, connector=None, wish=healing.Wish(), actor=actor, viewer=viewer)
