"""The board's filters, as its address keeps them. Words nobody knows narrow nothing."""

from collections.abc import Container

from django.http import QueryDict

from connectors.matrix import Active, Activity
from connectors.queries.connectors import Filters
from connectors.states import State

LONGEST_SEARCH = 200


def filters_of(query: QueryDict) -> Filters:
    """This will read the filters out of an address."""
    return Filters(
        search=query.get("search", "").strip()[:LONGEST_SEARCH],
        vendor=query.getlist("vendor"),
        team=query.getlist("team"),
        account=query.getlist("account"),
        pipeline=[int(word) for word in query.getlist("pipeline") if word.isascii() and word.isdigit()],
        state=_known(query, "state", set(State)),
        pipeline_state=_known(query, "pipeline_state", set(State)),
        activity=_known(query, "activity", set(Activity)),
        active=next(iter(_known(query, "active", set(Active))), ""),
        is_drifted="drift" in query,
        is_stale={"yes": True, "no": False}.get(query.get("stale", "")),
        has_open="open" in query,
    )


def _known(query: QueryDict, name: str, words: Container[str]) -> list[str]:
    return [word for word in query.getlist(name) if word in words]
