"""
The event-stream hub: one LISTEN connection for each web process, fanned out to every open page.

Events are hints with ids in them, never the data. After a lost connection each page is told everything again, because
notices that nobody listened to are gone.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Hashable

import psycopg
import structlog
from asgiref.sync import sync_to_async
from django.conf import settings

from dashboard import standing
from dashboard.audiences import Audience, Teller
from dashboard.changes import Changes, parse
from dashboard.heads import Head
from dashboard.renderings import Renderings
from dashboard.streams import ALIVE, Stream

log = structlog.get_logger(__name__)

CHANNEL = "switchyard_rows"
GATHER = 0.1
"""Seconds in which changes are gathered before pages are told; a little longer for each page that is open."""
GATHER_A_PAGE = 0.00025
EARS_WITHIN = 2.0
"""Seconds for which the first pages of a process wait until changes are listened to; then they are told without."""
LONGEST_PAUSE = 5.0
"""Seconds between two tries to reach the database."""
HEARTBEAT = 15.0
STANDING_EVERY = 5.0
"""Seconds after which a page of somebody who may see something else now, or is signed out, is ended at the latest."""


class Hub:
    """All open pages of this process."""

    def __init__(self) -> None:
        self._audiences: dict[Hashable, Audience] = {}
        self._pages: set[Stream] = set()
        self._gathered: Changes | None = None
        self.renderings = Renderings(b"")
        self.heads: Renderings[Head | None] = Renderings(None)
        self.turn = 0
        """How often pages were told of something; what was rendered in one turn stands until the next."""
        self._is_listening = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closing = False

    @contextlib.asynccontextmanager
    async def joined(self, page: Stream, kind: Hashable, make: Callable[[], Teller]) -> AsyncIterator[None]:
        """
        This will keep a page subscribed for as long as its stream lives.

        :param kind: pages of one kind are told the same
        :param make: makes what knows what such pages show, for the first of them
        """
        self._begin_if_needed()
        if not self._is_listening.is_set():  # else it would be told everything once more as soon as we do
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_listening.wait(), EARS_WITHIN)
        audience = self._audiences.get(kind)
        if audience is None:
            audience = self._audiences[kind] = Audience(make())
        self._pages.add(page)
        audience.join(page)
        if self._is_closing:
            page.end("closing")
        try:
            yield
        finally:
            self._pages.discard(page)
            audience.leave(page)
            if audience.is_empty and self._audiences.get(kind) is audience:
                del self._audiences[kind]

    def __len__(self) -> int:
        return len(self._pages)

    @property
    def audiences(self) -> int:
        """How many kinds of pages are told apart."""
        return len(self._audiences)

    def _begin_if_needed(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._tasks or self._loop is not loop or any(task.done() for task in self._tasks):
            self._loop = loop
            self._gathered, self.renderings, self.heads = None, Renderings(b""), Renderings(None)
            self._is_listening = asyncio.Event()
            self._tasks = [loop.create_task(work) for work in (self._listen(), self._beat(), self._look_after())]

    async def _listen(self) -> None:
        pause = 0.2
        while not self._is_closing:
            try:
                async with await psycopg.AsyncConnection.connect(
                    settings.LISTEN_DATABASE_URL, autocommit=True
                ) as listener:
                    await listener.execute(f"LISTEN {CHANNEL}")
                    pause = 0.2
                    self._is_listening.set()
                    if self._pages:  # they may have missed something
                        self._tell(Changes(is_resync=True))
                    async for notice in listener.notifies():
                        self._tell(parse(notice.payload))
            except (psycopg.OperationalError, OSError) as error:
                self._is_listening.clear()
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
        self.heads.forget()
        self.renderings.forget(None if changes.is_resync else changes.connectors)
        for audience in list(self._audiences.values()):
            audience.put(changes)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            for page in list(self._pages):
                page.put((ALIVE,))

    async def _look_after(self) -> None:
        """Whoever is signed out, or may see something else than when the page was opened, is sent to ask anew."""
        while True:
            await asyncio.sleep(STANDING_EVERY)
            try:
                await self.end_what_no_longer_stands()
            except Exception as error:  # noqa: BLE001  # without a database nothing is told, either; it is tried again
                log.warning("whose pages are open could not be looked at", error=type(error).__name__)

    async def end_what_no_longer_stands(self) -> None:
        """This will end the pages whose session is over or whose person may see something else now."""
        pages = [page for page in self._pages if page.basis is not None]
        bases = {page.basis for page in pages if page.basis is not None}
        fallen = await sync_to_async(standing.fallen, thread_sensitive=False)(bases) if bases else {}
        for page in pages:
            if page.basis and (why := fallen.get(page.basis)):
                page.end(why)

    def close(self) -> None:
        """This will end every stream; to be called in the loop's thread."""
        self._is_closing = True
        for page in list(self._pages):
            page.end("closing")
        for task in self._tasks:
            task.cancel()

    def close_from_signal(self) -> None:
        """This will end every stream from a signal handler, so that the server need not wait for open pages."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.close)


HUB = Hub()


def close_all() -> None:
    """This will end all open event streams of this process; safe to call from a signal handler."""
    HUB.close_from_signal()
