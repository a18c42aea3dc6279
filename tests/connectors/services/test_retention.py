"""Pruning: behind a checkpoint, with a tombstone, and the rest can still be verified."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from connectors.actor import SET_UP
from connectors.models import AuditEvent, AuditSeal
from connectors.services import audit, checkpoints, retention, sealing, verifying
from tests.conftest import APPEND_ONLY

pytestmark = pytest.mark.django_db


def add(number: int) -> None:
    """This will record and seal some events."""
    with transaction.atomic():
        for place in range(number):
            audit.record("site.test.done", actor=SET_UP, result="done", reason=f"event {place}")
    sealing.seal()


def tamper(sql: str) -> None:
    """This will do what only somebody with the owner's rights can: switch the triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, name in APPEND_ONLY.items():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}_no_change")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(sql)


def test_prune_leaves_a_tombstone_and_a_record_that_verifies() -> None:
    old = timezone.now() - timedelta(days=40)
    add(5)
    checkpoints.make(old)
    add(3)

    tombstone = retention.prune(actor=SET_UP, days=30)

    sealing.seal()
    report = verifying.verify()
    assert (tombstone.kind, tombstone.position) == ("tombstone", 5)
    assert list(AuditSeal.objects.order_by("position").values_list("position", flat=True)) == [6, 7, 8, 9]
    assert AuditEvent.objects.count() == 4
    pruned = AuditEvent.objects.get(action="site.record.pruned").after
    assert pruned is not None
    assert pruned["count"] == 5
    assert report.finding is None
    assert (report.pruned_to, report.events, report.last) == (5, 4, 9)


def test_prune_twice_goes_on_behind_the_first_tombstone() -> None:
    now = timezone.now()
    add(2)
    checkpoints.make(now - timedelta(days=50))
    add(2)
    checkpoints.make(now - timedelta(days=40))
    add(2)

    assert retention.prune(actor=SET_UP, days=45).position == 2
    assert retention.prune(actor=SET_UP, days=30).position == 4
    with pytest.raises(retention.NothingToPrune):
        retention.prune(actor=SET_UP, days=30)

    sealing.seal()
    assert verifying.verify().is_whole


def test_prune_keeps_what_no_checkpoint_covers_and_the_newest_event() -> None:
    old = timezone.now() - timedelta(days=40)
    add(3)
    checkpoints.make(old)

    with pytest.raises(retention.NothingToPrune):
        retention.prune(actor=SET_UP, days=30)
    with pytest.raises(retention.KeepsEverything):
        retention.prune(actor=SET_UP)


def test_database_lets_go_of_nothing_in_front_of_the_tombstone() -> None:
    add(2)
    checkpoints.make(timezone.now() - timedelta(days=40))
    add(2)
    retention.prune(actor=SET_UP, days=30)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.all().delete()


@pytest.mark.parametrize(
    ("sql", "kind", "position"),
    [
        ("UPDATE connectors_auditevent SET canonical = replace(canonical, 'event 2', 'event x')", "edited", 3),
        (
            (
                "WITH gone AS (DELETE FROM connectors_auditseal WHERE position = 4 RETURNING event_id)"
                " DELETE FROM connectors_auditevent USING gone WHERE id = gone.event_id"
            ),
            "deleted",
            4,
        ),
        ("UPDATE connectors_auditseal SET event_id = event_id WHERE false", "", 0),
        (
            (
                "WITH gone AS (DELETE FROM connectors_auditseal WHERE position > 2 RETURNING event_id)"
                " DELETE FROM connectors_auditevent USING gone WHERE id = gone.event_id"
            ),
            "cut off",
            3,
        ),
        ("UPDATE connectors_auditcheckpoint SET body = replace(body, '\"number\":1', '\"number\":2')", "forged", 6),
    ],
)
def test_verify_finds_what_was_done_to_the_database(sql: str, kind: str, position: int) -> None:
    add(6)
    checkpoints.make()
    tamper(sql)

    found = verifying.verify().finding

    assert (found.kind if found else "", found.position if found else 0) == (kind, position)


def test_verify_finds_a_column_that_says_something_else_than_the_text() -> None:
    add(2)
    tamper("UPDATE connectors_auditevent SET actor = 'somebody else' WHERE reason = 'event 1'")
    said = StringIO()

    call_command("audit", "verify", stdout=said)
    with pytest.raises(CommandError, match="not whole"):
        call_command("audit", "verify", "--columns", stdout=said)

    assert "column actor differs" in said.getvalue()


def test_command_says_whole_and_what_is_not_signed() -> None:
    add(2)
    said = StringIO()

    call_command("audit", "checkpoint", stdout=StringIO())
    add(1)
    call_command("audit", "verify", "--key", checkpoints.fingerprint(), stdout=said)

    assert said.getvalue().splitlines()[:2] == ["WHOLE: 3 events, position 1 to 3", "Signed up to position 2."]


def test_command_wants_the_key_that_it_is_told() -> None:
    add(2)
    checkpoints.make()

    with pytest.raises(CommandError, match="not whole"):
        call_command("audit", "verify", "--key", "0" * 32, stdout=StringIO())
