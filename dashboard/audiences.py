"""
Pages that are told the same: alike in what they show and in what their people may.

What is new is read, rendered and put into bytes once for all of them. One audience does one thing after the other,
so that nothing older ever follows what is newer.
"""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import structlog

from dashboard.changes import Changes
from dashboard.streams import Stream, message

log = structlog.get_logger(__name__)

SUMMARY_EVERY = 1.0
"""Seconds between two readings of what sums up many changes."""


class Teller(Protocol):
    """Knows what an audience shows, and puts it into messages."""

    has_summary: bool

    async def first(self, tags: Collection[str]) -> Mapping[str, bytes]:
        """This will give all that is shown, to pages that have just come; by the tag of what each shows already."""

    async def news(self, changes: Changes) -> bytes:
        """This will give what changed, as data of an event."""

    async def summary(self) -> bytes:
        """This will give what is new in the head."""


class Audience:
    """Open pages of one kind."""

    def __init__(self, teller: Teller) -> None:
        self.teller = teller
        self.pages: set[Stream] = set()
        self._joining: list[Stream] = []
        self._changes: Changes | None = None
        self._bell = asyncio.Event()
        self._is_summary_due = False
        self._summed_up = 0
        self._task: asyncio.Task[None] | None = None

    def join(self, page: Stream) -> None:
        """This will tell a page all that it shows, and from then on what changes."""
        self._joining.append(page)
        self._wake()

    def leave(self, page: Stream) -> None:
        """This will forget a page."""
        self.pages.discard(page)
        if page in self._joining:
            self._joining.remove(page)

    def put(self, changes: Changes) -> None:
        """This will leave changes to be told."""
        if self._changes is None:
            self._changes = Changes()
        self._changes.add(changes)
        self._wake()

    @property
    def is_empty(self) -> bool:
        """Is there nobody left to tell anything?"""
        return not self.pages and not self._joining

    def end(self, why: str) -> None:
        """This will end every page of it."""
        for page in [*self.pages, *self._joining]:
            page.end(why)

    def _wake(self) -> None:
        self._bell.set()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while not self.is_empty and self._bell.is_set():
                self._bell.clear()
                await self._turn()
        except Exception:  # whatever broke: the pages come back, or are polled meanwhile
            log.exception("pages could not be told what is new")
            self.end("could not be read")

    async def _turn(self) -> None:
        changes, self._changes = self._changes, None
        joining, self._joining = self._joining, []
        news = b""
        if changes is not None and self.pages:
            self._is_summary_due = self.teller.has_summary
            news = await self.teller.news(changes)
        if self._is_summary_due:
            news += await self._summary()
        told = message(news)
        for page in self.pages:
            page.put(told)
        if joining:
            await self._welcome(joining)

    async def _welcome(self, joining: Sequence[Stream]) -> None:
        self.pages.update(joining)
        told = await self.teller.first({page.tag for page in joining})
        messages = {tag: message(data) for tag, data in told.items()}
        for page in joining:
            page.put(messages[page.tag])

    async def _summary(self) -> bytes:
        """At full seconds, the same for all audiences, so that they share one reading."""
        second = int(time.time() / SUMMARY_EVERY)
        if second > self._summed_up:
            self._summed_up, self._is_summary_due = second, False
            return await self.teller.summary()
        asyncio.get_running_loop().call_later(SUMMARY_EVERY - time.time() % SUMMARY_EVERY, self._wake)
        return b""
