"""Every read of connectors: who sees which, what filters leave, and the board's rows."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db.models import (
    Case,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from connectors import diagnose, matrix
from connectors.matrix import Activity
from connectors.models import Connector, Operation, Pipeline, VendorAccount
from connectors.models.connectors import SEARCHED
from connectors.permissions import Viewer
from connectors.queries import guards, lean, timings, upcoming, verbs
from connectors.queries.judging import Judge, Judged
from connectors.queries.upcoming import Upcoming
from connectors.states import OPEN, Verb
from connectors.vendors import registry
from connectors.vendors.base import Vendor

MOST_WORDS = 8
SECOND = Value(timedelta(seconds=1), output_field=DurationField())
CAPITALS = """
SELECT p.id, upper(p.name) AS name, a.name AS account
  FROM connectors_pipeline p
  JOIN (SELECT id, upper(name) AS name FROM connectors_vendoraccount OFFSET 0) a ON a.id = p.account_id
OFFSET 0
"""
"""The names of all pipelines, and of their accounts."""
NOT_IN_FULL = Q(failing_since__isnull=False) | ~Q(unread=[])
"""Accounts that cannot be read now, or only in part."""


def visible_to(viewer: Viewer) -> QuerySet[Connector]:
    """This will give the connectors that exist for this person; anything else is 404."""
    return of_teams(viewer.sees).select_related("account__team", "pipeline", "team")


def of_teams(teams: frozenset[int] | None) -> QuerySet[Connector]:
    """This will give the connectors of these teams; None: of all."""
    return Connector.objects.all() if teams is None else Connector.objects.filter(team_id__in=teams)


def with_staleness(rows: QuerySet[Connector]) -> QuerySet[Any]:
    """This will add `is_stale_now`, decided by the database's clock."""
    age = ExpressionWrapper(F("account__budget") * SECOND, output_field=DurationField())
    seen = Coalesce("seen_at", "account__observed_at")
    past = Q(seen_or_observed__isnull=True) | Q(seen_or_observed__lt=Now() - age)
    stale = Q(gone_at__isnull=False) | past
    return rows.annotate(seen_or_observed=seen).annotate(
        is_stale_now=Case(When(stale, then=Value(True)), default=Value(False))
    )


@dataclass(frozen=True, slots=True)
class Filters:
    """What the board is narrowed to. Each list holds alternatives; all of them must hold. The address keeps it."""

    search: str = ""
    vendor: Sequence[str] = ()
    team: Sequence[str] = ()
    account: Sequence[str] = ()
    pipeline: Sequence[int] = ()
    state: Sequence[str] = ()
    pipeline_state: Sequence[str] = ()
    activity: Sequence[str] = ()
    active: Sequence[str] = ()
    """`yes`, `no`, `warning`, `unknown`; or the API's `true` and `false`."""
    type: Sequence[str] = ()
    label: Sequence[str] = ()
    """`key=value`, or `key` alone for any value."""
    is_drifted: bool = False
    is_stale: bool | None = None
    has_open: bool = False

    @property
    def is_set(self) -> bool:
        """Does it narrow anything?"""
        return self != Filters()


def narrowed(everything: QuerySet[Connector], filters: Filters) -> QuerySet[Any]:
    """This will give the connectors that fit the filters."""
    rows = with_staleness(everything)
    rows = searched(rows, filters.search)
    simple: dict[str, Sequence[Any]] = {
        "account__vendor__in": filters.vendor,
        "team__slug__in": filters.team,
        "account__name__in": filters.account,
        "pipeline_id__in": filters.pipeline,
        "state__in": filters.state,
        "pipeline__state__in": filters.pipeline_state,
        "type__in": filters.type,
    }
    rows = rows.filter(**{lookup: list(values) for lookup, values in simple.items() if values})
    if filters.activity:
        rows = rows.filter(_any(_with_activity(Activity(a)) for a in filters.activity))
    if filters.active:
        rows = rows.filter(_any(_with_activity(a) for answer in filters.active for a in _activities(answer)))
    if filters.label:
        rows = rows.filter(_any(_with_label(label) for label in filters.label))
    if filters.is_drifted:
        rows = rows.filter(drift_since__isnull=False)
    if filters.is_stale is not None:
        rows = rows.filter(is_stale_now=filters.is_stale)
    if filters.has_open:
        rows = rows.filter(pk__in=Operation.objects.filter(status__in=OPEN).values("connector_id"))
    return rows


def searched(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """
    This will give the connectors in which each word is found, or in the name of their pipeline or account.

    Those names are looked up first, in one small query: the rest is then answered by indexes alone.
    """
    words = words_of(text)
    if words:
        rows = rows.alias(searched=SEARCHED)
    for word, named in zip(words, _named(words), strict=True):
        rows = rows.filter(Q(searched__contains=word) | Q(pipeline_id__in=named))
    return rows


def words_of(text: str) -> list[str]:
    """This will give the words of a search."""
    return list(dict.fromkeys(text.upper().split()))[:MOST_WORDS]


def searched_for(rows: QuerySet[Any], words: Sequence[bool]) -> QuerySet[Any]:
    """
    This will do the same with its words left open, for a text that is kept; `given_for` says what they are.

    :param words: for each, whether it is in any name: a condition that nothing can meet would cost a plan all the same
    """
    rows = rows.alias(searched=SEARCHED)
    for n, is_named in enumerate(words):
        fits = Q(lean.like("searched", f"word_{n}"))
        rows = rows.filter(fits | Q(lean.any_of("pipeline_id", f"named_{n}")) if is_named else fits)
    return rows


def given_for(words: Sequence[str]) -> tuple[tuple[bool, ...], dict[str, Any]]:
    """This will look the names up, and give which words are in any, and what `searched_for` left open."""
    named = _named(words)
    ids = {f"named_{n}": found for n, found in enumerate(named) if found}
    return tuple(bool(found) for found in named), _patterns(words) | ids


def asked_for(words: Sequence[str]) -> lean.Asked:
    """This will put the question of `given_for`."""
    return _names(len(words)).asked(**_patterns(words))


def _named(words: Sequence[str]) -> Sequence[list[int]]:
    """For each word, the pipelines with it in their own name or their account's."""
    if not words:
        return []
    (found,) = _names(len(words)).read(**_patterns(words))
    return found


def _patterns(words: Sequence[str]) -> dict[str, Any]:
    return {f"word_{n}": lean.pattern(word) for n, word in enumerate(words)}


@cache
def _names(words: int) -> lean.Written:
    """
    So many words at once: what takes longest is to write names in capitals, hence once, and hence the two OFFSETs.

    Its plan may be kept, unlike that of a search among connectors: no index holds these names, whatever the word.
    """
    fits = (f"p.name LIKE %(word_{n})s OR p.account LIKE %(word_{n})s" for n in range(words))
    found = ", ".join(f"coalesce(array_agg(p.id) FILTER (WHERE {one}), '{{}}')" for one in fits)
    return lean.Written(f"SELECT {found} FROM ({CAPITALS}) p")  # noqa: S608  # nothing here came from outside


def _activities(active: str) -> list[Activity]:
    """The activities behind an answer; `true` is what flows, degraded or not."""
    answers: dict[str, list[Activity]] = {
        "yes": [Activity.ACTIVE],
        "warning": [Activity.DEGRADED],
        "true": [Activity.ACTIVE, Activity.DEGRADED],
        "unknown": [Activity.UNKNOWN],
    }
    rest = [Activity.FAILED, Activity.CHANGING, Activity.PAUSED, Activity.STOPPED]
    return answers.get(active, rest)


def _with_activity(activity: Activity) -> Q:
    """The pairs of states behind one count. What is stale counts as unknown whatever it was."""
    by_pipeline: dict[str, list[str]] = {}
    for pipeline, connector in matrix.PAIRS[activity]:
        by_pipeline.setdefault(pipeline, []).append(connector)
    pairs = _any(Q(pipeline__state=p, state__in=states) for p, states in by_pipeline.items())
    if activity is Activity.UNKNOWN:
        return pairs | Q(is_stale_now=True)
    return pairs & Q(is_stale_now=False)


def _with_label(label: str) -> Q:
    key, has_value, value = label.partition("=")
    return Q(labels__contains={key: value}) if has_value else Q(labels__has_key=key)


def _any(conditions: Iterable[Q]) -> Q:
    whole = Q(pk__in=[])
    for condition in conditions:
        whole |= condition
    return whole


@dataclass(frozen=True, slots=True)
class Row:
    """One connector as the board shows it; rendering it makes no query."""

    connector: Connector
    account: VendorAccount
    vendor: Vendor
    read_at: datetime
    """When all of this was so."""
    judged: Judged
    operation: Operation | None
    """The last one, open or not."""
    upcoming: Upcoming | None = None
    """What happens next by itself."""
    guard: guards.Mark | None = None
    """The lock, or the freeze to come."""

    @property
    def verdict(self) -> matrix.Verdict:
        """Whether data can flow."""
        return self.judged.verdict

    @property
    def is_stale(self) -> bool:
        """Is what is known of it older than it may be?"""
        return self.judged.is_stale

    @property
    def why(self) -> diagnose.Diagnosis:
        """Why it does, or does not."""
        return self.judged.why

    @property
    def buttons(self) -> Sequence[verbs.Button]:
        """What can be asked of it, and why the rest cannot."""
        return self.judged.buttons

    @property
    def tasks(self) -> Sequence[verbs.Button]:
        """One for each failed task, where the vendor restarts one alone."""
        return self.judged.tasks

    @property
    def why_no_single_task(self) -> str:
        """What to say beside failed tasks where the vendor restarts none of them alone."""
        if self.vendor.capability(Verb.RESTART_TASK, "connector"):
            return ""
        return f"{self.vendor.name} restarts a connector as a whole, not one task of it."

    @property
    def open_operation(self) -> Operation | None:
        """The one that is under way, if any."""
        return self.operation if self.operation and self.operation.is_open else None


def rows(
    connectors: Sequence[Connector], viewer: Viewer, now: datetime | None = None, rails: guards.Rails | None = None
) -> list[Row]:
    """
    This will put together what the board shows of these connectors, with a few queries for all of them.

    :param rails: what guards them, where that was read anyway
    """
    ids, now = [c.id for c in connectors], now or timezone.now()
    with lean.ahead(*asked(ids), *(guards.asked(ids, now) if rails is None else ())):
        rails = rails or guards.read(viewer, connectors=ids, now=now)
        last, coming = last_operations(ids), upcoming.of(connectors)
        judge = Judge(viewer, timings.measured(), rails)
    return [_row(c, last.get(c.id), coming.get(c.id), rails, judge) for c in connectors]


def asked(ids: Sequence[int]) -> list[lean.Asked]:
    """This will put the questions of `rows`, but for those after what guards them."""
    return [_newest.asked(ids=list(ids)), timings.asked(), upcoming.asked(ids)]


@lean.statement(lean.Layout(Operation))
def _newest() -> QuerySet[Operation]:
    return (
        Operation.objects.filter(lean.any_of("connector_id", "ids"))
        .order_by("connector_id", "-requested_at")
        .distinct("connector_id")
    )


def last_operations(ids: Sequence[int]) -> dict[int, Operation]:
    """This will give the newest operation of each connector."""
    return {o.connector_id: o for o in _newest.read(ids=list(ids)) if o.connector_id is not None}


def _row(
    connector: Connector, operation: Operation | None, coming: Upcoming | None, rails: guards.Rails, judge: Judge
) -> Row:
    account = connector.account
    return Row(
        connector=connector,
        account=account,
        vendor=registry.get(account.vendor),
        read_at=rails.now,
        judged=judge.of(connector, account, operation),
        operation=operation,
        upcoming=upcoming.sooner(coming, _freeze(connector, rails)) if rails.freezes else coming,
        guard=rails.mark(connector),
    )


def _freeze(connector: Connector, rails: guards.Rails) -> Upcoming | None:
    coming = rails.coming(connector)
    return Upcoming("lock", "Freezes", coming[1].starts_at, coming[0].name) if coming else None


def accounts_of(viewer: Viewer) -> QuerySet[VendorAccount]:
    """This will give the accounts whose connectors the person may see, with how many operations are open."""
    return accounts_of_teams(viewer.sees).select_related("team")


def accounts_of_teams(teams: frozenset[int] | None) -> QuerySet[VendorAccount]:
    """This will give the accounts of these teams or with connectors of theirs; None: all."""
    accounts = VendorAccount.objects.order_by("name")
    if teams is not None:
        accounts = accounts.filter(Q(team_id__in=teams) | _has_visible("account_id", teams))
    return with_open_operations(accounts)


def with_open_operations(accounts: QuerySet[VendorAccount]) -> QuerySet[VendorAccount]:
    """This will add how many operations are open at each."""
    under_way = Operation.objects.filter(account_id=OuterRef("pk"), status__in=OPEN).order_by().values("account_id")
    count = Subquery(under_way.annotate(number=Count("pk")).values("number"))
    return accounts.annotate(open_operations=Coalesce(count, 0))


def not_in_full(accounts: QuerySet[VendorAccount]) -> QuerySet[VendorAccount]:
    """This will leave those that cannot be read now, or only in part."""
    return accounts.filter(NOT_IN_FULL)


def _has_visible(key: str, teams: Collection[int]) -> Exists:
    """Has it any connector of these teams?"""
    return Exists(Connector.objects.filter(**{key: OuterRef("pk")}, team_id__in=teams))


def pipelines_of(viewer: Viewer) -> QuerySet[Pipeline]:
    """This will give the pipelines of those accounts."""
    rows = Pipeline.objects.select_related("account__team")
    if viewer.sees is None:
        return rows
    return rows.filter(Q(account__team_id__in=viewer.sees) | _has_visible("pipeline_id", viewer.sees))
