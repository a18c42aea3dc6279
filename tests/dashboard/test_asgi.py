"""The web process ends its event streams before the server waits for them."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from dashboard import asgi, hub


@pytest.fixture
def handlers() -> Iterator[list[int]]:
    """This will stand in for the server's signal handlers, and put back what was there; the signals they got."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    heard: list[int] = []
    for number in numbers:
        signal.signal(number, lambda received, frame: heard.append(received))
    yield heard
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


async def test_a_signal_ends_the_streams_and_then_reaches_the_server(
    handlers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(hub, "close_all", lambda: ended.append(len(handlers)))
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent: asyncio.Queue[Any] = asyncio.Queue()

    await messages.put({"type": "lifespan.startup"})
    living = asyncio.create_task(asgi.application({"type": "lifespan"}, messages.get, sent.put))
    assert await sent.get() == {"type": "lifespan.startup.complete"}

    signal.raise_signal(signal.SIGTERM)

    assert ended == [0]  # before the server had heard of it
    assert handlers == [signal.SIGTERM]
    await messages.put({"type": "lifespan.shutdown"})
    await living
    assert await sent.get() == {"type": "lifespan.shutdown.complete"}
    assert ended == [0, 1]


async def test_only_so_many_requests_are_worked_on_at_once_and_none_waits_for_a_slow_reader(settings: Any) -> None:
    settings.REQUESTS_AT_ONCE = 3
    at_work = most = answered = 0
    is_read, are_answered = asyncio.Event(), asyncio.Event()

    async def django(scope: Any, receive: Any, send: Any) -> None:
        nonlocal at_work, most, answered
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.01)
        at_work -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        answered += 1
        if answered == 12:
            are_answered.set()
        await send({"type": "http.response.body", "body": b"x"})

    async def read(message: Any) -> None:
        if message["type"] == "http.response.body":
            await is_read.wait()

    def ask(method: str, times: int) -> list[asyncio.Future[None]]:
        scope = {"type": "http", "method": method}
        return [asyncio.ensure_future(asgi.answer(django, scope, asyncio.Event().wait, read)) for _ in range(times)]  # type: ignore[arg-type]

    asked = ask("GET", 12)
    await asyncio.wait_for(are_answered.wait(), 20)  # though nobody has read to the end
    assert most == 3

    asked += ask("POST", 6)  # a body that comes slowly must keep nobody waiting
    is_read.set()
    await asyncio.gather(*asked)
    assert most == 6


def wait_until(is_so: Callable[[], bool]) -> None:
    """This will wait for what threads do."""
    until = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.001)


class Visitors:
    """Threads that take turns, each until it is told to be done."""

    def __init__(self, turns: asgi.Turns) -> None:
        self.turns = turns
        self.at_work: SimpleQueue[int] = SimpleQueue()
        self.done: list[threading.Event] = []
        self.threads: list[threading.Thread] = []

    def come(self) -> None:
        """This will have one more ask for a turn."""
        number, done = len(self.done), threading.Event()
        self.done.append(done)
        self.threads.append(threading.Thread(target=self._work, args=(number, done)))
        self.threads[-1].start()

    def _work(self, number: int, done: threading.Event) -> None:
        with self.turns.one():
            self.at_work.put(number)
            done.wait(20)

    def has(self, waiting: int) -> bool:
        """This will tell whether so many stand in line, and everybody has come."""
        return len(self.turns._line) == waiting and self.at_work.qsize() + waiting == len(self.done)

    def end(self, number: int) -> None:
        """This will have one be done."""
        self.done[number].set()
        self.threads[number].join(20)


@pytest.fixture
def visitors() -> Iterator[Callable[[float], Visitors]]:
    """This will let visitors come who have two turns among them, and see all of them off."""
    made: list[Visitors] = []

    def come(lasting: float) -> Visitors:
        made.append(Visitors(asgi.Turns(2, lasting)))
        return made[-1]

    yield come
    for visitors in made:
        for number in range(len(visitors.done)):
            visitors.end(number)


def test_who_comes_third_has_its_turn_when_one_is_done_and_in_line(visitors: Callable[[float], Visitors]) -> None:
    ours = visitors(60)
    for number in range(4):
        ours.come()
        wait_until(partial(ours.has, max(0, number - 1)))

    assert {ours.at_work.get(timeout=20), ours.at_work.get(timeout=20)} == {0, 1}
    assert ours.at_work.empty()

    ours.end(1)
    assert ours.at_work.get(timeout=20) == 2
    ours.end(0)
    assert ours.at_work.get(timeout=20) == 3
    ours.end(2)
    ours.end(3)
    for _ in range(2):  # nobody has taken a turn away
        ours.come()
    assert {ours.at_work.get(timeout=20), ours.at_work.get(timeout=20)} == {4, 5}


def test_nobody_waits_for_turns_that_last_too_long_and_they_are_good_again_afterwards(
    visitors: Callable[[float], Visitors],
) -> None:
    ours = visitors(0.05)
    for _ in range(5):
        ours.come()

    assert sorted(ours.at_work.get(timeout=20) for _ in range(5)) == [0, 1, 2, 3, 4]  # while none is done
    for number in range(5):
        ours.end(number)
    assert (ours.turns._free, len(ours.turns._line)) == (2, 0)


def test_a_turn_ends_with_whatever_goes_wrong_in_it() -> None:
    turns = asgi.Turns(1, 60)
    for _ in range(3):
        with pytest.raises(RuntimeError), turns.one():
            raise RuntimeError

    with turns.one():
        assert turns._free == 0


class Probe(asgi.Handler):
    """Answers with how many turns are left."""

    def get_response(self, request: HttpRequest) -> HttpResponse:
        """This will look."""
        return HttpResponse(str(asgi.turns._free))


async def test_what_django_answers_is_answered_in_a_turn() -> None:
    answer: Any = await Probe().get_response_async(HttpRequest())

    assert int(answer.content) == settings.TURNS - 1
    assert asgi.turns._free == settings.TURNS
