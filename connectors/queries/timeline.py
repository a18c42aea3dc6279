"""What happened to one connector or pipeline: states, operations, decisions and notes in one line, the newest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db.models import CharField, F, Q, QuerySet, Value
from django.db.models.functions import Cast

from connectors.models import AuditEvent, Connector, Note, Operation, Pipeline, StateChange

Kind = Literal["state", "operation", "decision", "note"]
SHOWS = (
    ("", "All"), ("states", "States"), ("operations", "Operations"), ("outside", "Outside"),
    ("decisions", "Decisions"), ("notes", "Notes"),
)  # fmt: skip
DECISIONS = ("drift", "hold", "protection")
"""Second word of the actions that are told beside states and operations."""
SIZE = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; `what` is the row of its kind."""

    kind: Kind
    at: datetime
    what: StateChange | Operation | AuditEvent | Note


def entries(target: Connector | Pipeline, show: str = "", number: int = 1, size: int = SIZE) -> list[Entry]:
    """
    This will give one page, and one entry more when there is another: at most five queries.

    :param show: a word of `SHOWS`
    """
    sources = _sources(target)
    chosen = {
        "states": ["state"], "outside": ["state"], "operations": ["operation"], "decisions": ["decision"],
        "notes": ["note"],
    }.get(show, list(sources))  # fmt: skip
    rows = {kind: sources[kind] for kind in chosen}
    if show == "outside":
        rows["state"] = rows["state"].filter(cause=StateChange.Cause.OUTSIDE)
    lines = [_line(kind, found) for kind, found in rows.items()]
    ordered = lines[0].union(*lines[1:], all=True) if len(lines) > 1 else lines[0]
    page = list(ordered.order_by("-moment", "-key")[(number - 1) * size : number * size + 1])
    found = {kind: _fetched(kind, sources, [row["key"] for row in page if row["sort"] == kind]) for kind in rows}
    return [
        Entry(row["sort"], row["moment"], found[row["sort"]][row["key"]])
        for row in page
        if row["key"] in found[row["sort"]]
    ]


def _sources(target: Connector | Pipeline) -> dict[str, QuerySet[Any]]:
    noun = "connector" if isinstance(target, Connector) else "pipeline"
    decided = Q()
    for word in DECISIONS:
        decided |= Q(action__startswith=f"{noun}.{word}.")
    return {
        "state": StateChange.objects.filter(**{noun: target}).select_related("operation"),
        "operation": Operation.objects.filter(**{noun: target}),
        "decision": AuditEvent.objects.filter(decided, target_kind=noun, target_id=str(target.pk)),
        "note": Note.objects.filter(**{noun: target}),
    }


MOMENTS = {"state": "at", "operation": "requested_at", "decision": "at", "note": "written_at"}


def _line(kind: str, rows: QuerySet[Any]) -> Any:
    """What makes an entry of each row: its kind, its key and its moment."""
    lines = rows.select_related(None).order_by()
    lines = lines.annotate(sort=Value(kind, CharField()), key=Cast("pk", CharField()), moment=F(MOMENTS[kind]))
    return lines.values("sort", "key", "moment")


def _fetched(kind: str, sources: Mapping[str, QuerySet[Any]], keys: Sequence[str]) -> dict[str, Any]:
    return {str(row.pk): row for row in sources[kind].filter(pk__in=keys)} if keys else {}
