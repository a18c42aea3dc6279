"""One page of the board: rows in order of urgency, or in groups that can be closed, and what is new on it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Case, Count, Min, Q, QuerySet, Value, When

from connectors.matrix import URGENCY, Activity
from connectors.models import Connector, Pipeline, Team, VendorAccount
from connectors.permissions import Viewer
from connectors.queries import catalogue, lean
from connectors.queries import connectors as queries
from connectors.queries.connectors import Filters

SIZE = 50
ROW = lean.Layout(
    Connector,
    without={"config", "memory", "error_trace", "reading", "generation", "console_url"},
    moving={"metrics", "flow", "seen_at"},
    account=lean.Layout(
        VendorAccount,
        only={
            "id", "vendor", "name", "team_id", "budget", "observed_at", "failing_since", "failure", "failure_kind",
            "unread",
        },
        moving={"observed_at"},
    ),
    pipeline=lean.Layout(Pipeline, only={"id", "external_id", "name", "state", "vendor_state", "error", "account_id"}),
    team=lean.Layout(Team),
)  # fmt: skip
"""What a row shows something of."""
ALL = "all"
ORDER = ("urgency", "name", "id")
"""Most urgent first."""
GROUPS: Mapping[str, str] = {"pipeline": "pipeline_id", "vendor": "account__vendor", "team": "team__slug"}
"""What the board can be grouped by, with the column that tells the groups apart."""
MORE: Mapping[str, Sequence[str]] = {"pipeline": ("pipeline__name", "account__name", "pipeline__state")}
"""What a group's heading shows besides."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How the rows stand: not grouped, or grouped with some groups closed."""

    by: str = ""
    closed: frozenset[str] = frozenset()
    """Keys of closed groups; with `ALL` among them, all others are closed and these are open."""

    def is_closed(self, key: str) -> bool:
        """This will tell whether a group shows its heading only."""
        return (key in self.closed) is not (ALL in self.closed)


@dataclass(frozen=True, slots=True)
class Group:
    """A heading: what its rows have in common, and how many of them there are."""

    by: str
    key: str
    label: str
    number: int
    failed: int
    degraded: int
    is_closed: bool
    account: str = ""
    state: str = ""
    """Of the pipeline, when grouped by that."""

    @property
    def lines(self) -> int:
        """How much of the page it takes: its rows, or the heading alone."""
        return 1 if self.is_closed else self.number


@dataclass(frozen=True, slots=True)
class Part:
    """Rows below one heading, or all of them below none."""

    group: Group | None
    connectors: Sequence[Connector]


@dataclass(frozen=True, slots=True)
class Page:
    """What one page shows. Lines are rows and the headings of closed groups: those are what is paged."""

    parts: Sequence[Part]
    matching: int | None
    """None where it was not counted."""
    lines: int | None
    has_next: bool

    @property
    def connectors(self) -> list[Connector]:
        """All rows of the page."""
        return [connector for part in self.parts for connector in part.connectors]

    @property
    def shown(self) -> int:
        """How many lines the page itself has."""
        return sum(1 if part.group and part.group.is_closed else len(part.connectors) for part in self.parts)


def page(viewer: Viewer, filters: Filters, arrangement: Arrangement, number: int) -> Page:
    """This will read one page: one query, or two when it is grouped; for a search, they and the names that it is in."""
    if not arrangement.by:
        found, matching = _found(viewer.sees, filters, number)
        return Page([Part(None, found[:SIZE])], matching, None, len(found) > SIZE)
    all_rows = queries.narrowed(queries.of_teams(viewer.sees), filters)
    everything = groups(all_rows, arrangement)
    shown = _shown(everything, number)
    parts = list(_parts(arrangement.by, shown, ROW.read(_of(all_rows, shown))))
    lines = sum(group.lines for group in everything)
    return Page(parts, sum(group.number for group in everything), lines, number * SIZE < lines)


def asked(viewer: Viewer, filters: Filters, arrangement: Arrangement, number: int) -> list[lean.Asked]:
    """This will put the questions with which `page` begins; none where it is grouped."""
    if arrangement.by:
        return []
    if words := queries.words_of(filters.search):
        return [queries.asked_for(words)]
    return [_window.asked(viewer.sees, filters, number)]


def _found(teams: frozenset[int] | None, filters: Filters, number: int) -> tuple[list[Connector], int | None]:
    """
    The rows of a page and one more, which tells whether there is another page; and how many there are of a search.

    A search is counted while the names that it is in are at hand; only where its last row was not seen anyway.
    """
    words = queries.words_of(filters.search)
    if not words:
        return _window.read(teams, filters, number), None
    named, given = queries.given_for(words)
    kind = teams, replace(filters, search=""), named
    rows = _searched.read(*kind, number, **given)
    if len(rows) <= SIZE and (rows or number == 1):
        return rows, (number - 1) * SIZE + len(rows)
    return rows, _matching.read(*kind, **given)


@lean.statement(ROW)
def _window(teams: frozenset[int] | None, filters: Filters, number: int) -> QuerySet[Connector]:
    return _cut(queries.narrowed(queries.of_teams(teams), filters), number)


@lean.statement(ROW, is_planned=False)
def _searched(
    teams: frozenset[int] | None, filters: Filters, words: tuple[bool, ...], number: int
) -> QuerySet[Connector]:
    return _cut(_fitting(teams, filters, words), number)


def _fitting(teams: frozenset[int] | None, filters: Filters, words: tuple[bool, ...]) -> QuerySet[Connector]:
    return queries.searched_for(queries.narrowed(queries.of_teams(teams), filters), words)


_matching = lean.Total(_fitting)


def _cut(rows: QuerySet[Connector], number: int) -> QuerySet[Connector]:
    return rows[(number - 1) * SIZE : number * SIZE + 1]


def new_rows(viewer: Viewer, filters: Filters, arrangement: Arrangement, number: int, shown: Collection[int]) -> int:
    """
    This will count the rows that have come to stand among those a page shows since it was read.

    What comes before the first or after the last row that is still there was only moved by others that came or went;
    except on the first page, where everything before the first is new, and on a page that is not full.
    """
    rows = queries.narrowed(queries.visible_to(viewer).select_related(None), filters)
    if arrangement.by:
        whole = _shown(groups(rows, arrangement), number)
        ids = list(_of(rows, whole).values_list("pk", flat=True))
    else:
        ids = list(rows.values_list("pk", flat=True)[(number - 1) * SIZE : number * SIZE])
    kept = [place for place, pk in enumerate(ids) if pk in shown]
    first = 0 if number == 1 or not kept else kept[0]
    last = kept[-1] if kept and len(ids) == SIZE else len(ids)
    return sum(pk not in shown for pk in ids[first:last])


def headings(viewer: Viewer, filters: Filters, arrangement: Arrangement, number: int) -> list[Group]:
    """This will count the groups on a page anew, in their order; none where it is not grouped."""
    if not arrangement.by:
        return []
    rows = queries.narrowed(queries.visible_to(viewer).select_related(None), filters)
    return [stretch.group for stretch in _shown(groups(rows, arrangement), number)]


def groups(rows: QuerySet[Any], arrangement: Arrangement) -> list[Group]:
    """This will count the groups, the one with the most urgent row first."""
    by, key = arrangement.by, GROUPS[arrangement.by]
    counted = (
        rows.order_by()
        .values(key, *MORE.get(by, ()))
        .annotate(
            number=Count("pk"),
            most=Min("urgency"),
            failed=_count(Activity.FAILED),
            degraded=_count(Activity.DEGRADED),
        )
    )
    found = [(row["most"], _group(by, row, arrangement)) for row in counted]
    return [group for _, group in sorted(found, key=lambda pair: (pair[0], pair[1].label, pair[1].key))]


def _count(activity: Activity) -> Count:
    return Count("pk", filter=Q(urgency=URGENCY[activity], is_stale_now=False))


def _group(by: str, row: Mapping[str, Any], arrangement: Arrangement) -> Group:
    key = str(row[GROUPS[by]])
    return Group(
        by=by,
        key=key,
        label=catalogue.vendor(key).name if by == "vendor" else row.get("pipeline__name", key),
        number=row["number"],
        failed=row["failed"],
        degraded=row["degraded"],
        is_closed=arrangement.is_closed(key),
        account=row.get("account__name", ""),
        state=row.get("pipeline__state", ""),
    )


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The lines of one group that fall on a page: from, and how many."""

    group: Group
    start: int
    number: int


def _shown(everything: Iterable[Group], number: int) -> list[_Stretch]:
    first, end = (number - 1) * SIZE, number * SIZE
    found, at = [], 0
    for group in everything:
        start, stop = max(first, at), min(end, at + group.lines)
        if start < stop:
            found.append(_Stretch(group, start - at, stop - start))
        at += group.lines
    return found


def _of(rows: QuerySet[Any], shown: Sequence[_Stretch]) -> QuerySet[Any]:
    """The rows of the groups on a page, in the order of the groups."""
    stretches = [stretch for stretch in shown if not stretch.group.is_closed]
    if not stretches:
        return rows.none()
    key = GROUPS[stretches[0].group.by]
    places: list[When] = [When(**{key: stretch.group.key}, then=Value(n)) for n, stretch in enumerate(stretches)]
    place = Case(*places, default=Value(0))
    ordered = rows.filter(**{f"{key}__in": [s.group.key for s in stretches]}).order_by(place, *ORDER)
    first = stretches[0].start
    return ordered[first : first + sum(stretch.number for stretch in stretches)]


def _parts(by: str, shown: Iterable[_Stretch], found: Sequence[Connector]) -> Iterable[Part]:
    by_key: dict[str, list[Connector]] = {}
    for connector in found:
        by_key.setdefault(_key(by, connector), []).append(connector)
    for stretch in shown:
        yield Part(stretch.group, by_key.get(stretch.group.key, []))


def _key(by: str, connector: Connector) -> str:
    if by == "pipeline":
        return str(connector.pipeline_id)
    return connector.account.vendor if by == "vendor" else connector.team.slug
