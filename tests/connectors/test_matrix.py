"""Is a connector active? The table of both axes."""

import pytest

from connectors.matrix import PAIRS, URGENCY, Active, Activity, judge, urgency
from connectors.states import State


@pytest.mark.parametrize(
    ("pipeline", "connector", "active"),
    [
        (State.PAUSED, State.PAUSED, Active.NO),
        (State.PAUSED, State.RUNNING, Active.NO),
        (State.RUNNING, State.PAUSED, Active.NO),
        (State.RUNNING, State.RUNNING, Active.YES),
    ],
)
def test_judge_answers_the_four_documented_pairs(pipeline: State, connector: State, active: Active) -> None:
    verdict = judge(pipeline, connector)

    assert verdict.active == active


@pytest.mark.parametrize("state", [s for s in State if s not in {State.RUNNING, State.DEGRADED}])
def test_judge_never_says_yes_unless_both_axes_run(state: State) -> None:
    verdicts = {judge(state, State.RUNNING).active, judge(State.RUNNING, state).active}

    assert verdicts <= {Active.NO, Active.UNKNOWN}


@pytest.mark.parametrize("state", State)
def test_judge_says_unknown_when_either_axis_is_unknown(state: State) -> None:
    assert judge(State.UNKNOWN, state).active == Active.UNKNOWN
    assert judge(state, State.UNKNOWN).active == Active.UNKNOWN


@pytest.mark.parametrize("pipeline", State)
@pytest.mark.parametrize("connector", State)
def test_judge_says_unknown_when_stale(pipeline: State, connector: State) -> None:
    verdict = judge(pipeline, connector, stale=True)

    assert (verdict.active, verdict.activity) == (Active.UNKNOWN, Activity.UNKNOWN)


def test_judge_warns_when_degraded() -> None:
    verdict = judge(State.RUNNING, State.DEGRADED)

    assert (verdict.active, verdict.activity) == (Active.WARNING, Activity.DEGRADED)


def test_judge_names_the_axis_that_stops_the_flow() -> None:
    assert judge(State.RUNNING, State.PAUSED).reason == "the connector is paused"
    assert judge(State.PAUSED, State.RUNNING).reason == "the pipeline is paused"


def test_pairs_split_the_whole_table() -> None:
    pairs = [pair for activity in Activity for pair in PAIRS[activity]]

    assert len(pairs) == len(set(pairs)) == len(State) ** 2


def test_urgency_puts_failed_first_and_active_last() -> None:
    assert urgency(State.RUNNING, State.FAILED) == min(URGENCY.values())
    assert urgency(State.RUNNING, State.RUNNING) == max(URGENCY.values())
