"""The web process. On SIGTERM the open event streams are ended first, so that the server need not wait for them."""

import asyncio
import gc
import os
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

LOOKED_THROUGH_AFTER = 20_000
"""Objects that were made and not let go of yet, after which the newest are looked through for garbage."""
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

django.setup(set_prefix=False)

from dashboard import hub  # noqa: E402  # needs the settings, which are loaded now
from dashboard.views.events import OPENED  # noqa: E402


class Handler(ASGIHandler):
    """
    Django's, with the whole chain of middleware in the request's thread.

    Some of ours exist for threads only, and Django would cross over at each of their borders, a dozen times a request.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        """This will build the chain for a thread, whatever it is asked for."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """This will answer from the request's own thread."""
        return await sync_to_async(self._in_turn, thread_sensitive=True)(request)

    def _in_turn(self, request: HttpRequest) -> HttpResponseBase:
        with turns.one():
            return self.get_response(request)


class Turns:
    """
    Only so many threads compute at once, the others wait in line.

    Threads that hand the interpreter to each other whenever one waits for PostgreSQL take longer, all together, than
    threads that follow each other. Nobody waits for what is slow: once all turns have lasted too long, there are
    none, and whoever comes goes on at once.

    :param lasting: seconds after which nobody waits for them any more
    """

    def __init__(self, number: int, lasting: float) -> None:
        self._free = number
        self._lasting = lasting
        self._moved_at = 0.0
        self._own = Lock()
        self._line: deque[Lock] = deque()

    @contextmanager
    def one(self) -> Iterator[None]:
        """This will wait for a turn, and let the next one have it at the end."""
        is_ours = self._wait()
        try:
            yield
        finally:
            if is_ours:
                self._pass_on()

    def _wait(self) -> bool:
        """True with a turn of its own; False where it goes on without."""
        with self._own:
            if self._free:
                self._free -= 1
                self._moved_at = monotonic()
                return True
            gate = Lock()
            gate.acquire()
            self._line.append(gate)
        while not gate.acquire(timeout=max(self._moved_at + self._lasting - monotonic(), 0)):
            with self._own:
                if gate in self._line and monotonic() >= self._moved_at + self._lasting:
                    self._line.remove(gate)
                    return False
        return True

    def _pass_on(self) -> None:
        with self._own:
            self._moved_at = monotonic()
            if self._line:
                self._line.popleft().release()
            else:
                self._free += 1


turns = Turns(settings.TURNS, settings.TURNS_LAST)
django_application = Handler()


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """This will serve Django, and see to the event streams at the end of the process."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    else:
        await answer(django_application, scope, receive, send)


async def answer(django: ASGIHandler, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """
    This will let Django answer, and then go on with the event stream of a page.

    Nothing of the request is kept for as long as that lasts.
    """
    is_left_open = False
    place = await Place.of(scope)

    async def send_and_look(message: Mapping[str, Any]) -> None:
        nonlocal is_left_open
        place.leave()
        if OPENED in scope and message["type"] == "http.response.body" and not message.get("more_body"):
            is_left_open = True
            return
        await send(message)

    try:
        await django(scope, receive, send_and_look)
    finally:
        place.leave()
    if is_left_open:
        await scope.pop(OPENED).serve(receive, send)


class Place:
    """
    One of a few: only so many requests are worked on at once, the others wait before anything of them is done.

    Each would else begin a thread and wait there for a connection to the database, until that fails: after a restart
    every open page comes back within a second. A place is left with the first byte of the answer, so that nobody who
    reads slowly has one; what comes with a body, which may come slowly, needs none.
    """

    _gates: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    def __init__(self, gate: asyncio.Semaphore | None) -> None:
        self._gate = gate

    @classmethod
    async def of(cls, scope: Mapping[str, Any]) -> "Place":
        """This will wait for a place, where the request needs one."""
        if scope.get("method") not in {"GET", "HEAD"}:
            return cls(None)
        gate = cls._gates.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(settings.REQUESTS_AT_ONCE))
        await gate.acquire()
        return cls(gate)

    def leave(self) -> None:
        """This will let the next one begin."""
        if self._gate is not None:
            self._gate.release()
            self._gate = None


async def _live(receive: Receive, send: Send) -> None:
    """The server's own handlers stand by the time it says that it starts up, so ours can go in front of them."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _settle_in()
            for number in (signal.SIGTERM, signal.SIGINT):
                _end_streams_before(number)
            await send({"type": "lifespan.startup.complete"})
        else:
            hub.close_all()  # a server that stops without a signal
            await send({"type": "lifespan.shutdown.complete"})
            return


def _settle_in() -> None:
    """
    What is loaded stays for good, so it is not looked through for garbage again and again.

    Doing so stopped everybody for a tenth of a second, every few dozen pages. What a page makes is let go of with it,
    all but a little: to look for that little a dozen times less often is felt in no memory.
    """
    _ = get_resolver().url_patterns  # loads every view
    gc.collect()
    gc.freeze()
    gc.set_threshold(LOOKED_THROUGH_AFTER)


def _end_streams_before(number: signal.Signals) -> None:
    servers = signal.getsignal(number)

    def handle(signum: int, frame: FrameType | None) -> None:
        hub.close_all()
        if callable(servers):
            servers(signum, frame)

    try:
        signal.signal(number, handle)
    except ValueError:  # not the main thread: whoever runs us there stops us in a way of their own
        return
