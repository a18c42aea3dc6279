"""Statements of the hot path: planned once for each connection, with the same answers as before."""

from copy import copy
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
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
