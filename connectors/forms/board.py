"""The board's filters, as its address keeps them. Words nobody knows narrow nothing."""

import re
from collections.abc import Container

from django.http import QueryDict

from connectors.matrix import Active, Activity
from connectors.queries.connectors import Filters
from connectors.states import State

LONGEST_SEARCH = 200
FILTERS = (
    "search", "vendor", "account", "pipeline", "pipeline_state", "state", "activity", "active", "team", "label",
    "class", "drift", "stale", "open",
)  # fmt: skip
"""What narrows, by its word in the address."""
NUMBER = re.compile(r"[0-9]{1,15}")


def filters_of(query: QueryDict) -> Filters:
    """This will read the filters out of an address."""
    return Filters(
        search=query.get("search", "").strip()[:LONGEST_SEARCH],
        vendor=tuple(query.getlist("vendor")),
        team=tuple(query.getlist("team")),
        account=tuple(query.getlist("account")),
        pipeline=tuple(int(word) for word in query.getlist("pipeline") if NUMBER.fullmatch(word)),
        state=_known(query, "state", set(State)),
        pipeline_state=_known(query, "pipeline_state", set(State)),
        activity=_known(query, "activity", set(Activity)),
        active=_known(query, "active", set(Active)),
        type=tuple(query.getlist("class")),
        label=tuple(query.getlist("label")),
        is_drifted="drift" in query,
        is_stale=_stale(query.getlist("stale")),
        has_open="open" in query,
    )


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
