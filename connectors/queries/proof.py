"""Reading the chain: an event's place and what signs it, and the whole of it for whoever checks."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction

from connectors import verifier
from connectors.models import AuditCheckpoint, AuditEvent, AuditSeal

AT_ONCE = 20_000
READ = """
DECLARE audit_chain_read NO SCROLL CURSOR FOR
SELECT s.position, s.hash, e.canonical FROM connectors_auditseal s
LEFT JOIN connectors_auditevent e ON e.id = s.event_id ORDER BY s.position
"""


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


def rows() -> Iterator[tuple[int, bytes, str | None]]:
    """This will read position, hash and text in order of position; no text where the event itself is gone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL cursor_tuple_fraction = 1.0")  # all of it is wanted, not the first rows soon
        cursor.execute(READ)
        while True:
            cursor.execute(f"FETCH {AT_ONCE} FROM audit_chain_read")
            found = cursor.fetchall()
            if not found:
                break
            yield from found
        cursor.execute("CLOSE audit_chain_read")


def links() -> Iterator[tuple[verifier.Link, str | None]]:
    """This will read the chain as the verifier wants it, each link with its text."""
    for position, hashed, text in rows():
        yield verifier.Link(position, bytes(hashed), verifier.digest(text) if text is not None else b""), text


def unsealed() -> int:
    """This will count the events without a place in the chain, marked or not."""
    return AuditEvent.objects.filter(seal=None).count()


def head() -> AuditSeal | None:
    """This will give the newest seal."""
    return AuditSeal.objects.order_by("-position").first()
