"""
Their words and ours, for pipelines and connectors.

https://docs.feldera.com/pipelines/lifecycle, and the server's interface description at 0.337 (2026-11).
"""

from collections.abc import Mapping
from typing import Any

from connectors.states import CHANGING, State, Verb

DEPLOYMENT = {
    "Stopped": State.STOPPED,
    "Provisioning": State.PROVISIONING,
    "Initializing": State.STARTING,
    "AwaitingApproval": State.STARTING,
    "Bootstrapping": State.STARTING,
    "Replaying": State.STARTING,
    "Synchronizing": State.STARTING,
    "Coordination": State.STARTING,
    "ConcurrentBootstrapping": State.RUNNING,
    "Standby": State.PAUSED,
    "Paused": State.PAUSED,
    "Running": State.RUNNING,
    "Suspended": State.STOPPING,
    "Stopping": State.STOPPING,
    "Unavailable": State.UNKNOWN,  # the manager cannot reach the process; recovers by itself
}
DESIRED = {
    "Stopped": State.STOPPED,
    "Suspended": State.STOPPED,
    "Paused": State.PAUSED,
    "Standby": State.PAUSED,
    "Running": State.RUNNING,
}
HAS_PROCESS = frozenset({"Running", "Paused", "Bootstrapping", "Replaying", "ConcurrentBootstrapping", "Synchronizing"})
"""Statuses in which the pipeline's own process answers, and so has figures and connectors."""
BROKEN_PROGRAM = frozenset({"SqlError", "RustError", "SystemError"})


def pipeline(row: Mapping[str, Any]) -> State:
    """This will tell the state of a pipeline from where it is and where it is being steered."""
    word, wanted = str(row.get("deployment_status", "")), str(row.get("deployment_desired_status", ""))
    state = DEPLOYMENT.get(word, State.UNKNOWN)
    if state is State.STOPPED:
        return _at_rest(row, wanted)
    leaving = wanted in {"Stopped", "Suspended"}
    if state in {State.RUNNING, State.PAUSED} and leaving:
        return State.STOPPING
    if state is State.RUNNING and wanted == "Paused":
        return State.PAUSING
    if state is State.PAUSED and wanted == "Running" and word == "Paused":
        return State.RESUMING
    return state


def _at_rest(row: Mapping[str, Any], wanted: str) -> State:
    if wanted and wanted != "Stopped":
        return State.STARTING
    if row.get("deployment_error"):
        return State.FAILED
    return State.UNCONFIGURED if row.get("program_status") in BROKEN_PROGRAM else State.STOPPED


def verbs_off(row: Mapping[str, Any]) -> dict[Verb, str]:
    """This will tell what cannot work at a pipeline in this status, though its state looks as if it could."""
    if row.get("deployment_status") == "Standby":
        why = "It is a standby: it follows another's checkpoints, and is activated at Feldera itself."
        return dict.fromkeys((Verb.RESUME, Verb.STOP), why)
    return {}


def trouble(row: Mapping[str, Any]) -> str:
    """This will find what keeps a pipeline from running, or kept it."""
    if message := (row.get("deployment_error") or {}).get("message"):
        return str(message)
    if row.get("deployment_status") == "AwaitingApproval":
        return "it was changed since its checkpoint: approve that at Feldera, or stop it"
    details = row.get("deployment_runtime_status_details")  # an object or null; "" from a suspended process
    return str(details.get("reason") or "") if isinstance(details, Mapping) else ""


def wanted(stats: Mapping[str, Any]) -> State:
    """This will tell what a connector is meant to do: its flag. What it does is another matter."""
    return State.PAUSED if stats.get("paused") else State.RUNNING


def connector(stats: Mapping[str, Any], above: State) -> State:
    """
    This will tell a connector's own state.

    Its flag is its own: a running connector of a paused pipeline stays running, and the matrix says that nothing flows.
    """
    if above in {State.STOPPED, State.FAILED, State.UNCONFIGURED, State.UNKNOWN} or above in CHANGING - {
        State.PAUSING,
        State.RESUMING,
    }:
        return State.STOPPED if above is State.FAILED else above
    if stats.get("fatal_error"):
        return State.FAILED
    if stats.get("paused"):
        return State.PAUSED
    metrics = stats.get("metrics") or {}
    if metrics.get("end_of_input") and not metrics.get("buffered_records"):
        return State.FINISHED
    if (stats.get("health") or {}).get("status") == "Unhealthy":
        return State.DEGRADED
    return State.RUNNING
