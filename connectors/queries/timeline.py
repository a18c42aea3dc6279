"""What happened to one connector or pipeline: states, operations, decisions and notes in one line, the newest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Literal

from django.db.models import CharField, F, Model, Q, QuerySet, Value
from django.db.models.functions import Cast

from connectors import planned
from connectors.models import AuditEvent, Connector, Note, Operation, Pipeline, StateChange
from connectors.queries import lean

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
    noun = "connector" if isinstance(target, Connector) else "pipeline"
    sql, params = _lines(noun, show if show in CHOSEN else "", number, size)
    with planned.cursor() as cursor:
        cursor.execute(sql, lean.filled(params, {"pk": target.pk, "key": str(target.pk)}))
        page = cursor.fetchall()
    keys: dict[Kind, list[str]] = {}
    for kind, key, _ in page:
        keys.setdefault(kind, []).append(key)
    found = {kind: _fetched(kind, its) for kind, its in keys.items()}
    return [Entry(kind, moment, found[kind][key]) for kind, key, moment in page if key in found[kind]]


def _sources(noun: str) -> dict[Kind, QuerySet[Any]]:
    decided = Q()
    for word in DECISIONS:
        decided |= Q(action__startswith=f"{noun}.{word}.")
    its, named = lean.equal(f"{noun}_id", "pk"), lean.equal("target_id", "key", CharField())
    return {
        "state": StateChange.objects.filter(its),
        "operation": Operation.objects.filter(its),
        "decision": AuditEvent.objects.filter(decided, named, target_kind=noun),
        "note": Note.objects.filter(its),
    }


MOMENTS: Mapping[Kind, str] = {"state": "at", "operation": "requested_at", "decision": "at", "note": "written_at"}
CHOSEN: Mapping[str, Sequence[Kind]] = {
    "states": ["state"], "outside": ["state"], "operations": ["operation"], "decisions": ["decision"],
    "notes": ["note"],
}  # fmt: skip


@lru_cache(lean.KINDS)
def _lines(noun: str, show: str, number: int, size: int) -> lean.Text:
    """The text that finds kind, key and moment of a page's entries."""
    sources = _sources(noun)
    rows = {kind: sources[kind] for kind in CHOSEN.get(show, list(sources))}
    if show == "outside":
        rows["state"] = rows["state"].filter(cause=StateChange.Cause.OUTSIDE)
    lines = [_line(kind, found) for kind, found in rows.items()]
    ordered = lines[0].union(*lines[1:], all=True) if len(lines) > 1 else lines[0]
    text: lean.Text = ordered.order_by("-moment", "-key")[
        (number - 1) * size : number * size + 1
    ].query.sql_with_params()
    return lean.closed(text)


def _line(kind: Kind, rows: QuerySet[Any]) -> Any:
    """What makes an entry of each row: its kind, its key and its moment."""
    lines = rows.select_related(None).order_by()
    lines = lines.annotate(sort=Value(kind, CharField()), key=Cast("pk", CharField()), moment=F(MOMENTS[kind]))
    return lines.values_list("sort", "key", "moment")


LAYOUTS: Mapping[Kind, lean.Layout[Any]] = {
    "state": lean.Layout(StateChange, operation=lean.Layout(Operation)),
    "operation": lean.Layout(Operation),
    "decision": lean.Layout(AuditEvent),
    "note": lean.Layout(Note),
}


def _named(model: type[Model]) -> QuerySet[Any]:
    return model._default_manager.filter(lean.any_of("id", "ids")).order_by()


FOUND = {kind: lean.Statement(layout, partial(_named, layout.model)) for kind, layout in LAYOUTS.items()}


def _fetched(kind: Kind, keys: Sequence[str]) -> dict[str, Any]:
    of = LAYOUTS[kind].model._meta.pk
    return {str(row.pk): row for row in FOUND[kind].read(ids=[of.to_python(key) for key in keys])}
