"""Which verbs a target has now, and why the others are off. The button and the service ask the same."""

from dataclasses import dataclass

from connectors.models import Connector, Pipeline
from connectors.permissions import Viewer
from connectors.queries import approvals
from connectors.queries.guards import Rails
from connectors.queries.timings import Measured, Usual, usual
from connectors.states import LABELS, State, Verb
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

    @property
    def is_on(self) -> bool:
        """Can it be pressed?"""
        return not self.why_not

    @property
    def usual(self) -> float:
        """Seconds that half of them take at most."""
        return self.times.p50


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
    team = target.team if isinstance(target, Connector) else target.account.team
    forbidden = viewer.why_not_operate(team.pk, team.slug)
    special = target.facts.get("consequence", {})
    frozen = rails.why_frozen(target, viewer)
    found = [
        Button(
            verb=capability.verb,
            label=_label(capability),
            why_not=forbidden
            or why_not(target, capability, is_stale=is_stale, open_verb=open_verb)
            or (frozen.sentence if frozen else ""),
            consequence=_guarded(target, capability.verb, rails)
            or special.get(capability.verb)
            or capability.consequence,
            times=usual(times, target.account.vendor, capability),
        )
        for capability in capabilities_of(target)
    ]
    order = (*LIKELIEST.get(State(target.state), ()), *USUALLY)
    return sorted(found, key=lambda b: (not b.is_on, order.index(b.verb) if b.verb in order else len(order)))


def _guarded(target: Connector | Pipeline, verb: Verb, rails: Rails) -> str:
    """What is protected asks first: the press is a request to a second person."""
    protections = rails.guarding(target, verb)
    return approvals.needed(target, verb, protections) if protections else ""


def _label(capability: Capability) -> str:
    return capability.label or LABELS[capability.verb]
