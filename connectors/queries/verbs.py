"""Which verbs a target has now, and why the others are off. The button and the service ask the same."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from connectors.models import Connector, Pipeline, Team
from connectors.permissions import Viewer
from connectors.queries import approvals
from connectors.queries.guards import Rails
from connectors.queries.timings import Measured, Usual, usual
from connectors.states import LABELS, PART_OF, Permission, State, Verb, label_of
from connectors.vendors import registry
from connectors.vendors.base import Capability

LIKELIEST = {
    State.FAILED: (Verb.RESTART_FAILED, Verb.RESTART, Verb.START, Verb.SYNC_NOW, Verb.STOP),
    State.DEGRADED: (Verb.RESTART_FAILED, Verb.RESTART, Verb.SYNC_NOW, Verb.PAUSE, Verb.STOP),
    State.PAUSED: (Verb.RESUME, Verb.START),
    State.STOPPED: (Verb.START, Verb.RESUME),
    State.UNCONFIGURED: (Verb.START,),
}
"""The one verb a row offers first, by state; the first that the vendor has."""
USUALLY = (Verb.PAUSE, Verb.STOP, Verb.RESTART, Verb.SYNC_NOW, Verb.FORCE_STOP, Verb.RESUME, Verb.START)


By = Literal["token", "role", "capability", "operation", "state", "freeze"]
"""What can decide against a verb, in the order in which it is looked at."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What decided that a verb cannot be asked for now, and the sentence that says so."""

    by: By
    sentence: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Button:
    """One verb on the page: on, or off with the sentence that says why."""

    verb: Verb
    label: str
    why_not: str
    consequence: str
    """Said in a dialog first; empty means it is sent at once."""
    times: Usual
    """How long it usually takes."""
    task: str = ""
    """For a verb of one task."""

    @property
    def is_on(self) -> bool:
        """Can it be pressed?"""
        return not self.why_not

    @property
    def usual(self) -> float:
        """Seconds that half of them take at most."""
        return self.times.p50


def decide(
    target: Connector | Pipeline,
    verb: Verb,
    viewer: Viewer,
    *,
    is_stale: bool,
    open_verb: str | None,
    rails: Rails | None = None,
) -> Decision | None:
    """
    This will tell what keeps somebody from asking for a verb now; None when nothing does.

    Buttons, the explanation and the service that asks come here alike.

    :param rails: what guards the target; None where its gate is passed separately
    """
    team = team_of(target)
    if why := viewer.why_not_operate(team.pk, team.slug):
        beyond = viewer.scope is not None and not viewer.scope.covers(Permission.OPERATE, team.pk)
        return Decision("token" if beyond else "role", why)
    capability = capability_of(target, verb)
    if capability is None:
        return Decision("capability", _unheard_of(target, verb))
    if why := why_not(target, capability, is_stale=is_stale, open_verb=open_verb):
        return Decision("operation" if open_verb else "state", why)
    if frozen := rails.why_frozen(target, viewer) if rails else None:
        return Decision("freeze", frozen.sentence, frozen.until)
    return None


def why_not(target: Connector | Pipeline, capability: Capability, *, is_stale: bool, open_verb: str | None) -> str:
    """This will say why a verb that the vendor has cannot be used on this target now; empty when it can."""
    if open_verb:
        return f"{LABELS[Verb(open_verb)]} is still under way; wait for its outcome."
    if target.gone_at is not None:
        return "The vendor does not list it any more."
    if is_stale:
        return f"{target.account.name} has not been reached; its state is not known."
    if off := target.verbs_off.get(capability.verb):
        return str(off)
    if State(target.state) not in capability.states:
        return f"{_label(capability)} does not apply while it is {target.state}."
    return ""


def capabilities_of(target: Connector | Pipeline) -> list[Capability]:
    """This will give the verbs that the vendor has for this kind of target."""
    kind = "connector" if isinstance(target, Connector) else "pipeline"
    return [c for c in registry.get(target.account.vendor).capabilities if c.target == kind]


def capability_of(target: Connector | Pipeline, verb: Verb) -> Capability | None:
    """This will find one of them; None when the vendor has no such verb."""
    return next((c for c in capabilities_of(target) if c.verb is verb), None)


def buttons(
    target: Connector | Pipeline,
    viewer: Viewer,
    *,
    is_stale: bool,
    open_verb: str | None,
    times: Measured,
    rails: Rails,
) -> list[Button]:
    """This will give each verb the vendor has for this kind of target, the likeliest one first."""
    special = target.facts.get("consequence", {})
    whole = [capability for capability in capabilities_of(target) if capability.verb not in PART_OF]
    decided = {
        capability.verb: decide(target, capability.verb, viewer, is_stale=is_stale, open_verb=open_verb, rails=rails)
        for capability in whole
    }
    found = [
        Button(
            verb=capability.verb,
            label=_label(capability),
            why_not=decision.sentence if (decision := decided[capability.verb]) else "",
            consequence=_guarded(target, capability.verb, rails)
            or special.get(capability.verb)
            or capability.consequence,
            times=usual(times, target.account.vendor, capability),
        )
        for capability in whole
    ]
    order = (*LIKELIEST.get(State(target.state), ()), *USUALLY)
    return sorted(found, key=lambda b: (not b.is_on, order.index(b.verb) if b.verb in order else len(order)))


def alike(connector: Connector, *, is_stale: bool, open_verb: str | None, rails: Rails) -> Hashable | None:
    """
    This will name all that a viewer's buttons depend on, where that is little: connectors with the same have the same.

    None where there is something of their own to it: a freeze, a protection, a verb that the vendor takes away.
    """
    if connector.verbs_off or "consequence" in connector.facts or rails.freezes or connector.pk in rails.protections:
        return None
    where = connector.account.name if is_stale else ""
    is_gone = connector.gone_at is not None
    return (connector.account.vendor, connector.team_id, connector.state, is_stale, is_gone, where, open_verb)


def task_buttons(
    target: Connector,
    viewer: Viewer,
    *,
    is_stale: bool,
    open_verb: str | None,
    times: Measured,
    rails: Rails,
) -> list[Button]:
    """This will give a button for each failed task, where the vendor restarts one alone."""
    verb = Verb.RESTART_TASK
    failed = failed_tasks(target)
    capability = capability_of(target, verb) if failed else None
    if capability is None:
        return []
    decision = decide(target, verb, viewer, is_stale=is_stale, open_verb=open_verb, rails=rails)
    why, usually = decision.sentence if decision else "", usual(times, target.account.vendor, capability)
    return [Button(verb, label_of(verb, task), why, _guarded(target, verb, rails), usually, task) for task in failed]


def failed_tasks(target: Connector) -> list[str]:
    """This will give the ids of the tasks that failed."""
    return [str(task["id"]) for task in target.tasks if task["state"] == State.FAILED]


def why_not_task(target: Connector | Pipeline, verb: Verb, task: str) -> str:
    """This will say why a verb cannot be asked of this task, or of none; empty when it can."""
    if verb not in PART_OF:
        return f"{LABELS[verb]} is for the whole, not for one task." if task else ""
    if not task:
        failed = isinstance(target, Connector) and failed_tasks(target)
        return "Say which task." if failed else "None of its tasks has failed; only what failed is restarted alone."
    states = {str(t["id"]): t["state"] for t in target.tasks} if isinstance(target, Connector) else {}
    if task not in states:
        return f"It has no task {task}."
    if states[task] != State.FAILED:
        return f"Task {task} is {states[task]}; only what failed is restarted alone."
    return ""


def team_of(target: Connector | Pipeline) -> Team:
    """This will give the team that owns a target."""
    return target.team if isinstance(target, Connector) else target.account.team


def _unheard_of(target: Connector | Pipeline, verb: Verb) -> str:
    kind = "connector" if isinstance(target, Connector) else "pipeline"
    names = ", ".join(LABELS[c.verb].lower() for c in capabilities_of(target)) or "none"
    asked = LABELS[verb].lower() + (" of" if verb in PART_OF else "")
    return f"{registry.get(target.account.vendor).name} cannot {asked} a {kind}. It has: {names}."


def _guarded(target: Connector | Pipeline, verb: Verb, rails: Rails) -> str:
    """What is protected asks first: the press is a request to a second person."""
    protections = rails.guarding(target, verb)
    return approvals.needed(target, verb, protections) if protections else ""


def _label(capability: Capability) -> str:
    return capability.label or LABELS[capability.verb]
