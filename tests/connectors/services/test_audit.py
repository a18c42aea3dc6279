"""The record: part of the transaction, and refused to be changed by the database itself."""

import pytest
from django.db import DatabaseError, connection, transaction

from connectors.actor import SET_UP
from connectors.models import AuditEvent
from connectors.services import audit


def event() -> AuditEvent:
    """This will record something."""
    return audit.record("site.test.done", actor=SET_UP, result="done")


@pytest.mark.django_db(transaction=True)
def test_record_refuses_to_run_outside_a_transaction() -> None:
    with pytest.raises(audit.OutsideTransaction):
        event()

    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change", ["UPDATE connectors_auditevent SET actor = 'x'", "DELETE FROM connectors_auditevent"]
)
def test_database_refuses_to_change_an_event(change: str) -> None:
    event()

    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)

    assert AuditEvent.objects.get().actor == "system:set-up"


@pytest.mark.django_db
def test_orm_cannot_change_an_event() -> None:
    made = event()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.update(actor="x")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        made.delete()


@pytest.mark.django_db
def test_database_refuses_to_truncate_the_record() -> None:
    event()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE connectors_auditevent ENABLE TRIGGER audit_no_truncate")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute("TRUNCATE connectors_auditevent CASCADE")
        cursor.execute("ALTER TABLE connectors_auditevent DISABLE TRIGGER audit_no_truncate")

    assert AuditEvent.objects.count() == 1
