"""Freezes hold for everybody, say so, end by the clock, and open for whoever breaks the glass."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.models import AuditEvent, BatchItem, BreakGlass, Connector, FreezeWindow, Hold, Operation
from connectors.queries import connectors as reads
from connectors.queries import guards
from connectors.services import batch_steps, batches, freezes, holds, operations, timers
from connectors.services.freezes import Wish
from connectors.services.operations import Frozen, NotAllowed, NotNow
from connectors.states import OperationStatus, State, Verb
from tests.cast import Estate
from tests.connectors.services.guarding import ask, freeze, in_minutes, who


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)
    monkeypatch.setattr("connectors.tasks.wake_batch", lambda batch_id: None)


@pytest.mark.parametrize("scope", ["team", "site"])
def test_freeze_refuses_and_says_which_until_when_and_what_to_do(estate: Estate, scope: str) -> None:
    until = datetime(2099, 1, 2, 6, tzinfo=UTC)
    freeze(estate, team=estate.team if scope == "team" else None, mode="once", ends_at=until)

    with pytest.raises(Frozen) as refused:
        ask(estate, estate.connectors[0])

    whose = "team payments" if scope == "team" else "the whole site"
    assert str(refused.value) == (
        f"Frozen until 2 Jan 06:00 UTC by “Year end” of {whose}: books close. "
        "Wait for its end, or let an admin or a lead of payments break the glass."
    )
    assert not Operation.objects.exists()
    assert Connector.objects.get(pk=estate.connectors[0].pk).desired_state is None


def test_freeze_of_another_team_does_not_matter(estate: Estate) -> None:
    freeze(estate, team=estate.other)

    assert ask(estate, estate.connectors[0]).status == "queued"


def test_freeze_holds_for_the_pipeline_when_it_runs_a_connector_of_the_frozen_team(estate: Estate) -> None:
    estate.add("shared", team=estate.other)
    freeze(estate, team=estate.other)
    _, viewer = who(estate, "operator")

    rails = guards.read(viewer, pipelines=[estate.pipeline.pk])

    assert rails.why_frozen(estate.pipeline, viewer) is not None


def test_exceptions_are_named(estate: Estate) -> None:
    freeze(estate, team=estate.team, spared=["ord*"], spared_people=["lead"])

    assert ask(estate, estate.connectors[0]).status == "queued"  # orders
    with pytest.raises(Frozen):
        ask(estate, estate.connectors[1], Verb.RESUME)
    assert ask(estate, estate.connectors[1], Verb.RESUME, "lead").status == "queued"


@pytest.mark.parametrize(
    ("name", "of_site", "passes"),
    [("operator", False, False), ("lead", False, True), ("admin", False, True), ("lead", True, False),
     ("admin", True, True), ("stranger", False, False)],
)  # fmt: skip
def test_leads_freeze_their_team_and_admins_the_site(estate: Estate, name: str, of_site: bool, passes: bool) -> None:
    team = None if of_site else estate.team
    if passes:
        made = freeze(estate, team=team, name=name)
        assert AuditEvent.objects.get(action="freeze.created").reason == made.reason
    else:
        with pytest.raises(NotAllowed):
            freeze(estate, team=team, name=name)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mode": "once"}, "Name its end"),
        ({"mode": "once", "ends_at": datetime(2020, 1, 1, tzinfo=UTC)}, "in the past"),
        ({"mode": "repeating", "cron": "x", "minutes": 5}, "no cron line"),
        ({"mode": "repeating", "cron": "0 1 * * *"}, "how long"),
        ({"zone": "Mars/Base"}, "no time zone"),
        ({"reason": " "}, "Say why"),
        ({"spared_people": ["nobody"]}, "Nobody signs in as nobody"),
    ],
)
def test_freeze_that_makes_no_sense_is_refused(estate: Estate, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(NotNow, match=words):
        freeze(estate, team=estate.team, **fields)


def test_repeating_freeze_holds_by_the_clock_of_its_zone(estate: Estate) -> None:
    made = freeze(estate, team=estate.team, mode="repeating", cron="0 18 * * 5", minutes=120, zone="Europe/Berlin",
                  now=datetime(2026, 10, 1, tzinfo=UTC))  # fmt: skip

    summer, winter = datetime(2026, 10, 23, 16, 30, tzinfo=UTC), datetime(2026, 10, 30, 17, 30, tzinfo=UTC)

    for moment in (summer, winter):
        span = made.span(moment)
        assert span is not None
        assert span.holds(moment)
        assert f"{span.starts_at.astimezone(UTC):%M}" == "00"


def test_breaking_the_glass_takes_a_reason_and_is_on_record_with_each_request(estate: Estate) -> None:
    window = freeze(estate, team=estate.team)
    actor, viewer = who(estate, "lead")
    with pytest.raises(NotNow, match="Say why"):
        freezes.break_glass(freeze=window, reason=" ", actor=actor, viewer=viewer)

    freezes.break_glass(freeze=window, reason="INC-7, card data is lost", actor=actor, viewer=viewer)
    operation = ask(estate, estate.connectors[0], name="lead")

    events = AuditEvent.objects.filter(action__contains="break_glass").order_by("id")
    assert [(e.action, e.reason, e.actor) for e in events] == [
        ("freeze.break_glass.opened", "INC-7, card data is lost", "lead"),
        ("connector.pause.break_glass", "INC-7, card data is lost", "lead"),
    ]
    assert events[1].operation_id == operation.pk
    with pytest.raises(Frozen):  # it opens for nobody else
        ask(estate, estate.connectors[1], Verb.RESUME, "operator")


@pytest.mark.parametrize("name", ["operator", "viewer", "auditor", "stranger"])
def test_nobody_else_breaks_the_glass_of_a_team(estate: Estate, name: str) -> None:
    window = freeze(estate, team=estate.team)
    actor, viewer = who(estate, name)

    with pytest.raises(NotAllowed):
        freezes.break_glass(freeze=window, reason="x", actor=actor, viewer=viewer)


def test_lead_who_breaks_the_glass_of_the_site_passes_for_their_own_team_alone(estate: Estate) -> None:
    foreign = estate.add("foreign", team=estate.other)
    window = freeze(estate, team=None)
    actor, viewer = who(estate, "stranger")  # lead of the other team, nobody here
    freezes.break_glass(freeze=window, reason="ours", actor=actor, viewer=viewer)

    assert ask(estate, foreign, name="stranger").status == "queued"
    _, outsider = who(estate, "stranger")
    rails = guards.read(outsider, connectors=[estate.connectors[0].pk])
    assert rails.why_frozen(estate.connectors[0], outsider) is not None


def test_broken_glass_mends_by_itself_and_by_hand(estate: Estate) -> None:
    window = freeze(estate, team=estate.team)
    actor, viewer = who(estate, "lead")
    broken = freezes.break_glass(freeze=window, reason="x", actor=actor, viewer=viewer)
    estate.account.budget = 1e9
    estate.account.save()

    with pytest.raises(Frozen):
        ask(estate, estate.connectors[0], name="lead", now=broken.until + timedelta(seconds=1))
    freezes.mend_glass(broken=broken, actor=actor, viewer=viewer)

    with pytest.raises(Frozen):
        ask(estate, estate.connectors[0], name="lead")


def test_who_lost_the_role_does_not_pass_by_glass_broken_before(estate: Estate) -> None:
    window = freeze(estate, team=estate.team)
    actor, viewer = who(estate, "lead")
    freezes.break_glass(freeze=window, reason="x", actor=actor, viewer=viewer)
    estate.people["lead"].memberships.update(role="operator")

    with pytest.raises(Frozen):
        ask(estate, estate.connectors[0], name="lead")


def test_timed_pause_waits_through_a_freeze_says_so_and_resumes_after_it(estate: Estate) -> None:
    actor, viewer = who(estate, "operator")
    target = estate.connectors[0]
    held = holds.hold(target=target, verb=Verb.PAUSE, until=in_minutes(10), actor=actor, viewer=viewer)
    Operation.objects.filter(pk=held.pk).update(status=OperationStatus.CONFIRMED)
    Connector.objects.filter(pk=target.pk).update(state=State.PAUSED)
    estate.account.budget = 1e9
    estate.account.save()
    window = freeze(estate, team=estate.team)

    timers.run(in_minutes(11))

    hold = Hold.objects.get()
    assert hold.ended_at is None
    assert hold.trouble.startswith("Frozen until somebody ends it")
    lead, leads = who(estate, "lead")
    freezes.end(freeze=window, actor=lead, viewer=leads)
    timers.run(in_minutes(12))
    hold.refresh_from_db()
    assert (hold.outcome, hold.resumption and hold.resumption.kind) == ("resumed", "resume")


def test_hold_of_a_batch_waits_on_when_a_freeze_comes_in_between(estate: Estate) -> None:
    actor, viewer = who(estate, "operator")
    estate.account.budget = 1e9
    estate.account.save()
    rows = reads.visible_to(viewer).filter(pk=estate.connectors[0].pk)
    terms = batches.Terms(until=in_minutes(10))
    batch = batches.create(connectors=rows, verb=Verb.PAUSE, terms=terms, actor=actor, viewer=viewer)
    batch_steps.advance(str(batch.pk))
    Operation.objects.update(status=OperationStatus.CONFIRMED)
    rows.update(state=State.PAUSED)
    batch_steps.advance(str(batch.pk))
    timers.run(in_minutes(11))  # leads back by a batch, which has not asked yet
    child = batch.children.get()

    freeze(estate, team=estate.team)
    batch_steps.advance(str(child.pk))

    assert BatchItem.objects.get(batch=child).status == "skipped"
    assert Hold.objects.get().ended_at is None


def test_batch_skips_what_is_frozen_with_the_reason(estate: Estate) -> None:
    freeze(estate, team=estate.team, spared=["orders"])
    actor, viewer = who(estate, "operator")

    made = batches.create(
        connectors=reads.visible_to(viewer), verb=Verb.RESTART, terms=batches.Terms(), actor=actor, viewer=viewer
    )

    said = dict(BatchItem.objects.filter(batch=made).values_list("connector__name", "why"))
    assert said["orders"] == ""
    assert said["ledger"].startswith("Frozen until somebody ends it by “Year end”")


def test_what_hangs_at_the_vendor_is_not_sent_again_in_a_freeze(estate: Estate) -> None:
    operation = ask(estate, estate.connectors[0])
    Operation.objects.update(status=OperationStatus.ACCEPTED)
    freeze(estate, team=estate.team)
    actor, viewer = who(estate, "operator")

    with pytest.raises(Frozen):
        operations.send_again(operation=operation, actor=actor, viewer=viewer)


def test_turns_by_the_clock_are_told_once(estate: Estate) -> None:
    freeze(estate, team=estate.team, mode="once", starts_at=in_minutes(5), ends_at=in_minutes(10))

    assert [freezes.tell_of_turns(in_minutes(m)) for m in (1, 6, 7, 11, 12)] == [0, 1, 0, 1, 0]
    actions = AuditEvent.objects.filter(action__startswith="freeze.").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["freeze.created", "freeze.began", "freeze.passed"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(starts=st.integers(-300, 300), lasts=st.integers(1, 300), asked=st.integers(-400, 700))
def test_once_holds_exactly_within_its_time(starts: int, lasts: int, asked: int) -> None:
    base = datetime(2026, 11, 21, 12, tzinfo=UTC)
    begin = base + timedelta(minutes=starts)
    window = FreezeWindow(mode="once", starts_at=begin, ends_at=begin + timedelta(minutes=lasts))
    now = base + timedelta(minutes=asked)

    span = window.span(now)

    assert bool(span and span.holds(now)) == (starts <= asked < starts + lasts)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minutes=st.integers(1, 240), later=st.integers(-10, 300))
def test_glass_is_broken_exactly_as_long_as_it_was_to_be(estate: Estate, minutes: int, later: int) -> None:
    BreakGlass.objects.all().delete()
    actor, viewer = who(estate, "lead")
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    window = FreezeWindow.objects.first() or freezes.create(
        wish=Wish("Year end", "books close", "open"), team=estate.team, actor=actor, viewer=viewer,
        now=now - timedelta(days=1),
    )  # fmt: skip
    freezes.break_glass(
        freeze=window, reason="x", actor=actor, viewer=viewer, lasts=timedelta(minutes=minutes), now=now
    )

    rails = guards.read(viewer, connectors=[estate.connectors[0].pk], now=now + timedelta(minutes=later))

    assert (rails.why_frozen(estate.connectors[0], viewer) is None) == (0 <= later < minutes)


def test_who_passes_a_freeze_shares_no_rendered_row(estate: Estate) -> None:
    window = freeze(estate, team=estate.team, spared_people=["viewer"])
    actor, viewer = who(estate, "lead")
    freezes.break_glass(freeze=window, reason="x", actor=actor, viewer=viewer)

    found = {name for name, user in estate.people.items() if guards.is_excepted(user.pk)}

    assert found == {"lead", "viewer"}
    assert not guards.is_excepted(viewer.user_id, in_minutes(31))
