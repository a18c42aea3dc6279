"""
Their words and ours. A connector's own state says nothing of its tasks, so both are put together here.

https://kafka.apache.org/documentation/#connect_administration, and seen on workers 3.9.0 and 4.3.0 (2026-11).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.states import State

STATES = {
    "RUNNING": State.RUNNING,
    "PAUSED": State.PAUSED,
    "STOPPED": State.STOPPED,
    "FAILED": State.FAILED,
    "RESTARTING": State.RESTARTING,
    "UNASSIGNED": State.STARTING,
}
NAMED = 3
"""Tasks that a note calls by their numbers."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of connector and tasks together, and what to say of it."""

    state: State
    note: str = ""


def part_state(word: str) -> State:
    """This will translate the state of one part; a word nobody knows stays unknown."""
    return STATES.get(word.upper(), State.UNKNOWN)


def whole(connector: str, tasks: Sequence[Mapping[str, Any]], *, configured: int) -> Verdict:
    """
    This will put the states of a connector and its tasks together.

    :param configured: how many tasks its configuration has led to; fewer reported ones are still on their way
    """
    own = part_state(connector)
    parts = [part_state(str(task.get("state", ""))) for task in tasks]
    if own in {State.FAILED, State.UNKNOWN}:
        return Verdict(own)
    if State.RESTARTING in (own, *parts):
        return Verdict(State.RESTARTING)
    if own is State.STOPPED:
        return Verdict(State.STOPPING if parts else State.STOPPED)
    if own is State.PAUSED:
        return _paused(parts, tasks)
    if own is State.STARTING:
        return Verdict(State.STARTING, "no worker has taken it yet")
    return _running(parts, configured)


def _paused(parts: Sequence[State], tasks: Sequence[Mapping[str, Any]]) -> Verdict:
    """A task on a lost worker stays RUNNING for good, so it is named together with its worker."""
    if running := [task for task, part in zip(tasks, parts, strict=True) if part is State.RUNNING]:
        named = ", ".join(f"task {t.get('id', '?')} on {t.get('worker_id') or 'no worker'}" for t in running[:NAMED])
        more = f" and {len(running) - NAMED} more" if len(running) > NAMED else ""
        return Verdict(State.PAUSING, f"still running: {named}{more}")
    failed = parts.count(State.FAILED)
    if parts and failed == len(parts):
        return Verdict(State.FAILED)
    return Verdict(State.PAUSED, f"{failed} of its tasks had failed before" if failed else "")


def _running(parts: Sequence[State], configured: int) -> Verdict:
    failed = parts.count(State.FAILED)
    if not parts:
        return Verdict(State.STARTING, "it has no tasks yet")
    if failed == len(parts):
        return Verdict(State.FAILED)
    if failed:
        return Verdict(State.DEGRADED)
    if State.PAUSED in parts:
        return Verdict(State.RESUMING)
    if State.STARTING in parts or len(parts) < configured:
        return Verdict(State.PROVISIONING, "some tasks are not assigned yet")
    if State.UNKNOWN in parts:
        return Verdict(State.UNKNOWN)
    return Verdict(State.RUNNING)
