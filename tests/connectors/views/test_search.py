"""The board's search: where it looks, and that an index answers it."""

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from connectors import permissions
from connectors.models import Connector
from connectors.queries import connectors as queries
from connectors.queries.connectors import Filters
from connectors.states import State
from tests import cast
from tests.crowd import crowd


@pytest.fixture
def rich(estate: cast.Estate) -> cast.Estate:
    """This will add one connector with everything that can be looked for."""
    estate.add("Zebra_100%", State.FAILED, type="org.example.StripeSink", error="Wüste: no water",
               labels={"herd": "savanna"})  # fmt: skip
    return estate


def found(estate: cast.Estate, text: str, who: str = "viewer") -> list[str]:
    viewer = permissions.viewer_of(estate.people[who])
    rows = queries.narrowed(queries.visible_to(viewer), Filters(search=text))
    return sorted(rows.values_list("name", flat=True))


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


def test_search_finds_a_stranger_nothing(rich: cast.Estate) -> None:
    assert found(rich, "zebra", who="stranger") == []


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
