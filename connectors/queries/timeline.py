"""What happened to one connector or pipeline: states, operations, decisions and notes in one line, the newest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Literal

from django.db.models import CharField, F, Field, Model, Q, QuerySet, Value
from django.db.models.functions import Cast

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
    page = _lines(noun, show if show in CHOSEN else "", number, size).read(**_of(target.pk))
    keys: dict[Kind, list[str]] = {}
    for kind, key, _ in page:
        keys.setdefault(kind, []).append(key)
    ids = {kind: [_key(kind).to_python(key) for key in its] for kind, its in keys.items()}
    with lean.ahead(*(FOUND[kind].asked(ids=its) for kind, its in ids.items())):
        found = {kind: {str(row.pk): row for row in FOUND[kind].read(ids=its)} for kind, its in ids.items()}
    return [Entry(kind, moment, found[kind][key]) for kind, key, moment in page if key in found[kind]]


def asked(noun: str, pk: int, size: int) -> lean.Asked:
    """This will put the question with which `entries` begins its first page."""
    return _lines(noun, "", 1, size).asked(**_of(pk))


def _of(pk: int) -> dict[str, Any]:
    return {"pk": pk, "key": str(pk)}


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
def _lines(noun: str, show: str, number: int, size: int) -> lean.Written:
    """What finds kind, key and moment of a page's entries."""
    sources = _sources(noun)
    rows = {kind: sources[kind] for kind in CHOSEN.get(show, list(sources))}
    if show == "outside":
        rows["state"] = rows["state"].filter(cause=StateChange.Cause.OUTSIDE)
    lines = [_line(kind, found) for kind, found in rows.items()]
    ordered = lines[0].union(*lines[1:], all=True) if len(lines) > 1 else lines[0]
    page = ordered.order_by("-moment", "-key")[(number - 1) * size : number * size + 1]
    return lean.Written.of(lean.closed(page.query.sql_with_params()))


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


def _key(kind: Kind) -> "Field[Any, Any]":
    key: Field[Any, Any] = LAYOUTS[kind].model._meta.pk
    return key
