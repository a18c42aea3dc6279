"""Schedules run at their times, once each, with what their maker may by then; what was missed follows the policy."""

import threading
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from connectors.models import AuditEvent, Batch, Connector, Operation, Schedule, ScheduleRun
from connectors.queries import connectors as reads
from connectors.queries import schedules as queries
from connectors.queries.connectors import Filters
from connectors.services import batch_steps, schedules
from connectors.services.operations import NotAllowed, NotNow
from connectors.services.schedules import Wish
from connectors.states import OperationStatus, State, Verb
from tests.cast import Estate
from tests.connectors.services.guarding import freeze, protect, who

BASE = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)
    monkeypatch.setattr("connectors.tasks.wake_batch", lambda batch_id: None)


@pytest.fixture
def forever(estate: Estate) -> Estate:
    """An estate that does not grow stale while the tests move the time."""
    estate.account.budget = 1e10
    estate.account.save()
    return estate


def schedule(estate: Estate, name: str = "operator", now: datetime = BASE, **fields: Any) -> Schedule:
    actor, viewer = who(estate, name)
    values: dict[str, Any] = {
        "name": "Night stop", "kind": Verb.PAUSE, "mode": "cron", "cron": "0 22 * * *", "selection": "orders",
        "connectors": [estate.connectors[0].pk], **fields,
    }  # fmt: skip
    return schedules.create(wish=Wish(**values), team=estate.team, actor=actor, viewer=viewer, now=now)


def at(hour: int, minute: int = 0, day: int = 1) -> datetime:
    return datetime(2027, 3, day, hour, minute, tzinfo=UTC)


def carry_out(batch: Batch) -> None:
    """The batch asks, and the vendor is seen to have done it."""
    batch_steps.advance(str(batch.pk))
    for operation in Operation.objects.filter(batch_item__batch=batch).exclude(status=OperationStatus.CONFIRMED):
        goal = State.PAUSED if operation.kind == Verb.PAUSE else State.RUNNING
        Connector.objects.filter(operations=operation).update(state=goal)
        Operation.objects.filter(pk=operation.pk).update(status=OperationStatus.CONFIRMED)
    batch_steps.advance(str(batch.pk))


def test_run_asks_by_a_batch_as_the_product_on_behalf_of_its_maker(forever: Estate) -> None:
    made = schedule(forever)

    assert schedules.run_due(at(21, 59)) == 0
    assert schedules.run_due(at(22, 0)) == 1

    run = ScheduleRun.objects.get()
    assert (run.outcome, run.planned_at) == ("asked", at(22))
    assert run.batch is not None
    batch_steps.advance(str(run.batch.pk))
    operation = Operation.objects.get()
    assert (operation.actor, operation.reason) == ("system:schedule", "schedule “Night stop”")
    event = AuditEvent.objects.get(action="connector.pause.requested")
    assert (event.actor_kind, event.actor, event.on_behalf_of) == ("system", "system:schedule", "operator")
    made.refresh_from_db()
    assert made.next_at == at(22, day=2)


def test_once_comes_once(forever: Estate) -> None:
    made = schedule(forever, mode="once", at=at(13))

    assert [schedules.run_due(at(13, 1)), schedules.run_due(at(13, 2))] == [1, 0]

    made.refresh_from_db()
    assert made.next_at is None


@pytest.mark.parametrize(("missed", "outcome"), [("skip", "missed"), ("run_once", "asked")])
def test_what_was_missed_is_skipped_or_made_up_for_once(forever: Estate, missed: str, outcome: str) -> None:
    made = schedule(forever, missed=missed)

    assert [schedules.run_due(at(3, day=5)) for _ in range(3)] == [1, 0, 0]

    run = ScheduleRun.objects.get()
    made.refresh_from_db()
    assert (run.outcome, bool(run.batch), made.next_at) == (outcome, outcome == "asked", at(22, day=5))


def test_office_hours_hold_when_they_close_and_lead_back_only_what_they_held(forever: Estate) -> None:
    both = [forever.connectors[0].pk, forever.connectors[1].pk]  # running, and paused by somebody before
    schedule(forever, mode="office", days=range(5), opens=time(8), closes=time(18), connectors=both)

    schedules.run_due(at(18))
    closing = ScheduleRun.objects.get().batch
    assert closing is not None
    carry_out(closing)
    schedules.run_due(at(8, day=2))

    opening = ScheduleRun.objects.get(kind=Verb.RESUME).batch
    assert opening is not None
    assert [item.connector.name for item in opening.items.all()] == ["orders"]
    assert opening.kind == Verb.RESUME


def test_filters_choose_anew_at_each_run_and_never_another_teams(forever: Estate) -> None:
    forever.add("orders-foreign", team=forever.other)
    found = schedule(forever, "admin", connectors=(), filters={"search": "orders"})
    forever.add("orders-new")

    names = {c.name for c in queries.chosen(found, who(forever, "admin")[1])}

    assert names == {"orders", "orders-new"}
    assert Filters(**(found.filters or {})) == Filters(search="orders")


def test_maker_without_the_role_gets_nothing_any_more(forever: Estate) -> None:
    schedule(forever)
    forever.people["operator"].memberships.update(role="viewer")

    schedules.run_due(at(22))

    run = ScheduleRun.objects.get()
    assert (run.outcome, Batch.objects.exists()) == ("refused", False)
    assert "operator or lead" in run.why


def test_maker_who_left_gets_nothing_any_more(forever: Estate) -> None:
    schedule(forever)
    forever.people["operator"].is_active = False
    forever.people["operator"].save()

    schedules.run_due(at(22))

    assert ScheduleRun.objects.get().why == "operator may not sign in any more"


def test_role_that_is_lost_between_run_and_asking_stops_the_batch(forever: Estate) -> None:
    schedule(forever)
    schedules.run_due(at(22))
    forever.people["operator"].memberships.update(role="viewer")

    batch_steps.advance(str(Batch.objects.get().pk))

    assert not Operation.objects.exists()


@pytest.mark.parametrize("guard", ["freeze", "protection"])
def test_guard_rails_hold_for_a_schedule(forever: Estate, guard: str) -> None:
    schedule(forever, "lead")
    if guard == "freeze":
        freeze(forever, team=forever.team, spared_people=["lead"])  # an exception for its maker does not count
    else:
        protect(forever, forever.connectors[0])

    schedules.run_due(max(at(22), timezone.now()) if guard == "protection" else at(22))

    run = ScheduleRun.objects.get()
    assert (run.outcome, Operation.objects.exists()) == ("nothing", False)
    assert ("Frozen" if guard == "freeze" else "takes an approval") in run.why


@pytest.mark.parametrize("name", ["viewer", "stranger", "auditor"])
def test_making_one_takes_an_operator(forever: Estate, name: str) -> None:
    with pytest.raises(NotAllowed):
        schedule(forever, name)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mode": "once", "at": BASE - timedelta(hours=1)}, "still to come"),
        ({"cron": "often"}, "no cron line"),
        ({"zone": "Moon"}, "no time zone"),
        ({"connectors": ()}, "Choose connectors"),
        ({"mode": "office", "days": [0], "opens": time(18), "closes": time(8)}, "open before they close"),
        ({"mode": "office", "kind": Verb.RESTART, "days": [0], "opens": time(8), "closes": time(9)}, "no way back"),
    ],
)
def test_one_that_makes_no_sense_is_refused(forever: Estate, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(NotNow, match=words):
        schedule(forever, **fields)


def test_preview_marks_the_change_of_the_clock(forever: Estate) -> None:
    made = schedule(forever, cron="0 6 * * *", zone="Europe/Berlin")

    found = queries.coming(made, datetime(2027, 3, 26, 12, tzinfo=UTC))

    assert [(f"{run.local:%d %H:%M}", f"{run.at:%H:%M}", run.is_clock_changed) for run in found] == [
        ("27 06:00", "05:00", False),
        ("28 06:00", "04:00", True),
        ("29 06:00", "04:00", False),
        ("30 06:00", "04:00", False),
        ("31 06:00", "04:00", False),
    ]


def test_rest_and_return_are_on_record_and_returning_takes_it_over(forever: Estate) -> None:
    made = schedule(forever)
    actor, viewer = who(forever, "lead")

    schedules.switch(schedule=made, is_on=False, actor=actor, viewer=viewer, now=BASE)
    assert schedules.run_due(at(22)) == 0
    back = schedules.switch(schedule=made, is_on=True, actor=actor, viewer=viewer, now=at(23))

    assert (back.user, back.next_at) == (forever.people["lead"], at(22, day=2))
    actions = AuditEvent.objects.filter(action__startswith="schedule.").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["schedule.created", "schedule.paused", "schedule.resumed"]


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_run_it_once(forever: Estate) -> None:
    pk = schedule(forever).pk
    made: list[ScheduleRun | None] = []

    def work() -> None:
        try:
            made.append(schedules.run(pk, at(22)))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(run is not None for run in made) == 1
    assert (ScheduleRun.objects.count(), Batch.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_worker_that_dies_in_the_midst_leaves_nothing_and_the_next_does_it(
    forever: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    pk = schedule(forever).pk

    def die(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("connectors.services.audit.record", die)
        with pytest.raises(KeyboardInterrupt):
            schedules.run(pk, at(22))

    assert not ScheduleRun.objects.exists()
    assert not Batch.objects.exists()
    assert schedules.run(pk, at(22)) is not None
    assert connection.is_usable()
    assert reads.visible_to(who(forever, "operator")[1]).exists()
