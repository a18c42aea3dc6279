"""Reading the chain: an event's place and what signs it, and the whole of it for whoever checks."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction

from connectors import verifier
from connectors.models import AuditCheckpoint, AuditEvent, AuditSeal

READ = """
COPY (
    SELECT s.position, s.hash, e.canonical FROM connectors_auditseal s
    LEFT JOIN connectors_auditevent e ON e.id = s.event_id ORDER BY s.position
) TO STDOUT (FORMAT binary)
"""
STREAMED = ("enable_sort = off", "max_parallel_workers_per_gather = 0")
"""Read along the chain: nothing is sorted on disk first, and the first texts come at once."""
HEADER = b"PGCOPY\n\xff\r\n\0"
HEADER_LENGTH = 19
POSITION, HASH, LENGTH, TEXT = slice(6, 14), slice(18, 50), slice(50, 54), slice(54, None)
"""Where they lie in a line of three fields, each with its length before it."""
MISSING = b"\xff\xff\xff\xff"


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


def rows() -> Iterator[tuple[bytes, bytes, bytes | None]]:
    """
    This will read position, hash and text in order of position, as bytes; no text where the event itself is gone.

    The database sends them in one stream, and nothing is made of them that hashing does not need.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        for setting in STREAMED:
            cursor.execute(f"SET LOCAL {setting}")
        with cursor.copy(READ) as copy:
            for block in copy:
                line = bytes(block)
                if line.startswith(HEADER):
                    line = line[HEADER_LENGTH:]
                if len(line) >= TEXT.start:
                    yield line[POSITION], line[HASH], None if line[LENGTH] == MISSING else line[TEXT]


def links() -> Iterator[tuple[verifier.Link, str | None]]:
    """This will read the chain as the verifier wants it, each link with its text."""
    for place, hashed, text in rows():
        said = None if text is None else text.decode()
        digest = b"" if said is None else verifier.digest(said)
        yield verifier.Link(int.from_bytes(place), hashed, digest), said


def unsealed() -> int:
    """This will count the events without a place in the chain, marked or not."""
    return AuditEvent.objects.filter(seal=None).count()


def head() -> AuditSeal | None:
    """This will give the newest seal."""
    return AuditSeal.objects.order_by("-position").first()
