"""The board's filters and grouping, as its address keeps them. Words nobody knows narrow nothing."""

import re
from collections.abc import Container, Iterable
from typing import Any

from django import forms
from django.http import QueryDict

from connectors.matrix import Active, Activity
from connectors.models import SavedView, Team
from connectors.queries.board import GROUPS, Arrangement
from connectors.queries.connectors import Filters
from connectors.queries.views import COLUMNS
from connectors.states import State

LONGEST_SEARCH = 200
FILTERS = (
    "search", "vendor", "account", "pipeline", "pipeline_state", "state", "activity", "active", "team", "label",
    "class", "drift", "stale", "open",
)  # fmt: skip
"""What narrows, by its word in the address."""
KEPT = frozenset({*FILTERS, "group"})
"""What a saved view keeps of an address."""
NUMBER = re.compile(r"[0-9]{1,15}")
_STATES, _ACTIVITIES, _ACTIVE = (frozenset(words) for words in (State, Activity, Active))


def filters_of(query: QueryDict) -> Filters:
    """This will read the filters out of an address."""
    return Filters(
        search=query.get("search", "").strip()[:LONGEST_SEARCH],
        vendor=tuple(query.getlist("vendor")),
        team=tuple(query.getlist("team")),
        account=tuple(query.getlist("account")),
        pipeline=tuple(int(word) for word in query.getlist("pipeline") if NUMBER.fullmatch(word)),
        state=_known(query, "state", _STATES),
        pipeline_state=_known(query, "pipeline_state", _STATES),
        activity=_known(query, "activity", _ACTIVITIES),
        active=_known(query, "active", _ACTIVE),
        type=tuple(query.getlist("class")),
        label=tuple(query.getlist("label")),
        is_drifted="drift" in query,
        is_stale=_stale(query.getlist("stale")),
        has_open="open" in query,
    )


def arrangement_of(query: QueryDict) -> Arrangement:
    """This will read out of an address how the rows stand."""
    by = query.get("group", "")
    return Arrangement(by, frozenset(query.getlist("closed"))) if by in GROUPS else Arrangement()


def kept(query: QueryDict) -> str:
    """This will give what a saved view keeps of an address: filters and grouping, always in the same order."""
    made = QueryDict(mutable=True)
    for name in (*FILTERS, "group"):
        if values := sorted({value.strip() for value in query.getlist(name)} - {""}):
            made.setlist(name, values)
    return made.urlencode()


class ViewForm(forms.Form):
    """
    The name of a saved view, whom it is shared with, and which older one it takes the place of.

    :param teams: those the person may share with
    :param own: the views the person may change
    """

    name = forms.CharField(max_length=80)

    def __init__(self, teams: Iterable[int], *args: Any, own: Iterable[int] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["team"] = forms.ModelChoiceField(
            Team.objects.filter(pk__in=list(teams)), required=False, to_field_name="slug"
        )
        self.fields["replaces"] = forms.ModelChoiceField(SavedView.objects.filter(pk__in=list(own)), required=False)


class ColumnsForm(forms.Form):
    """The columns of the board; `usual` goes back to those it comes with."""

    column = forms.MultipleChoiceField(choices=list(COLUMNS.items()), required=False)
    usual = forms.CharField(required=False)


def words_of(query: QueryDict) -> str:
    """This will say the filters of an address in one line: `state:failed team:search`."""
    said = [f"{name}:{value}" for name in FILTERS for value in query.getlist(name) if value.strip()]
    return " ".join(said)


def _stale(words: list[str]) -> bool | None:
    """Asked for both, it narrows nothing."""
    wanted = {word == "yes" for word in words if word in {"yes", "no"}}
    return wanted.pop() if len(wanted) == 1 else None


def _known(query: QueryDict, name: str, words: Container[str]) -> tuple[str, ...]:
    return tuple(word for word in query.getlist(name) if word in words)
