"""One open page's event stream: bytes that many pages share wait here until this page's connection takes them."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from dashboard.standing import Basis

log = structlog.get_logger(__name__)

MOST_WAITING = 32
"""Messages that may wait for a page. One that reads more slowly is ended, comes back and reads everything anew."""
PIECE = 32 * 1024
"""Bytes handed to the connection at once; it keeps hardly more than one such piece for a page that reads slowly."""
OPEN = b": open\nretry: 1000\n\n"
ALIVE = b": alive\n\n"

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Message = Sequence[bytes]
"""Ready to be sent, in pieces; one object for all pages that are told the same."""


def lines(html: str) -> bytes:
    """This will give the data of an event; an empty line would end it."""
    return b"".join(b"data: " + line.encode() + b"\n" for line in html.splitlines() if line.strip())


def message(body: bytes) -> Message:
    """This will make one event of its data; empty when there is nothing to tell."""
    if not body:
        return ()
    # With an id, so that a page that comes back says that it was told something since it was read.
    return tuple(_pieces(b"id: 1\n" + body + b"\n"))


def _pieces(whole: bytes) -> Iterator[bytes]:
    for start in range(0, len(whole), PIECE):
        yield whole[start : start + PIECE]


class Stream:
    """What is to be sent to one page."""

    __slots__ = ("_bell", "_waiting", "basis", "tag", "why_ended")

    def __init__(self, *, basis: Basis | None = None, tag: str = "") -> None:
        self.basis = basis
        self.tag = tag
        """What the rows showed when the page was read; nothing is sent for them until they show anything else."""
        self.why_ended = ""
        self._waiting: deque[Message] = deque([(OPEN,)])
        self._bell: asyncio.Future[None] | None = None

    def put(self, told: Message) -> None:
        """This will leave a message for the page; never waits."""
        if not told or self.why_ended:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.clear()
            self.end("too slow")
            return
        self._waiting.append(told)
        self._ring()

    def end(self, why: str) -> None:
        """This will end the stream once what waits has been sent; the page then comes back and reads anew."""
        if self.why_ended:
            return
        self.why_ended = why
        self._waiting.append((f": {why}\n\n".encode(),))
        self._ring()

    def _ring(self) -> None:
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    async def serve(self, receive: Receive, send: Send) -> None:
        """This will send until the stream is ended or the page has gone."""
        gone = asyncio.ensure_future(self._until_gone(receive))
        try:
            await self._send(send)
        finally:
            gone.cancel()
            if self.why_ended and self.why_ended != "gone":
                log.debug("stream ended", why=self.why_ended)

    async def _send(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while self._waiting:
                for piece in self._waiting.popleft():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            if self.why_ended:
                break
            self._bell = loop.create_future()
            await self._bell
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _until_gone(self, receive: Receive) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while (await receive())["type"] != "http.disconnect":
                pass
            self._waiting.clear()
            self.end("gone")
