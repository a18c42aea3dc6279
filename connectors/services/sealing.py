"""
Giving each committed event its place in the chain, in a row of its own, so that writers never wait for each other.

One sealer works at a time, whatever the number of workers: it holds an advisory lock for the length of a transaction,
so a sealer that dies leaves nothing behind but unsealed events, and the next one goes on. Events are found by the mark
that a trigger sets with each of them. The mark becomes visible when its event does, so an event that commits late is
not missed, whatever its number.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from connectors import verifier
from connectors.models import AuditChain, AuditPending, AuditSeal

LOCK = 7_301_001
"""The advisory lock of whoever seals or signs."""
AT_ONCE = 5_000
SLICE = timedelta(seconds=5)
LATEST = timedelta(seconds=30)
"""Past this, an event that is not sealed is a reason to worry."""

TAKE = """
SELECT e.id, e.canonical FROM connectors_auditpending p JOIN connectors_auditevent e ON e.id = p.event_id
ORDER BY e.id LIMIT %s
"""
SEAL = """
INSERT INTO connectors_auditseal (position, event_id, hash, sealed_at)
SELECT s.position, s.event_id, s.hash, %s
FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[]) AS s (position, event_id, hash)
"""
DONE = "DELETE FROM connectors_auditpending WHERE event_id = ANY(%s)"
FORGOTTEN = """
INSERT INTO connectors_auditpending (event_id, at)
SELECT e.id, e.at FROM connectors_auditevent e
WHERE NOT EXISTS (SELECT 1 FROM connectors_auditseal s WHERE s.event_id = e.id)
ON CONFLICT DO NOTHING
"""


class Unsealed(RuntimeError):
    """Events wait for their seal for longer than they should."""


def seal() -> int:
    """This will seal what waits, a few thousand at a time, for at most a slice of time; the number of events."""
    until = timezone.now() + SLICE
    total = 0
    while sealed := _seal_some():
        total += sealed
        if sealed < AT_ONCE or timezone.now() > until:
            break
    return total


def find_forgotten() -> int:
    """This will mark each event that has neither a seal nor a mark, as after a mark was lost; the number of them."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not is_ours():
            return 0
        cursor.execute(FORGOTTEN)
        return int(cursor.rowcount)


def check(now: datetime | None = None) -> int:
    """
    This will tell how many events wait for their seal.

    :raises Unsealed: one of them waits for too long
    """
    now = now or timezone.now()
    late = AuditPending.objects.filter(at__lt=now - LATEST)
    if late.exists():
        raise Unsealed(f"{late.count()} events wait for their seal for over {LATEST.seconds} s")
    return AuditPending.objects.count()


def is_ours() -> bool:
    """This will take the chain for this transaction, unless somebody else has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        row = cursor.fetchone()
    return bool(row and row[0])


def hold() -> None:
    """This will wait for the chain and take it. No row is locked for that: it would take a right to change it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def chain() -> str:
    """This will give the name of the chain; the first one to ask gives it one."""
    found = AuditChain.objects.first()
    if found is None:
        AuditChain.objects.bulk_create([AuditChain()], ignore_conflicts=True)
        found = AuditChain.objects.get()
    return str(found.chain)


def head() -> tuple[int, bytes]:
    """This will give the newest position and its hash."""
    newest = AuditSeal.objects.order_by("-position").values_list("position", "hash").first()
    return (newest[0], bytes(newest[1])) if newest else (0, verifier.genesis(chain()))


@transaction.atomic
def _seal_some() -> int:
    if not is_ours():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [AT_ONCE])
        waiting = cursor.fetchall()
        if not waiting:
            return 0
        position, newest = head()
        events, hashes = [event for event, _ in waiting], []
        for place, (_, text) in enumerate(waiting, start=position + 1):
            newest = verifier.link(newest, place, verifier.digest(text))
            hashes.append(newest)
        places = list(range(position + 1, position + 1 + len(events)))
        cursor.execute(SEAL, [timezone.now(), places, events, hashes])
        cursor.execute(DONE, [events])
    return len(events)
