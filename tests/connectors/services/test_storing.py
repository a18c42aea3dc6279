"""What an observation costs when little or nothing is new, and that nothing new is ever missed for it."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connectors.models import Connector, StateChange, VendorAccount
from connectors.services import leases, reconciling
from connectors.states import Direction, State, Verb
from connectors.vendors.base import AccountSnapshot, ConnectorSnapshot, Metrics, PipelineSnapshot, TaskSnapshot
from tests.connectors.services.conftest import Tiny

ONE = ConnectorSnapshot("one", "box", "one", State.RUNNING, "up")
OTHERS: dict[str, Any] = {
    "name": "uno", "state": State.PAUSED, "vendor_state": "held", "direction": Direction.SINK, "type": "jdbc",
    "tasks": [TaskSnapshot("0", State.RUNNING, "up")], "error": "it broke", "error_trace": "at line 1",
    "whose": "yours", "generation": "2", "labels": {"team": "x"}, "config": {"a": 1},
    "verbs_off": {Verb.STOP: "not now"}, "facts": {"id": 7}, "console_url": "https://vendor.example/one",
}  # fmt: skip
NOT_STORED = {"external_id", "pipeline", "vendor_desired", "metrics"}


def store(box: Tiny, *connectors: ConnectorSnapshot) -> None:
    """This will store an observation of the account."""
    VendorAccount.objects.filter(pk=box.account.pk).update(leased_until=None)
    lease = leases.take(box.account.pk, "test")
    assert lease
    pipeline = PipelineSnapshot("box", "box", State.RUNNING, "up")
    reconciling.apply(lease, AccountSnapshot([pipeline], connectors), started=timezone.now())


def statements(box: Tiny) -> list[str]:
    """This will drive the account once and give what was asked of the database."""
    with CaptureQueriesContext(
        connection,
    ) as asked:
        box.drive()
    return [query["sql"] for query in asked.captured_queries]


def test_every_field_is_tried() -> None:
    assert {field.name for field in fields(ConnectorSnapshot)} == OTHERS.keys() | NOT_STORED


@pytest.mark.parametrize("name", OTHERS)
def test_a_field_that_changed_is_stored(box: Tiny, name: str) -> None:
    store(box, ONE)

    store(box, replace(ONE, **{name: OTHERS[name]}))

    row = Connector.objects.get(external_id="one")
    stored = row.tasks[0]["id"] if name == "tasks" else getattr(row, name)
    assert stored == ("0" if name == "tasks" else OTHERS[name])


def test_a_row_that_is_the_same_is_not_written(box: Tiny) -> None:
    store(box, ONE, replace(ONE, external_id="two", name="two"))
    versions = "SELECT external_id, xmin::text FROM connectors_connector ORDER BY external_id"
    with connection.cursor() as cursor:
        cursor.execute(versions)
        before = dict(cursor.fetchall())

    store(box, ONE, replace(ONE, external_id="two", name="two", state=State.PAUSED))

    with connection.cursor() as cursor:
        cursor.execute(versions)
        after = dict(cursor.fetchall())
    assert {name for name in before if before[name] != after[name]} <= {"two"}
    assert StateChange.objects.filter(connector__external_id="two").count() == 2


def test_what_no_text_column_takes_is_replaced(box: Tiny) -> None:
    store(box, ONE)

    store(box, replace(ONE, error="a\x00b \\u0000", error_trace="half \ud800 of a character"))

    row = Connector.objects.get(external_id="one")
    assert (row.error, row.error_trace) == ("a�b \\u0000", "half ? of a character")


def test_the_same_answers_make_every_row_as_fresh_as_their_reading(box: Tiny) -> None:
    box.drive()
    box.drive()
    before = VendorAccount.objects.get().observed_at

    asked = statements(box)

    account = VendorAccount.objects.get()
    assert before
    assert account.observed_at
    assert account.observed_at > before
    assert not box.connector().is_stale(timezone.now() + timedelta(seconds=account.budget - 1))
    assert not [sql for sql in asked if "reading" in sql]  # no row was looked at
    assert len([sql for sql in asked if not sql.startswith(("SAVEPOINT", "RELEASE"))]) <= 11


def test_one_other_byte_is_read_in_full(box: Tiny) -> None:
    box.drive()
    box.drive()

    box.bench.world.nudge("thing-1", "fail")
    box.drive()

    assert box.connector().state == State.FAILED


def test_the_same_answers_still_open_drift(box: Tiny) -> None:
    box.drive()
    box.drive()
    Connector.objects.filter(name="thing-1").update(desired_state=State.PAUSED)

    box.drive()

    assert box.connector().drift_since is not None


def test_the_same_answers_end_a_failure(box: Tiny) -> None:
    box.drive()
    box.drive()
    VendorAccount.objects.update(failure="it did not answer", failures=2, failing_since=timezone.now())

    box.drive()

    account = VendorAccount.objects.get()
    assert (account.failure, account.failures, account.failing_since) == ("", 0, None)


def test_other_settings_are_read_in_full(box: Tiny) -> None:
    box.drive()
    box.drive()
    VendorAccount.objects.update(settings={"anything": "else"})

    asked = statements(box)

    assert [sql for sql in asked if "reading" in sql]


def test_counters_that_rest_are_written_no_more_and_move_again_at_the_right_rate(box: Tiny) -> None:
    counting = replace(ONE, metrics=Metrics(records_total=100))
    begin = timezone.now().replace(second=1, microsecond=0)
    for turn in range(30):
        _meter(box, counting, begin + timedelta(seconds=1.5 * turn + 60 * turn))
    rested = Connector.objects.get(external_id="one")

    _meter(box, replace(ONE, metrics=Metrics(records_total=400)), begin + timedelta(seconds=61.5 * 29 + 30))

    row = Connector.objects.get(external_id="one")
    assert rested.flow == [0.0] * 24
    assert row.metrics["records_per_s"] == 10.0


def _meter(box: Tiny, one: ConnectorSnapshot, at: Any) -> None:
    VendorAccount.objects.filter(pk=box.account.pk).update(leased_until=None)
    lease = leases.take(box.account.pk, "test")
    assert lease
    pipeline = PipelineSnapshot("box", "box", State.RUNNING, "up")
    reconciling.apply(lease, AccountSnapshot([pipeline], [one]), started=at)
