"""The chain: every committed event gets its place once, in order, whoever seals and whenever it commits."""

import json
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from connectors import verifier
from connectors.actor import SET_UP, Actor
from connectors.models import AuditEvent, AuditPending, AuditSeal
from connectors.services import audit, sealing
from tests.conftest import APPEND_ONLY

SECRET = "planted-4711-secret"
COLUMNS = ", ".join(
    field.attname for field in AuditEvent._meta.concrete_fields if field.attname not in ("id", "reason")
)


def add(number: int = 1, **values: object) -> list[AuditEvent]:
    """This will record some events."""
    with transaction.atomic():
        return [audit.record("site.test.done", actor=SET_UP, result="done", reason=f"event {n}") for n in range(number)]


@pytest.mark.django_db
def test_seal_links_each_event_to_the_one_before_it() -> None:
    add(3)

    sealed = sealing.seal()

    seals = list(AuditSeal.objects.order_by("position").select_related("event"))
    assert sealed == 3
    assert [seal.position for seal in seals] == [1, 2, 3]
    previous = verifier.genesis(sealing.chain())
    for seal in seals:
        assert bytes(seal.hash) == verifier.link(previous, seal.position, verifier.digest(seal.event.canonical))
        previous = bytes(seal.hash)


@pytest.mark.django_db
def test_seal_has_nothing_to_do_twice() -> None:
    add(2)
    sealing.seal()

    assert sealing.seal() == 0
    assert AuditPending.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_seal_finds_an_event_that_commits_after_later_ones_were_sealed() -> None:
    late = connection.copy()
    with late.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT nextval('connectors_auditevent_id_seq')")
        (number,) = cursor.fetchone()
        add()  # commits first, with a higher number
        sealing.seal()
        cursor.execute(
            f"INSERT INTO connectors_auditevent (id, reason, {COLUMNS}) SELECT %s, 'late', {COLUMNS}"
            " FROM connectors_auditevent",
            [number],
        )
        cursor.execute("COMMIT")
    late.close()

    sealing.seal()

    assert list(AuditSeal.objects.order_by("position").values_list("event__reason", flat=True)) == ["event 0", "late"]
    assert AuditSeal.objects.get(position=2).event_id < AuditSeal.objects.get(position=1).event_id


@pytest.mark.django_db(transaction=True)
def test_seal_leaves_the_chain_to_whoever_has_it() -> None:
    add()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [sealing.LOCK])

        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

        assert sealing.seal() == 0

        with connection.cursor() as killer:
            killer.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])  # it dies; waits until it is gone

    assert sealing.seal() == 1


@pytest.mark.django_db
def test_seal_takes_up_an_event_whose_mark_was_lost() -> None:
    add(2)
    AuditPending.objects.all().delete()

    assert sealing.seal() == 0
    assert sealing.find_forgotten() == 2
    assert sealing.seal() == 2


@pytest.mark.django_db
def test_check_worries_about_an_event_that_stays_unsealed() -> None:
    add()
    now = timezone.now()

    assert sealing.check(now) == 1
    with pytest.raises(sealing.Unsealed, match="1 events wait"):
        sealing.check(now + timedelta(minutes=1))


@pytest.mark.django_db
def test_text_that_is_hashed_is_the_text_that_is_stored() -> None:
    with transaction.atomic():
        made = audit.record(
            "site.test.done", actor=SET_UP, result="done", reason="naïve – “quoted”\x00 \ud800", after={"a": "ä\x00"}
        )

    stored = AuditEvent.objects.get(pk=made.pk)

    assert stored.canonical == made.canonical == audit.canonical(stored)
    assert json.loads(stored.canonical)["after"] == {"a": "ä�"}


@pytest.mark.django_db
def test_record_keeps_no_secret() -> None:
    agent = Actor("person", "operator", user_agent=f"curl Bearer {SECRET}")
    with transaction.atomic():
        made = audit.record(
            "account.changed",
            actor=agent,
            result="failed",
            reason=f"password={SECRET}",
            before={"config": {"sasl.jaas.config": SECRET, "password": SECRET}, "headers": [{"Authorization": SECRET}]},
            after={"url": f"https://user:{SECRET}@vendor.example/x"},
            error=f"401 for Basic {SECRET}; api_key: {SECRET}",
        )

    stored = AuditEvent.objects.filter(pk=made.pk).values().get()
    assert SECRET not in repr(stored)
    assert "password" in repr(stored)


@pytest.mark.django_db
@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET {} = {}"])
def test_database_refuses_to_change_the_chain(table: str, change: str) -> None:
    add()
    sealing.seal()
    from connectors.services import checkpoints

    checkpoints.make()
    column = "number" if table.endswith("checkpoint") else "position" if table.endswith("seal") else "id"

    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change.format(table, column, column))


@pytest.mark.django_db
@pytest.mark.parametrize(("table", "trigger"), APPEND_ONLY.items())
def test_database_refuses_to_truncate_the_chain(table: str, trigger: str) -> None:
    add()
    sealing.seal()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}_no_truncate")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(f"TRUNCATE {table} CASCADE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}_no_truncate")
