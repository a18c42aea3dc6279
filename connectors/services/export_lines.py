"""What the files of an export hold, line by line: CSV for a spreadsheet, JSON Lines for whoever verifies."""

import csv
import io
import json
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection

from connectors.models import AuditCheckpoint, AuditEvent, AuditExport
from connectors.queries import audit, audit_language
from connectors.services import checkpoints, sealing

COLUMNS = (
    "id", "at", "action", "result", "actor_kind", "actor", "on_behalf_of", "target_kind", "target_id", "target",
    "vendor", "account", "team", "reason", "ticket", "before", "after", "operation_id", "batch_id", "error",
    "vendor_request", "vendor_reply", "vendor_request_id", "address", "user_agent", "request_id", "position",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")
WINDOW = 2_000
"""Events in one piece."""
LINKS = """
SELECT s.position, s.hash, CASE WHEN s.position = ANY(%s) THEN e.canonical END,
    sha256(convert_to(e.canonical, 'UTF8'))
FROM connectors_auditseal s JOIN connectors_auditevent e ON e.id = s.event_id
WHERE s.position > %s AND s.position <= %s ORDER BY s.position
"""

Stretch = tuple[int, int]


def head_of_csv() -> str:
    """This will give the line of names."""
    return _row(COLUMNS)


def csv_rows(events: Iterable[AuditEvent]) -> str:
    """This will write events as rows."""
    return "".join(_row([_cell(_value(event, column)) for column in COLUMNS]) for event in events)


def head_of_proof(export: AuditExport) -> str:
    """This will write what the verifier reads first."""
    said = {
        "switchyard": "audit-export/1", "chain": sealing.chain(), "excerpt": is_excerpt(export),
        "query": export.query, "at": export.requested_at.isoformat(),
    }  # fmt: skip
    return _line(said)


def is_excerpt(export: AuditExport) -> bool:
    """This will tell whether the export holds only some of the events."""
    return bool(audit_language.read(export.query).terms)


def plan(export: AuditExport) -> tuple[list[Stretch], int]:
    """
    This will find the stretches of the chain between two checkpoints that hold anything that fits, and count it.

    Between them an excerpt jumps, from what one checkpoint signs to what another one does.
    """
    signed = AuditCheckpoint.objects.filter(position__lte=export.until).order_by("position")
    tombstone = signed.filter(kind=AuditCheckpoint.Kind.TOMBSTONE).last()
    begin = tombstone.position if tombstone else 0
    if not is_excerpt(export):
        return [(begin, export.until)], export.until - begin
    bounds = sorted({begin, export.until, *(p for p in signed.values_list("position", flat=True) if p > begin)})
    matching = audit.search(audit_language.read(export.query)).order_by().filter(seal__position__lte=export.until)
    found, total = set(), 0
    for position in matching.values_list("seal__position", flat=True).iterator(chunk_size=20_000):
        found.add(bisect_left(bounds, position))
        total += 1
    stretches: list[Stretch] = []
    for place in sorted(found):
        after, to = bounds[place - 1], bounds[place]
        if stretches and stretches[-1][1] == after:
            stretches[-1] = (stretches[-1][0], to)
        else:
            stretches.append((after, to))
    return stretches, total


def links(export: AuditExport, after: int, to: int) -> tuple[str, int]:
    """This will write a piece of a stretch, what fits with its text and the rest by its digest; and how many fit."""
    if is_excerpt(export):
        rows = audit.search(audit_language.read(export.query)).order_by()
        within = rows.filter(seal__position__gt=after, seal__position__lte=to)
        fitting = list(within.values_list("seal__position", flat=True))
    else:
        fitting = list(range(after + 1, to + 1))
    with connection.cursor() as cursor:
        cursor.execute(LINKS, [fitting, after, to])
        text = "".join(_line(_link(*row)) for row in cursor.fetchall())
    return text, len(fitting)


def jump(position: int) -> str:
    """This will write that the chain goes on from what the checkpoint there signs."""
    return _line({"jump": position})


def signatures() -> str:
    """This will write every checkpoint."""
    return "".join(f"{checkpoints.line(one)}\n" for one in AuditCheckpoint.objects.order_by("number"))


async def flow(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """This will hand pieces on one at a time, so that no server ever holds a whole file."""
    while piece := await sync_to_async(lambda: next(pieces, None))():
        yield piece


def _link(position: int, hashed: bytes, text: str | None, digest: bytes) -> dict[str, Any]:
    said = {"position": position, "hash": bytes(hashed).hex()}
    return {**said, "event": text} if text is not None else {**said, "digest": bytes(digest).hex()}


def _line(said: dict[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False) + "\n"


def _row(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _value(event: AuditEvent, column: str) -> Any:
    if column == "position":
        seal = getattr(event, "seal", None)
        return seal.position if seal else None
    return getattr(event, column)


def _cell(value: Any) -> str:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
