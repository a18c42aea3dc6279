"""
The event-stream hub: one LISTEN connection for each web process, fanned out to every open page.

Events are hints with ids in them, never the data. After a lost connection each page is told to look at everything
again, because notices that nobody listened to are gone.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import psycopg
import structlog
from django.conf import settings

from dashboard.renderings import Renderings

log = structlog.get_logger(__name__)

CHANNEL = "switchyard_rows"
QUEUE_LENGTH = 100
GATHER = 0.1
"""Seconds in which changes are gathered before pages are told; a little longer for each page that is open."""
GATHER_A_PAGE = 0.0004
LONGEST_PAUSE = 5.0
"""Seconds between two tries to reach the database."""


@dataclass(slots=True)
class Changes:
    """Ids of rows that changed. `is_resync`: something may have been missed, look at everything."""

    connectors: set[int] = field(default_factory=set)
    pipelines: set[int] = field(default_factory=set)
    accounts: set[int] = field(default_factory=set)
    is_resync: bool = False

    def add(self, other: "Changes") -> None:
        """This will take another notice in."""
        self.connectors |= other.connectors
        self.pipelines |= other.pipelines
        self.accounts |= other.accounts
        self.is_resync |= other.is_resync


def parse(payload: str) -> Changes:
    """This will read a notice; one that cannot be read counts as: look at everything."""
    try:
        notice = json.loads(payload)
        return Changes(set(notice.get("c", ())), set(notice.get("p", ())), set(notice.get("a", ())))
    except (ValueError, AttributeError, TypeError):
        return Changes(is_resync=True)


class Subscription:
    """One open page. Changes are merged until it takes them, so a slow page never holds anybody up."""

    def __init__(self) -> None:
        self._waiting = Changes()
        self._bell = asyncio.Event()
        self.is_closed = False

    def put(self, changes: Changes) -> None:
        """This will leave changes for the page."""
        self._waiting.add(changes)
        self._bell.set()

    def close(self) -> None:
        """This will end the page's stream."""
        self.is_closed = True
        self._bell.set()

    async def take(self, timeout: float) -> Changes | None:  # the length of a heartbeat
        """This will wait for changes and hand them over; None when there were none in that many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._bell.wait()
        if not self._bell.is_set():
            return None
        self._bell.clear()
        taken, self._waiting = self._waiting, Changes()
        return taken


class Hub:
    """All open pages of this process."""

    def __init__(self) -> None:
        self._pages: set[Subscription] = set()
        self._gathered: Changes | None = None
        self.renderings = Renderings()
        self.turn = 0
        """How often pages were told of something; what was rendered in one turn stands until the next."""
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closing = False

    @contextlib.asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscription]:
        """This will keep a page subscribed for as long as its stream lives."""
        self._listen_if_needed()
        page = Subscription()
        if self._is_closing:
            page.close()
        self._pages.add(page)
        try:
            yield page
        finally:
            self._pages.discard(page)

    def __len__(self) -> int:
        return len(self._pages)

    def _listen_if_needed(self) -> None:
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._loop is not loop:
            self._loop = loop
            self._gathered, self.renderings = None, Renderings()
            self._task = loop.create_task(self._listen())

    async def _listen(self) -> None:
        pause = 0.2
        while not self._is_closing:
            try:
                async with await psycopg.AsyncConnection.connect(
                    settings.LISTEN_DATABASE_URL, autocommit=True
                ) as listener:
                    await listener.execute(f"LISTEN {CHANNEL}")
                    pause = 0.2
                    self._tell(Changes(is_resync=True))
                    async for notice in listener.notifies():
                        self._tell(parse(notice.payload))
            except (psycopg.OperationalError, OSError) as error:
                log.warning("event hub lost the database", error=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _tell(self, changes: Changes) -> None:
        """Gathered here, once for all pages: each would otherwise need a timer of its own."""
        if self._gathered is not None:
            self._gathered.add(changes)
            return
        self._gathered = changes
        asyncio.get_running_loop().call_later(GATHER + GATHER_A_PAGE * len(self._pages), self._tell_pages)

    def _tell_pages(self) -> None:
        changes, self._gathered = self._gathered or Changes(), None
        self.turn += 1
        self.renderings.forget(None if changes.is_resync else changes.connectors)
        for page in list(self._pages):
            page.put(changes)

    def close(self) -> None:
        """This will end every stream; to be called in the loop's thread."""
        self._is_closing = True
        for page in list(self._pages):
            page.close()
        if self._task:
            self._task.cancel()

    def close_from_signal(self) -> None:
        """This will end every stream from a signal handler, so that the server need not wait for open pages."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.close)


HUB = Hub()


def close_all() -> None:
    """This will end all open event streams of this process; safe to call from a signal handler."""
    HUB.close_from_signal()
