"""Asking again, sending again, and an audit that takes nothing."""

import pytest
from django.db import connection, transaction

from connectors.models import Operation, UsualTime
from connectors.services import audit, operations, timings
from connectors.states import OperationStatus, State, Verb
from connectors.vendors.sandbox import Fault
from tests.connectors.services.conftest import Tiny

LOCK_IT = """
CREATE FUNCTION refuse_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;
CREATE TRIGGER unwritable BEFORE INSERT ON connectors_auditevent EXECUTE FUNCTION refuse_events();
"""
UNLOCK_IT = "DROP TRIGGER IF EXISTS unwritable ON connectors_auditevent; DROP FUNCTION IF EXISTS refuse_events()"


def execute(statements: str) -> None:
    """This will run SQL."""
    with connection.cursor() as cursor:
        cursor.execute(statements)


def test_nothing_is_asked_while_the_record_cannot_be_written(box: Tiny) -> None:
    box.drive()
    execute(LOCK_IT)

    with pytest.raises(audit.Unwritable, match="nothing is sent"), transaction.atomic():
        box.ask(Verb.PAUSE)

    assert not Operation.objects.exists()
    assert box.connector().desired_state is None


def test_nothing_is_sent_while_the_record_cannot_be_written(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE)
    execute(LOCK_IT)

    box.drive()

    operation.refresh_from_db()
    box.account.refresh_from_db()
    assert box.bench.world.acts == []
    assert (operation.status, box.account.failure_kind) == (OperationStatus.QUEUED, "audit")
    assert "nothing is sent" in box.account.failure

    execute(UNLOCK_IT)
    box.drive()
    operation.refresh_from_db()
    assert operation.status == OperationStatus.CONFIRMED


def test_retry_asks_anew_for_what_did_not_work_out(box: Tiny) -> None:
    box.drive()
    first = box.ask(Verb.PAUSE, reason="release")
    box.bench.faults.append(Fault("forbidden", path="pause"))
    box.drive()
    first.refresh_from_db()

    second = operations.retry(operation=first, actor=box.actor, viewer=box.viewer)
    box.drive()

    second.refresh_from_db()
    assert (first.status, second.status, second.reason) == ("failed", "confirmed", "release")
    with pytest.raises(operations.NotNow, match="nothing to repeat"):
        operations.retry(operation=second, actor=box.actor, viewer=box.viewer)


def test_send_again_repeats_what_the_vendor_swallowed(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE)
    box.bench.faults.append(Fault("swallow", path="pause"))
    box.drive()
    operation.refresh_from_db()
    assert operation.status == OperationStatus.ACCEPTED

    operations.send_again(operation=operation, actor=box.actor, viewer=box.viewer)
    box.drive()

    operation.refresh_from_db()
    assert (operation.status, operation.attempts, box.connector().state) == ("confirmed", 2, State.PAUSED)


def test_send_again_refuses_what_might_be_done_twice(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.RESTART)
    Operation.objects.update(status=OperationStatus.ACCEPTED)

    with pytest.raises(operations.NotNow, match="not sent twice"):
        operations.send_again(operation=operation, actor=box.actor, viewer=box.viewer)


def test_usual_times_are_measured_from_what_was_confirmed(box: Tiny) -> None:
    box.drive()
    box.ask(Verb.PAUSE)
    box.drive()

    assert timings.measure() == 1

    found = UsualTime.objects.get()
    assert (found.vendor, found.target, found.kind, found.count) == ("tiny", "connector", "pause", 1)
    assert 0 < found.p50 == found.p95
