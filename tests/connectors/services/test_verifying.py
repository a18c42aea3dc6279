"""The record as it is stored: whatever its owner could do to it is found, and the event is named."""

import random
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from connectors import verifier
from connectors.actor import SET_UP
from connectors.models import AuditCheckpoint, AuditEvent, AuditSeal
from connectors.queries import proof
from connectors.services import audit, checkpoints, sealing, verifying
from tests.conftest import APPEND_ONLY

LENGTH, EVERY = 24, 8
ROUNDS = 60
"""For each of nine kinds: 540."""
STRETCHES = (1, 5, 7, LENGTH, 200)
"""Events that are read at a time: what holds at their borders has to hold within."""

pytestmark = pytest.mark.django_db
SEALS, EVENTS = "connectors_auditseal", "connectors_auditevent"


@pytest.fixture
def record() -> None:
    """This will seal and sign some events, and switch the triggers off as only the owner of the tables can."""
    for number in range(1, LENGTH + 1):
        with transaction.atomic():
            audit.record("site.test.done", actor=SET_UP, result="done", reason=f"event {number}")
        if number % EVERY == 0:
            sealing.seal()
            checkpoints.make()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, name in APPEND_ONLY.items():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}_no_change")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def run(sql: str, *values: str | int | bytes) -> None:
    """This will do something to the tables."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def hash_at(position: int) -> bytes:
    """This will give the hash that stands at a position; before the first, what begins the chain."""
    if not position:
        return verifier.genesis(sealing.chain())
    return bytes(AuditSeal.objects.get(position=position).hash)


def event_at(position: int) -> AuditEvent:
    """This will give the event at a position."""
    return AuditSeal.objects.select_related("event").get(position=position).event


def shift(after: int, by: int) -> None:
    """This will number the seals after a position anew; twice, for no number may be there twice meanwhile."""
    run(f"UPDATE {SEALS} SET position = -position WHERE position > %s", after)
    run(f"UPDATE {SEALS} SET position = -position + %s WHERE position < 0", by)


def edit(at: int, chance: random.Random) -> None:
    event = event_at(at)
    place = chance.randrange(len(event.canonical))
    text = event.canonical[:place] + chr(ord(event.canonical[place]) ^ 1) + event.canonical[place + 1 :]
    run(f"UPDATE {EVENTS} SET canonical = %s WHERE id = %s", text, event.pk)


def edit_with_new_hash(at: int, _: random.Random) -> None:
    event = event_at(at)
    digest = verifier.link(hash_at(at - 1), at, verifier.digest(event.canonical + " "))
    run(f"UPDATE {EVENTS} SET canonical = canonical || ' ' WHERE id = %s", event.pk)
    run(f"UPDATE {SEALS} SET hash = %s WHERE position = %s", digest, at)


def edit_a_hash(at: int, chance: random.Random) -> None:
    digest = bytearray(hash_at(at))
    digest[chance.randrange(32)] ^= 1 << chance.randrange(8)
    run(f"UPDATE {SEALS} SET hash = %s WHERE position = %s", bytes(digest), at)


def delete(at: int, chance: random.Random) -> None:
    event = event_at(at)
    way = chance.randrange(3)  # the event alone, its seal too, or so that no gap is left
    if way:
        run(f"DELETE FROM {SEALS} WHERE position = %s", at)
    run(f"DELETE FROM {EVENTS} WHERE id = %s", event.pk)
    if way == 2:
        shift(at, -1)


def insert(at: int, _: random.Random) -> None:
    forged = verifier.link(hash_at(at - 1), at, verifier.digest("forged"))
    shift(at - 1, 1)
    names = ", ".join(f'"{f.column}"' for f in AuditEvent._meta.concrete_fields if f.column not in {"id", "canonical"})
    run(f"INSERT INTO {EVENTS} ({names}, canonical) SELECT {names}, 'forged' FROM {EVENTS} ORDER BY id LIMIT 1")
    run(
        f"INSERT INTO {SEALS} (position, event_id, hash, sealed_at) SELECT %s, max(id), %s, now() FROM {EVENTS}",
        at,
        forged,
    )


def reorder(at: int, chance: random.Random) -> None:
    other = chance.randrange(at + 1, LENGTH + 1)
    first, second = event_at(at), event_at(other)
    for event, text in ((first, second.canonical), (second, first.canonical)):
        run(f"UPDATE {EVENTS} SET canonical = %s WHERE id = %s", text, event.pk)


def cut_off(at: int, _: random.Random) -> None:
    run(f"DELETE FROM {SEALS} WHERE position >= %s", at)


def swap_chains(_: int, __: random.Random) -> None:
    run("UPDATE connectors_auditchain SET chain = gen_random_uuid()")


def forge_a_signature(at: int, chance: random.Random) -> None:
    checkpoint = AuditCheckpoint.objects.get(position=-(-at // EVERY) * EVERY)
    place = chance.randrange(len(checkpoint.signature))
    digit = "0" if checkpoint.signature[place] != "0" else "1"
    signature = checkpoint.signature[:place] + digit + checkpoint.signature[place + 1 :]
    run("UPDATE connectors_auditcheckpoint SET signature = %s WHERE number = %s", signature, checkpoint.number)


Named = Callable[[int], int]
KINDS: dict[Callable[[int, random.Random], None], tuple[set[str], Named]] = {
    edit: ({"edited"}, lambda at: at),
    edit_with_new_hash: ({"edited", "rewritten"}, lambda at: at),
    edit_a_hash: ({"edited"}, lambda at: at),
    delete: ({"deleted"}, lambda at: at),
    insert: ({"inserted"}, lambda at: at),
    reorder: ({"reordered"}, lambda at: at),
    cut_off: ({"cut off"}, lambda at: at),
    swap_chains: ({"forged"}, lambda _: EVERY),
    forge_a_signature: ({"forged"}, lambda at: -(-at // EVERY) * EVERY),
}


@pytest.mark.parametrize("mutate", KINDS, ids=lambda kind: kind.__name__)
def test_every_mutation_of_the_tables_is_found_and_the_event_named(
    record: None, mutate: Callable[[int, random.Random], None]
) -> None:
    kinds, named = KINDS[mutate]
    chance = random.Random(mutate.__name__)
    assert verifying.verify().is_whole
    for _ in range(ROUNDS):
        at = chance.randrange(1, LENGTH)
        with transaction.atomic():
            mutate(at, chance)
            found = verifying.verify(stretch=chance.choice(STRETCHES)).finding
            transaction.set_rollback(True)

        assert found is not None, at
        assert found.kind in kinds, (at, found)
        if mutate is edit_with_new_hash:
            assert found.earliest <= at <= found.position, (at, found)
        else:
            assert found.position == named(at), (at, found)
    assert verifying.verify().is_whole


@pytest.mark.parametrize("length", STRETCHES)
def test_a_whole_record_is_whole_however_many_are_read_at_a_time(record: None, length: int) -> None:
    report = verifying.verify(stretch=length)

    assert (report.is_whole, report.events, report.first, report.last) == (True, LENGTH, 1, LENGTH)


def swap_seals(one: int, other: int) -> None:
    """This will seal two events in each other's place, as where the later one was the first to be committed."""
    first, second = event_at(one), event_at(other)
    run(f"UPDATE {SEALS} SET event_id = -event_id WHERE position IN (%s, %s)", one, other)
    run(f"UPDATE {SEALS} SET event_id = %s WHERE position = %s", second.pk, one)
    run(f"UPDATE {SEALS} SET event_id = %s WHERE position = %s", first.pk, other)
    for position in range(one, LENGTH + 1):
        digest = verifier.digest(event_at(position).canonical)
        run(
            f"UPDATE {SEALS} SET hash = %s WHERE position = %s",
            verifier.link(hash_at(position - 1), position, digest),
            position,
        )


@pytest.mark.parametrize("length", STRETCHES)
@pytest.mark.parametrize(("one", "other"), [(18, 19), (17, 24), (19, 23)])
def test_events_that_were_sealed_in_another_order_than_they_are_numbered_are_whole(
    record: None, length: int, one: int, other: int
) -> None:
    swap_seals(one, other)
    run("DELETE FROM connectors_auditcheckpoint WHERE position > 16")  # it signed the order before

    assert verifying.verify(stretch=length).is_whole
    (stretch,) = proof.stretches(LENGTH)
    assert stretch.texts == [text.encode() if text else None for _, text in proof.links()]


@pytest.mark.parametrize("length", STRETCHES)
@pytest.mark.parametrize("far", [LENGTH + 2, LENGTH + 10, 10**6, 10**15])
def test_a_seal_far_beyond_the_last_is_found_at_once(record: None, length: int, far: int) -> None:
    audit.record("site.test.done", actor=SET_UP, result="done", reason="one more")
    sealing.seal()
    run(f"UPDATE {SEALS} SET position = %s WHERE position = %s", far, LENGTH + 1)

    found = verifying.verify(stretch=length).finding

    assert found is not None
    assert (found.kind, found.position) == ("deleted", LENGTH + 1)


def test_numbers_that_have_a_gap_are_found_though_each_hash_follows_from_the_one_before(record: None) -> None:
    run("DELETE FROM connectors_auditcheckpoint WHERE position > 16")
    run(f"UPDATE {SEALS} SET position = position + 3 WHERE position = %s", LENGTH)  # hashed as if it stood there still

    for length in STRETCHES:
        assert verifying.verify(stretch=length).finding is not None
