"""The words: what a connector or a pipeline can be, and what can be asked of it."""

from enum import StrEnum


class State(StrEnum):
    """An observed state, for connectors and pipelines alike. Set by observation only."""

    RUNNING = "running"
    DEGRADED = "degraded"
    FAILED = "failed"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"
    UNCONFIGURED = "unconfigured"
    PROVISIONING = "provisioning"
    STARTING = "starting"
    PAUSING = "pausing"
    RESUMING = "resuming"
    STOPPING = "stopping"
    RESTARTING = "restarting"
    DELETING = "deleting"
    UNKNOWN = "unknown"


CHANGING = frozenset(
    {
        State.PROVISIONING,
        State.STARTING,
        State.PAUSING,
        State.RESUMING,
        State.STOPPING,
        State.RESTARTING,
        State.DELETING,
    }
)
"""Under way to another state; the vendor is expected to leave these by itself."""

SETTLED = frozenset(State) - CHANGING - {State.UNKNOWN}


class Verb(StrEnum):
    """What a person can ask of a connector or a pipeline."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    FORCE_STOP = "force_stop"
    RESTART = "restart"
    RESTART_FAILED = "restart_failed"
    RESTART_TASK = "restart_task"
    SYNC_NOW = "sync_now"


LABELS = {
    Verb.START: "Start",
    Verb.PAUSE: "Pause",
    Verb.RESUME: "Resume",
    Verb.STOP: "Stop",
    Verb.FORCE_STOP: "Force stop",
    Verb.RESTART: "Restart",
    Verb.RESTART_FAILED: "Restart failed tasks",
    Verb.RESTART_TASK: "Restart one task",
    Verb.SYNC_NOW: "Sync now",
}

GOALS = {
    Verb.START: State.RUNNING,
    Verb.PAUSE: State.PAUSED,
    Verb.RESUME: State.RUNNING,
    Verb.STOP: State.STOPPED,
    Verb.FORCE_STOP: State.STOPPED,
}
"""The desired state a verb sets. Verbs that are missing here change nothing that lasts."""

INVERSE = {
    Verb.PAUSE: Verb.RESUME,
    Verb.STOP: Verb.START,
    Verb.FORCE_STOP: Verb.START,
    Verb.RESUME: Verb.PAUSE,
    Verb.START: Verb.STOP,
}
"""The verb that leads back."""

PART_OF = {Verb.RESTART_TASK: Verb.RESTART_FAILED}
"""Verbs for one part of a connector, each with the one for all such parts; what guards that one guards it too."""

WHOLE = tuple(verb for verb in Verb if verb not in PART_OF)
"""Verbs that are asked of a target as a whole, and so of many at once."""


def label_of(verb: Verb, task: str = "") -> str:
    """This will name a verb, with the task it is for."""
    return f"Restart task {task}" if task and verb is Verb.RESTART_TASK else LABELS[verb]


HOLDING = frozenset({Verb.PAUSE, Verb.STOP})
"""Verbs that may have an end."""


class OperationStatus(StrEnum):
    """How far one request has come. The last five are final."""

    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"
    CONVERGING = "converging"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    OVERRIDDEN = "overridden"
    CANCELLED = "cancelled"


OPEN = (
    OperationStatus.QUEUED,
    OperationStatus.SENT,
    OperationStatus.ACCEPTED,
    OperationStatus.CONVERGING,
)


class Direction(StrEnum):
    """Which way data goes, seen from the vendor's container."""

    SOURCE = "source"
    SINK = "sink"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """What a member may do in one team; each includes the ones before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    LEAD = "lead"


class SiteRole(StrEnum):
    """What a person may do in the whole product."""

    ADMIN = "admin"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What can be allowed, one by one. A role is a set of these, and a token holds some of its owner's."""

    SEE = "see"
    SEE_CONFIGURATION = "see_configuration"
    OPERATE = "operate"
    PROTECT = "protect"
    MANAGE_TEAM = "manage_team"
    MANAGE_ACCOUNTS = "manage_accounts"
    REVIEW = "review"
    ADMINISTER = "administer"
