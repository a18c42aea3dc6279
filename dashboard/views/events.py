"""The event stream of one open page: changed rows only, rendered, as htmx swaps them in."""

import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any
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
from connectors.queries import guards, overview, pages
from connectors.services import actors
from connectors.templatetags.kept import tag
from connectors.views import addresses, parts
from dashboard.hub import HUB, Changes
from dashboard.renderings import kind_of

HEARTBEAT = 15.0
LONGEST = 300.0
"""Seconds; then the page connects anew and its session is checked again."""
SUMMARY_EVERY = 1.0
MOST_ROWS = 200
AGE = re.compile(rb">[^<]*</time>")


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
    tag: str = ""
    """What the rows showed when the page was read; nothing is sent for them until they show anything else."""


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
    viewer = actors.viewer(request)
    return replace(viewer, alone=viewer.user_id) if guards.is_excepted(viewer.user_id) else viewer


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
        tag="" if "Last-Event-ID" in request.headers else request.GET.get("tag", ""),
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
    summed_up = 0
    shown: list[bytes] = []
    is_summary_due = False
    yield b": open\nretry: 1000\n\n"
    async with HUB.subscribe() as page:
        page.put(Changes(is_resync=True))  # what changed between the page's reading and its listening
        while time.monotonic() < end and not page.is_closed:
            changes = await page.take(SUMMARY_EVERY - time.time() % SUMMARY_EVERY if is_summary_due else HEARTBEAT)
            if page.is_closed:
                break
            if changes is None and not is_summary_due:
                yield b": alive\n\n"
                continue
            is_summary_due = is_summary_due or topics.has_summary
            second = int(time.time() / SUMMARY_EVERY)  # the same for all pages, so that they ask for it together
            with_summary = is_summary_due and second > summed_up
            told = await _told(viewer, topics, changes or Changes(), shown if with_summary else None)
            if with_summary:
                summed_up, is_summary_due = second, False
            if told:
                yield told


def _head_keys(topics: Topics) -> list[Hashable]:
    """What sums up many changes; one turn's rendering is no other's."""
    summary: list[Hashable] = [("summary", HUB.turn)]
    return summary if topics.board is None else [*summary, ("news", HUB.turn, topics.board, topics.rows)]


async def _told(viewer: Viewer, topics: Topics, changes: Changes, shown: list[bytes] | None) -> bytes:
    """
    The message to a page: rows and the board's head as all of its kind get them, the rest for itself.

    :param shown: digests of the head as the page has it, where it is time for a new one
    """
    kind, shared = kind_of(viewer), HUB.renderings
    rows = await _rows_to_tell(viewer, topics, changes)
    found = await shared.of(kind, sorted(rows), partial(_rendered, _row_parts, viewer))
    if topics.connector or topics.pipeline:
        found.append(await sync_to_async(_joined, thread_sensitive=False)(_parts, viewer, topics, changes))
    if shown is not None and topics.batch:
        found.append(await sync_to_async(_joined, thread_sensitive=False)(_batch, viewer, topics))
    elif shown is not None:
        head = await shared.of(kind, _head_keys(topics), partial(_rendered, _head_parts, viewer))
        found += [piece for piece in head if _without_ages(piece) not in shown]
        shown[:] = [_without_ages(piece) for piece in head]
    message = b"".join(found)
    # With an id, so that a page that comes back says that it was told something since it was read.
    return message and b"id: 1\n" + message + b"\n"


def _longest(viewer: Viewer) -> float:
    """A role that was granted for a time ends on open pages, too."""
    return min(LONGEST, (viewer.until - timezone.now()).total_seconds()) if viewer.until else LONGEST


def _lines(html: str) -> bytes:
    """Data of an event; an empty line would end it."""
    return b"".join(b"data: " + line.encode() + b"\n" for line in html.splitlines() if line.strip())


@lru_cache(maxsize=64)  # the piece is one object for all pages, so it is looked through once
def _without_ages(piece: bytes) -> bytes:
    """A digest of a head but for the ages in it, which the page counts on by itself: with nothing else new, no news."""
    return hashlib.blake2b(AGE.sub(b"", piece), digest_size=16).digest()


def _rendered(
    make: Callable[[Viewer, Collection[Any]], Iterable[tuple[Hashable, str]]],
    viewer: Viewer,
    keys: Collection[Hashable],
) -> dict[Hashable, bytes]:
    """In a thread of its own; its database connection goes back at once."""
    try:
        return {key: _lines(html) for key, html in make(viewer, keys)}
    finally:
        connections.close_all()


def _joined(make: Callable[..., Iterable[str]], *about: object) -> bytes:
    """The same for what only this page shows."""
    try:
        return b"".join(_lines(html) for html in make(*about))
    finally:
        connections.close_all()


def _head_parts(viewer: Viewer, keys: Collection[Any]) -> Iterable[tuple[Hashable, str]]:
    """What sums up many changes is rendered once a second at most."""
    for key in keys:
        match key:
            case ("news", _, address, shown):
                yield key, _news(viewer, address, shown)
            case _:
                context = {"summary": overview.summary(viewer), "viewer": viewer}
                yield key, _partial("board-summary", "connectors/board/_summary.html", context)


def _batch(viewer: Viewer, topics: Topics) -> Iterable[str]:
    batch = topics.batch and pages.batch(viewer, topics.batch, show=topics.show, number=topics.page)
    if batch:
        yield _partial(f"batch-live-{topics.batch}", "connectors/batch/_live.html", batch)


def _news(viewer: Viewer, address: str, shown: frozenset[int]) -> str:
    """Rows that have come to belong on the page are told, and wait until they are asked for."""
    query = QueryDict(address)
    number = boards.new_rows(viewer, filters_of(query), arrangement_of(query), addresses.number_in(query), shown)
    return _partial("board-news", "connectors/board/_news.html", {"news": number, "query": address})


def _rows_of(topics: Topics, changes: Changes) -> frozenset[int]:
    return topics.rows if changes.is_resync else topics.rows & changes.connectors


async def _rows_to_tell(viewer: Viewer, topics: Topics, changes: Changes) -> frozenset[int]:
    """Those that changed; to a page that has just come, none while it shows what is true."""
    ids = _rows_of(topics, changes)
    if not ids:
        return ids
    shown, topics.tag = topics.tag, ""
    if not (shown and changes.is_resync):
        return ids
    key = ("tag", HUB.turn, topics.rows)
    (now,) = await HUB.renderings.of(kind_of(viewer), [key], partial(_rendered, _tags, viewer))
    return frozenset() if now == _lines(shown) else ids  # what is kept is ready to be sent


def _tags(viewer: Viewer, keys: Collection[Any]) -> Iterable[tuple[Hashable, str]]:
    for key in keys:
        yield key, tag(queries.rows(list(queries.visible_to(viewer).filter(pk__in=key[2])), viewer))


def _row_parts(viewer: Viewer, ids: Collection[int]) -> Iterable[tuple[int, str]]:
    found = list(queries.visible_to(viewer).filter(pk__in=ids))
    for row in queries.rows(found, viewer):
        pk = row.connector.pk
        yield pk, _partial(f"connector-{pk}", "connectors/board/_row.html", {"row": row, "viewer": viewer})


def _parts(viewer: Viewer, topics: Topics, changes: Changes) -> Iterable[str]:
    """The parts of a connector's or a pipeline's own page."""
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
