"""Addresses that keep a page's filters, and its pages of fifty."""

from dataclasses import dataclass
from typing import Protocol

from django.http import HttpRequest, QueryDict

SIZE = 50


class Located(Protocol):
    """What has an address: a request, or the address alone."""

    @property
    def path(self) -> str:
        """The page's own path."""

    @property
    def GET(self) -> QueryDict:  # noqa: N802  # as Django calls it
        """The query."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address alone, for what depends on nothing else of a request."""

    path: str
    GET: QueryDict


def with_query(request: Located, query: QueryDict) -> str:
    """This will give the page's own address with another query."""
    text = query.urlencode()
    return f"{request.path}?{text}" if text else request.path


def without(request: Located, *names: str) -> str:
    """This will give the page's address with some filters, and the page number, taken off."""
    query = request.GET.copy()
    for name in (*names, "page"):
        query.pop(name, None)
    return with_query(request, query)


def with_only(request: Located, name: str, *values: str) -> str:
    """This will give the page's address with one word set anew, and without the page number."""
    query = request.GET.copy()
    query.pop("page", None)
    query.setlist(name, list(values))
    return with_query(request, query)


@dataclass(frozen=True, slots=True)
class Pager:
    """One page of a list. The total is None where counting would cost more than it tells."""

    number: int
    first: int
    last: int
    total: int | None
    previous_url: str
    next_url: str

    @property
    def is_only(self) -> bool:
        """Is there nothing to turn to?"""
        return not (self.previous_url or self.next_url)


def number_of(request: HttpRequest) -> int:
    """This will read the page number; anything that is not one is the first."""
    return number_in(request.GET)


def number_in(query: QueryDict) -> int:
    """This will read the page number out of an address."""
    word = query.get("page", "1")
    return max(1, int(word)) if word.isascii() and word.isdigit() and len(word) < 8 else 1  # far enough


def slice_of(number: int) -> slice:
    """This will give the rows of a page, and one more that tells whether there is a next one."""
    return slice((number - 1) * SIZE, number * SIZE + 1)


def pager(request: HttpRequest, number: int, found: int, total: int | None = None) -> Pager:
    """
    This will lay out the way to the pages beside this one.

    :param found: rows read with `slice_of`
    """
    shown = min(found, SIZE)
    first = (number - 1) * SIZE + 1 if shown else 0
    return Pager(
        number=number,
        first=first,
        last=(number - 1) * SIZE + shown,
        total=total,
        previous_url=_page(request, number - 1) if number > 1 else "",
        next_url=_page(request, number + 1) if found > SIZE else "",
    )


def _page(request: HttpRequest, number: int) -> str:
    query = request.GET.copy()
    query.pop("page", None)
    if number > 1:
        query["page"] = str(number)
    return with_query(request, query)
