"""Reading the chain: an event's place and what signs it, and the whole of it for whoever checks."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
from django.db import connection, transaction

from connectors import verifier
from connectors.models import AuditCheckpoint, AuditEvent, AuditSeal

LINKS = """
SELECT s.position, s.hash, e.canonical FROM connectors_auditseal s
LEFT JOIN connectors_auditevent e ON e.id = s.event_id ORDER BY s.position
"""
STREAMED = ("enable_sort = off", "enable_memoize = off", "max_parallel_workers_per_gather = 0")
"""Read along the chain: nothing is sorted on disk first, and the first texts come at once."""
STRETCH = 200
"""Events that come as one row; more would fill what lies between the database and us, and neither would go on."""
STRETCHES = """
SELECT seals.first, seals.last, seals.ids, seals.hashes, events.ids, events.texts
FROM (
        SELECT generate_series(first, last, %(stretch)s::bigint) AS start
        FROM (SELECT min(position) AS first, max(position) AS last FROM connectors_auditseal) AS ends
    ) AS starts,
    LATERAL (
        SELECT min(position) AS first, max(position) AS last,
            array_agg(event_id) AS ids, string_agg(hash, '') AS hashes
        FROM (
            SELECT position, event_id, hash FROM connectors_auditseal
            WHERE position >= start AND position < start + %(stretch)s::bigint ORDER BY position
        ) AS stretch
    ) AS seals,
    LATERAL (
        SELECT array_agg(id) AS ids, array_agg(textsend(canonical)) AS texts
        FROM connectors_auditevent WHERE id = ANY(seals.ids)
    ) AS events
"""
"""The starts come one after the other: a seal far beyond the last makes no list of all that lies between.
Each event is looked up by the ids of its stretch: joining a million one by one takes twice as long."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Where an event stands in the chain; `checkpoint` is the first that signs it, if one does already."""

    position: int
    hash: str
    checkpoint: AuditCheckpoint | None


def proof_of(event: AuditEvent) -> Proof | None:
    """This will give an event's proof; None while it is being sealed."""
    seal = AuditSeal.objects.filter(event_id=event.pk).first()
    if seal is None:
        return None
    signed = AuditCheckpoint.objects.filter(position__gte=seal.position).first()
    return Proof(seal.position, bytes(seal.hash).hex(), signed)


class Stretch(NamedTuple):
    """Some hundred events of the chain in their order, and the positions between which they stand."""

    first: int
    last: int
    hashes: bytes
    """In one piece."""
    texts: list[bytes | None]
    """None where the event itself is gone."""


def stretches(length: int = STRETCH) -> Iterator[Stretch]:
    """This will read the whole chain. It ends after the first stretch in which no position is taken."""
    for first, last, ids, hashes, found, texts in _streamed(STRETCHES, stretch=length):
        if ids is None:
            yield Stretch(0, 0, b"", [None])
            return
        if found == ids:
            yield Stretch(first, last, hashes, texts)
        else:
            by_id = dict(zip(found or (), texts or (), strict=True))
            yield Stretch(first, last, hashes, [by_id.get(pk) for pk in ids])


def links() -> Iterator[tuple[verifier.Link, str | None]]:
    """This will read the chain as the verifier wants it, each link with its text, if that is still there."""
    for position, hashed, text in _streamed(LINKS):
        yield verifier.Link(position, hashed, b"" if text is None else verifier.digest(text)), text


def _streamed(sql: str, **given: int) -> Iterator[tuple[Any, ...]]:
    """Rows as the database finds them, in its own form: a million need not be there at once."""
    with transaction.atomic(), connection.cursor() as cursor:
        for setting in STREAMED:
            cursor.execute(f"SET LOCAL {setting}")
        with closing(psycopg.Cursor(connection.connection)) as stream:
            yield from stream.stream(sql, given, binary=True)


def unsealed() -> int:
    """This will count the events without a place in the chain, marked or not."""
    return AuditEvent.objects.filter(seal=None).count()


def head() -> AuditSeal | None:
    """This will give the newest seal."""
    return AuditSeal.objects.order_by("-position").first()
