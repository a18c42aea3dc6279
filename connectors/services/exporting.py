"""
Exports in the background: piece by piece, each piece with the place where the next one begins, in one transaction.

So a worker may die at any point: another goes on from the last piece. A file holds what was on record when it was asked
for, and is kept for a few days.
"""

import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from connectors.actor import Actor
from connectors.models import AuditEvent, AuditExport, AuditExportPart
from connectors.permissions import Viewer
from connectors.queries import audit, audit_language
from connectors.services import audit as record
from connectors.services import export_lines, sealing

Status, Format = AuditExport.Status, AuditExport.Format
KEPT = timedelta(days=7)
CLAIM = timedelta(seconds=60)
SLICE = timedelta(seconds=5)
MOST_OPEN = 5


class NotPossible(Exception):
    """It was refused; the message says why."""


@transaction.atomic
def request(*, query: str, form: str, actor: Actor, viewer: Viewer, now: datetime | None = None) -> AuditExport:
    """
    This will write down what is wanted; workers do the rest.

    :raises NotPossible: the person may not, has enough under way, or the query cannot be read
    """
    now = now or timezone.now()
    if not viewer.may_read_audit or viewer.simulated_by:
        raise NotPossible("Exporting the record takes the site role admin or auditor.")
    if troubles := audit_language.read(query).troubles:
        raise NotPossible(f"Column {troubles[0].start + 1}, {troubles[0].word}: {troubles[0].says}.")
    open_ones = AuditExport.objects.filter(user_id=viewer.user_id, status__in=[Status.WAITING, Status.RUNNING])
    if open_ones.count() >= MOST_OPEN:
        raise NotPossible(f"{MOST_OPEN} exports of yours are under way. Wait for one, or cancel one.")
    made = AuditExport.objects.create(
        user_id=viewer.user_id, query=query, format=form, requested_at=now, kept_until=now + KEPT,
        until=sealing.head()[0],
    )  # fmt: skip
    _record("requested", made, actor)
    return made


@transaction.atomic
def cancel(*, export: AuditExport, actor: Actor) -> None:
    """This will stop an export, or forget its file if it is there already."""
    AuditExport.objects.filter(pk=export.pk).update(status=Status.CANCELLED, finished_at=timezone.now(), size=0)
    AuditExportPart.objects.filter(export=export).delete()
    _record("cancelled", export, actor)


def read(*, export: AuditExport, actor: Actor) -> Iterator[bytes]:
    """
    This will put on record that a file is fetched, and give it piece by piece.

    :raises NotPossible: it is not there
    """
    if export.status != Status.DONE:
        raise NotPossible("It is not ready, or not kept any more.")
    with transaction.atomic():
        _record("downloaded", export, actor)
    return _pieces(export.pk)


def due(now: datetime | None = None) -> list[UUID]:
    """This will name the exports that no worker is at."""
    now = now or timezone.now()
    return list(_free(now).values_list("pk", flat=True))


def advance(pk: UUID, now: datetime | None = None) -> bool:
    """This will write pieces for a slice of time; whether there is more to do."""
    now = now or timezone.now()
    if _free(now).filter(pk=pk).update(claimed_until=now + CLAIM, status=Status.RUNNING) != 1:
        return False
    export = AuditExport.objects.get(pk=pk)
    end = timezone.now() + SLICE
    while timezone.now() < end:
        if not _step(export):
            return False
    AuditExport.objects.filter(pk=pk, claimed_until=export.claimed_until).update(claimed_until=None)
    return True


def forget(now: datetime | None = None) -> int:
    """This will remove the files that were kept long enough; the number of exports."""
    return AuditExport.objects.filter(kept_until__lt=now or timezone.now()).delete()[1].get("connectors.AuditExport", 0)


def _free(now: datetime) -> QuerySet[AuditExport]:
    nobody = Q(claimed_until__isnull=True) | Q(claimed_until__lte=now)
    return AuditExport.objects.filter(nobody, status__in=[Status.WAITING, Status.RUNNING])


@transaction.atomic
def _step(export: AuditExport) -> bool:
    """One piece. Whoever lost the claim, or was cancelled meanwhile, writes nothing."""
    held = AuditExport.objects.select_for_update().filter(pk=export.pk, claimed_until=export.claimed_until)
    if not held.filter(status=Status.RUNNING).exists():
        return False
    if export.total is None:
        changed = _begin(export)
    elif export.format == Format.CSV:
        changed = _csv(export)
    else:
        changed = _proof(export)
    export.claimed_until = timezone.now() + CLAIM
    for name, value in changed.items():
        setattr(export, name, value)
    export.save(update_fields=[*changed, "claimed_until"])
    return export.status == Status.RUNNING


def _begin(export: AuditExport) -> dict[str, Any]:
    if export.format == Format.CSV:
        _put(export, export_lines.head_of_csv())
        fitting = audit.search(audit_language.read(export.query)).order_by()
        return {"total": fitting.filter(at__lte=export.requested_at).count(), "size": export.size}
    stretches, total = export_lines.plan(export)
    _put(export, export_lines.head_of_proof(export))
    begin = f"0:{stretches[0][0]}" if stretches else "0:0"
    return {"total": total, "plan": stretches, "cursor": begin, "size": export.size}


def _csv(export: AuditExport) -> dict[str, Any]:
    found = audit.search(audit_language.read(export.query)).filter(at__lte=export.requested_at)
    rows = audit.chunk(found.select_related("seal"), audit.cursor_of(export.cursor), export_lines.WINDOW)
    if not rows:
        return _done(export)
    _put(export, export_lines.csv_rows(rows))
    return {"cursor": str(audit.Cursor(rows[-1].at, rows[-1].pk)), "done": export.done + len(rows), "size": export.size}


def _proof(export: AuditExport) -> dict[str, Any]:
    """The cursor names the stretch and the last position written of it."""
    place, position = (int(word) for word in export.cursor.split(":"))
    stretches = export.plan or []
    if place >= len(stretches):
        _put(export, export_lines.signatures())
        return _done(export)
    after, to = stretches[place]
    end = min(position + export_lines.WINDOW, to)
    text, fitting = export_lines.links(export, position, end)
    leap = export_lines.jump(after) if position == after and after and export_lines.is_excerpt(export) else ""
    _put(export, leap + text)
    following = stretches[place + 1][0] if place + 1 < len(stretches) else 0
    cursor = f"{place}:{end}" if end < to else f"{place + 1}:{following}"
    return {"cursor": cursor, "done": export.done + fitting, "size": export.size}


def _done(export: AuditExport) -> dict[str, Any]:
    return {"status": Status.DONE, "finished_at": timezone.now(), "done": export.done, "size": export.size}


def _put(export: AuditExport, text: str) -> None:
    number = AuditExportPart.objects.filter(export=export).count()
    data = text.encode()
    AuditExportPart.objects.create(export=export, number=number, data=zlib.compress(data))
    export.size += len(data)


def _pieces(pk: UUID) -> Iterator[bytes]:
    number = 0
    while part := AuditExportPart.objects.filter(export_id=pk, number=number).first():
        yield zlib.decompress(bytes(part.data))
        number += 1


def _record(what: str, export: AuditExport, actor: Actor) -> None:
    named = record.Named("export", export.pk, f"export as {export.format}")
    record.record(
        f"audit.export.{what}", actor=actor, result=AuditEvent.Result.DONE, target=named,
        after={"query": export.query, "format": export.format, "events": export.done},
    )  # fmt: skip
