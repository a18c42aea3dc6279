"""How many connectors each choice of a filter would show, with all other filters as they are."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Count, Q, QuerySet

from connectors import matrix
from connectors.matrix import Active
from connectors.models import Operation, Pipeline
from connectors.permissions import Viewer
from connectors.queries import connectors as queries
from connectors.queries.connectors import Filters
from connectors.states import OPEN, State

MOST = 100
"""Choices that are offered; the search finds what is not among them."""


@dataclass(frozen=True, slots=True)
class Number:
    """One choice and how many connectors it would show."""

    value: str
    label: str
    """Its own name, where it has one; else the value."""
    number: int


Rows = QuerySet[Any]


def numbers(viewer: Viewer, filters: Filters, name: str) -> list[Number]:
    """
    This will count the choices of one filter; what is chosen of the filter itself does not narrow them.

    :param name: its word in the address, a key of `COUNTED`
    """
    field, count = COUNTED[name]
    rows = queries.narrowed(queries.visible_to(viewer).select_related(None), replace(filters, **{field: _unset(field)}))
    return count(rows.order_by())[:MOST]


def _unset(field: str) -> Any:
    return getattr(Filters(), field)


def _by(column: str) -> Callable[[Rows], list[Number]]:
    def count(rows: Rows) -> list[Number]:
        found = Counter(dict(rows.values_list(column).annotate(number=Count("pk"))))
        return [Number(value, value, number) for value, number in _most(found) if value]

    return count


def _states(column: str) -> Callable[[Rows], list[Number]]:
    def count(rows: Rows) -> list[Number]:
        found = {n.value: n for n in _by(column)(rows)}
        return [found[state] for state in State if state in found]

    return count


def _pipelines(rows: Rows) -> list[Number]:
    found = rows.values_list("pipeline_id", "pipeline__name", "account__name").annotate(number=Count("pk"))
    counted = Counter({(pk, f"{name} · {account}"): number for pk, name, account, number in found})
    return [Number(str(pk), label, number) for (pk, label), number in _most(counted)]


def _labels(rows: Rows) -> list[Number]:
    counted: Counter[str] = Counter()
    for labels, number in rows.exclude(labels={}).values_list("labels").annotate(number=Count("pk")):
        counted.update({f"{key}={value}": number for key, value in labels.items()})
    return [Number(label, label, number) for label, number in _most(counted)]


def _actives(rows: Rows) -> list[Number]:
    judged = _judged(rows, lambda verdict: verdict.active)
    return [Number(answer, answer, judged[answer]) for answer in Active if judged[answer]]


def _activities(rows: Rows) -> list[Number]:
    judged = _judged(rows, lambda verdict: verdict.activity)
    return [Number(a, a, judged[a]) for a in matrix.Activity if judged[a]]


def _judged(rows: Rows, answer: Callable[[matrix.Verdict], str]) -> Counter[str]:
    counted: Counter[str] = Counter()
    pairs = rows.values_list("pipeline__state", "state", "is_stale_now").annotate(number=Count("pk"))
    for pipeline, state, is_stale, number in pairs:
        counted[answer(matrix.judge(State(pipeline), State(state), stale=is_stale))] += number
    return counted


def _stale(rows: Rows) -> list[Number]:
    found = dict(rows.values_list("is_stale_now").annotate(number=Count("pk")))
    return [Number(word, word, found[key]) for word, key in (("yes", True), ("no", False)) if found.get(key)]


def _drift(rows: Rows) -> list[Number]:
    return _one(rows.filter(drift_since__isnull=False))


def _open(rows: Rows) -> list[Number]:
    under_way = Operation.objects.filter(status__in=OPEN, connector__isnull=False).values("connector_id")
    return _one(rows.filter(pk__in=under_way))


def _one(rows: Rows) -> list[Number]:
    number = rows.count()
    return [Number("yes", "yes", number)] if number else []


def _most(counted: Counter[Any]) -> Iterable[tuple[Any, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], str(item[0])))


COUNTED: Mapping[str, tuple[str, Callable[[Rows], list[Number]]]] = {
    "vendor": ("vendor", _by("account__vendor")),
    "account": ("account", _by("account__name")),
    "pipeline": ("pipeline", _pipelines),
    "state": ("state", _states("state")),
    "pipeline_state": ("pipeline_state", _states("pipeline__state")),
    "active": ("active", _actives),
    "activity": ("activity", _activities),
    "team": ("team", _by("team__slug")),
    "label": ("label", _labels),
    "class": ("type", _by("type")),
    "drift": ("is_drifted", _drift),
    "stale": ("is_stale", _stale),
    "open": ("has_open", _open),
}
"""By the filter's word in the address: its field of `Filters`, and what counts its choices."""


def pipeline_names(viewer: Viewer, ids: Iterable[int]) -> dict[str, str]:
    """This will name the pipelines of an address, as far as they exist for this person."""
    wanted = list(ids)
    if not wanted:
        return {}
    found: QuerySet[Pipeline] = queries.pipelines_of(viewer).filter(Q(pk__in=wanted))
    return {str(pk): name for pk, name in found.values_list("pk", "name")}
