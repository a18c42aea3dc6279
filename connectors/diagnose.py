"""Why is it not flowing? Ordered rules over plain facts; the first that fits is the answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.matrix import FLOWS
from connectors.states import CHANGING, State


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything the rules may look at, as of one moment."""

    account: str
    vendor: str
    pipeline: str
    pipeline_noun: str
    pipeline_state: State
    state: State
    vendor_state: str = ""
    is_stale: bool = False
    account_failure: str = ""
    failing_since: datetime | None = None
    observed_at: datetime | None = None
    gone_at: datetime | None = None
    state_since: datetime | None = None
    error: str = ""
    pipeline_error: str = ""
    whose: str = ""
    tasks: Sequence[State] = ()
    desired_state: State | None = None
    desired_by: str = ""
    desired_reason: str = ""
    drift_since: datetime | None = None
    drift_snoozed_until: datetime | None = None
    rate: float | None = None
    """Records a second, where known."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact behind the answer, and when it was seen."""

    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """
    One sentence and what stands behind it.

    :param rule: a stable word: which rule decided
    :param cause: the vendor's own words within the sentence, shown in bold; may be empty
    :param whose: `yours`, `theirs` or empty when that cannot be told
    :param press: what to do
    """

    rule: str
    sentence: str
    cause: str = ""
    whose: str = ""
    press: str = ""
    evidence: Sequence[Evidence] = field(default_factory=tuple)


def diagnose(situation: Situation) -> Diagnosis:
    """This will say why data does or does not flow; where nobody can know, it says that."""
    for rule in RULES:
        if answer := rule(situation):
            return answer
    return Diagnosis("unexplained", f"It is {situation.state}; nothing tells why.")


def _gone(s: Situation) -> Diagnosis | None:
    if s.gone_at is None:
        return None
    return Diagnosis(
        "gone", f"{s.vendor} does not list it any more.", press="Look for it at the vendor; it may have been deleted.",
        evidence=[Evidence("missing from a complete list", s.gone_at)],
    )  # fmt: skip


def _unreachable(s: Situation) -> Diagnosis | None:
    if not s.is_stale:
        return None
    last = f"Last seen {s.state}; now unknown." if s.observed_at else "Never read yet."
    if not s.account_failure:
        return Diagnosis("not_seen", f"Not read within its freshness budget. {last}",
                         evidence=[Evidence(f"last read {s.state}", s.observed_at)])  # fmt: skip
    return Diagnosis(
        "unreachable", f"Account {s.account} not reached: {s.account_failure}. {last}",
        cause=s.account_failure, press="Check the account's address and credentials.",
        evidence=[Evidence(s.account_failure, s.failing_since), Evidence(f"last read {s.state}", s.observed_at)],
    )  # fmt: skip


def _unknown(s: Situation) -> Diagnosis | None:
    if s.state is State.UNKNOWN and s.pipeline_state in FLOWS:
        word = f"“{s.vendor_state}”" if s.vendor_state else "no state"
        more = f": {s.error}" if s.error else ""
        return Diagnosis("unknown_word", f"{s.vendor} says {word}, which we cannot read{more}.", cause=s.vendor_state)
    if s.pipeline_state is State.UNKNOWN:
        return Diagnosis("pipeline_unknown", f"The state of its {s.pipeline_noun} {s.pipeline} is not known.")
    return None


def _pipeline_failed(s: Situation) -> Diagnosis | None:
    if s.pipeline_state is not State.FAILED:
        return None
    return Diagnosis(
        "pipeline_failed", _because(f"Its {s.pipeline_noun} {s.pipeline} failed", s.pipeline_error),
        cause=s.pipeline_error, press=f"Open {s.pipeline} and start it once the cause is gone.",
        evidence=[Evidence(f"{s.pipeline_noun} is failed", s.observed_at)],
    )  # fmt: skip


def _failed(s: Situation) -> Diagnosis | None:
    if s.state is not State.FAILED:
        return None
    failed = sum(task is State.FAILED for task in s.tasks)
    what = f"All {len(s.tasks)} tasks failed" if len(s.tasks) > 1 and failed == len(s.tasks) else "It failed"
    return Diagnosis(
        "tasks_failed" if failed else "failed", _because(what, s.error) + _blame(s.whose), cause=s.error, whose=s.whose,
        press="Mend the cause, then restart.", evidence=[Evidence(s.vendor_state or "failed", s.state_since)],
    )  # fmt: skip


def _drift(s: Situation) -> Diagnosis | None:
    if s.drift_since is None or s.desired_state is None:
        return None
    snoozed = f" Snoozed until {s.drift_snoozed_until:%Y-%m-%d %H:%M %Z}." if s.drift_snoozed_until else ""
    return Diagnosis(
        "drift", f"Made {s.state} outside. Wanted: {s.desired_state}, by {s.desired_by}.{snoozed}",
        press="Ask for the wanted state again, or accept this one.",
        evidence=[Evidence(f"observed {s.state}, wanted {s.desired_state}", s.drift_since)],
    )  # fmt: skip


def _pipeline_rests(s: Situation) -> Diagnosis | None:
    if s.pipeline_state in FLOWS:
        return None
    own = "" if s.state is s.pipeline_state else f" The connector itself is {s.state}."
    return Diagnosis(
        "pipeline_not_running", f"Its {s.pipeline_noun} {s.pipeline} is {s.pipeline_state}.{own}",
        press=f"Open {s.pipeline} to resume or start it.",
        evidence=[Evidence(f"{s.pipeline_noun} is {s.pipeline_state}", s.observed_at)],
    )  # fmt: skip


def _under_way(s: Situation) -> Diagnosis | None:
    if s.state not in CHANGING:
        return None
    return Diagnosis("under_way", f"It is {s.state}.", evidence=[Evidence(str(s.state), s.state_since)])


def _rests(s: Situation) -> Diagnosis | None:
    if s.state is State.UNCONFIGURED:
        return Diagnosis("not_set_up", _because("It is not set up yet", s.error), cause=s.error, whose="yours")
    if s.state is State.FINISHED:
        return Diagnosis("finished", "It has read its input to the end.")
    if s.state not in {State.PAUSED, State.STOPPED}:
        return None
    word = s.state.capitalize()
    if s.desired_state is s.state and s.desired_by:
        reason = f": {s.desired_reason}" if s.desired_reason else ""
        return Diagnosis(f"{s.state}_by_person", f"{word} by {s.desired_by}{reason}.", cause=s.desired_reason)
    return Diagnosis(str(s.state), _because(f"{word}; nobody asked for that here", s.error), cause=s.error)


def _degraded(s: Situation) -> Diagnosis | None:
    if State.DEGRADED not in {s.state, s.pipeline_state}:
        return None
    failed = sum(task is State.FAILED for task in s.tasks)
    what = f"{failed} of {len(s.tasks)} tasks failed" if failed else "Degraded"
    return Diagnosis(
        "degraded", _because(what, s.error or s.pipeline_error) + _blame(s.whose) + " The rest flows.",
        cause=s.error or s.pipeline_error, whose=s.whose, press="Restart what failed.",
        evidence=[Evidence(s.vendor_state or "degraded", s.state_since)],
    )  # fmt: skip


def _flows(s: Situation) -> Diagnosis | None:
    if s.state is not State.RUNNING or s.pipeline_state is not State.RUNNING:
        return None
    if s.rate == 0:
        return Diagnosis("silent", "Running, and nothing moves: no records since the last readings.")
    return Diagnosis("flows", "")


def _because(what: str, cause: str) -> str:
    return f"{what}: {cause.rstrip('.')}." if cause else f"{what}."


def _blame(whose: str) -> str:
    return {"yours": " Yours to fix.", "theirs": " The vendor's to fix."}.get(whose, "")


RULES: tuple[Callable[[Situation], Diagnosis | None], ...] = (
    _gone,
    _unreachable,
    _pipeline_failed,
    _unknown,
    _failed,
    _drift,
    _pipeline_rests,
    _under_way,
    _rests,
    _degraded,
    _flows,
)
