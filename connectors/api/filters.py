"""From the query of an address to filters; what cannot be read is refused by name."""

from collections.abc import Iterable
from datetime import datetime

from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ValidationError

from connectors.matrix import Active, Activity
from connectors.queries import audit_language
from connectors.queries.audit_language import Query
from connectors.queries.connectors import Filters
from connectors.states import State

ANSWERS = [*Active, "true", "false"]
PARTS = ("actor", "action", "target", "team", "result", "after", "before")
KNOWN = {
    "search", "vendor", "team", "account", "pipeline", "state", "pipeline_state", "activity", "active", "drift",
    "stale", "open", "class", "label", "page", "page_size", "format",
}  # fmt: skip


def connectors(query: QueryDict) -> Filters:
    """
    This will read the filters of the connector list.

    :raises ValidationError: a name or a value that does not exist, with those that do
    """
    if unknown := sorted(set(query) - KNOWN):
        raise ValidationError(
            {name: [f"There is no such filter. Known are: {', '.join(sorted(KNOWN))}."] for name in unknown}
        )
    active = query.get("active", "")
    if active and active not in ANSWERS:
        raise ValidationError({"active": [f"{active!r} is none of: {', '.join(ANSWERS)}."]})
    return Filters(
        search=query.get("search", ""),
        vendor=query.getlist("vendor"),
        team=query.getlist("team"),
        account=query.getlist("account"),
        pipeline=[_whole("pipeline", text) for text in query.getlist("pipeline")],
        state=_chosen("state", query.getlist("state"), State),
        pipeline_state=_chosen("pipeline_state", query.getlist("pipeline_state"), State),
        activity=_chosen("activity", query.getlist("activity"), Activity),
        active=[active] if active else [],
        type=query.getlist("class"),
        label=query.getlist("label"),
        is_drifted=_flag("drift", query.get("drift")) or False,
        is_stale=_flag("stale", query.get("stale")),
        has_open=_flag("open", query.get("open")) or False,
    )


def events(query: QueryDict) -> Query:
    """
    This will read the query over the record, `q`, and single filters beside it.

    :raises ValidationError: a word of the query cannot be read; the column is named
    """
    given = {name: query.get(name, "") for name in PARTS}
    if given["action"] and not given["action"].endswith("*"):
        given["action"] += "*"
    for name in ("after", "before"):
        _moment(name, query.get(name))
    found = audit_language.of_parts(given)
    asked = audit_language.read(query.get("q", ""))
    if asked.troubles:
        raise ValidationError({"q": [f"column {one.start + 1}, {one.word}: {one.says}" for one in asked.troubles]})
    if found.troubles:
        raise ValidationError({one.word.split(":")[0]: [one.says] for one in found.troubles})
    return Query(asked.text, [*asked.terms, *found.terms])


def _chosen(name: str, values: list[str], known: Iterable[str]) -> list[str]:
    known = list(known)
    if wrong := [value for value in values if value not in known]:
        raise ValidationError({name: [f"{', '.join(wrong)}: none of {', '.join(known)}."]})
    return values


def _flag(name: str, text: str | None) -> bool | None:
    if text is None or text == "":
        return None
    if text.lower() in {"1", "true", "yes"}:
        return True
    if text.lower() in {"0", "false", "no"}:
        return False
    raise ValidationError({name: [f"{text!r} is neither true nor false."]})


def _whole(name: str, text: str) -> int:
    if not text.isdigit():
        raise ValidationError({name: [f"{text!r} is not an id."]})
    return int(text)


def _moment(name: str, text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValidationError({name: ["Give a time with its zone: 2026-11-21T12:00:00Z."]})
    return found
