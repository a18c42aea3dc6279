"""The role split of docs/audit.md: an application that does not own the tables cannot touch the record at all."""

import re
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from connectors.actor import SET_UP
from connectors.services import audit, checkpoints, sealing
from tests.conftest import APPEND_ONLY

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "audit.md"
COLUMNS = dict(zip(APPEND_ONLY, ("actor", "hash", "body", "chain"), strict=True))


@pytest.fixture
def application(db: None) -> str:
    """This will make the application's role as the document says, on the tables there are."""
    text = DOCUMENT.read_text()
    (revoke,) = re.findall(r"^REVOKE [^;]+;", text, re.MULTILINE)
    assert all(table in revoke for table in APPEND_ONLY)
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE switchyard_app")
        cursor.execute("GRANT USAGE ON SCHEMA public TO switchyard_app")
        cursor.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO switchyard_app")
        cursor.execute("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO switchyard_app")
        cursor.execute(revoke)
    return "switchyard_app"


def test_application_records_and_seals_but_changes_nothing(application: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {application}")
        audit.record("site.test.done", actor=SET_UP, result="done")
        assert sealing.seal() == 1
        checkpoints.make()

        for table, trigger in APPEND_ONLY.items():
            for change in (
                f"UPDATE {table} SET {COLUMNS[table]} = {COLUMNS[table]}",
                f"DELETE FROM {table}",
                f"TRUNCATE {table} CASCADE",
                f"ALTER TABLE {table} DISABLE TRIGGER {trigger}_no_change",
                f"DROP TABLE {table} CASCADE",
            ):
                with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), transaction.atomic():
                    cursor.execute(change)
