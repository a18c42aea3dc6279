"""
Their words and ours; a connector's state here holds its tasks already.

https://docs.confluent.io/cloud/current/api.html#tag/Connectors-(connectv1),
and their page on connector statuses (2026-11).
"""

from collections.abc import Sequence

from connectors.states import State, Verb

CONNECTOR = {
    "PROVISIONING": State.PROVISIONING,
    "RUNNING": State.RUNNING,
    "DEGRADED": State.DEGRADED,
    "FAILED": State.FAILED,
    "PAUSED": State.PAUSED,
    "RESTARTING": State.RESTARTING,
    "DELETED": State.DELETING,
}
TASK = {
    "RUNNING": State.RUNNING,
    "STOPPED": State.PAUSED,  # their word for a task of a paused connector
    "UNASSIGNED": State.STARTING,
    "RESTARTING": State.RESTARTING,
    "FAILED": State.FAILED,
}
PHASE = {"PROVISIONED": State.RUNNING, "PROVISIONING": State.PROVISIONING, "FAILED": State.FAILED}


def task_state(word: str) -> State:
    """This will translate a task's state; any word with ERROR in it is a failure."""
    return State.FAILED if "ERROR" in word else TASK.get(word, State.UNKNOWN)


def whole(word: str, tasks: Sequence[str], pending: Verb | None) -> State:
    """
    This will tell the state of a connector.

    :param pending: our own open verb: only whoever asked for a change can tell that it is under way
    """
    state = CONNECTOR.get(word, State.UNKNOWN)
    parts = [task_state(task) for task in tasks]
    if state is State.PAUSED:
        if State.RUNNING in parts:
            return State.PAUSING
        return State.RESUMING if pending is Verb.RESUME else State.PAUSED
    if state in {State.RUNNING, State.DEGRADED}:
        return _running(state, parts, pending)
    return state


def _running(state: State, parts: Sequence[State], pending: Verb | None) -> State:
    if pending is Verb.PAUSE:
        return State.PAUSING
    if State.FAILED in parts:
        return State.DEGRADED
    if pending is Verb.RESUME and any(part in {State.PAUSED, State.STARTING} for part in parts):
        return State.RESUMING
    return state


def whose(tasks: Sequence[str], *, is_invalid: bool = False) -> str:
    """
    This will tell whose error it is to fix: the owner's, Confluent's, or nobody says.

    :param is_invalid: the configuration was found wrong, before there were tasks
    """
    if is_invalid or any("USER_ACTIONABLE" in task for task in tasks):
        return "yours"
    return "theirs" if any("SYSTEM_ERROR" in task for task in tasks) else ""
