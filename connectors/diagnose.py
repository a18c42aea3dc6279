"""Why is it not flowing? Ordered rules over plain facts; the first that fits is the answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

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
    failure_kind: str = ""
    """As `vendors.errors` names it."""
    unread: str = ""
    """Why the last reading of the account could not read this part of it."""
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
    silent_minutes: int | None = None
    """For how long the service that runs it at the vendor has given no sign of life, where that is too long."""


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


STUCK_AFTER = timedelta(minutes=10)
"""On the way for longer than this, something keeps it from arriving."""


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
    if s.unread and not s.account_failure:
        return Diagnosis(
            "half_read", f"The last reading of {s.account} left out {s.pipeline}: {s.unread.rstrip('.')}. {last}",
            cause=s.unread, evidence=[Evidence(f"last read {s.state}", s.observed_at)],
        )  # fmt: skip
    if not s.account_failure:
        return Diagnosis("not_seen", f"Not read within its freshness budget. {last}",
                         press="Look whether a worker is running.",
                         evidence=[Evidence(f"last read {s.state}", s.observed_at)])  # fmt: skip
    trouble = trouble_of(s.failure_kind)
    return Diagnosis(
        trouble.rule, f"Account {s.account} {trouble.words}: {s.account_failure.rstrip('.')}. {last}",
        cause=s.account_failure, whose=trouble.whose, press=trouble.press,
        evidence=[Evidence(s.account_failure, s.failing_since), Evidence(f"last read {s.state}", s.observed_at)],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trouble:
    """What it means that an account could not be read."""

    rule: str
    words: str
    press: str
    whose: str = ""


UNREACHABLE = Trouble(
    "unreachable", "has not answered", "Look whether the vendor is up, and check the account's address."
)
WRONG_ADDRESS = Trouble("wrong_address", "answers, but not as it should", "Check the account's address.", "yours")
TROUBLES = {
    "sign_in_refused": Trouble("sign_in_refused", "is refused", "Give the account new credentials.", "yours"),
    "not_allowed": Trouble("not_allowed", "may not read", "Give its key the role that reads connectors.", "yours"),
    "rate_limited": Trouble("rate_limited", "is asked to wait", "Wait, or read this account less often."),
    "not_ready": Trouble("vendor_starting", "is not ready", "Wait: it is starting or rebalancing.", "theirs"),
    "not_understood": WRONG_ADDRESS,
    "address_forbidden": WRONG_ADDRESS,
    "not_found": WRONG_ADDRESS,
    "audit": Trouble("record_unwritable", "is left alone", "Let an admin mend the audit record first.", "yours"),
}
"""By the kind of the error; whatever is not here counts as not reached."""


def trouble_of(failure_kind: str) -> Trouble:
    """This will tell what a failed reading means, and what to do about it."""
    return TROUBLES.get(failure_kind, UNREACHABLE)


def _silent_service(s: Situation) -> Diagnosis | None:
    if s.silent_minutes is None:
        return None
    return Diagnosis(
        "service_silent", f"The service that runs it has given no sign of life for {s.silent_minutes} min.",
        whose="yours", press="Look after the connector service; verbs would only wait.",
        evidence=[Evidence(s.error or "no sign of life", s.observed_at)],
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
    rule = "vendor_side" if s.whose == "theirs" else "tasks_failed" if failed else "failed"
    press = "Open a case with the vendor." if s.whose == "theirs" else "Mend the cause, then restart."
    return Diagnosis(
        rule, _because(what, s.error) + _blame(s.whose), cause=s.error, whose=s.whose, press=press,
        evidence=[Evidence(s.vendor_state or "failed", s.state_since)],
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
    since = [Evidence(str(s.state), s.state_since)]
    if s.observed_at and s.state_since and s.observed_at - s.state_since > STUCK_AFTER:
        minutes = int((s.observed_at - s.state_since).total_seconds() // 60)
        return Diagnosis("stuck", f"It has been {s.state} for {minutes} min, longer than it should.", evidence=since,
                         press="Look at the vendor; a restart may help.")  # fmt: skip
    return Diagnosis("under_way", f"It is {s.state}.", evidence=since)


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
    _silent_service,
    _failed,
    _drift,
    _pipeline_rests,
    _under_way,
    _rests,
    _degraded,
    _flows,
)
