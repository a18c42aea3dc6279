"""The event stream of one open page: changed rows only, rendered, as htmx swaps them in."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils import timezone

from connectors.forms.board import arrangement_of, filters_of
from connectors.permissions import Viewer
from connectors.queries import board as boards
from connectors.queries import connectors as queries
from connectors.queries import pages
from connectors.services import actors
from connectors.views import addresses, parts
from dashboard.hub import HUB, Changes

HEARTBEAT = 15.0
LONGEST = 300.0
"""Seconds; then the page connects anew and its session is checked again."""
GATHER = 0.1
"""Seconds in which changes are gathered before they are rendered together."""
SUMMARY_EVERY = 1.0
MOST_ROWS = 200


@dataclass(slots=True)
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


async def stream(request: HttpRequest) -> HttpResponseBase:
    """
    This will answer with server-sent events for what the page shows.

    Query: `rows=1,2,3` and `board=ADDRESS` (board), `connector=ID`, `pipeline=ID`, `batch=ID`, `summary=1`. Whoever is
    signed out is told to go and sign in, by status, never by a form in a row.
    """
    try:
        viewer = await sync_to_async(_viewer)(request)
    except PermissionError:
        return HttpResponse(status=401)
    # A stream lives for minutes: it must let go of its database connection before it begins.
    await sync_to_async(connections.close_all)()
    response = StreamingHttpResponse(_events(request, viewer, _topics(request)), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"
    return response


def _viewer(request: HttpRequest) -> Viewer:
    return actors.viewer(request)


def _topics(request: HttpRequest) -> Topics:
    rows = [int(word) for word in request.GET.get("rows", "").split(",") if word.isdigit()]
    return Topics(
        rows=frozenset(rows[:MOST_ROWS]),
        connector=_number(request.GET.get("connector")),
        pipeline=_number(request.GET.get("pipeline")),
        batch=_uuid(request.GET.get("batch")),
        show=request.GET.get("show", ""),
        page=_number(request.GET.get("page")) or 1,
        has_summary="summary" in request.GET or "batch" in request.GET,
        board=request.GET.get("board"),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


async def _events(request: HttpRequest, viewer: Viewer, topics: Topics) -> AsyncIterator[bytes]:
    """One message for each gathering of changes; a comment as heartbeat."""
    end = time.monotonic() + _longest(viewer)
    last_summary = 0.0
    is_summary_due = False
    yield b": open\nretry: 1000\n\n"
    async with HUB.subscribe() as page:
        page.put(Changes(is_resync=True))  # what changed between the page's reading and its listening
        while time.monotonic() < end and not page.is_closed:
            wait = SUMMARY_EVERY if is_summary_due else HEARTBEAT
            changes = await page.take(wait)
            if page.is_closed:
                break
            if changes is None and not is_summary_due:
                yield b": alive\n\n"
                continue
            await asyncio.sleep(GATHER)
            changes = changes or Changes()
            if more := await page.take(0):
                changes.add(more)
            is_summary_due = is_summary_due or topics.has_summary
            with_summary = is_summary_due and time.monotonic() - last_summary >= SUMMARY_EVERY
            html = await sync_to_async(_render, thread_sensitive=False)(request, viewer, topics, changes, with_summary)
            if with_summary:
                last_summary, is_summary_due = time.monotonic(), False
            if html:
                yield _message(html)


def _longest(viewer: Viewer) -> float:
    """A role that was granted for a time ends on open pages, too."""
    return min(LONGEST, (viewer.until - timezone.now()).total_seconds()) if viewer.until else LONGEST


def _message(html: str) -> bytes:
    return b"".join(b"data: " + line.encode() + b"\n" for line in html.splitlines() if line.strip()) + b"\n"


def _render(request: HttpRequest, viewer: Viewer, topics: Topics, changes: Changes, with_summary: bool) -> str:
    """In a thread of its own; its database connection goes back at once."""
    try:
        parts = list(_parts(viewer, topics, changes))
        if with_summary:
            parts.extend(_summaries(viewer, topics))
        return "\n".join(parts)
    finally:
        connections.close_all()


def _summaries(viewer: Viewer, topics: Topics) -> Iterable[str]:
    """What sums up many changes is rendered once a second at most: the board's head, or a batch."""
    if topics.batch is None:
        context = {"summary": queries.summary(viewer), "viewer": viewer}
        yield _partial("board-summary", "connectors/board/_summary.html", context)
        if topics.board is not None:
            yield _news(viewer, topics.board, topics.rows)
    elif batch := pages.batch(viewer, topics.batch, show=topics.show, number=topics.page):
        yield _partial(f"batch-live-{topics.batch}", "connectors/batch/_live.html", batch)


def _news(viewer: Viewer, address: str, shown: frozenset[int]) -> str:
    """Rows that have come to belong on the page are told, and wait until they are asked for."""
    query = QueryDict(address)
    number = boards.new_rows(viewer, filters_of(query), arrangement_of(query), addresses.number_in(query), shown)
    return _partial("board-news", "connectors/board/_news.html", {"news": number, "query": address})


def _parts(viewer: Viewer, topics: Topics, changes: Changes) -> Iterable[str]:
    ids = topics.rows if changes.is_resync else topics.rows & changes.connectors
    if ids:
        found = list(queries.visible_to(viewer).filter(pk__in=ids))
        for row in queries.rows(found, viewer):
            yield _partial(
                f"connector-{row.connector.pk}", "connectors/board/_row.html", {"row": row, "viewer": viewer}
            )
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


def _partial(target: str, template: str, context: dict[str, object]) -> str:
    body = render_to_string(template, context)
    return f'<hx-partial hx-target="#{target}" hx-swap="outerMorph">{body}</hx-partial>'
