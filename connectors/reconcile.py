"""Pure decisions: what an observation changes, which operations it closes, what has drifted."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from connectors.states import CHANGING, GOALS, SETTLED, OperationStatus, State, Verb

RESTS = frozenset({State.PAUSED, State.STOPPED})
GRACE = timedelta(seconds=10)
"""How long a restart may look failed before it counts as failed again."""

REACHED = {
    OperationStatus.SENT: "no reply came, it may not have reached the vendor",
    OperationStatus.ACCEPTED: "accepted by the vendor",
    OperationStatus.CONVERGING: "under way at the vendor",
}
"""How far an operation had come, in words."""

ENDS = {
    State.RUNNING: frozenset({State.RUNNING, State.FINISHED}),
    State.PAUSED: frozenset({State.PAUSED}),
    State.STOPPED: frozenset({State.STOPPED}),
}
"""The observed states that satisfy each desired state."""


def changes(stored: Mapping[str, Any], observed: Mapping[str, Any]) -> dict[str, Any]:
    """This will give the observed fields that differ from the stored row."""
    return {name: value for name, value in observed.items() if stored[name] != value}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a ruling needs to know of an open operation."""

    verb: Verb
    status: OperationStatus
    evidence: Literal["state", "proof"]
    is_idempotent: bool
    state_before: State
    generation_before: str
    proof: str
    has_seen_change: bool
    sent_at: datetime | None
    deadline_at: datetime
    vendor_operation_id: str = ""
    is_of_task: bool = False
    """Then states and generations are those of the one task."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the observation says of its target."""

    state: State
    generation: str = ""
    error: str = ""
    vendor_desired: State | None = None
    is_vendor_operation_done: bool | None = None
    """None: there is none, or it could not be read."""
    vendor_operation_error: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """Where the operation stands now."""

    status: OperationStatus
    error: str = ""
    has_seen_change: bool = False
    should_resend: bool = False
    """Nothing shows that it arrived, and sending it again does no harm."""


def rule(asked: Asked, seen: Seen | None, *, now: datetime) -> Ruling:
    """
    This will decide where an operation stands after an observation that began after it was sent.

    :param seen: None when the observation does not hold the target, or there was none
    """
    late = now >= asked.deadline_at
    if asked.status is OperationStatus.QUEUED:
        return _unsent(asked, late=late)
    if seen is None:
        return (
            _timed_out(asked, "the vendor could not be read since")
            if late
            else Ruling(asked.status, has_seen_change=asked.has_seen_change)
        )
    if seen.vendor_operation_error:
        return Ruling(OperationStatus.FAILED, seen.vendor_operation_error, asked.has_seen_change)
    moved = asked.has_seen_change or seen.state in CHANGING or _is_renewed(asked, seen)
    if _is_done(asked, seen, moved=moved):
        return Ruling(OperationStatus.CONFIRMED, has_seen_change=moved)
    if _failed_again(asked, seen, moved=moved, now=now):
        did = "restarted" if asked.evidence == "proof" else "started"
        return Ruling(OperationStatus.FAILED, f"it was {did} and failed again: {seen.error}".rstrip(": "), moved)
    if _is_overridden(asked, seen):
        return Ruling(OperationStatus.OVERRIDDEN, f"somebody else made it {seen.state} meanwhile", moved)
    if late:
        return _timed_out(asked, f"it is {seen.state}" + (f": {seen.error}" if seen.error else ""))
    return _under_way(asked, seen, moved=moved)


def _unsent(asked: Asked, *, late: bool) -> Ruling:
    if late:
        return Ruling(OperationStatus.TIMED_OUT, "it could not be sent in time; nothing was changed")
    return Ruling(OperationStatus.QUEUED, has_seen_change=asked.has_seen_change)


def generation_of_task(state: str, worker: str, trace: str) -> str:
    """This will give what is another once a failed task was restarted: its state, its worker or how it failed."""
    return f"{state} {worker} {hashlib.blake2b(trace.encode(errors='replace'), digest_size=8).hexdigest()}"[-200:]


def _timed_out(asked: Asked, what: str) -> Ruling:
    return Ruling(OperationStatus.TIMED_OUT, f"{REACHED[asked.status]}, and not seen done in time; {what}",
                  asked.has_seen_change)  # fmt: skip


def _is_renewed(asked: Asked, seen: Seen) -> bool:
    return bool(asked.generation_before and seen.generation and seen.generation != asked.generation_before)


def _is_done(asked: Asked, seen: Seen, *, moved: bool) -> bool:
    """Done means observed: the goal state, or evidence that a verb without one was carried out."""
    if asked.vendor_operation_id and seen.is_vendor_operation_done is False:
        return False
    if asked.evidence == "state":
        return seen.state in ENDS[GOALS[asked.verb]]
    if asked.verb is Verb.SYNC_NOW:
        return seen.is_vendor_operation_done is True
    shown = bool(asked.proof) or moved
    healthy = {State.RUNNING, State.FINISHED} | (RESTS if asked.is_of_task else {asked.state_before} & RESTS)
    return shown and seen.state in healthy


def _failed_again(asked: Asked, seen: Seen, *, moved: bool, now: datetime) -> bool:
    """It set out to run, and what kept it from running does so still."""
    if asked.verb is Verb.SYNC_NOW or GOALS.get(asked.verb, State.RUNNING) is not State.RUNNING:
        return False
    set_out = bool(asked.proof) or moved or seen.is_vendor_operation_done is True
    if seen.state is not State.FAILED or not set_out:
        return False
    return asked.sent_at is not None and now - asked.sent_at > GRACE


def _is_overridden(asked: Asked, seen: Seen) -> bool:
    """It came to rest somewhere that is neither where it was nor where it was asked to go."""
    if asked.evidence == "proof" or asked.status is OperationStatus.SENT:
        return False
    goal = GOALS[asked.verb]
    if seen.vendor_desired is not None and seen.vendor_desired in RESTS and seen.vendor_desired is not goal:
        return seen.state is seen.vendor_desired and seen.state is not asked.state_before
    return seen.state in RESTS and seen.state not in ENDS[goal] and seen.state is not asked.state_before


def _under_way(asked: Asked, seen: Seen, *, moved: bool) -> Ruling:
    left = moved or seen.state is not asked.state_before
    if asked.status is OperationStatus.SENT and not left:
        return Ruling(OperationStatus.SENT, has_seen_change=moved, should_resend=asked.is_idempotent)
    if left or asked.status is OperationStatus.CONVERGING:
        return Ruling(OperationStatus.CONVERGING, has_seen_change=moved)
    return Ruling(asked.status, has_seen_change=moved)


def has_drifted(desired: State | None, observed: State) -> bool:
    """
    This will tell whether a target rests elsewhere than an actor wants it.

    A failure is not drift, nor is a change under way or a state nobody can tell.
    """
    if desired is None or observed not in SETTLED:
        return False
    if desired is State.RUNNING:
        return observed in RESTS
    return observed in ({State.RUNNING, State.DEGRADED} | RESTS) - ENDS[desired]


def cause(before: State, after: State, *, has_operation: bool) -> Literal["operation", "outside", "unknown"]:
    """This will tell what made a state change: our operation, somebody outside, or nobody knows."""
    if has_operation:
        return "operation"
    steered = RESTS | CHANGING - {State.PROVISIONING}
    if after in steered or (before in steered and after is State.RUNNING):
        return "outside"
    return "unknown"
