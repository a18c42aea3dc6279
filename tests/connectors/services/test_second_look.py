"""A freeze that begins while an operation waits in the queue: it is not sent, and what waits for it waits on."""

import threading
import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from connectors import permissions
from connectors.actor import Actor
from connectors.models import AuditEvent, FreezeWindow, HealPolicy, HealState, Hold, Membership, Operation
from connectors.queries import connectors as reads
from connectors.services import batch_steps, batches, driver, freezes, healing, holds, timers
from connectors.states import OperationStatus, Role, State, Verb
from connectors.vendors.sandbox import Fault
from tests.connectors.services.conftest import Tiny
from tests.connectors.services.guarding import in_minutes

WORDS = "Frozen until somebody ends it by “Year end” of the whole site: books close."


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)
    monkeypatch.setattr("connectors.tasks.wake_batch", lambda batch_id: None)


def begin(**more: object) -> FreezeWindow:
    """This will freeze the whole site."""
    now = timezone.now()
    return FreezeWindow.objects.create(
        **{"name": "Year end", "reason": "books close", "mode": "open", "starts_at": now, "created_by": "admin",
           "created_at": now, **more}
    )  # fmt: skip


def test_what_a_freeze_begins_to_forbid_is_not_sent_and_ends_with_its_name(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE, reason="release")
    begin()

    box.drive()

    operation.refresh_from_db()
    assert box.bench.world.acts == []
    assert (operation.status, operation.attempts, operation.sent_at) == (OperationStatus.CANCELLED, 0, None)
    assert operation.error.startswith(f"Not sent. {WORDS}")
    assert box.connector().desired_state is None
    outcome = AuditEvent.objects.get(action="connector.pause.cancelled")
    assert (outcome.result, outcome.reason, outcome.error) == ("refused", "release", operation.error)


@pytest.mark.django_db(transaction=True)
def test_what_waits_too_long_behind_slow_orders_is_looked_at_anew(box: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "CLAIM_STANDS", 1.0)
    number = driver.SENDS_AT_ONCE + 4
    box.bench.world.populate(number)
    box.drive()
    for n in range(number):
        box.ask(Verb.PAUSE, f"thing-{n + 1}")
    box.bench.faults.append(Fault("delay", path="pause", times=-1, seconds=2.5))

    def freeze_when_all_are_claimed() -> None:
        try:
            end = time.monotonic() + 20
            while Operation.objects.filter(status=OperationStatus.QUEUED).exists() and time.monotonic() < end:
                time.sleep(0.02)
            begin()
        finally:
            connection.close()

    other = threading.Thread(target=freeze_when_all_are_claimed)
    other.start()
    box.drive()
    other.join()

    sent = len(box.bench.world.acts)
    assert 0 < sent <= driver.SENDS_AT_ONCE  # fewer where the machine itself was slow to begin
    assert list(Operation.objects.order_by("status").values_list("status", flat=True)) == [
        *["cancelled"] * (number - sent), *["confirmed"] * sent,
    ]  # fmt: skip


def test_freeze_that_begins_only_later_or_for_others_keeps_nothing_back(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE)
    begin(starts_at=in_minutes(5))
    begin(spared=["thing-1"])

    box.drive()

    operation.refresh_from_db()
    assert operation.status == OperationStatus.CONFIRMED


def test_whoever_passes_the_freeze_is_served(box: Tiny) -> None:
    box.drive()
    Membership.objects.update(role=Role.LEAD)
    spared, other = box.ask(Verb.PAUSE, "thing-1"), User.objects.create_user("other")
    Membership.objects.create(user=other, team=box.account.team, role=Role.OPERATOR)
    bound = Operation.objects.get(pk=box.ask(Verb.PAUSE, "thing-2").pk)
    Operation.objects.filter(pk=bound.pk).update(user=other, actor="other")
    window = begin()
    freezes.break_glass(freeze=window, reason="INC-7", actor=box.actor, viewer=box.viewer)

    box.drive()

    assert [act.external_id for act in box.bench.world.acts] == ["thing-1"]
    assert {o.pk: o.status for o in Operation.objects.all()} == {spared.pk: "confirmed", bound.pk: "cancelled"}


def test_person_who_may_not_sign_in_any_more_has_no_exception(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE)
    begin(spared_people={str(box.user.pk): "operator"})
    User.objects.update(is_active=False)

    box.drive()

    operation.refresh_from_db()
    assert operation.status == OperationStatus.CANCELLED


def test_what_was_sent_without_an_answer_is_looked_for_and_not_sent_again(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE)
    sent = {"status": OperationStatus.SENT, "attempts": 1, "sent_at": timezone.now(), "deadline_at": in_minutes(5)}
    Operation.objects.update(**sent)  # and no reply came
    begin()

    box.drive()

    operation.refresh_from_db()
    assert (operation.status, operation.attempts) == (OperationStatus.SENT, 1)
    assert box.bench.world.acts == []
    FreezeWindow.objects.all().delete()
    box.drive()
    operation.refresh_from_db()
    assert (operation.status, operation.attempts) == (OperationStatus.CONFIRMED, 2)


def test_what_the_vendor_turned_away_is_not_sent_again(box: Tiny) -> None:
    box.drive()
    operation = box.ask(Verb.PAUSE)
    Operation.objects.update(attempts=1)  # 429: back in the queue
    begin()

    box.drive()

    operation.refresh_from_db()
    assert operation.error.startswith(f"Not sent again. {WORDS}")
    assert box.bench.world.acts == []


def test_timed_pause_whose_end_was_queued_waits_for_the_end_of_the_freeze(box: Tiny) -> None:
    box.drive()
    actor, viewer = box.actor, box.viewer
    holds.hold(target=box.connector(), verb=Verb.PAUSE, until=in_minutes(1), actor=actor, viewer=viewer)
    box.drive()
    Hold.objects.update(until=timezone.now())
    timers.run()
    assert Hold.objects.get().outcome == "resumed"
    window = begin()

    box.drive()

    hold = Hold.objects.get()
    assert (hold.ended_at, hold.resumption) == (None, None)
    assert hold.trouble.startswith(WORDS)
    assert box.connector().state == State.PAUSED
    window.delete()
    timers.run(timezone.now() + holds.AGAIN * 1.2)
    box.drive()
    hold.refresh_from_db()
    assert (hold.outcome, hold.trouble) == ("resumed", "")
    assert box.connector().state == State.RUNNING


def pause_by_batch(box: Tiny, actor: Actor) -> Hold:
    viewer = permissions.viewer_of(box.user)
    rows = reads.visible_to(viewer).filter(name="thing-1")
    terms = batches.Terms(until=in_minutes(1))
    batch = batches.create(connectors=rows, verb=Verb.PAUSE, terms=terms, actor=actor, viewer=viewer)
    batch_steps.advance(str(batch.pk))
    box.drive()
    batch_steps.advance(str(batch.pk))
    Hold.objects.update(until=timezone.now())
    return Hold.objects.get()


def test_hold_of_a_batch_waits_on_too(box: Tiny) -> None:
    box.drive()
    actor = Actor("person", "operator", user_id=box.user.pk)
    held = pause_by_batch(box, actor)
    timers.run(held.until)  # asks for a batch
    child = held.batch.children.get() if held.batch else None
    assert child is not None
    batch_steps.advance(str(child.pk))  # which asks for the operation
    assert Operation.objects.filter(batch_id=child.pk, status=OperationStatus.QUEUED).exists()
    begin()

    box.drive()
    batch_steps.advance(str(child.pk))

    held.refresh_from_db()
    assert (held.ended_at, held.trouble.startswith(WORDS)) == (None, True)
    assert child.items.get().status == "skipped"
    assert held.pk not in holds.due(timezone.now())  # not before some time has passed
    held.refresh_from_db()
    assert held.ended_at is None  # nor has anybody overtaken it


def test_try_of_auto_heal_that_was_not_sent_costs_nothing(box: Tiny) -> None:
    box.drive()
    box.bench.world.nudge("thing-1", "fail")
    box.drive()
    now = timezone.now()
    HealPolicy.objects.create(team=box.account.team, set_by="lead", set_at=now, first_wait=1)
    assert healing.run(now + timedelta(seconds=5)) == 1
    assert HealState.objects.get().attempts == 1
    begin()

    box.drive()

    known = HealState.objects.get()
    assert (known.attempts, known.tries, known.why.startswith(WORDS)) == (0, [], True)
    assert Operation.objects.get().status == OperationStatus.CANCELLED
