"""Each address that shows a page has a place in the table; so none escapes the suites that visit them all."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse

from tests.journeys.places import NOT_PAGES, PLACES

EXAMPLES = {"int": 1, "uuid": "00000000-0000-4000-8000-000000000000", "slug": "connector", "str": "secret"}


def patterns(found: Any, under: str = "") -> Iterator[URLPattern]:
    """Every address below, but the API's."""
    for pattern in found.url_patterns:
        path = under + str(pattern.pattern)
        if not hasattr(pattern, "url_patterns"):
            yield pattern
        elif not path.startswith("api/"):
            yield from patterns(pattern, path)


NAMES = [pattern.name for pattern in patterns(get_resolver())]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {*PLACES, *NOT_PAGES}])
def test_address_without_a_place_shows_no_page(name: str, db: None) -> None:
    pattern = next(p for p in patterns(get_resolver()) if p.name == name)
    converters = pattern.pattern.converters.items()
    words = {key: EXAMPLES[type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")]
             for key, converter in converters}  # fmt: skip

    answer = Client().get(_reversed(name, words))

    assert answer.status_code == 405, f"{name} answers GET: give it a place in tests/journeys/places.py"


def _reversed(name: str, words: dict[str, object]) -> str:
    try:
        return reverse(name, kwargs=words)
    except NoReverseMatch:
        pytest.fail(f"{name} has no place in tests/journeys/places.py")


def test_table_names_no_address_that_is_gone() -> None:
    assert {*PLACES, *NOT_PAGES} - set(NAMES) == set()
