"""What open pages are told: rows, the parts of a page of one thing, a batch, the board's head."""

import time
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.text import slugify

from connectors.forms.board import arrangement_of, filters_of
from connectors.permissions import Viewer
from connectors.queries import board as boards
from connectors.queries import connectors as queries
from connectors.queries import overview, pages
from connectors.templatetags.kept import tag
from connectors.views import addresses, parts
from dashboard import heads
from dashboard.changes import Changes
from dashboard.heads import Head
from dashboard.hub import Hub
from dashboard.renderings import kind_of
from dashboard.streams import lines

EVERYTHING = Changes(is_resync=True)
NEWS_A_KIND = 0.01
"""Seconds more between two counts of what is new on a board, for each kind of page that is open: each has its own."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Topics:
    """What the page shows: row ids of a board, one connector, one pipeline; and whether the board's head."""

    rows: frozenset[int] = frozenset()
    connector: int | None = None
    pipeline: int | None = None
    batch: UUID | None = None
    show: str = ""
    page: int = 1
    has_summary: bool = False
    board: str | None = None
    """The address of a board, for what is new on it."""


def kind_of_page(viewer: Viewer, topics: Topics) -> Hashable:
    """This will tell pages apart that are told different things; whatever shows more than rows is one person's own."""
    is_own = bool(topics.connector or topics.pipeline or topics.batch)
    return kind_of(viewer), topics, viewer.user_id if is_own else None


class PageTeller:
    """Tells pages of one kind. It keeps what they show of the head, so that they are sent what is new in it."""

    def __init__(self, hub: Hub, viewer: Viewer, topics: Topics) -> None:
        self.hub = hub
        self.viewer = viewer
        self.kind = kind_of(viewer)
        self.topics = topics
        self.has_summary = topics.has_summary
        self._head: Head | None = None
        self._news = b""
        self._counted_at = 0.0

    async def first(self, tags: Collection[str]) -> Mapping[str, bytes]:
        """This will give all of it; but no rows to pages that show them as they are."""
        current = await _in_thread(_tag, self.viewer, self.topics.rows) if any(tags) else ""
        rest = await self._own(EVERYTHING) + await self._whole_head()
        rows = b"" if all(known and known == current for known in tags) else await self._rows(self.topics.rows)
        return {known: rest if known and known == current else rows + rest for known in tags}

    async def news(self, changes: Changes) -> bytes:
        """This will give rows that changed, and parts of a page of one thing."""
        rows = self.topics.rows if changes.is_resync else self.topics.rows & changes.connectors
        return await self._rows(rows) + await self._own(changes)

    async def summary(self) -> bytes:
        """This will give what is new in the head, or the batch."""
        if self.topics.batch:
            return await _in_thread(_joined, batch_parts, self.viewer, self.topics)
        shown, self._head = self._head, await self._current_head()
        return (self._head.news(shown) if self._head else b"") + await self._new_rows()

    async def _rows(self, ids: Collection[int]) -> bytes:
        if not ids:
            return b""
        return b"".join(await self.hub.renderings.of(self.kind, sorted(ids), partial(_rendered_rows, self.viewer)))

    async def _own(self, changes: Changes) -> bytes:
        if not (self.topics.connector or self.topics.pipeline):
            return b""
        return await _in_thread(_joined, own_parts, self.viewer, self.topics, changes)

    async def _whole_head(self) -> bytes:
        if not self.has_summary or self.topics.batch:
            return await self.summary() if self.topics.batch else b""
        self._counted_at, self._news = 0.0, b""
        head = await self._current_head()
        self._head = self._head or head
        return (head.whole if head else b"") + await self._new_rows()

    async def _current_head(self) -> Head | None:
        """One for all of a kind, and for each time that pages are told of something."""
        key = ("head", self.hub.turn)
        (head,) = await self.hub.heads.of(self.kind, [key], partial(_rendered_heads, self.viewer))
        return head

    async def _new_rows(self) -> bytes:
        """Rows that have come to belong on the page are told, and wait until they are asked for."""
        address = self.topics.board
        if address is None or time.monotonic() < self._counted_at + NEWS_A_KIND * self.hub.audiences:
            return b""
        self._counted_at = time.monotonic()
        told, self._news = self._news, await _in_thread(_joined, new_rows, self.viewer, address, self.topics.rows)
        return self._news if self._news != told else b""


async def _in_thread(work: Callable[..., T], *about: object) -> T:
    """With a database connection that goes back at once."""
    return await sync_to_async(_let_go, thread_sensitive=False)(work, *about)


def _let_go(work: Callable[..., T], *about: object) -> T:
    try:
        return work(*about)
    finally:
        connections.close_all()


def _joined(make: Callable[..., Iterable[str]], *about: object) -> bytes:
    return b"".join(lines(html) for html in make(*about))


def _rendered_rows(viewer: Viewer, ids: Collection[Any]) -> dict[Hashable, bytes]:
    return _let_go(lambda: {pk: lines(html) for pk, html in row_parts(viewer, ids)})


def _rendered_heads(viewer: Viewer, keys: Collection[Hashable]) -> dict[Hashable, Head]:
    return _let_go(lambda: {key: heads.head_of(head(viewer)) for key in keys})


def _tag(viewer: Viewer, ids: Collection[int]) -> str:
    return tag(queries.rows(list(queries.visible_to(viewer).filter(pk__in=ids)), viewer))


def head(viewer: Viewer) -> str:
    """This will render the board's head."""
    return render_to_string("connectors/board/_summary.html", {"summary": overview.summary(viewer), "viewer": viewer})


def row_parts(viewer: Viewer, ids: Collection[int]) -> Iterable[tuple[int, str]]:
    """This will render the rows that the viewer may see."""
    found = list(queries.visible_to(viewer).filter(pk__in=ids))
    for row in queries.rows(found, viewer):
        pk = row.connector.pk
        html = render_to_string("connectors/board/_rows.html", {"rows": [row], "viewer": viewer})
        yield pk, heads.partial(f"connector-{pk}", html)


def own_parts(viewer: Viewer, topics: Topics, changes: Changes) -> Iterable[str]:
    """This will render the parts of a connector's or a pipeline's own page that a change concerns."""
    if topics.connector and (changes.is_resync or topics.connector in changes.connectors or changes.accounts):
        context = pages.connector(viewer, topics.connector)
        if context and _is_told(changes, context["connector"].pk, context["connector"].account_id, changes.connectors):
            is_own = changes.is_resync or topics.connector in changes.connectors
            yield from parts.connector(context, is_whole=is_own)
    if topics.pipeline and (changes.is_resync or topics.pipeline in changes.pipelines or changes.accounts):
        context = pages.pipeline(viewer, topics.pipeline)
        if context and _is_told(changes, context["pipeline"].pk, context["pipeline"].account_id, changes.pipelines):
            is_own = changes.is_resync or topics.pipeline in changes.pipelines
            yield from parts.pipeline(context, is_whole=is_own)


def _is_told(changes: Changes, pk: int, account_id: int, ids: set[int]) -> bool:
    """Does a change concern this page: its own row, or the reading of its account?"""
    return changes.is_resync or pk in ids or account_id in changes.accounts


def batch_parts(viewer: Viewer, topics: Topics) -> Iterable[str]:
    """This will render a batch's page."""
    batch = topics.batch and pages.batch(viewer, topics.batch, show=topics.show, number=topics.page)
    if batch:
        yield heads.partial(f"batch-live-{topics.batch}", render_to_string("connectors/batch/_live.html", batch))


def new_rows(viewer: Viewer, address: str, shown: frozenset[int]) -> Iterable[str]:
    """This will render how many rows have come to belong on a page of the board since it was read, and its groups."""
    query = QueryDict(address)
    page = (filters_of(query), arrangement_of(query), addresses.number_in(query))
    for group in boards.headings(viewer, *page):
        html = render_to_string("connectors/board/_group_counts.html", {"group": group})
        yield heads.partial(f"counts-{group.by}-{slugify(group.key)}", html)
    number = boards.new_rows(viewer, *page, shown)
    context = {"news": number, "query": address}
    yield heads.partial("board-news", render_to_string("connectors/board/_news.html", context))
