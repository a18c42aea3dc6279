"""Statements of the hot path: planned once for each connection, with the same answers as before."""

from copy import copy
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connectors import planned
from connectors.models import Connector, Operation, Team
from connectors.queries import lean
from connectors.queries.lean import Given, closed
from connectors.services import driver
from connectors.states import OperationStatus
from tests import cast

PLANS = "SELECT statement, generic_plans + custom_plans FROM pg_prepared_statements"


def plans() -> dict[str, int]:
    """This will give the texts whose plans this connection holds, and how often each was used."""
    with connection.cursor() as cursor:
        cursor.execute(PLANS)
        return dict(cursor.fetchall())


def ask(text: str, *params: Any) -> object:
    """This will ask for one value."""
    with planned.cursor() as cursor:
        cursor.execute(text, params)
        (value,) = cursor.fetchone()
        return value


@pytest.mark.django_db
def test_a_text_is_planned_once_whatever_the_numbers() -> None:
    text = "SELECT %s + 1 AS planned_once"

    found = [ask(text, number) for number in (1, 70_000, 5_000_000_000, 7)]

    assert found == [2, 70_001, 5_000_000_001, 8]
    assert {said: used for said, used in plans().items() if "planned_once" in said} == {
        "SELECT $1 + 1 AS planned_once": 3
    }


@pytest.mark.django_db
def test_what_django_asks_itself_is_not_planned() -> None:
    for _ in range(3):
        list(Team.objects.filter(slug="nobody"))

    assert not [said for said in plans() if "connectors_team" in said]


@pytest.mark.django_db
def test_it_is_counted_and_logged_like_every_other() -> None:
    with CaptureQueriesContext(connection) as asked:
        for word in ("once", "twice", "three times"):
            ask("SELECT %s::text", word)

    assert [query["sql"] for query in asked] == ["SELECT $1::text"] * 3


@pytest.mark.django_db
@pytest.mark.parametrize(
    "value",
    ["it's 100 %s, 50%% and ü", "", True, None, 2**40, datetime(2026, 3, 29, 1, 30, tzinfo=UTC), ["a'b", "%s"], [1]],
)
def test_values_written_out_are_the_ones_that_were_meant(value: Any) -> None:
    kind = {list: "text[]" if value == ["a'b", "%s"] else "bigint[]", datetime: "timestamptz"}.get(type(value), "text")
    open_one = Given("pk", Connector._meta.pk)

    sql, left = closed((f"SELECT %s::{kind}, %s::bigint, '100 %%'", [value, open_one]))
    with planned.cursor() as cursor:
        cursor.execute(sql, lean.filled(left, {"pk": 7}))
        row = cursor.fetchone()

    with connection.cursor() as plain:
        plain.execute(f"SELECT %s::{kind}, 7, '100 %%'", [value])
        assert row == plain.fetchone()
    assert left == [open_one]


@pytest.mark.django_db
def test_words_stand_in_the_text() -> None:
    assert planned.words(["queued", "it's"]) == "'queued', 'it''s'"
    assert ask(f"SELECT 'queued' IN ({planned.words(['queued', 'sent'])})") is True


def test_a_look_at_open_operations_takes_the_index_of_open_ones(estate: cast.Estate) -> None:
    now = timezone.now()
    done = Operation(
        account=estate.account, pipeline=estate.pipeline, kind="pause", status=OperationStatus.CONFIRMED,
        actor="operator", state_before="running", requested_at=now, deadline_at=now,
    )  # fmt: skip
    Operation.objects.bulk_create(again(done) for _ in range(2000))
    with planned.cursor() as cursor:
        cursor.execute("ANALYZE connectors_operation")
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        for _ in range(2):
            cursor.execute(driver.GLANCE, {"account": estate.account.pk})
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE statement LIKE '%%heard%%jsonb_object_agg%%'", [])
        ((name,),) = cursor.fetchall()
    with connection.cursor() as plain:
        plain.execute(f"EXPLAIN EXECUTE {name}({estate.account.pk})")
        said = "\n".join(line for (line,) in plain.fetchall())

    looks = [line for line in said.splitlines() if " on connectors_operation" in line]
    assert len(looks) >= 2
    assert all("using operation_open on" in line for line in looks), said


def again(operation: Operation) -> Operation:
    """This will give the same operation once more."""
    other = copy(operation)
    other.pk = uuid4()
    return other


def kept(text: str) -> Any:
    """This will find the cursor that is kept for a text."""
    return vars(connection.connection).get("resting", {}).get(text)


@pytest.mark.django_db
def test_a_cursor_is_kept_for_its_text_and_lets_go_of_what_was_answered() -> None:
    text = "SELECT %s::bigint, %s::timestamptz"
    moments = [timezone.now(), datetime(2026, 3, 29, 1, 30, tzinfo=UTC), None]
    found: list[Any] = []
    cursors: list[Any] = []
    for number, moment in enumerate(moments):
        with planned.cursor(text) as cursor:
            cursor.execute(text, [number, moment])
            cursors.append(cursor.cursor)
            found.append(cursor.fetchone())

    assert found == list(enumerate(moments))
    only: Any = kept(text)
    assert all(cursor is only for cursor in cursors)
    assert (only.pgresult, only._tx.pgresult) == (None, None)
    with planned.cursor() as cursor:
        assert cursor.cursor is not only
    with planned.cursor(text):
        pass  # nothing was asked
    assert only is kept(text)


@pytest.mark.django_db
def test_one_text_asked_twice_at_once_has_two_cursors() -> None:
    text = "SELECT %s::bigint"
    with planned.cursor(text) as one, planned.cursor(text) as other:
        one.execute(text, [1])
        other.execute(text, [2])

        assert (one.fetchone(), other.fetchone()) == ((1,), (2,))


@pytest.mark.django_db(transaction=True)
def test_a_cursor_that_met_an_error_is_not_kept() -> None:
    text = "SELECT 1 / %s::bigint"
    with pytest.raises(DataError), planned.cursor(text) as cursor:
        cursor.execute(text, [0])

    assert kept(text) is None
    with planned.cursor(text) as cursor:
        cursor.execute(text, [1])
        assert cursor.fetchone() == (1,)
    assert kept(text) is not None


@pytest.mark.django_db
def test_no_more_cursors_are_kept_than_a_connection_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planned, "MOST", 3)
    for number in range(5):
        text = f"SELECT {number}"
        with planned.cursor(text) as cursor:
            cursor.execute(text)

    assert kept("SELECT 4") is not None
    assert len(vars(connection.connection)["resting"]) <= 3
