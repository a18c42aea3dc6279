"""The head of the board: how many connectors there are of each kind, and the accounts they come from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import QuerySet

from connectors import matrix, planned
from connectors.matrix import Activity
from connectors.models import VendorAccount
from connectors.models.accounts import CIRCUIT_OPENS_AT
from connectors.permissions import Viewer
from connectors.queries import connectors as queries
from connectors.queries import lean
from connectors.queries.connectors import Filters
from connectors.states import State

SHOWN = 12
"""Accounts that the head has room for; what is in trouble comes first."""
BANNERS = 3
LINE = lean.Layout(
    VendorAccount,
    without={
        "settings", "sealed_credentials", "base_url", "heard", "observed_version", "created_at", "lease_owner",
        "lease_number", "leased_until", "metered_at",
    },
    extra=["open_operations"],
    moving={"observed_at", "due_at"},
)  # fmt: skip
"""What the board shows something of."""

COUNTED = """
SELECT p.state, c.state, p.is_stale, sum(c.number), sum(c.drifted)
  FROM connectors_countchange c
  JOIN (SELECT p.id, p.state,
               a.observed_at IS NULL OR a.observed_at < now() - a.budget * interval '1 second' AS is_stale
          FROM connectors_pipeline p
          JOIN connectors_vendoraccount a ON a.id = p.account_id
        OFFSET 0) p ON p.id = c.pipeline_id
 WHERE {whose}
 GROUP BY 1, 2, 3
HAVING sum(c.number) <> 0
 UNION ALL
SELECT p.state, c.state,
       c.gone_at IS NOT NULL OR coalesce(c.seen_at, a.observed_at) IS NULL
       OR coalesce(c.seen_at, a.observed_at) < now() - a.budget * interval '1 second',
       count(*), count(c.drift_since)
  FROM connectors_connector c
  JOIN connectors_pipeline p ON p.id = c.pipeline_id
  JOIN connectors_vendoraccount a ON a.id = p.account_id
 WHERE (c.gone_at IS NOT NULL OR c.seen_at IS NOT NULL) AND {whose}
 GROUP BY 1, 2, 3
"""
"""
Pairs of states, whether stale, how many, and how many of them drifted.

Rows of whole readings are as old as their account: no one looks at them, their changes are summed up (`CountChange`),
and staleness is decided once for each pipeline: hence the OFFSET, which keeps that from being worked out for each
change. The few others (`connector_apart`) are looked at one by one.
"""
_of_all, _of_some = (lean.Written(COUNTED.format(whose=whose)) for whose in ("TRUE", "c.team_id = ANY(%(teams)s)"))


@dataclass(frozen=True, slots=True)
class Summary:
    """The board's head: seven counts that add up, the matrix, and the accounts with their freshness."""

    total: int
    counts: Mapping[Activity, int]
    cells: Mapping[tuple[State, State], int]
    """By pipeline state and connector state; not stale."""
    not_reached: Mapping[State, int]
    """Stale ones, by the connector state they were last seen in."""
    accounts: Sequence[VendorAccount]
    lost: Sequence[VendorAccount] = ()
    """Those that cannot be read now, or only in part."""
    plate: Sequence[VendorAccount] = ()
    """Those that the head shows, the ones in trouble first."""
    drifted: int = 0

    def matching(self, filters: Filters) -> int | None:
        """This will give how many fit, where these counts say it: all, by state, activity or drift alone; else None."""
        if not filters.is_set:
            return self.total
        if filters == Filters(state=filters.state):
            reached = sum(number for (_, state), number in self.cells.items() if state in filters.state)
            return reached + sum(number for state, number in self.not_reached.items() if state in filters.state)
        if filters == Filters(activity=filters.activity):
            return sum(number for activity, number in self.counts.items() if activity in filters.activity)
        return self.drifted if filters == Filters(is_drifted=True) else None

    @property
    def banners(self) -> Sequence[VendorAccount]:
        """Those that get a banner each; beyond them one line says how many more there are."""
        return self.lost[:BANNERS]

    @property
    def more_lost(self) -> int:
        """Lost accounts beyond the banners."""
        return max(0, len(self.lost) - BANNERS)

    @property
    def has_more_accounts(self) -> bool:
        """Are there accounts that the head has no room for?"""
        return len(self.accounts) > SHOWN

    @property
    def seen(self) -> str:
        """When each account was last read, as `id=seconds` since 1970, for the ages of all rows."""
        return " ".join(f"{a.id}={int(a.observed_at.timestamp())}" for a in self.accounts if a.observed_at)


def summary(viewer: Viewer) -> Summary:
    """This will count everything the person may see, in two queries."""
    tally = Tally()
    found = _of_all.read() if viewer.sees_all else _of_some.read(**_teams(viewer))
    for pipeline, state, is_stale, number, drifted in found:
        tally.add((State(pipeline), State(state)), is_stale=is_stale, number=int(number), drifted=int(drifted))
    return tally.summed(_accounts.read(viewer.sees))


def asked(viewer: Viewer) -> list[lean.Asked]:
    """This will put the questions of `summary`."""
    counted = _of_all.asked() if viewer.sees_all else _of_some.asked(**_teams(viewer))
    return [counted, _accounts.asked(viewer.sees)]


def _teams(viewer: Viewer) -> dict[str, list[int]]:
    return {"teams": planned.Ids(sorted(viewer.roles))}


@dataclass(slots=True)
class Tally:
    """Pairs of states being counted."""

    counts: Counter[Activity] = field(default_factory=Counter)
    cells: Counter[tuple[State, State]] = field(default_factory=Counter)
    not_reached: Counter[State] = field(default_factory=Counter)
    drifted: int = 0

    def add(self, pair: tuple[State, State], *, is_stale: bool, number: int, drifted: int = 0) -> None:
        """This will count so many connectors of one pair."""
        self.counts[matrix.judge(*pair, stale=is_stale).activity] += number
        self.drifted += drifted
        if is_stale:
            self.not_reached[pair[1]] += number
        else:
            self.cells[pair] += number

    def summed(self, accounts: Sequence[VendorAccount]) -> Summary:
        """This will give the whole."""
        lost = [a for a in accounts if a.failing_since or a.unread]
        troubled = [a for a in accounts if a.failing_since or a.unread or a.failures >= CIRCUIT_OPENS_AT][:SHOWN]
        others = [a for a in accounts[:SHOWN] if a not in troubled][: SHOWN - len(troubled)]
        return Summary(
            total=self.counts.total(),
            counts={activity: self.counts[activity] for activity in Activity},
            cells=self.cells,
            not_reached=self.not_reached,
            accounts=accounts,
            lost=lost,
            plate=troubled + others,
            drifted=self.drifted,
        )


@lean.statement(LINE)
def _accounts(teams: frozenset[int] | None) -> QuerySet[VendorAccount]:
    return queries.accounts_of_teams(teams)
