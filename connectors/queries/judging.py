"""
What a row says of its connector: verdict, reason and buttons, worked out once for all that they rest on.

Pages of the board say the same of the same connectors again and again. What is kept is found by everything that was
looked at, so that it is never an old answer: whatever differs in that is worked out anew.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from connectors import diagnose, matrix
from connectors.diagnose import Diagnosis, Situation
from connectors.matrix import FLOWS, Verdict
from connectors.models import Connector, Operation, VendorAccount
from connectors.permissions import Viewer
from connectors.queries import verbs
from connectors.queries.guards import Rails
from connectors.queries.timings import Measured
from connectors.states import CHANGING, State
from connectors.vendors import registry

MOST = 1_000
"""Connectors that are kept for one kind of viewer."""
KINDS = 16
"""Kinds of viewers for whom any are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What is said of one connector. Where it is kept, the same is said by the same object."""

    verdict: Verdict
    is_stale: bool
    why: Diagnosis
    buttons: Sequence[verbs.Button]
    tasks: Sequence[verbs.Button]
    """One for each failed task, where the vendor restarts one alone."""
    is_kept: bool
    follows: dict[str, bytes] = field(default_factory=dict)
    """What follows from all of this and the connector alone, by name; worked out once where it is kept."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """For viewers who may do the same, while verbs usually take as long."""

    judged: dict[Hashable, Judged]
    buttons: dict[Hashable, Sequence[verbs.Button]]


_kept: dict[Hashable, _Kept] = {}


def forget() -> None:
    """This will let go of all that is kept."""
    _kept.clear()


class Judge:
    """Of some connectors for one viewer, at the moment of the rails."""

    def __init__(self, viewer: Viewer, times: Measured, rails: Rails) -> None:
        self.viewer, self.times, self.rails = viewer, times, rails
        self._accounts: dict[int, Hashable] = {}
        kind = (viewer.site_role, viewer.scope, frozenset(viewer.roles.items()), frozenset(times.items()))
        if kind not in _kept and len(_kept) >= KINDS:
            _kept.clear()
        self._kept = _kept.setdefault(kind, _Kept({}, {}))

    def of(self, connector: Connector, account: VendorAccount, operation: Operation | None) -> Judged:
        """This will judge one connector of that account; needs `account`, `pipeline` and `team`."""
        is_stale = connector.is_stale_at(account, self.rails.now)
        open_verb = operation.kind if operation and operation.is_open else None
        key = self._key(connector, account, is_stale=is_stale, open_verb=open_verb)
        if key is None:
            return self._judged(connector, is_stale=is_stale, open_verb=open_verb, is_kept=False)
        known = self._kept.judged
        judged = known.get(key)
        if judged is None and not _is_timeless(connector, is_stale=is_stale):
            key = key, connector.seen_at or account.observed_at
            judged = known.get(key)
        if judged is None:
            if len(known) >= MOST:
                known.clear()
            judged = known[key] = self._judged(connector, is_stale=is_stale, open_verb=open_verb, is_kept=True)
        return judged

    def _key(
        self, connector: Connector, account: VendorAccount, *, is_stale: bool, open_verb: str | None
    ) -> Hashable | None:
        """All that is looked at but the time. None where a freeze or a protection has a say, or no layout read it."""
        if connector.read_as is None or self.rails.freezes or connector.id in self.rails.protections:
            return None
        rate = connector.metrics.get("records_per_s")
        return connector.read_as, self._account(account), is_stale, rate, open_verb

    def _account(self, account: VendorAccount) -> Hashable:
        if account.read_as is not None:
            return account.read_as
        said = self._accounts.get(account.id)
        if said is None:
            trouble = (account.failure, account.failure_kind, account.failing_since, repr(account.unread))
            said = self._accounts[account.id] = (account.id, account.vendor, account.name, trouble)
        return said

    def _judged(self, connector: Connector, *, is_stale: bool, open_verb: str | None, is_kept: bool) -> Judged:
        pair = State(connector.pipeline.state), State(connector.state)
        return Judged(
            verdict=matrix.judge(*pair, stale=is_stale),
            is_stale=is_stale,
            why=diagnose.diagnose(situation(connector, is_stale=is_stale)),
            buttons=self._buttons(connector, is_stale=is_stale, open_verb=open_verb),
            tasks=self._tasks(connector, is_stale=is_stale, open_verb=open_verb),
            is_kept=is_kept,
        )

    def _buttons(self, connector: Connector, *, is_stale: bool, open_verb: str | None) -> Sequence[verbs.Button]:
        known = self._kept.buttons
        like = verbs.alike(connector, is_stale=is_stale, open_verb=open_verb, rails=self.rails)
        found = known.get(like) if like else None
        if found is None:
            found = verbs.buttons(
                connector, self.viewer, is_stale=is_stale, open_verb=open_verb, times=self.times, rails=self.rails
            )
            if like:
                if len(known) >= MOST:
                    known.clear()
                known[like] = found
        return found

    def _tasks(self, connector: Connector, *, is_stale: bool, open_verb: str | None) -> Sequence[verbs.Button]:
        if not connector.tasks_failed:
            return ()
        return verbs.task_buttons(
            connector, self.viewer, is_stale=is_stale, open_verb=open_verb, times=self.times, rails=self.rails
        )


def _is_timeless(connector: Connector, *, is_stale: bool) -> bool:
    """Is the reason the same whenever its state was read? Others name that moment, or how long the state has lasted."""
    if is_stale or connector.state in CHANGING or "silent_minutes" in connector.facts:
        return False
    return connector.pipeline.state in FLOWS


def situation(connector: Connector, *, is_stale: bool) -> Situation:
    """This will lay out what diagnosis may look at; needs `account` and `pipeline`."""
    account, pipeline = connector.account, connector.pipeline
    vendor = registry.get(account.vendor)
    return Situation(
        account=account.name,
        vendor=vendor.name,
        pipeline=pipeline.name,
        pipeline_noun=vendor.pipeline_noun,
        pipeline_state=State(pipeline.state),
        state=State(connector.state),
        vendor_state=connector.vendor_state,
        is_stale=is_stale,
        account_failure=account.failure,
        failure_kind=account.failure_kind,
        unread=_unread(connector),
        failing_since=account.failing_since,
        observed_at=connector.observed_at,
        gone_at=connector.gone_at,
        state_since=connector.state_since,
        error=connector.error,
        pipeline_error=pipeline.error,
        whose=connector.whose,
        tasks=[State(task["state"]) for task in connector.tasks],
        desired_state=State(connector.desired_state) if connector.desired_state else None,
        desired_by=connector.desired_by,
        desired_reason=connector.desired_reason,
        drift_since=connector.drift_since,
        drift_snoozed_until=connector.drift_snoozed_until,
        rate=connector.metrics.get("records_per_s"),
        silent_minutes=connector.facts.get("silent_minutes"),
    )


def _unread(connector: Connector) -> str:
    """Why the last reading lacked its pipeline, or the account as a whole."""
    parts = {part["pipeline"]: str(part["reason"]) for part in connector.account.unread}
    return parts.get(connector.pipeline.external_id) or parts.get(None, "")
