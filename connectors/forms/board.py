"""The board's filters, as its address keeps them. Words nobody knows narrow nothing."""

import re
from collections.abc import Container

from django.http import QueryDict

from connectors.matrix import Active, Activity
from connectors.queries.connectors import Filters
from connectors.states import State

LONGEST_SEARCH = 200
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
        active=next(iter(_known(query, "active", set(Active))), ""),
        is_drifted="drift" in query,
        is_stale={"yes": True, "no": False}.get(query.get("stale", "")),
        has_open="open" in query,
    )


def _known(query: QueryDict, name: str, words: Container[str]) -> tuple[str, ...]:
    return tuple(word for word in query.getlist(name) if word in words)
