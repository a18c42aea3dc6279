"""The event stream of one open page: who it is, what the page shows, and from then on what changes on it."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from connectors.permissions import Standing, Viewer
from connectors.queries import guards
from connectors.services import actors
from dashboard.hub import HUB
from dashboard.standing import Basis
from dashboard.streams import Receive, Send, Stream
from dashboard.telling import PageTeller, Topics, kind_of_page

LONGEST = 300.0
"""Seconds; then the page connects anew, and its session is checked again. Each a little earlier, not all at once."""
LONGEST_SIMULATED = 30.0
MOST_ROWS = 200
OPENED = "switchyard.opened"
"""Under this name the view leaves the stream to the server, which has done with the request by then."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A page that may be streamed to."""

    viewer: Viewer
    topics: Topics
    stream: Stream

    async def serve(self, receive: Receive, send: Send) -> None:
        """This will tell the page what is new until it goes, or has to come back."""
        kind = kind_of_page(self.viewer, self.topics)
        async with HUB.joined(self.stream, kind, partial(PageTeller, HUB, self.viewer, self.topics)):
            end = asyncio.get_running_loop().call_later(_longest(self.viewer), self.stream.end, "come back")
            try:
                await self.stream.serve(receive, send)
            finally:
                end.cancel()


def stream(request: HttpRequest) -> HttpResponseBase:
    """
    This will answer with server-sent events for what the page shows.

    Query: `rows=1,2,3` and `board=ADDRESS` (board), `connector=ID`, `pipeline=ID`, `batch=ID`, `summary=1`. Whoever is
    signed out is told to go and sign in, by status, never by a form in a row. Only the head of the answer is made here;
    `dashboard.asgi` sends the events, when nothing of the request is kept any more.
    """
    try:
        viewer, basis = _opened_by(request)
    except PermissionError:
        return HttpResponse(status=401)
    topics, tag = _topics(request)
    request.scope[OPENED] = Opened(viewer, topics, Stream(basis=basis, tag=tag))  # type: ignore[attr-defined]  # ASGI
    response = StreamingHttpResponse(_nothing(), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"
    return response


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""  # what makes it an iterator


def _opened_by(request: HttpRequest) -> tuple[Viewer, Basis]:
    """A stream lives for minutes: it must let go of its database connection before it begins."""
    try:
        viewer = actors.viewer(request)
        user: Any = request.user
        standing = Standing(viewer.site_role, viewer.roles, viewer.granted)
        basis = Basis(user.pk, request.session.session_key or "", user.password, viewer.user_id, standing)
        is_alone = guards.is_excepted(viewer.user_id)
        return (replace(viewer, alone=viewer.user_id) if is_alone else viewer), basis
    finally:
        connections.close_all()


def _topics(request: HttpRequest) -> tuple[Topics, str]:
    """What the page shows, and the tag of its rows as it does; whoever comes back may have missed something."""
    rows = [int(word) for word in request.GET.get("rows", "").split(",") if word.isdigit()]
    topics = Topics(
        rows=frozenset(rows[:MOST_ROWS]),
        connector=_number(request.GET.get("connector")),
        pipeline=_number(request.GET.get("pipeline")),
        batch=_uuid(request.GET.get("batch")),
        show=request.GET.get("show", ""),
        page=_number(request.GET.get("page")) or 1,
        has_summary="summary" in request.GET or "batch" in request.GET,
        board=request.GET.get("board"),
    )
    return topics, "" if "Last-Event-ID" in request.headers else request.GET.get("tag", "")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _longest(viewer: Viewer) -> float:
    """A role that was granted for a time ends on open pages, too."""
    longest = LONGEST_SIMULATED if viewer.simulated_by else LONGEST * random.uniform(0.8, 1.0)  # noqa: S311  # no secret
    rest = (viewer.until - timezone.now()).total_seconds() if viewer.until else longest
    return max(0.0, min(longest, rest))
