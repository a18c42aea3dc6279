"""Everything one page shows, gathered in a constant number of queries. The event stream renders from the same."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import CharField, QuerySet
from django.utils import timezone

from connectors.models import AuditEvent, BatchItem, Connector, Operation, Pipeline, Team, VendorAccount
from connectors.permissions import Viewer
from connectors.queries import batches, guards, holds, lean, notes, pipelines, samples, timeline, timings, verbs
from connectors.queries import connectors as queries
from connectors.states import OPEN
from connectors.vendors import registry

TEAM = lean.Layout(Team)
WHOLE = lean.Layout(Connector, account=lean.Layout(VendorAccount, team=TEAM), pipeline=lean.Layout(Pipeline), team=TEAM)
SAID = lean.Layout(
    AuditEvent,
    only={
        "id", "at", "action", "result", "actor", "on_behalf_of", "target", "account", "reason", "ticket", "before",
        "after", "error", "vendor_request", "vendor_reply", "address", "request_id",
    },
    moving=(),
)  # fmt: skip
"""What a page says of an event. Whatever its template comes to show belongs here: what is kept is found by this."""
LATEST = 20
ITEMS = 50


def connector(viewer: Viewer, pk: int, now: datetime | None = None) -> dict[str, Any] | None:
    """
    This will gather a connector's page; None when it does not exist for this person.

    Keys: `row` (queries.connectors.Row), `connector`, `hold`, `operations`, `entries` (queries.timeline), `notes`,
    `events` (None when the person may not read them), `guard` (queries.guards.Panel), `may_see_configuration`,
    `viewer`.
    """
    now = now or timezone.now()
    with lean.ahead(*asked(viewer, pk, now)):
        found = next(iter(_connector.read(viewer.sees, pk=pk)), None)
        return _of_connector(viewer, found, now) if found else None


def asked(viewer: Viewer, pk: int, now: datetime) -> list[lean.Asked]:
    """This will put the questions of `connector` for which nothing but its id has to be known."""
    its = [_connector.asked(viewer.sees, pk=pk), _operations.asked(pk=pk), timeline.asked("connector", pk, LATEST)]
    guarding = [*guards.asked([pk], now), guards.asked_of_panel(pk, now), holds.asked("connector", pk)]
    return [*its, *guarding, *queries.asked([pk])]


def _of_connector(viewer: Viewer, found: Connector, now: datetime) -> dict[str, Any]:
    rails, hold = guards.read(viewer, connectors=[found.pk], now=now), holds.of(found)
    (row,) = queries.rows([found], viewer, rails=rails)
    may_read = _may_read_events(viewer, found)
    with lean.ahead(notes.asked(found), *([_latest_events.asked("connector", pk=str(found.pk))] if may_read else [])):
        beside, events = notes.about(found), _events(viewer, "connector", found)
    return {
        "row": row,
        "connector": found,
        "hold": hold,
        "operations": _operations.read(pk=found.pk),
        "entries": timeline.entries(found, size=LATEST),
        "notes": beside,
        "events": events,
        "guard": guards.panel(found, viewer, rails, hold),
        "may_see_configuration": viewer.may_see_configuration(found.team_id),
        "viewer": viewer,
    }


@lean.statement(WHOLE)
def _connector(teams: frozenset[int] | None) -> QuerySet[Connector]:
    return queries.of_teams(teams).filter(lean.equal("id", "pk"))


@lean.statement(lean.Layout(Operation))
def _operations() -> QuerySet[Operation]:
    return Operation.objects.filter(lean.equal("connector_id", "pk"))[:LATEST]


def pipeline(viewer: Viewer, pk: int) -> dict[str, Any] | None:
    """
    This will gather a pipeline's page; None when it does not exist for this person.

    Keys: `pipeline`, `vendor`, `is_stale`, `buttons`, `hold`, `guard` (queries.guards.Mark), `operation`,
    `operations`, `entries` (queries.timeline), `notes`, `summary` (of the connectors the person may see), `events`,
    `viewer`.
    """
    found = queries.pipelines_of(viewer).filter(pk=pk).first()
    if found is None:
        return None
    now = timezone.now()
    is_stale = found.is_stale(now)
    operations = list(Operation.objects.filter(pipeline=found)[:LATEST])
    under_way = next((o for o in operations if o.status in OPEN), None)
    rails = guards.read(viewer, pipelines=[found.pk], now=now)
    return {
        "pipeline": found,
        "vendor": registry.get(found.account.vendor),
        "is_stale": is_stale,
        "buttons": verbs.buttons(
            found,
            viewer,
            is_stale=is_stale,
            open_verb=under_way.kind if under_way else None,
            times=timings.measured(),
            rails=rails,
        ),
        "hold": holds.of(found),
        "guard": rails.mark(found),
        "operation": operations[0] if operations else None,
        "operations": operations,
        "entries": timeline.entries(found, size=LATEST),
        "notes": notes.about(found),
        "summary": pipelines.summary(viewer, found, is_stale=is_stale),
        "events": _events(viewer, "pipeline", found),
        "viewer": viewer,
    }


def flow(connector: Connector, word: str, now: datetime | None = None) -> dict[str, Any]:
    """
    This will gather a connector's charts.

    Keys: `connector`, `vendor`, `history` (queries.samples.History), `ranges`.
    """
    return {
        "connector": connector,
        "vendor": registry.get(connector.account.vendor),
        "history": samples.history(connector, samples.range_of(word), now or timezone.now()),
        "ranges": samples.RANGES,
    }


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item of a batch, with its connector as the board shows it."""

    item: BatchItem
    row: queries.Row


def batch(viewer: Viewer, pk: UUID, *, show: str = "", number: int = 1) -> dict[str, Any] | None:
    """
    This will gather a batch's page; None when it does not exist for this person.

    Keys: `batch`, `progress`, `show` (a status of its items, or empty for all), `lines`, `number`, `has_next`,
    `children`, `restorable` (how many are still as it left them), `viewer`.
    """
    found = batches.visible_to(viewer).filter(pk=pk).first()
    if found is None:
        return None
    show = show if show in BatchItem.Status.values else ""
    items = batches.items_of(found, viewer)
    items = items.filter(status=show) if show else items.order_by(batches.TROUBLE_FIRST, "place")
    page = list(items[(number - 1) * ITEMS : number * ITEMS + 1])
    shown = page[:ITEMS]
    rows = queries.rows([item.connector for item in shown], viewer)
    return {
        "batch": found,
        "progress": batches.progress(found),
        "show": show,
        "lines": [ItemRow(item, row) for item, row in zip(shown, rows, strict=True)],
        "number": number,
        "has_next": len(page) > ITEMS,
        "children": list(found.children.order_by("requested_at")),
        "restorable": batches.untouched(found).count() if not found.is_open else 0,
        "viewer": viewer,
    }


def _events(viewer: Viewer, kind: str, target: Connector | Pipeline) -> list[AuditEvent] | None:
    """The audit of one target: for whoever may operate it, and for those who read the whole audit."""
    return _latest_events.read(kind, pk=str(target.pk)) if _may_read_events(viewer, target) else None


def _may_read_events(viewer: Viewer, target: Connector | Pipeline) -> bool:
    team_id = target.team_id if isinstance(target, Connector) else target.account.team_id
    return viewer.may_read_audit or viewer.may_operate(team_id)


@lean.statement(SAID)
def _latest_events(kind: str) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(lean.equal("target_id", "pk", CharField()), target_kind=kind)[:LATEST]
