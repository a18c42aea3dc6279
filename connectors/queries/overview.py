"""The head of the board: how many connectors there are of each kind, and the accounts they come from."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.db.models import Case, F, QuerySet, Value, When

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
"""Accounts that the head has room for; what cannot be read comes first, then what is in other trouble."""
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
"""What the head shows something of."""

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
AT_LARGE = """
SELECT count(*), count(*) FILTER (WHERE a.failing_since IS NOT NULL OR a.unread <> '[]'),
       coalesce(array_agg(DISTINCT a.vendor), '{{}}'),
       coalesce(string_agg(a.id || '=' || floor(extract(epoch FROM a.observed_at)), ' ' ORDER BY a.id), '')
  FROM connectors_vendoraccount a
 WHERE {whose}
"""
"""All accounts in one row, however many there are: how many, how many are lost, vendors, when each was last read."""
OF_TEAMS = "c.team_id = ANY(%(teams)s)"
WITH_SOME = f"""
a.team_id = ANY(%(teams)s) OR EXISTS (SELECT FROM connectors_connector c WHERE c.account_id = a.id AND {OF_TEAMS})
"""
_of_all, _of_some = (lean.Written(COUNTED.format(whose=whose)) for whose in ("TRUE", OF_TEAMS))
_all_at_large, _some_at_large = (lean.Written(AT_LARGE.format(whose=whose)) for whose in ("TRUE", WITH_SOME))


@dataclass(frozen=True, slots=True)
class Summary:
    """The board's head: seven counts that add up, the matrix, and some of the accounts with their freshness."""

    total: int
    counts: Mapping[Activity, int]
    cells: Mapping[tuple[State, State], int]
    """By pipeline state and connector state; not stale."""
    not_reached: Mapping[State, int]
    """Stale ones, by the connector state they were last seen in."""
    drifted: int = 0
    accounts: int = 0
    lost: int = 0
    """Accounts that cannot be read now, or only in part."""
    vendors: Collection[str] = ()
    """Of all accounts."""
    seen: str = ""
    """When each account was last read, as `id=seconds` since 1970, for the ages of all rows."""
    plate: Sequence[VendorAccount] = ()
    """Those that the head shows: lost ones, then others in trouble, then as many as there is room for."""

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
        return [account for account in self.plate[:BANNERS] if account.failing_since or account.unread]

    @property
    def more_lost(self) -> int:
        """Lost accounts beyond the banners."""
        return max(0, self.lost - BANNERS)

    @property
    def has_more_accounts(self) -> bool:
        """Are there accounts that the head has no room for?"""
        return self.accounts > SHOWN


def summary(viewer: Viewer) -> Summary:
    """This will count everything the person may see, in three queries."""
    counted, at_large, plate = asked(viewer)
    tally = Tally()
    for pipeline, state, is_stale, number, drifted in counted.read():
        tally.add((State(pipeline), State(state)), is_stale=is_stale, number=int(number), drifted=int(drifted))
    ((accounts, lost, vendors, seen),) = at_large.read()
    return replace(tally.summed(), accounts=accounts, lost=lost, vendors=vendors, seen=seen, plate=plate.read())


def asked(viewer: Viewer) -> list[lean.Asked]:
    """This will put the questions of `summary`."""
    if viewer.sees_all:
        return [_of_all.asked(), _all_at_large.asked(), _plate.asked(None)]
    teams = {"teams": planned.Ids(sorted(viewer.roles))}
    return [_of_some.asked(**teams), _some_at_large.asked(**teams), _plate.asked(viewer.sees)]


def never_read(viewer: Viewer) -> list[str]:
    """This will name the accounts that were never read, as many as the head has room for."""
    rows = queries.accounts_of(viewer).filter(observed_at__isnull=True)
    names = list(rows.values_list("name", flat=True)[: SHOWN + 1])
    return [*names[:SHOWN], "and others"] if len(names) > SHOWN else names


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

    def summed(self) -> Summary:
        """This will give the whole, with nothing about accounts."""
        return Summary(
            total=self.counts.total(),
            counts={activity: self.counts[activity] for activity in Activity},
            cells=self.cells,
            not_reached=self.not_reached,
            drifted=self.drifted,
        )


@lean.statement(LINE)
def _plate(teams: frozenset[int] | None) -> QuerySet[VendorAccount]:
    trouble = Case(
        When(queries.NOT_IN_FULL, then=Value(0)), When(failures__gte=CIRCUIT_OPENS_AT, then=Value(1)), default=Value(2)
    )
    in_order = trouble, F("name")
    shown = queries.accounts_of_teams(teams).order_by(*in_order).values("pk")[:SHOWN]  # before anything is counted
    return queries.with_open_operations(VendorAccount.objects.filter(pk__in=shown)).order_by(*in_order)
