"""Is a connector active, that is: can data flow through it now? One table over both axes."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from connectors.states import CHANGING, State


class Active(StrEnum):
    """The answer. `UNKNOWN` is never a yes and never a no."""

    YES = "yes"
    WARNING = "warning"
    NO = "no"
    UNKNOWN = "unknown"


class Activity(StrEnum):
    """The seven counts of the board; every connector falls into exactly one."""

    ACTIVE = "active"
    DEGRADED = "degraded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CHANGING = "changing"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether data can flow, the count this falls under, and one sentence that says why."""

    active: Active
    activity: Activity
    reason: str


FLOWS = {State.RUNNING, State.DEGRADED}

RESTING = {
    State.PAUSED: Activity.PAUSED,
    State.STOPPED: Activity.STOPPED,
    State.FINISHED: Activity.STOPPED,
    State.UNCONFIGURED: Activity.STOPPED,
    State.FAILED: Activity.FAILED,
}


def judge(pipeline: State, connector: State, *, stale: bool = False) -> Verdict:
    """
    This will tell whether data can flow through a connector in this pair of states.

    Both axes must run. A stale or unknown axis makes the answer unknown, whatever the other one says.
    """
    if stale:
        return Verdict(Active.UNKNOWN, Activity.UNKNOWN, "not seen within its freshness budget")
    if pipeline is State.UNKNOWN:
        return Verdict(Active.UNKNOWN, Activity.UNKNOWN, "the state of its pipeline is unknown")
    if connector is State.UNKNOWN:
        return Verdict(Active.UNKNOWN, Activity.UNKNOWN, "the vendor's state is unknown")
    if pipeline in FLOWS and connector in FLOWS:
        if State.DEGRADED in {pipeline, connector}:
            axis = "connector" if connector is State.DEGRADED else "pipeline"
            return Verdict(Active.WARNING, Activity.DEGRADED, f"data flows, but the {axis} is degraded")
        return Verdict(Active.YES, Activity.ACTIVE, "pipeline and connector are running")
    axis, state = ("connector", connector) if connector not in FLOWS else ("pipeline", pipeline)
    return Verdict(Active.NO, _activity(pipeline, connector), f"the {axis} is {state}")


def _activity(pipeline: State, connector: State) -> Activity:
    """Failure comes first, then change, then rest; on each step either axis will do."""
    pair = (connector, pipeline)
    if State.FAILED in pair:
        return Activity.FAILED
    if any(state in CHANGING for state in pair):
        return Activity.CHANGING
    return next(RESTING[state] for state in pair if state in RESTING)


PAIRS: dict[Activity, frozenset[tuple[State, State]]] = {
    activity: frozenset(
        (pipeline, connector)
        for pipeline in State
        for connector in State
        if judge(pipeline, connector).activity is activity
    )
    for activity in Activity
}
"""The pairs (pipeline, connector) behind each count, for rows that are not stale."""

URGENCY = {
    Activity.FAILED: 0,
    Activity.DEGRADED: 1,
    Activity.UNKNOWN: 2,
    Activity.CHANGING: 3,
    Activity.STOPPED: 5,
    Activity.PAUSED: 4,
    Activity.ACTIVE: 6,
}
"""Small comes first on the board."""


@cache
def urgency(pipeline: State, connector: State) -> int:
    """This will give the place of a pair in the board's default order; staleness does not move a row."""
    return URGENCY[judge(pipeline, connector).activity]
