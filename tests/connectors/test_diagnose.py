"""The rules of diagnosis, each on its own, and their order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.diagnose import TROUBLES, Situation, diagnose
from connectors.states import State

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WELL = Situation(
    account="payments-prod", vendor="Tiny", pipeline="box", pipeline_noun="box", pipeline_state=State.RUNNING,
    state=State.RUNNING, vendor_state="up", observed_at=NOW, state_since=NOW - timedelta(hours=1),
)  # fmt: skip


def test_nothing_is_wrong_where_all_is_well() -> None:
    assert diagnose(WELL).rule == "flows"


@pytest.mark.parametrize("kind", sorted(TROUBLES))
def test_each_kind_of_failure_says_what_to_do(kind: str) -> None:
    found = diagnose(replace(WELL, is_stale=True, account_failure="no entry", failure_kind=kind))

    assert found.rule == TROUBLES[kind].rule
    assert "no entry" in found.sentence
    assert found.press


def test_an_unknown_failure_counts_as_not_reached() -> None:
    found = diagnose(replace(WELL, is_stale=True, account_failure="odd", failure_kind="comet"))

    assert (found.rule, found.cause) == ("unreachable", "odd")


def test_what_was_left_out_of_a_reading_says_so() -> None:
    found = diagnose(replace(WELL, is_stale=True, unread="its list answered 500"))

    assert found.rule == "half_read"
    assert "left out box: its list answered 500." in found.sentence


def test_stale_without_a_reason_is_said_to_be_unknown() -> None:
    found = diagnose(replace(WELL, is_stale=True))

    assert found.rule == "not_seen"
    assert "Last seen running; now unknown." in found.sentence


def test_on_the_way_for_too_long_is_stuck() -> None:
    young = replace(WELL, state=State.STARTING, state_since=NOW - timedelta(minutes=3))
    old = replace(young, state_since=NOW - timedelta(minutes=25))

    assert (diagnose(young).rule, diagnose(old).rule) == ("under_way", "stuck")
    assert diagnose(old).sentence == "It has been starting for 25 min, longer than it should."


def test_the_vendors_own_fault_is_the_vendors_to_mend() -> None:
    found = diagnose(replace(WELL, state=State.FAILED, error="an internal error", whose="theirs"))

    assert (found.rule, found.whose, found.press) == ("vendor_side", "theirs", "Open a case with the vendor.")


def test_a_silent_service_comes_before_the_failure_it_looks_like() -> None:
    found = diagnose(replace(WELL, state=State.FAILED, error="silent", silent_minutes=45))

    assert found.rule == "service_silent"
    assert "for 45 min" in found.sentence


def test_a_snoozed_drift_says_until_when() -> None:
    drifted = replace(
        WELL, desired_state=State.PAUSED, desired_by="lead", drift_since=NOW,
        drift_snoozed_until=NOW + timedelta(hours=8),
    )  # fmt: skip

    assert diagnose(drifted).sentence == (
        "Made running outside. Wanted: paused, by lead. Snoozed until 2026-11-21 20:00 UTC."
    )


def test_the_account_comes_before_the_pipeline_and_the_pipeline_before_the_connector() -> None:
    all_at_once = replace(
        WELL, state=State.PAUSED, pipeline_state=State.STOPPED, is_stale=True, account_failure="x",
        failure_kind="unreachable",
    )  # fmt: skip

    assert diagnose(all_at_once).rule == "unreachable"
    assert diagnose(replace(all_at_once, is_stale=False)).rule == "pipeline_not_running"
    assert diagnose(replace(all_at_once, is_stale=False, pipeline_state=State.RUNNING)).rule == "paused"
