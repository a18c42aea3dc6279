"""The board's search: where it looks, and that an index answers it."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors import permissions
from connectors.models import Connector, Pipeline
from connectors.queries import board
from connectors.queries import connectors as queries
from connectors.queries.connectors import Filters
from connectors.states import SiteRole, State
from tests import cast
from tests.crowd import crowd


@pytest.fixture
def rich(estate: cast.Estate) -> cast.Estate:
    """This will add one connector with everything that can be looked for."""
    estate.add("Zebra_100%", State.FAILED, type="org.example.StripeSink", error="Wüste: no water",
               labels={"herd": "savanna"})  # fmt: skip
    return estate


def found(estate: cast.Estate, text: str, who: str = "viewer") -> list[str]:
    """This will search as the API and the batches do, and as the board's page does."""
    viewer, filters = permissions.viewer_of(estate.people[who]), Filters(search=text)
    rows = queries.narrowed(queries.visible_to(viewer), filters)
    names = sorted(rows.values_list("name", flat=True))
    page = board.page(viewer, filters, board.Arrangement(), 1)
    assert sorted(connector.name for connector in page.connectors) == names
    assert page.matching == len(names)
    return names


@pytest.mark.parametrize(
    "text",
    [
        "zebra",
        "ZEB",
        "stripesink",
        "no water",
        "WÜSTE",
        "savanna",
        "herd",
        "sink zebra",
        "bra_1",
        "0%",
        "zebra box-prod",
    ],
)
def test_search_looks_into_name_class_error_and_labels(rich: cast.Estate, text: str) -> None:
    assert found(rich, text) == ["Zebra_100%"]


@pytest.mark.parametrize("text", ["zebra lion", "z%a", "zebra1100", "%%%", "\\", "'; --", "🦓"])
def test_search_takes_every_letter_as_it_is_and_wants_every_word(rich: cast.Estate, text: str) -> None:
    assert found(rich, text) == []


@pytest.mark.parametrize("text", ["box", "BOX-PROD"])
def test_search_looks_into_the_names_of_pipeline_and_account(rich: cast.Estate, text: str) -> None:
    assert len(found(rich, text)) == 4


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("harbour boat", ["boat"]),
        ("boat harbour", ["boat"]),
        ("MEADOW cow", ["cow"]),
        ("cow harbour", []),
        ("harbour cow", []),
        ("harbour valley", ["boat"]),
        ("valley box-prod", ["boat", "cow"]),
        ("nothing harbour", []),
        ("b o a t h r u", ["boat"]),
    ],
)
def test_each_word_has_its_own_names(estate: cast.Estate, text: str, names: list[str]) -> None:
    Connector.objects.all().delete()
    for name, place in (("boat", "harbour"), ("cow", "meadow")):
        where = Pipeline.objects.create(
            account=estate.account, external_id=place, name=place, state=State.RUNNING, state_since=timezone.now()
        )
        Connector.objects.filter(pk=estate.add(name, labels={"near": "valley"}).pk).update(pipeline=where)

    assert found(estate, text) == names


def test_names_of_all_words_are_one_question(rich: cast.Estate) -> None:
    viewer = permissions.viewer_of(rich.people["viewer"])

    def asked(text: str) -> int:
        with CaptureQueriesContext(connection) as questions:
            board.page(viewer, Filters(search=text), board.Arrangement(), 1)
        return len(questions)

    assert asked("zebra") == asked("zebra box-prod _1 sink herd savanna water no") == 2


def test_search_finds_a_stranger_nothing(rich: cast.Estate) -> None:
    assert found(rich, "zebra", who="stranger") == []


def plan_of_the_page(search: str) -> str:
    """This will say how PostgreSQL counts for a page beyond the last; rows are found by the same words."""
    with CaptureQueriesContext(connection) as asked:
        board.page(permissions.Viewer(1, "admin", SiteRole.ADMIN), Filters(search=search), board.Arrangement(), 9)
    (counted,) = [query["sql"] for query in asked.captured_queries if "SELECT count(*)" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {counted}")
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("more", [{}, {"state": ("running",)}, {"is_stale": False}, {"vendor": ("box",)}], ids=str)
def test_the_page_finds_what_every_other_reader_of_the_search_finds(
    rich: cast.Estate, number: int, more: dict[str, Any]
) -> None:
    text = " ".join(["zebra", "box-prod", "_1"][:number])
    viewer = permissions.viewer_of(rich.people["operator"])
    filters = Filters(search=text, **more)

    page = board.page(viewer, filters, board.Arrangement(), 1)

    expected = list(queries.narrowed(queries.of_teams(viewer.sees), filters))
    assert [row.pk for row in page.connectors] == [row.pk for row in expected]
    assert page.matching == len(expected)


def test_a_search_is_counted_where_the_page_does_not_show_the_last_row(estate: cast.Estate) -> None:
    for number in range(2 * board.SIZE + 3):
        estate.add(f"herd-{number}", State.RUNNING)
    viewer, filters = permissions.viewer_of(estate.people["admin"]), Filters(search="herd")

    pages = [board.page(viewer, filters, board.Arrangement(), number) for number in (1, 2, 3, 4)]
    with CaptureQueriesContext(connection) as whole:
        board.page(viewer, Filters(search="herd-102"), board.Arrangement(), 1)
    with CaptureQueriesContext(connection) as cut:
        board.page(viewer, filters, board.Arrangement(), 1)

    assert [page.matching for page in pages] == [2 * board.SIZE + 3] * 4
    assert [page.has_next for page in pages] == [True, True, False, False]
    assert [len(page.connectors) for page in pages] == [board.SIZE, board.SIZE, 3, 0]
    assert len(cut) - len(whole) == 1
    assert "count(*)" in cut[-1]["sql"]


def test_no_plan_of_a_search_among_connectors_is_kept(rich: cast.Estate) -> None:
    for text in ("zebra", "lion", "giraffe", "zebra lion"):
        found(rich, text)

    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%LIKE $%'")
        kept = [statement for (statement,) in cursor.fetchall()]
    assert all("connectors_pipeline" in statement and "connectors_connector" not in statement for statement in kept)


def test_an_index_answers_the_search(estate: cast.Estate, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    crowd(estate, 3000)
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('connector_search')")  # as the next vacuum does
        cursor.execute("ANALYZE connectors_connector")

    with django_assert_num_queries(2):  # pipelines that are called so, and the rows
        rows = queries.narrowed(Connector.objects.all(), Filters(search="warehouse-2"))
        assert len(rows) > 0
    plan = rows.order_by().explain()

    assert "Bitmap Index Scan on connector_search" in plan
    assert "Bitmap Index Scan on connector_search" in plan_of_the_page("warehouse-2")
