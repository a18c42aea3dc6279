"""How each state, count and stage looks: one table of word, glyph and tone. Never color alone."""

from dataclasses import dataclass

from connectors.matrix import Activity
from connectors.states import OperationStatus, State, Verb


@dataclass(frozen=True, slots=True)
class Look:
    """
    A word, a shape from `icons.svg` and a tone.

    :param tone: `go hold warn fail change unknown`, the class `is-<tone>` in the style sheets
    """

    word: str
    glyph: str
    tone: str


@dataclass(frozen=True, slots=True)
class Stage:
    """
    How far an operation has come.

    :param stations: filled stations of four; none when it ended otherwise, then `glyph` stands alone
    """

    word: str
    stations: int
    tone: str
    glyph: str = ""


STATES = {
    State.RUNNING: Look("Running", "s-running", "go"),
    State.DEGRADED: Look("Degraded", "s-degraded", "warn"),
    State.FAILED: Look("Failed", "s-failed", "fail"),
    State.PAUSED: Look("Paused", "s-paused", "hold"),
    State.STOPPED: Look("Stopped", "s-stopped", "hold"),
    State.FINISHED: Look("Finished", "s-finished", "hold"),
    State.UNCONFIGURED: Look("Not set up", "s-unconfigured", "hold"),
    State.PROVISIONING: Look("Setting up…", "s-provisioning", "change"),
    State.STARTING: Look("Starting…", "s-starting", "change"),
    State.RESUMING: Look("Resuming…", "s-resuming", "change"),
    State.PAUSING: Look("Pausing…", "s-pausing", "change"),
    State.STOPPING: Look("Stopping…", "s-stopping", "change"),
    State.RESTARTING: Look("Restarting…", "s-restarting", "change"),
    State.DELETING: Look("Deleting…", "s-deleting", "change"),
    State.UNKNOWN: Look("Unknown", "s-unknown", "unknown"),
}

ACTIVITIES = {
    Activity.ACTIVE: Look("Active", "s-running", "go"),
    Activity.DEGRADED: Look("Degraded", "s-degraded", "warn"),
    Activity.FAILED: Look("Failed", "s-failed", "fail"),
    Activity.UNKNOWN: Look("Unknown", "s-unknown", "unknown"),
    Activity.CHANGING: Look("Changing", "s-pausing", "change"),
    Activity.PAUSED: Look("Paused", "s-paused", "hold"),
    Activity.STOPPED: Look("Stopped", "s-stopped", "hold"),
}

STAGES = {
    OperationStatus.QUEUED: Stage("asked", 1, "dim"),
    OperationStatus.SENT: Stage("asked", 1, "dim"),
    OperationStatus.ACCEPTED: Stage("accepted", 2, "is-change-text"),
    OperationStatus.CONVERGING: Stage("converging", 3, "is-change-text"),
    OperationStatus.CONFIRMED: Stage("seen", 4, "dim"),
    OperationStatus.TIMED_OUT: Stage("not seen", 0, "is-warn-text", "clock"),
    OperationStatus.FAILED: Stage("refused", 0, "is-fail-text", "cross"),
    OperationStatus.OVERRIDDEN: Stage("changed outside", 0, "", "outside"),
    OperationStatus.CANCELLED: Stage("cancelled", 0, "dim", "undo"),
}

SHORT = {Verb.RESTART_FAILED: "Restart tasks", Verb.SYNC_NOW: "Sync"}
"""Verbs that a row's button has no room for."""
