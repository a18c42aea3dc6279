"""Driving an account at a vendor that answers over real HTTP."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from connectors.models import AuditEvent, Connector, Operation, StateChange, VendorAccount
from connectors.services import driver, leases, operations, schedule
from connectors.states import OperationStatus, State, Verb
from connectors.vendors.sandbox import Fault
from tests.connectors.services.conftest import Tiny


def test_drive_reads_every_connector(box: Tiny) -> None:
    box.drive()

    assert sorted(Connector.objects.values_list("name", "state")) == [
        ("thing-1", "running"),
        ("thing-2", "running"),
        ("thing-3", "running"),
    ]


def test_drive_confirms_a_pause_only_when_the_vendor_shows_it(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE)

    box.drive()

    operation.refresh_from_db()
    assert operation.status == OperationStatus.CONFIRMED
    assert box.connector().state == State.PAUSED
    assert box.bench.world.truth()[1].state == State.PAUSED
    stamps = [operation.requested_at, operation.sent_at, operation.accepted_at, operation.finished_at]
    assert all(stamps)
    assert stamps == sorted(stamps)  # type: ignore[type-var]  # all of them are set


def test_drive_writes_one_intent_and_one_outcome(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE, reason="release")

    box.drive()

    events = AuditEvent.objects.filter(operation_id=operation.pk).order_by("id")
    assert [(e.action, e.result, e.reason) for e in events] == [
        ("connector.pause.requested", "requested", "release"),
        ("connector.pause.confirmed", "done", "release"),
    ]


def test_drive_notes_what_caused_each_change(box: Tiny) -> None:
    box.drive()
    box.ask(Verb.PAUSE)
    box.drive()
    box.bench.world.nudge("thing-2", "pause")

    box.drive()

    assert set(StateChange.objects.exclude(before="").values_list("connector__name", "after", "cause")) == {
        ("thing-1", "paused", "operation"),
        ("thing-2", "paused", "outside"),
    }


def test_drive_confirms_a_restart_by_its_new_generation(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.RESTART)

    box.drive()

    operation.refresh_from_db()
    assert operation.status == OperationStatus.CONFIRMED
    assert [act.verb for act in box.bench.world.acts] == ["restart"]


@pytest.mark.parametrize("kind", ["drop", "error_but_done", "truncated"])
def test_drive_never_sends_a_restart_twice_when_the_reply_is_lost(box: Tiny, kind: str) -> None:
    box.drive()
    operation = box.ask(Verb.RESTART)
    box.bench.faults.append(Fault(kind, path="restart"))

    box.drive()

    operation.refresh_from_db()
    assert operation.status == OperationStatus.CONFIRMED
    assert [act.verb for act in box.bench.world.acts] == ["restart"]


def test_drive_lets_observation_decide_after_a_server_error(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE)
    box.bench.faults.append(Fault("error_but_done", path="pause"))

    box.drive()

    operation.refresh_from_db()
    assert (operation.status, operation.attempts) == (OperationStatus.CONFIRMED, 1)


def test_drive_fails_with_the_vendors_words_when_it_refuses(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE)
    box.bench.faults.append(Fault("forbidden", path="pause"))

    box.drive()

    operation.refresh_from_db()
    assert (operation.status, operation.error) == (OperationStatus.FAILED, '403: {"message":"forbidden"}')


def test_drive_stays_away_for_as_long_as_the_vendor_asks(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE)
    box.bench.faults.append(Fault("rate_limited", path="pause", seconds=driver.SHORT_REST * 2))

    box.drive()
    calls_after_429 = len(box.bench.requests)
    box.drive()

    operation.refresh_from_db()
    assert operation.status == OperationStatus.QUEUED
    assert len(box.bench.requests) == calls_after_429


def test_drive_stays_away_even_if_the_reply_that_asked_for_it_could_not_be_recorded(
    box: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.drive()
    box.ask(Verb.PAUSE)
    box.bench.faults.append(Fault("rate_limited", path="pause", seconds=driver.SHORT_REST * 2))

    def lose(*_: object) -> None:
        raise OperationalError("the database went away")

    with monkeypatch.context() as gone:
        gone.setattr(driver.Slice, "_record", lose)
        with pytest.raises(OperationalError):
            box.drive()
    calls_after_429 = len(box.bench.requests)
    box.drive()

    assert len(box.bench.requests) == calls_after_429


def test_a_drive_outlasts_a_short_rest_and_asks_nothing_meanwhile(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE)
    box.bench.faults.append(Fault("rate_limited", path="pause", seconds=1))

    box.drive()

    operation.refresh_from_db()
    assert operation.status == OperationStatus.CONFIRMED
    (limited,) = [n for n, request in enumerate(box.bench.requests) if request["status"] == 429]
    rest = box.bench.requests[limited + 1]["at"] - box.bench.requests[limited]["answered_at"]
    assert rest >= 1


def test_drive_keeps_the_rows_of_a_vendor_that_does_not_answer(box: Tiny) -> None:
    box.drive()
    box.bench.faults.append(Fault("unauthorized", times=-1))

    box.drive()

    account = VendorAccount.objects.get()
    assert Connector.objects.count() == 3
    assert (account.failure_kind, account.failures) == ("sign_in_refused", 1)
    assert account.failing_since == account.observed_at


def test_drive_keeps_a_row_that_the_vendor_does_not_list_any_more(box: Tiny) -> None:
    box.drive()
    box.bench.world.nudge("thing-2", "vanish")

    box.drive()

    assert box.connector("thing-2").gone_at is not None
    assert box.connector("thing-2").is_stale()


def test_drive_keeps_an_unknown_word(box: Tiny) -> None:
    box.drive()
    box.bench.world.nudge("thing-1", "puzzle")

    box.drive()

    assert (box.connector().state, box.connector().vendor_state) == (State.UNKNOWN, "sideways")


def test_drive_shows_drift_and_never_undoes_it(box: Tiny) -> None:
    box.drive()
    box.ask(Verb.PAUSE)
    box.drive()
    box.bench.world.nudge("thing-1", "resume")

    box.drive()

    assert box.connector().drift_since is not None
    assert [act.verb for act in box.bench.world.acts] == ["pause"]


def test_drive_leaves_an_account_alone_that_somebody_else_drives(box: Tiny) -> None:
    leases.take(box.account.pk, "another")

    assert box.drive() is False
    assert box.bench.requests == []


def test_a_driver_that_lost_its_lease_writes_nothing(box: Tiny) -> None:
    old = leases.take(box.account.pk, "old")
    assert old is not None
    leases.give_back(old)
    leases.take(box.account.pk, "new")

    with pytest.raises(leases.LeaseLost):
        leases.hold(old)


def test_request_refuses_a_second_one_while_one_is_open(box: Tiny) -> None:
    box.drive()
    box.ask(Verb.PAUSE)

    with pytest.raises(operations.InProgress):
        box.ask(Verb.PAUSE)

    assert Operation.objects.count() == 1


def test_request_gives_the_same_operation_for_the_same_key(box: Tiny) -> None:
    box.drive()

    first, second = box.ask(Verb.PAUSE, key="k1"), box.ask(Verb.PAUSE, key="k1")

    assert first == second
    assert AuditEvent.objects.filter(action="connector.pause.requested").count() == 1


def test_no_secret_reaches_rows_or_audit(box: Tiny) -> None:
    box.bench.faults.append(Fault("error", times=-1))
    box.drive()
    box.bench.faults.clear()
    box.drive()
    box.ask(Verb.PAUSE)
    box.drive()

    written = [*AuditEvent.objects.values(), *Connector.objects.values(), *Operation.objects.values()]
    assert "tiny-secret-key" not in str(written)
    assert b"tiny-secret-key" not in bytes(VendorAccount.objects.get().sealed_credentials)


def test_circuit_opens_after_failures_in_a_row_and_lets_one_observation_through(box: Tiny) -> None:
    box.drive()
    box.bench.faults.append(Fault("unauthorized", times=-1))
    for _ in range(3):
        box.drive()
    box.account.refresh_from_db()
    assert box.account.circuit == "open"
    Operation.objects.filter(pk=_queued(box).pk).update(attempts=0)
    seen = len(box.bench.requests)

    driver.drive(box.account.pk)
    assert len(box.bench.requests) == seen

    box.bench.faults.clear()
    VendorAccount.objects.update(due_at=None)
    box.account.refresh_from_db()
    assert box.account.circuit == "half_open"
    driver.drive(box.account.pk)
    box.account.refresh_from_db()
    assert box.account.circuit == "closed"
    assert Operation.objects.get().status == OperationStatus.CONFIRMED


def _queued(box: Tiny) -> Operation:
    """The rows are not stale yet, so a verb can still be asked for."""
    return box.ask(Verb.PAUSE)


def test_a_driver_that_slept_too_long_sends_nothing(box: Tiny) -> None:
    lease = leases.take(box.account.pk, "sleeper")
    assert lease is not None
    lease.check()

    lease.certain_until -= 60

    with pytest.raises(leases.LeaseLost):
        lease.check()


def test_a_tick_leaves_an_account_alone_whose_circuit_is_open(box: Tiny) -> None:
    box.drive()
    box.ask(Verb.PAUSE)
    VendorAccount.objects.update(failures=3, due_at=timezone.now() + timedelta(seconds=60))

    assert schedule.due() == []


@pytest.mark.django_db(transaction=True)  # the driver takes a second connection
def test_an_order_that_hangs_keeps_the_others_from_nothing(box: Tiny) -> None:
    box.drive()
    slow, quick = box.ask(Verb.PAUSE), box.ask(Verb.PAUSE, "thing-2")
    box.bench.faults.append(Fault("delay", path="thing-1/pause", seconds=4))

    box.drive()

    slow.refresh_from_db()
    quick.refresh_from_db()
    assert (slow.status, quick.status) == (OperationStatus.CONFIRMED, OperationStatus.CONFIRMED)
    assert slow.finished_at is not None
    assert quick.finished_at is not None
    assert (slow.finished_at - quick.finished_at).total_seconds() > 2
    assert slow.attempts == 1


@pytest.mark.django_db(transaction=True)  # the driver takes a second connection
def test_a_late_reply_does_not_reopen_what_has_ended(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE)
    box.bench.faults.append(Fault("delay", path="pause", seconds=3))
    box.bench.world.nudge("thing-1", "pause")

    box.drive()

    operation.refresh_from_db()
    assert operation.status == OperationStatus.CONFIRMED
    assert AuditEvent.objects.filter(operation_id=operation.pk).count() == 2


@pytest.mark.django_db(transaction=True)  # the driver takes a second connection
def test_a_long_queue_is_sent_on_before_the_next_look(box: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "SEND_ON", 60.0)  # however slow the machine is
    number = driver.SENDS_AT_ONCE * 4 + 10
    box.bench.world.populate(number)
    box.drive()
    for n in range(number):
        box.ask(Verb.PAUSE, f"thing-{n + 1}")
    box.bench.requests.clear()

    box.drive()

    asked = [entry["method"] for entry in box.bench.requests]
    assert asked[: number + 1].count("GET") <= 1  # whether anything was due is looked at first
    assert asked.count("POST") + asked.count("PUT") == number
    assert set(Operation.objects.values_list("status", flat=True)) == {OperationStatus.CONFIRMED}
