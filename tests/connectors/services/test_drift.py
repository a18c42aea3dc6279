"""What a person can do about a drift; by itself nothing is undone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connectors.models import AuditEvent, Connector
from connectors.services import drift, operations
from connectors.states import OperationStatus, State, Verb
from tests.connectors.services.conftest import Tiny


@pytest.fixture
def drifted(box: Tiny) -> Connector:
    """This will have a connector paused here and resumed elsewhere."""
    box.drive()
    box.ask(Verb.PAUSE, reason="release")
    box.drive()
    box.bench.world.nudge("thing-1", "resume")
    box.drive()
    return box.connector()


def test_reapply_asks_for_the_wanted_state_again(box: Tiny, drifted: Connector) -> None:
    operation = drift.reapply(target=drifted, actor=box.actor, viewer=box.viewer)
    box.drive()

    operation.refresh_from_db()
    assert (operation.kind, operation.status) == (Verb.PAUSE, OperationStatus.CONFIRMED)
    assert operation.reason == "re-applied: release"
    assert (box.connector().state, box.connector().drift_since) == (State.PAUSED, None)


def test_accept_makes_the_observed_state_the_wanted_one(box: Tiny, drifted: Connector) -> None:
    drift.accept(target=drifted, actor=box.actor, viewer=box.viewer, reason="is right so")
    box.drive()

    row = box.connector()
    assert (row.desired_state, row.drift_since, row.desired_by) == (State.RUNNING, None, "operator")
    event = AuditEvent.objects.get(action="connector.drift.accepted")
    assert (event.before, event.after) == ({"desired_state": "paused"}, {"desired_state": "running"})


def test_snooze_stays_visible_and_ends_with_the_drift(box: Tiny, drifted: Connector) -> None:
    until = timezone.now() + timedelta(hours=8)

    drift.snooze(target=drifted, until=until, actor=box.actor, viewer=box.viewer)
    box.drive()

    assert (box.connector().drift_snoozed_until, box.connector().drift_since) == (until, drifted.drift_since)
    box.bench.world.nudge("thing-1", "pause")
    box.drive()
    assert (box.connector().drift_snoozed_until, box.connector().drift_since) == (None, None)


def test_snooze_refuses_a_time_that_has_passed(box: Tiny, drifted: Connector) -> None:
    with pytest.raises(operations.NotNow, match="still to come"):
        drift.snooze(target=drifted, until=timezone.now(), actor=box.actor, viewer=box.viewer)


def test_decisions_are_refused_without_a_drift(box: Tiny) -> None:
    box.drive()

    with pytest.raises(operations.NotNow):
        drift.reapply(target=box.connector(), actor=box.actor, viewer=box.viewer)
    with pytest.raises(operations.NotNow):
        drift.accept(target=box.connector(), actor=box.actor, viewer=box.viewer)


def test_drift_is_audited_as_a_change_outside(drifted: Connector) -> None:
    event = AuditEvent.objects.get(action="connector.state.changed_outside")

    assert (event.target, event.before, event.after) == (
        "thing-1", {"state": "paused"}, {"state": "running", "vendor_state": "up"},
    )  # fmt: skip
