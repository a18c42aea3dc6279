"""When a broken connector is tried, left, or given up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import heal
from connectors.heal import Facts, Policy
from connectors.states import State

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
POLICY = Policy(
    states=[State.FAILED], first_wait=timedelta(minutes=1), longest_wait=timedelta(minutes=30), budget=3,
    stops_at=list(heal.KINDS), stop_words=["disk full"],
)  # fmt: skip
BROKEN = Facts(State.FAILED, State.RUNNING, State.RUNNING, NOW - timedelta(hours=2), error="connection reset")


def test_what_failed_long_ago_is_tried() -> None:
    assert heal.decide(BROKEN, POLICY, NOW).act == "try"


@pytest.mark.parametrize(
    "fields",
    [
        {"state": State.RUNNING}, {"state": State.PAUSED}, {"state": State.STOPPED}, {"state": State.DEGRADED},
        {"desired_state": State.PAUSED}, {"desired_state": State.STOPPED}, {"has_drifted": True},
        {"was_held_outside": True}, {"is_stale": True}, {"pipeline_state": State.PAUSED}, {"has_open": True},
        {"is_open": True},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_left_alone(fields: dict[str, Any]) -> None:
    assert heal.decide(replace(BROKEN, **fields), POLICY, NOW).act == "leave"


@pytest.mark.parametrize("state", [State.PAUSED, State.STOPPED, State.FINISHED, State.UNKNOWN, State.RUNNING])
def test_no_policy_can_name_a_state_that_is_not_broken(state: State) -> None:
    greedy = replace(POLICY, states=list(State))

    assert heal.decide(replace(BROKEN, state=state), greedy, NOW).act == "leave"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("HTTP 401 from https://es:9200", "sign_in"),
        ("org.apache.kafka.common.errors.SaslAuthenticationException: bad", "sign_in"),
        ("FATAL: password authentication failed for user app", "sign_in"),
        ("io.confluent.rest: Access denied", "sign_in"),
        ("mapper_parsing_exception: failed to parse field [price]", "schema"),
        ("SerializationException: Unknown magic byte!", "schema"),
        ('column "vat" of relation "orders" does not exist', "schema"),
        ("Incompatible schema for subject orders-value", "schema"),
    ],
)
def test_errors_that_no_restart_mends_open_the_circuit_at_once(error: str, kind: str) -> None:
    assert kind in heal.kinds_of(error)
    assert heal.decide(replace(BROKEN, error=error), POLICY, NOW).act == "open"
    assert heal.decide(replace(BROKEN, error=error), replace(POLICY, stops_at=[]), NOW).act == "try"


@pytest.mark.parametrize("error", ["connection reset by peer", "broker 4012 not available", "timeout after 30 s", ""])
def test_errors_that_may_pass_are_tried(error: str) -> None:
    assert heal.kinds_of(error) == []


def test_words_of_ones_own_stop_it_too() -> None:
    assert heal.decide(replace(BROKEN, error="write: Disk full"), POLICY, NOW).why == (
        "its error holds “disk full”, at which healing stops"
    )


def test_first_try_waits_and_each_further_one_longer() -> None:
    fresh = replace(BROKEN, since=NOW)

    assert heal.decide(fresh, POLICY, NOW).at == NOW + timedelta(minutes=1)
    assert [POLICY.wait(n).total_seconds() / 60 for n in range(7)] == [1, 2, 4, 8, 16, 30, 30]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 180), max_size=12))
def test_budget_counts_the_last_hour_alone(minutes: list[int]) -> None:
    tries = [NOW - timedelta(minutes=m) for m in minutes]

    decision = heal.decide(replace(BROKEN, tries=tries), POLICY, NOW)

    assert decision.act == ("open" if sum(m < 60 for m in minutes) >= POLICY.budget else "try")
