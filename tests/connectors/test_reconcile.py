"""The pure decisions behind "done means observed"."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors import reconcile
from connectors.reconcile import Asked, Seen
from connectors.states import OperationStatus, State, Verb

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAUSE = Asked(
    verb=Verb.PAUSE,
    status=OperationStatus.ACCEPTED,
    evidence="state",
    is_idempotent=True,
    state_before=State.RUNNING,
    generation_before="g1",
    proof="",
    has_seen_change=False,
    sent_at=NOW - timedelta(seconds=2),
    deadline_at=NOW + timedelta(seconds=58),
)
RESTART = replace(PAUSE, verb=Verb.RESTART, evidence="proof", is_idempotent=False)
SYNC = replace(RESTART, verb=Verb.SYNC_NOW, vendor_operation_id="job-1")
LATE = NOW + timedelta(minutes=5)


def test_rule_confirms_when_the_goal_is_seen() -> None:
    ruling = reconcile.rule(PAUSE, Seen(State.PAUSED), now=NOW)

    assert ruling.status == OperationStatus.CONFIRMED


@pytest.mark.parametrize("state", [s for s in State if s is not State.PAUSED])
def test_rule_never_confirms_a_pause_in_any_other_state(state: State) -> None:
    ruling = reconcile.rule(PAUSE, Seen(state), now=NOW)

    assert ruling.status != OperationStatus.CONFIRMED


def test_rule_keeps_accepted_while_nothing_moved() -> None:
    ruling = reconcile.rule(PAUSE, Seen(State.RUNNING), now=NOW)

    assert ruling.status == OperationStatus.ACCEPTED


def test_rule_says_converging_while_under_way() -> None:
    ruling = reconcile.rule(PAUSE, Seen(State.PAUSING), now=NOW)

    assert (ruling.status, ruling.has_seen_change) == (OperationStatus.CONVERGING, True)


def test_rule_confirms_what_was_done_although_the_reply_was_lost() -> None:
    lost = replace(PAUSE, status=OperationStatus.SENT)

    assert reconcile.rule(lost, Seen(State.PAUSED), now=NOW).status == OperationStatus.CONFIRMED


def test_rule_repeats_an_idempotent_verb_that_left_no_trace() -> None:
    lost = replace(PAUSE, status=OperationStatus.SENT)

    ruling = reconcile.rule(lost, Seen(State.RUNNING), now=NOW)

    assert (ruling.status, ruling.should_resend) == (OperationStatus.SENT, True)


def test_rule_never_repeats_a_restart() -> None:
    lost = replace(RESTART, status=OperationStatus.SENT)

    assert reconcile.rule(lost, Seen(State.RUNNING, "g1"), now=NOW).should_resend is False


def test_rule_does_not_confirm_a_restart_by_running_alone() -> None:
    ruling = reconcile.rule(RESTART, Seen(State.RUNNING, "g1"), now=NOW)

    assert ruling.status == OperationStatus.ACCEPTED


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        (RESTART, Seen(State.RUNNING, "g2")),
        (replace(RESTART, proof="202, every part RESTARTING"), Seen(State.RUNNING, "g1")),
        (replace(RESTART, has_seen_change=True), Seen(State.RUNNING, "g1")),
    ],
)
def test_rule_confirms_a_restart_by_evidence(asked: Asked, seen: Seen) -> None:
    assert reconcile.rule(asked, seen, now=NOW).status == OperationStatus.CONFIRMED


def test_rule_fails_a_restart_that_failed_again() -> None:
    asked = replace(RESTART, proof="202", sent_at=NOW - timedelta(seconds=30))

    ruling = reconcile.rule(asked, Seen(State.FAILED, error="connection refused"), now=NOW)

    assert (ruling.status, ruling.error) == (
        OperationStatus.FAILED,
        "it was restarted and failed again: connection refused",
    )


TASK = replace(RESTART, verb=Verb.RESTART_TASK, is_of_task=True, state_before=State.FAILED, generation_before="a")


@pytest.mark.parametrize("state", [State.RUNNING, State.PAUSED])
@pytest.mark.parametrize("asked", [TASK, replace(TASK, status=OperationStatus.SENT), replace(TASK, proof="204")])
def test_rule_confirms_a_task_by_what_became_of_it(asked: Asked, state: State) -> None:
    assert reconcile.rule(asked, Seen(state, "b"), now=NOW).status == OperationStatus.CONFIRMED


def test_rule_does_not_confirm_a_task_that_is_as_it_was() -> None:
    unchanged = reconcile.rule(TASK, Seen(State.FAILED, "a", error="refused"), now=NOW)
    answered = reconcile.rule(replace(TASK, proof="204"), Seen(State.FAILED, "a", error="refused"), now=NOW)

    assert (unchanged.status, answered.status) == (OperationStatus.ACCEPTED, OperationStatus.ACCEPTED)


def test_rule_fails_a_task_that_failed_again_with_its_own_cause() -> None:
    asked = replace(TASK, sent_at=NOW - timedelta(seconds=30))

    ruling = reconcile.rule(asked, Seen(State.FAILED, "b", error="no slots"), now=NOW)

    assert (ruling.status, ruling.error) == (
        OperationStatus.FAILED, "it was restarted and failed again: no slots",
    )  # fmt: skip


def test_a_failed_task_is_another_once_its_state_worker_or_failure_is() -> None:
    marks = {
        reconcile.generation_of_task(*of) for of in
        [("failed", "w1", "x"), ("running", "w1", ""), ("failed", "w2", "x"), ("failed", "w1", "y")]
    }  # fmt: skip

    assert len(marks) == 4
    assert reconcile.generation_of_task("failed", "w" * 300, "x") != reconcile.generation_of_task(
        "failed", "w" * 300, "y"
    )


def test_rule_waits_for_the_vendors_own_operation() -> None:
    asked = replace(PAUSE, verb=Verb.STOP, vendor_operation_id="op-1")

    under_way = reconcile.rule(asked, Seen(State.STOPPED, is_vendor_operation_done=False), now=NOW)
    done = reconcile.rule(asked, Seen(State.STOPPED, is_vendor_operation_done=True), now=NOW)

    assert (under_way.status, done.status) == (OperationStatus.CONVERGING, OperationStatus.CONFIRMED)


def test_rule_fails_with_the_vendors_words_when_its_operation_failed() -> None:
    seen = Seen(State.RUNNING, is_vendor_operation_done=True, vendor_operation_error="9: being deleted")

    ruling = reconcile.rule(replace(PAUSE, vendor_operation_id="op-1"), seen, now=NOW)

    assert (ruling.status, ruling.error) == (OperationStatus.FAILED, "9: being deleted")


def test_rule_confirms_a_sync_only_by_its_job() -> None:
    assert reconcile.rule(SYNC, Seen(State.RUNNING), now=NOW).status == OperationStatus.ACCEPTED
    done = Seen(State.RUNNING, is_vendor_operation_done=True)
    assert reconcile.rule(SYNC, done, now=NOW).status == OperationStatus.CONFIRMED


def test_rule_says_overridden_when_somebody_else_stopped_it() -> None:
    ruling = reconcile.rule(PAUSE, Seen(State.STOPPED), now=NOW)

    assert ruling.status == OperationStatus.OVERRIDDEN


def test_rule_times_out_and_says_what_it_is_instead() -> None:
    ruling = reconcile.rule(PAUSE, Seen(State.FAILED, error="disk full"), now=LATE)

    assert ruling.status == OperationStatus.TIMED_OUT
    assert ruling.error == "accepted by the vendor, and not seen done in time; it is failed: disk full"


def test_rule_times_out_without_an_observation() -> None:
    assert reconcile.rule(PAUSE, None, now=NOW).status == OperationStatus.ACCEPTED
    assert reconcile.rule(PAUSE, None, now=LATE).status == OperationStatus.TIMED_OUT


def test_rule_says_that_nothing_was_changed_when_it_never_went_out() -> None:
    queued = replace(PAUSE, status=OperationStatus.QUEUED, sent_at=None)

    ruling = reconcile.rule(queued, Seen(State.PAUSED), now=LATE)

    assert ruling == reconcile.Ruling(OperationStatus.TIMED_OUT, "it could not be sent in time; nothing was changed")


@pytest.mark.parametrize(
    ("desired", "observed", "drifted"),
    [
        (None, State.STOPPED, False),
        (State.PAUSED, State.RUNNING, True),
        (State.PAUSED, State.PAUSED, False),
        (State.PAUSED, State.FAILED, False),
        (State.RUNNING, State.PAUSED, True),
        (State.RUNNING, State.STOPPED, True),
        (State.RUNNING, State.FAILED, False),
        (State.RUNNING, State.FINISHED, False),
        (State.RUNNING, State.PAUSING, False),
        (State.STOPPED, State.RUNNING, True),
        (State.STOPPED, State.PAUSED, True),
        (State.STOPPED, State.UNKNOWN, False),
    ],
)
def test_has_drifted_compares_rest_with_wish(desired: State | None, observed: State, drifted: bool) -> None:
    assert reconcile.has_drifted(desired, observed) is drifted


@pytest.mark.parametrize(
    ("before", "after", "has_operation", "cause"),
    [
        (State.RUNNING, State.PAUSED, True, "operation"),
        (State.RUNNING, State.PAUSED, False, "outside"),
        (State.PAUSED, State.RUNNING, False, "outside"),
        (State.RUNNING, State.FAILED, False, "unknown"),
        (State.FAILED, State.RUNNING, False, "unknown"),
    ],
)
def test_cause_tells_ours_from_theirs(before: State, after: State, has_operation: bool, cause: str) -> None:
    assert reconcile.cause(before, after, has_operation=has_operation) == cause
