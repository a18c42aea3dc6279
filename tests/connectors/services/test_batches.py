"""Operations asked together: what is chosen, asked, skipped, stopped, repeated and led back."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.utils import timezone

from connectors import permissions
from connectors.actor import Actor
from connectors.models import AuditEvent, Batch, BatchItem, Connector, Hold, Membership, Operation
from connectors.queries import batches as queries
from connectors.queries import connectors as reads
from connectors.services import batch_steps, batches, holds, operations, timers
from connectors.services.batches import Terms
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import OPEN, OperationStatus, State, Verb
from tests.cast import Estate
from tests.connectors.services.conftest import Tiny

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)
    monkeypatch.setattr("connectors.tasks.wake_batch", lambda batch_id: None)


def who(estate: Estate, name: str = "operator") -> dict[str, Any]:
    user = estate.people[name]
    return {"actor": Actor("person", name, user_id=user.pk), "viewer": permissions.viewer_of(user)}


def make(estate: Estate, verb: Verb = Verb.PAUSE, name: str = "operator", key: str = "", **terms: Any) -> Batch:
    viewer = permissions.viewer_of(estate.people[name])
    return batches.create(
        connectors=reads.visible_to(viewer), verb=verb, terms=Terms(**terms), key=key, **who(estate, name)
    )


def end(status: OperationStatus = OperationStatus.CONFIRMED, state: State = State.PAUSED, **which: Any) -> int:
    """This will give open operations their outcome, as an observation would."""
    found = Operation.objects.filter(status__in=OPEN, **which)
    ids = list(found.values_list("connector_id", flat=True))
    found.update(status=status, finished_at=timezone.now(), error="" if status == "confirmed" else "no")
    if status == OperationStatus.CONFIRMED:
        Connector.objects.filter(pk__in=ids).update(state=state)
    return len(ids)


def statuses(batch: Batch) -> dict[str, int]:
    found: dict[str, int] = {}
    for status in BatchItem.objects.filter(batch=batch).values_list("status", flat=True):
        found[status] = found.get(status, 0) + 1
    return found


def step(batch: Batch) -> Batch:
    batch_steps.advance(str(batch.pk))
    batch.refresh_from_db()
    return batch


def test_plan_says_who_is_skipped_and_why(estate: Estate) -> None:
    estate.add("foreign", team=estate.other)

    plan = queries.plan(Connector.objects.select_related("account__team", "pipeline", "team"), Verb.PAUSE,
                        permissions.viewer_of(estate.people["operator"]))  # fmt: skip

    assert [c.name for c in plan.act] == ["orders"]
    assert {skip.why.split(";")[0].rstrip("."): skip.number for skip in plan.skips} == {
        "already paused": 1,
        "Pause does not apply while it is failed": 1,
        "Operating this takes the role operator or lead in team retail": 1,
    }
    assert [(a.match, a.act, a.skip) for a in plan.accounts] == [(4, 1, 3)]


@pytest.mark.parametrize("more", [1, 30])
def test_plan_takes_the_same_queries_for_few_and_many(
    estate: Estate, more: int, django_assert_num_queries: Any
) -> None:
    for n in range(more):
        estate.add(f"more-{n}")
    viewer = permissions.viewer_of(estate.people["operator"])

    with django_assert_num_queries(6):
        queries.plan(reads.visible_to(viewer), Verb.PAUSE, viewer)


def test_batch_asks_what_can_be_asked_and_is_done_when_all_was_seen(estate: Estate) -> None:
    estate.add("more")
    batch = make(estate, reason="move", ticket="CHG-1")

    step(batch)
    assert statuses(batch) == {"asked": 2, "skipped": 2}
    end()
    step(batch)

    assert (batch.status, batch.is_open, statuses(batch)) == ("done", False, {"confirmed": 2, "skipped": 2})
    assert set(Operation.objects.values_list("reason", "ticket", "actor")) == {("move", "CHG-1", "operator")}
    actions = AuditEvent.objects.filter(action__startswith="batch.").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["batch.pause.requested", "batch.pause.done"]


def test_batch_is_refused_where_every_one_would_be_skipped(estate: Estate) -> None:
    with pytest.raises(batches.NothingToDo, match="None of the 3 can be asked to pause now"):
        make(estate, name="viewer")

    assert not Batch.objects.exists()


def test_batch_is_refused_when_the_list_has_changed(estate: Estate) -> None:
    with pytest.raises(batches.Changed, match="from 2 to 1"):
        batches.create(connectors=Connector.objects.all(), verb=Verb.PAUSE, terms=Terms(), expected=2, **who(estate))


def test_same_key_gives_the_same_batch(estate: Estate) -> None:
    assert make(estate, key="k").pk == make(estate, key="k").pk
    assert Batch.objects.count() == 1


def test_rest_waits_for_the_canary(estate: Estate) -> None:
    for n in range(5):
        estate.add(f"more-{n}")
    batch = make(estate, canary=2)

    step(batch)
    assert (batch.status, statuses(batch)["asked"]) == ("canary", 2)
    step(batch)
    assert statuses(batch)["asked"] == 2
    end()
    step(batch)

    assert (batch.status, statuses(batch)["confirmed"], statuses(batch)["asked"]) == ("running", 2, 4)
    assert batch.canary_done_at is not None


def test_failed_canary_stops_the_batch(estate: Estate) -> None:
    for n in range(5):
        estate.add(f"more-{n}")
    batch = step(make(estate, canary=2))
    end(OperationStatus.FAILED)

    step(batch)

    assert (batch.status, batch.is_open) == ("stopped", False)
    assert batch.error == "The canary failed, so nothing more was asked."
    assert (statuses(batch)["failed"], statuses(batch)["dropped"]) == (2, 4)


def test_batch_stops_after_so_many_failures_and_takes_back_what_was_not_sent(estate: Estate) -> None:
    for n in range(5):
        estate.add(f"more-{n}")
    batch = step(make(estate, at_once=3, stop_after=1))
    first = Operation.objects.order_by("requested_at")[0]
    end(OperationStatus.TIMED_OUT, pk=first.pk)

    step(batch)

    assert (batch.status, batch.is_open) == ("stopped", False)
    assert statuses(batch) == {"failed": 1, "dropped": 5, "skipped": 2}
    assert Operation.objects.filter(status="cancelled").count() == 2
    assert Connector.objects.filter(desired_state="paused").count() == 1


def test_at_once_keeps_room_at_each_account(estate: Estate) -> None:
    for n in range(5):
        estate.add(f"more-{n}")
    batch = step(make(estate, at_once=2))

    assert statuses(batch)["asked"] == 2
    end(pk=Operation.objects.all()[0].pk)
    assert statuses(step(batch))["asked"] == 2


def test_cancel_drops_what_waits_and_lets_what_was_sent_go_on(estate: Estate) -> None:
    for n in range(3):
        estate.add(f"more-{n}")
    batch = step(make(estate, at_once=2))
    sent = Operation.objects.order_by("requested_at")[0]
    Operation.objects.filter(pk=sent.pk).update(status=OperationStatus.SENT)

    batches.cancel(batch=batch, **who(estate))
    batch = step(batch)
    assert (batch.status, batch.is_open, statuses(batch)) == (
        "cancelled",
        True,
        {"asked": 1, "dropped": 3, "skipped": 2},
    )
    end()

    assert (step(batch).status, batch.is_open, statuses(batch)["confirmed"]) == ("cancelled", False, 1)
    with pytest.raises(NotNow):
        batches.cancel(batch=batch, **who(estate))


def test_cancel_is_for_whoever_asked_and_for_those_who_operate_it_all(estate: Estate) -> None:
    estate.add("theirs", team=estate.other)
    batch = make(estate, name="admin")

    with pytest.raises(NotAllowed):
        batches.cancel(batch=batch, **who(estate, "operator"))
    batches.cancel(batch=batch, **who(estate, "admin"))


def test_retry_asks_only_for_what_failed(estate: Estate) -> None:
    estate.add("more")
    batch = step(make(estate))
    first, second = Operation.objects.order_by("requested_at")
    end(OperationStatus.FAILED, pk=first.pk)
    end(pk=second.pk)
    step(batch)

    again = batches.retry(batch=batch, **who(estate))

    assert (again.parent_id, again.kind) == (batch.pk, "pause")
    assert list(again.items.values_list("connector_id", flat=True)) == [first.connector_id]


def test_restore_leaves_what_was_paused_before_and_what_others_decided(estate: Estate) -> None:
    theirs = estate.add("theirs")
    batch = step(make(estate))
    end()
    step(batch)
    operations.request(target=theirs, verb=Verb.RESUME, **who(estate, "lead"))
    end(state=State.RUNNING)
    operations.request(target=theirs, verb=Verb.PAUSE, **who(estate, "lead"))
    end()

    back = batches.restore(batch=batch, **who(estate))

    assert back.kind == "resume"
    assert [i.connector.name for i in back.items.select_related("connector")] == ["orders"]


def test_roles_are_asked_again_when_each_is_sent(estate: Estate) -> None:
    batch = make(estate)
    Membership.objects.filter(user=estate.people["operator"]).update(role="viewer")

    step(batch)

    assert statuses(batch) == {"skipped": 3}
    assert AuditEvent.objects.filter(action="connector.pause.refused").count() == 1
    assert not Operation.objects.exists()


def test_batch_stops_when_whoever_asked_may_not_sign_in(estate: Estate) -> None:
    batch = make(estate)
    User.objects.filter(username="operator").update(is_active=False)

    step(batch)

    assert (batch.status, statuses(batch)) == ("stopped", {"dropped": 1, "skipped": 2})


def test_batch_begins_at_its_time(estate: Estate) -> None:
    later = timezone.now() + timedelta(hours=1)
    batch = make(estate, starts_at=later)

    assert batch_steps.due() == []
    assert batch_steps.due(later) == [str(batch.pk)]
    batch_steps.advance(str(batch.pk), later)

    assert statuses(batch)["asked"] == 1


@pytest.mark.parametrize("terms", [{"until": timezone.now() - timedelta(minutes=1)}])
def test_an_end_before_its_beginning_is_refused(estate: Estate, terms: dict[str, Any]) -> None:
    with pytest.raises(NotNow, match="end lies before"):
        make(estate, **terms)


def test_hold_of_a_batch_is_led_back_by_a_batch_and_only_what_it_held(estate: Estate) -> None:
    changed = estate.add("changed")
    until = timezone.now() + timedelta(hours=1)
    batch = step(make(estate, until=until, reason="move"))
    end()
    step(batch)
    Connector.objects.filter(pk=changed.pk).update(state=State.RUNNING)  # outside

    assert timers.run(until - timedelta(seconds=1)) == 0
    type(estate.account).objects.update(observed_at=until)
    timers.run(until)

    back = Batch.objects.get(parent=batch)
    assert (back.actor, back.kind, back.reason) == ("system:timer", "resume", "operator held it until now: move")
    assert [i.connector.name for i in back.items.select_related("connector")] == ["orders"]
    assert dict(Hold.objects.values_list("connector__name", "outcome")) == {
        "orders": "resumed", "changed": "somebody made it running outside",
    }  # fmt: skip
    timers.run(until)
    step(back)
    assert Operation.objects.filter(kind="resume", actor="system:timer").count() == 1


def test_a_step_that_died_is_taken_over(estate: Estate) -> None:
    batch = make(estate)
    now = timezone.now()
    Batch.objects.filter(pk=batch.pk).update(claimed_until=now + batch_steps.CLAIM)

    assert batch_steps.due(now) == []
    assert batch_steps.due(now + batch_steps.CLAIM + timedelta(seconds=1)) == [str(batch.pk)]


@pytest.mark.django_db(transaction=True)
def test_two_workers_ask_for_nothing_twice(estate: Estate) -> None:
    for n in range(20):
        estate.add(f"more-{n}")
    batch = make(estate)
    viewer = permissions.viewer_of(estate.people["operator"])
    actor = who(estate)["actor"]

    def work() -> None:
        try:
            batch_steps._ask(batch, actor, viewer)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses(batch) == {"asked": 21, "skipped": 2}
    assert Operation.objects.count() == 21


@pytest.mark.django_db(transaction=True)
def test_a_connector_that_somebody_is_at_keeps_nobody_waiting(estate: Estate) -> None:
    for n in range(5):
        estate.add(f"more-{n}")
    batch = make(estate)
    held = batch.items.filter(status="waiting").first()
    assert held
    busy, over = threading.Event(), threading.Event()

    def somebody_else() -> None:
        try:
            with transaction.atomic():
                operations.locked(held.connector)
                busy.set()
                over.wait(20)
        finally:
            connections.close_all()

    other = threading.Thread(target=somebody_else)
    other.start()
    busy.wait(20)
    step(batch)
    meanwhile = statuses(batch)
    over.set()
    other.join()

    assert meanwhile == {"asked": 5, "waiting": 1, "skipped": 2}
    assert statuses(step(batch)) == {"asked": 6, "skipped": 2}


def test_asking_many_takes_as_many_queries_as_asking_few(
    estate: Estate, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    counted = []
    for n in (3, 30):
        for number in range(n):
            estate.add(f"of-{n}-{number}")
        batch = make(estate)
        with django_assert_max_num_queries(100) as queries_of:
            step(batch)
        counted.append(len(queries_of))
        end()
        Connector.objects.update(state=State.RUNNING)
        step(batch)

    assert counted[0] == counted[1]


def test_what_may_not_be_asked_any_more_is_skipped_with_its_reason_and_on_record(estate: Estate) -> None:
    estate.add("more")
    batch = make(estate, ticket="OPS-7")
    Connector.objects.filter(name="more").update(state=State.PAUSED)

    step(batch)

    item = batch.items.get(connector__name="more")
    event = AuditEvent.objects.get(action="connector.pause.refused", target="more")
    assert (item.status, item.why) == ("skipped", event.error)
    assert (event.batch_id, event.ticket, event.actor) == (batch.pk, "OPS-7", "operator")


@pytest.mark.django_db(transaction=True)
def test_batch_at_a_vendor_over_http(box: Tiny) -> None:
    box.drive()
    terms = Terms(canary=1, until=timezone.now() + timedelta(minutes=5))
    batch = batches.create(
        connectors=reads.visible_to(box.viewer), verb=Verb.PAUSE, terms=terms, actor=box.actor, viewer=box.viewer
    )

    def go_on(until: str) -> None:
        limit = time.monotonic() + 20
        while time.monotonic() < limit:
            timers.run()
            for pk in batch_steps.due():
                batch_steps.advance(pk)
            box.drive()
            batch.refresh_from_db()
            child = Batch.objects.filter(parent=batch).first()
            if (until == "paused" and not batch.is_open) or (child and not child.is_open):
                return
        raise AssertionError(f"not {until} in time")

    go_on("paused")
    assert statuses(batch) == {"confirmed": 3}
    assert [t.vendor_state for t in box.bench.world.truth()][1:] == ["held"] * 3
    Hold.objects.update(until=timezone.now())
    go_on("resumed")
    assert [t.vendor_state for t in box.bench.world.truth()][1:] == ["up"] * 3


def test_hold_is_extended_and_released(estate: Estate) -> None:
    target, until = estate.connectors[0], timezone.now() + timedelta(hours=1)
    operation = holds.hold(target=target, verb=Verb.PAUSE, until=until, **who(estate))
    end()
    hold = Hold.objects.get(operation=operation)

    holds.extend(hold=hold, until=until + timedelta(hours=1), **who(estate))
    assert timers.run(until) == 0
    with pytest.raises(NotAllowed):
        holds.extend(hold=hold, until=None, **who(estate, "viewer"))
    holds.extend(hold=hold, until=None, **who(estate))

    assert timers.run(until + timedelta(hours=2)) == 0
    actions = AuditEvent.objects.filter(action__contains=".hold.").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["connector.hold.extended", "connector.hold.released"]


def test_hold_ends_when_somebody_asks_for_something_else(estate: Estate) -> None:
    target, until = estate.connectors[0], timezone.now() + timedelta(hours=1)
    holds.hold(target=target, verb=Verb.PAUSE, until=until, **who(estate))
    end()
    operations.request(target=target, verb=Verb.RESUME, **who(estate, "lead"))

    timers.run()

    assert Hold.objects.get().outcome == "somebody asked for something else"


def test_hold_that_cannot_be_led_back_is_tried_again(estate: Estate) -> None:
    target, now = estate.connectors[0], timezone.now()
    until = now + timedelta(seconds=90)
    holds.hold(target=target, verb=Verb.PAUSE, until=until, **who(estate))
    end()

    timers.run(until)  # by then its account was not read for too long
    hold = Hold.objects.get()
    assert (hold.ended_at, "not been reached" in hold.trouble) == (None, True)
    type(estate.account).objects.update(observed_at=until)
    timers.run(until + holds.AGAIN + timedelta(seconds=1))

    hold.refresh_from_db()
    assert (hold.outcome, hold.resumption.kind if hold.resumption else "") == ("resumed", "resume")


@pytest.mark.parametrize(("verb", "minutes"), [(Verb.RESTART, 5), (Verb.PAUSE, -5), (Verb.PAUSE, 60 * 24 * 31)])
def test_hold_refuses_what_cannot_have_that_end(estate: Estate, verb: Verb, minutes: int) -> None:
    until = timezone.now() + timedelta(minutes=minutes)

    with pytest.raises(NotNow):
        holds.hold(target=estate.connectors[0], verb=verb, until=until, **who(estate))

    assert not Operation.objects.exists()
