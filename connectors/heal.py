"""Whether a broken connector is to be restarted by itself now. Pure: facts in, one decision out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from connectors.matrix import FLOWS
from connectors.states import State

HEALED = (State.FAILED, State.DEGRADED)
"""What can be healed at all; what is paused or stopped is not broken."""
HOUR = timedelta(hours=1)

SIGN_IN, SCHEMA = "sign_in", "schema"
KINDS = {
    SIGN_IN: re.compile(
        r"\b(401|403)\b|unauthori[sz]ed|not authori[sz]ed|authenticat|authori[sz]ation|access denied|forbidden"
        r"|permission denied|bad credentials|invalid credentials|password|invalid (api )?(key|token)"
        r"|(token|certificate|key) (has |is )?expired|login failed|sasl",
        re.IGNORECASE,
    ),
    SCHEMA: re.compile(
        r"schema|deseriali[sz]|seriali[sz]ation|magic byte|mapper_parsing|strict_dynamic_mapping|incompatible"
        r"|(unknown|no such|missing) (field|column|table)|(column|relation|table) .{1,80} does not exist"
        r"|cannot be cast|type mismatch",
        re.IGNORECASE,
    ),
}
"""Errors that no restart mends, by what they are about."""
WORDS = {SIGN_IN: "signing in", SCHEMA: "the schema"}


def kinds_of(error: str) -> list[str]:
    """This will tell what an error is about, as far as that stops healing."""
    return [kind for kind, pattern in KINDS.items() if pattern.search(error[:4000])]


@dataclass(frozen=True, slots=True)
class Policy:
    """
    How a connector is healed.

    :param states: in which it is healed
    :param first_wait: before the first try; doubled with each further one
    :param budget: tries within an hour; then the circuit opens
    :param stops_at: kinds of errors at which nothing is tried
    :param stop_words: texts in an error at which nothing is tried
    """

    states: Sequence[str]
    first_wait: timedelta
    longest_wait: timedelta
    budget: int
    stops_at: Sequence[str] = ()
    stop_words: Sequence[str] = ()

    def wait(self, attempts: int) -> timedelta:
        """This will give the wait after so many tries."""
        doubled: int = 2 ** min(attempts, 20)
        return min(self.first_wait * doubled, self.longest_wait)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the decision rests on, as of one moment."""

    state: State
    pipeline_state: State
    desired_state: State | None
    since: datetime
    error: str = ""
    is_stale: bool = False
    has_drifted: bool = False
    was_held_outside: bool = False
    """Somebody paused or stopped it elsewhere, the last anybody decided about it."""
    has_open: bool = False
    tries: Sequence[datetime] = ()
    attempts: int = 0
    """In a row, without having been well for long."""
    next_at: datetime | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do: nothing, wait until, try now, or open the circuit; and why."""

    act: Literal["leave", "wait", "try", "open"]
    why: str = ""
    at: datetime | None = None


def decide(facts: Facts, policy: Policy, now: datetime) -> Decision:
    """This will decide. People's wishes come first, then what makes trying pointless, then the time."""
    if why := _why_left(facts, policy):
        return Decision("leave", why)
    if facts.is_open:
        return Decision("leave", "its circuit is open")
    if why := _why_pointless(facts.error, policy):
        return Decision("open", why)
    recent = [at for at in facts.tries if now - at < HOUR]
    if len(recent) >= policy.budget:
        return Decision("open", f"{len(recent)} tries within an hour did not help")
    due = max(facts.next_at or facts.since, facts.since + policy.wait(0))
    if due > now:
        return Decision("wait", "", due)
    return Decision("try")


def _why_left(facts: Facts, policy: Policy) -> str:
    if facts.state not in policy.states or facts.state not in HEALED:
        return f"it is {facts.state}"
    if facts.desired_state in {State.PAUSED, State.STOPPED}:
        return f"somebody wants it {facts.desired_state}"
    if facts.has_drifted or facts.was_held_outside:
        return "somebody held it outside"
    if facts.is_stale:
        return "its state is not known"
    if facts.pipeline_state not in FLOWS:
        return f"its pipeline is {facts.pipeline_state}"
    return "an operation is under way" if facts.has_open else ""


def _why_pointless(error: str, policy: Policy) -> str:
    for kind in kinds_of(error):
        if kind in policy.stops_at:
            return f"its error is about {WORDS[kind]}: a restart does not mend that"
    for word in policy.stop_words:
        if word.lower() in error.lower():
            return f"its error holds “{word}”, at which healing stops"
    return ""
